import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// Related objects while they change in a cluster, and lookups before a denial.
@Suite struct RelatedObjectTests {
    @Test(arguments: [
        (ResourceKind.kmsAlias, "Aliases"), (.networkPolicy, "NetworkPolicies"), (.gateway, "Gateways"),
        (.middleware, "Middlewares"), (.kmsKey, "Keys"),
    ])
    func `unknown kinds are named in the plural`(kind: ResourceKind, words: String) {
        let error = #expect(throws: CannotEvaluate.self) {
            try RelatedObjects(knowledge: .nothing, of: .playbook).objects(kind, in: "shop")
        }
        guard case .unknown(words) = error else {
            Issue.record("not \(words): \(String(describing: error))")
            return
        }
    }

    private func budget(_ name: String, app: String, in namespace: String = "shop") throws -> Literal {
        // Objects in a list have no kind and apiVersion.
        try Literal(
            yaml: """
                metadata: {name: \(name), namespace: \(namespace)}
                spec: {maxUnavailable: 1, selector: {matchLabels: {app: \(app)}}}
                """)
    }

    private func set(_ object: Literal, _ kind: ResourceKind, in relatedObjects: inout RelatedObjects) throws {
        let document = try Document(parsing: Array(object.json.utf8))
        try withExtendedLifetime(document) { try relatedObjects.set(document.root, kind) }
    }

    private func remove(_ object: Literal, _ kind: ResourceKind, from relatedObjects: inout RelatedObjects) throws {
        let document = try Document(parsing: Array(object.json.utf8))
        withExtendedLifetime(document) { relatedObjects.remove(document.root, kind) }
    }

    private func names(_ relatedObjects: RelatedObjects, in namespace: String = "shop") throws -> [String] {
        try relatedObjects.budgets(in: namespace).map(\.name)
    }

    private let kind = ResourceKind.podDisruptionBudget

    @Test func `an object replaces the one with the same name`() throws {
        var relatedObjects = RelatedObjects(knowledge: .kinds(ResourceKinds(kind)), of: .playbook)
        for name in ["b", "a", "c", "a"] { try set(budget(name, app: name), kind, in: &relatedObjects) }
        try set(budget("b", app: "other"), kind, in: &relatedObjects)
        #expect(try names(relatedObjects) == ["a", "b", "c"])
        #expect(try relatedObjects.budgets(in: "shop")[1].selects(Labels(["app": "other"])))
        try remove(budget("b", app: "other"), kind, from: &relatedObjects)
        try remove(budget("nobody", app: "x"), kind, from: &relatedObjects)
        #expect(try names(relatedObjects) == ["a", "c"])
        #expect(try names(relatedObjects, in: "elsewhere") == [])
    }

    @Test func `a copy does not change with the original`() throws {
        var relatedObjects = RelatedObjects(knowledge: .kinds(ResourceKinds(kind)), of: .playbook)
        try set(budget("a", app: "a"), kind, in: &relatedObjects)
        let copy = relatedObjects
        try set(budget("b", app: "b"), kind, in: &relatedObjects)
        try remove(budget("a", app: "a"), kind, from: &relatedObjects)
        #expect(try names(copy) == ["a"])
        #expect(try names(relatedObjects) == ["b"])
    }

    @Test func `a list replaces all objects of its kind, and no others`() throws {
        var relatedObjects = RelatedObjects(knowledge: .kinds([]), of: .playbook)
        #expect(throws: CannotEvaluate.self) { try names(relatedObjects) }
        var list = RelatedObjects(knowledge: .nothing, of: .playbook)
        try set(budget("a", app: "a"), kind, in: &list)
        try set(budget("b", app: "b", in: "bank"), kind, in: &list)
        relatedObjects.replace(kind, from: list)
        var quotas = RelatedObjects(knowledge: .nothing, of: .playbook)
        try set(["metadata": ["name": "q", "namespace": "shop"]], .resourceQuota, in: &quotas)
        relatedObjects.replace(.resourceQuota, from: quotas)
        var second = RelatedObjects(knowledge: .nothing, of: .playbook)
        try set(budget("c", app: "c"), kind, in: &second)
        relatedObjects.replace(kind, from: second)
        #expect(try names(relatedObjects) == ["c"])
        #expect(try names(relatedObjects, in: "bank") == [])
        #expect(try relatedObjects.quotas(in: "shop").map(\.name) == ["q"])
    }

    @Test func `objects of a forgotten kind are unknown, not absent`() throws {
        var relatedObjects = RelatedObjects(knowledge: .kinds(ResourceKinds(kind, .resourceQuota)), of: .playbook)
        try set(budget("a", app: "a"), kind, in: &relatedObjects)
        relatedObjects.forget(kind)
        #expect(throws: CannotEvaluate.self) { try names(relatedObjects) }
        #expect(try relatedObjects.quotas(in: "shop").isEmpty)
    }

    // MARK: Many objects in one namespace

    /// Enough objects to be indexed by labels; all selectors and pods also have the chart's label.
    private func crowd(_ count: Int = 100) throws -> RelatedObjects {
        var relatedObjects = RelatedObjects(knowledge: .kinds(ResourceKinds(kind, .deployment)), of: .playbook)
        for number in 0..<count {
            try set(budget("b\(number)", app: "a\(number), chart: shop"), kind, in: &relatedObjects)
            try set(workload(number), .deployment, in: &relatedObjects)
        }
        return relatedObjects
    }

    private func workload(_ number: Int, labels: String = "chart: shop") throws -> Literal {
        try Literal(
            yaml: """
                metadata: {name: w\(number), namespace: shop}
                spec: {template: {metadata: {labels: {app: a\(number), \(labels)}}}}
                """)
    }

    private func names(_ relatedObjects: RelatedObjects, selecting labels: [String: String]) throws -> [String] {
        try relatedObjects.budgets(selecting: Labels(labels), in: "shop").map(\.name)
    }

    @Test func `a copy keeps its objects while the original changes`() throws {
        var relatedObjects = RelatedObjects(knowledge: .kinds(ResourceKinds(kind, .deployment)), of: .playbook)
        var copies: [(copy: RelatedObjects, names: Set<String>)] = []
        var names: Set<String> = []
        // Additions, replacements and removals in an order without pattern, in two namespaces.
        var (number, removals) = (1, 0)
        for step in 0..<3000 {
            number = (number * 137 + step) % 1009
            let (name, namespace) = ("b\(number)", number % 2 == 0 ? "shop" : "other")
            if step % 3 == 2 {
                try remove(budget(name, app: name, in: namespace), kind, from: &relatedObjects)
                removals += names.remove(name) == nil ? 0 : 1
            } else {
                try set(budget(name, app: step % 2 == 0 ? name : "x", in: namespace), kind, in: &relatedObjects)
                names.insert(name)
            }
            if step % 100 == 0 { copies.append((relatedObjects, names)) }
        }
        copies.append((relatedObjects, names))
        #expect(names.count > 300 && removals > 300)
        for (copy, names) in copies {
            let found = try self.names(copy) + self.names(copy, in: "other")
            #expect(found.sorted() == names.sorted())
            #expect(try self.names(copy) == self.names(copy).sorted())
            for name in names.sorted().prefix(5) {
                let namespace =
                    names.contains(name) && Int(name.dropFirst()).map { $0 % 2 == 0 } ?? true ? "shop" : "other"
                let selecting = try copy.budgets(selecting: Labels(["app": name, "other": "x"]), in: namespace).map(
                    \.name)
                #expect(selecting.allSatisfy { $0 == name })
            }
        }
    }

    @Test func `the PDBs that select a pod are found among many, sorted by name`() throws {
        var relatedObjects = try crowd()
        let pod = ["app": "a70", "chart": "shop", "tier": "front"]
        #expect(try names(relatedObjects, selecting: pod) == ["b70"])
        #expect(try names(relatedObjects, selecting: ["app": "a70"]).isEmpty)
        #expect(try names(relatedObjects, selecting: ["chart": "shop"]).isEmpty)
        // Selectors without matchLabels, and one whose label all pods have.
        let loose = [
            "all": "{}", "front": "{matchExpressions: [{key: tier, operator: Exists}]}", "none": "null",
            "shop": "{matchLabels: {chart: shop}}",
        ]
        for (name, selector) in loose {
            let text = "metadata: {name: \(name), namespace: shop}\nspec: {maxUnavailable: 1, selector: \(selector)}"
            try set(Literal(yaml: text), kind, in: &relatedObjects)
        }
        #expect(try names(relatedObjects, selecting: pod) == ["all", "b70", "front", "shop"])
        #expect(try names(relatedObjects, selecting: [:]) == ["all"])
        // A changed PDB is found by its new selector, and a deleted one is not found.
        try set(budget("b70", app: "other"), kind, in: &relatedObjects)
        try remove(budget("shop", app: "x"), kind, from: &relatedObjects)
        #expect(try names(relatedObjects, selecting: pod) == ["all", "front"])
        #expect(try names(relatedObjects, selecting: ["app": "other"]) == ["all", "b70"])
    }

    @Test(arguments: ["app: a70, chart: shop", "app: a70", "chart: shop", "app: a7"])
    func `overlapping PDBs are found among few and among many`(labels: String) throws {
        // PDB b7 is also among the few.
        let (many, few) = (try crowd(), try crowd(8))
        let text = try Literal(
            yaml: """
                metadata: {name: new, namespace: shop}
                spec: {maxUnavailable: 1, selector: {matchLabels: {\(labels)}}}
                """)
        let document = try Document(parsing: Array(text.json.utf8))
        try withExtendedLifetime(document) {
            let budget = try DisruptionBudget(of: document.root, in: "shop")
            let expected = [
                "app: a70, chart: shop": ["b70"], "app: a70": ["b70"], "app: a7": ["b7"],
                "chart: shop": (0..<100).map { "b\($0)" }.sorted(),
            ]
            let found = try many.budgets(overlapping: budget).map(\.name)
            #expect(found == expected[labels])
            let known = Set((0..<8).map { "b\($0)" })
            #expect(try few.budgets(overlapping: budget).map(\.name) == found.filter(known.contains))
        }
    }

    @Test(arguments: [3, 100])
    func `the policies, Services and monitors that select a pod are found among few and among many`(count: Int) throws {
        func decision(leavingOut name: String) throws -> Set<String> {
            var world = World(World.deployment)
            world.settings = environment(onlyWith: ["network-policy": "deny", "metrics-endpoint": "deny"])
            let apps = (0..<count).map { "a\($0)" } + ["web"]
            world.relatedObjects = try apps.flatMap { app in
                try Literal.all(
                    yaml: """
                        {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: \(app), namespace: shop}, \
                        spec: {podSelector: {matchLabels: {app: \(app)}}}}
                        ---
                        {apiVersion: v1, kind: Service, metadata: {name: \(app), namespace: shop, labels: {app: \(app)}}, \
                        spec: {selector: {app: \(app)}}}
                        ---
                        {apiVersion: monitoring.coreos.com/v1, kind: ServiceMonitor, metadata: {name: \(app), namespace: shop}, \
                        spec: {selector: {matchLabels: {app: \(app)}}}}
                        ---
                        {apiVersion: monitoring.coreos.com/v1, kind: PodMonitor, metadata: {name: \(app), namespace: shop}, \
                        spec: {selector: {matchLabels: {app: other}}}}
                        """)
            }.filter { $0["metadata"]?["name"]?.text != "web" || $0["kind"]?.text != name }
            return Set(try world.decision().findings.map(\.rule.id))
        }
        #expect(try decision(leavingOut: "nothing").isEmpty)
        #expect(try decision(leavingOut: "NetworkPolicy") == ["network-policy"])
        #expect(try decision(leavingOut: "Service") == ["metrics-endpoint"])
        #expect(try decision(leavingOut: "ServiceMonitor") == ["metrics-endpoint"])
    }

    @Test func `a monitor in another namespace counts while its namespaceSelector includes this one`() throws {
        let kinds = ResourceKinds(.podMonitor, .serviceMonitor, .service)
        var relatedObjects = RelatedObjects(knowledge: .kinds(kinds), of: .playbook)
        func monitor(_ namespaces: String, _ name: String = "all", in namespace: String = "monitoring") throws
            -> Literal
        {
            try Literal(
                yaml: """
                    metadata: {name: \(name), namespace: \(namespace)}
                    spec: {selector: {matchLabels: {app: web}}, namespaceSelector: \(namespaces)}
                    """)
        }
        func isMissing(_ relatedObjects: RelatedObjects) throws -> Bool {
            try decision(relatedObjects) {
                $0.settings = environment(onlyWith: ["metrics-endpoint": "deny"])
            }.isDenied
        }
        for number in 0..<40 {
            try set(monitor("{}", in: "team-\(number)"), .podMonitor, in: &relatedObjects)
            try set(monitor("{matchNames: [bank]}", "far", in: "team-\(number)"), .podMonitor, in: &relatedObjects)
        }
        #expect(try isMissing(relatedObjects))
        let looks = [
            ("{any: true}", true), ("{matchNames: [bank]}", false), ("{matchNames: [bank, shop]}", true), ("{}", false),
            ("null", false), ("{any: true}", true),
        ]
        for (namespaces, isFound) in looks {
            try set(monitor(namespaces), .podMonitor, in: &relatedObjects)
            #expect(try isMissing(relatedObjects) != isFound, "\(namespaces)")
        }
        let before = relatedObjects
        try remove(monitor("{}"), .podMonitor, from: &relatedObjects)
        #expect(try isMissing(relatedObjects) && !isMissing(before))
        relatedObjects.replace(.podMonitor, from: before)
        #expect(try !isMissing(relatedObjects))
        relatedObjects.forget(.podMonitor)
        relatedObjects.replace(.podMonitor, from: RelatedObjects(knowledge: .nothing, of: .playbook))
        #expect(try isMissing(relatedObjects))
    }

    @Test(arguments: [("web", true), ("other", false)])
    func `a PDB of policy/v1beta1 is mentioned only if its selector matches the pods`(
        app: String, isMentioned: Bool
    ) throws {
        var world = World(World.deployment)
        let old: Literal = ["apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget"]
        world.relatedObjects = [old.merging(try budget("old", app: app))]
        world.rules = Catalogue.playbook.rules.filter { $0.id == "pod-disruption-budget" }
        let message = try #require(world.decision().findings.first).finding.message
        #expect(message.contains("policy/v1beta1") == isMentioned)
    }

    @Test func `a matching PDB in another namespace is mentioned in the finding`()
        throws
    {
        var relatedObjects = known
        // More namespaces than are searched.
        for number in (10..<1500).reversed() {
            try set(budget("web", app: "web", in: "team-\(number)"), kind, in: &relatedObjects)
        }
        try remove(budget("web", app: "web", in: "team-10"), kind, from: &relatedObjects)
        let finding = try #require(decision(relatedObjects).findings.first { $0.rule.id == "pod-disruption-budget" })
        #expect(finding.finding.message.hasSuffix("a PDB in another namespace matches"))
    }

    // MARK: Lookups of missing objects

    /// Evaluates a Deployment without violations and without a PDB.
    private func decision(_ relatedObjects: RelatedObjects, _ change: (inout World) -> Void = { _ in }) throws
        -> Decision
    {
        var world = World(World.deployment)
        change(&world)
        let context = Context(
            settings: try Settings(environment: world.environment), relatedObjects: relatedObjects, now: world.now)
        return try Document().read(world.review.span, AdmissionReview.options) { root in
            Result { Evaluator(context.settings).decision(on: try AdmissionReview(root), in: context) }
        }.get()
    }

    private let known = RelatedObjects(knowledge: .kinds(ResourceKinds(.podDisruptionBudget)), of: .playbook)
    private var absence: Absence { Absence(kind, in: "shop") }

    @Test func `a denial because of a missing object requires a lookup`() throws {
        let decision = try decision(known)
        #expect(decision.isDenied)
        #expect(decision.lookups.contains(.absence(absence)))
    }

    @Test func `after the lookup, no other lookup is required`() throws {
        let decision = try decision(known.answering([.absence(absence, found: known)]))
        #expect(decision.isDenied)
        #expect(!decision.lookups.contains(.absence(absence)))
    }

    @Test func `a PDB that only the lookup finds counts`() throws {
        var found = RelatedObjects(knowledge: .kinds(ResourceKinds(kind)), of: .playbook)
        try set(budget("web", app: "web"), kind, in: &found)
        let decision = try decision(known.answering([.absence(absence, found: found)]))
        #expect(!decision.isDenied)
        #expect(decision.findings.isEmpty)
    }

    @Test func `if the lookup fails, the denial becomes a warning`() throws {
        let decision = try decision(known.answering([.absence(absence, found: nil)]))
        #expect(!decision.isDenied)
        #expect(decision.findings.map(\.leniency) == [.unchecked])
        #expect(decision.warnings.contains { $0.contains("could not be checked") })
    }

    @Test(arguments: [("minAvailable: 2", true), ("maxUnavailable: 0", false)])
    func `a PDB that an autoscaler could satisfy requires a lookup of autoscalers`(
        _ line: String, _ rests: Bool
    ) throws {
        var world = World(World.deployment.merging(["spec": ["replicas": 2]]))
        world.rules = [try #require(Catalogue.playbook["disruption-allowed"])]
        let budget = try Literal(
            yaml: """
                apiVersion: policy/v1
                kind: PodDisruptionBudget
                metadata: {name: web, namespace: shop}
                spec: {\(line), selector: {matchLabels: {app: web}}}
                """)
        world.relatedObjects = [budget]
        world.without = ResourceKinds(.podDisruptionBudget, .horizontalPodAutoscaler)
        let missing = Absence(.horizontalPodAutoscaler, in: "shop")
        #expect(try world.decision().isDenied)
        #expect(try world.decision().lookups.contains(.absence(missing)) == rests)
        // The reverse: a new PDB for an existing workload.
        world.relatedObjects = [World.deployment.merging(["spec": ["replicas": 2]])]
        world.without = ResourceKinds(.podDisruptionBudget, .deployment, .horizontalPodAutoscaler)
        world.object = budget
        #expect(try world.decision().isDenied)
        #expect(try world.decision().lookups.contains(.absence(missing)) == rests)
    }

    @Test func `no lookup is required if related objects are unknown, or in a server-side dry run`() throws {
        #expect(try decision(.unknown).lookups == [])
        #expect(try decision(known) { $0.settings = ["PLAYBOOK_MODE": "dry-run"] }.lookups.contains(.absence(absence)))
        #expect(try decision(known) { $0.isDryRun = true }.lookups == [])
    }
}
