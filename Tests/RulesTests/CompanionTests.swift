import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// Companions as they come and go in a cluster, and what is asked again before a denial.
@Suite struct CompanionTests {
    @Test(arguments: [
        (ResourceKind.kmsAlias, "Aliases"), (.networkPolicy, "NetworkPolicies"), (.gateway, "Gateways"),
        (.middleware, "Middlewares"),
    ])
    func `objects that are not known are named in the plural`(kind: ResourceKind, words: String) {
        let error = #expect(throws: CannotJudge.self) {
            try Companions(knowledge: .nothing, of: .playbook).objects(kind, in: "shop")
        }
        guard case .unknown(words) = error else {
            Issue.record("not \(words): \(String(describing: error))")
            return
        }
    }

    private func budget(_ name: String, app: String, in namespace: String = "shop") throws -> Literal {
        // As in a list: without kind and apiVersion.
        try Literal(
            yaml: """
                metadata: {name: \(name), namespace: \(namespace)}
                spec: {maxUnavailable: 1, selector: {matchLabels: {app: \(app)}}}
                """)
    }

    private func set(_ object: Literal, _ kind: ResourceKind, in companions: inout Companions) throws {
        let document = try Document(parsing: Array(object.json.utf8))
        try withExtendedLifetime(document) { try companions.set(document.root, kind) }
    }

    private func remove(_ object: Literal, _ kind: ResourceKind, from companions: inout Companions) throws {
        let document = try Document(parsing: Array(object.json.utf8))
        withExtendedLifetime(document) { companions.remove(document.root, kind) }
    }

    private func names(_ companions: Companions, in namespace: String = "shop") throws -> [String] {
        try companions.budgets(in: namespace).map(\.name)
    }

    private let kind = ResourceKind.podDisruptionBudget

    @Test func `an object takes the place of the one with its name`() throws {
        var companions = Companions(knowledge: .kinds(ResourceKinds(kind)), of: .playbook)
        for name in ["b", "a", "c", "a"] { try set(budget(name, app: name), kind, in: &companions) }
        try set(budget("b", app: "other"), kind, in: &companions)
        #expect(try names(companions) == ["a", "b", "c"])
        #expect(try companions.budgets(in: "shop")[1].selects(Labels(["app": "other"])))
        try remove(budget("b", app: "other"), kind, from: &companions)
        try remove(budget("nobody", app: "x"), kind, from: &companions)
        #expect(try names(companions) == ["a", "c"])
        #expect(try names(companions, in: "elsewhere") == [])
    }

    @Test func `a copy stays as it was`() throws {
        var companions = Companions(knowledge: .kinds(ResourceKinds(kind)), of: .playbook)
        try set(budget("a", app: "a"), kind, in: &companions)
        let copy = companions
        try set(budget("b", app: "b"), kind, in: &companions)
        try remove(budget("a", app: "a"), kind, from: &companions)
        #expect(try names(copy) == ["a"])
        #expect(try names(companions) == ["b"])
    }

    @Test func `a list takes the place of all that was known of its kind, and of nothing else`() throws {
        var companions = Companions(knowledge: .kinds([]), of: .playbook)
        #expect(throws: CannotJudge.self) { try names(companions) }
        var list = Companions(knowledge: .nothing, of: .playbook)
        try set(budget("a", app: "a"), kind, in: &list)
        try set(budget("b", app: "b", in: "bank"), kind, in: &list)
        companions.replace(kind, from: list)
        var quotas = Companions(knowledge: .nothing, of: .playbook)
        try set(["metadata": ["name": "q", "namespace": "shop"]], .resourceQuota, in: &quotas)
        companions.replace(.resourceQuota, from: quotas)
        var second = Companions(knowledge: .nothing, of: .playbook)
        try set(budget("c", app: "c"), kind, in: &second)
        companions.replace(kind, from: second)
        #expect(try names(companions) == ["c"])
        #expect(try names(companions, in: "bank") == [])
        #expect(try companions.quotas(in: "shop").map(\.name) == ["q"])
    }

    @Test func `what is forgotten is unknown, not absent`() throws {
        var companions = Companions(knowledge: .kinds(ResourceKinds(kind, .resourceQuota)), of: .playbook)
        try set(budget("a", app: "a"), kind, in: &companions)
        companions.forget(kind)
        #expect(throws: CannotJudge.self) { try names(companions) }
        #expect(try companions.quotas(in: "shop").isEmpty)
    }

    // MARK: Many in one namespace

    /// So many that they are filed under their labels; every selector and every pod has the label of the chart, too.
    private func crowd(_ count: Int = 100) throws -> Companions {
        var companions = Companions(knowledge: .kinds(ResourceKinds(kind, .deployment)), of: .playbook)
        for number in 0..<count {
            try set(budget("b\(number)", app: "a\(number), chart: shop"), kind, in: &companions)
            try set(workload(number), .deployment, in: &companions)
        }
        return companions
    }

    private func workload(_ number: Int, labels: String = "chart: shop") throws -> Literal {
        try Literal(
            yaml: """
                metadata: {name: w\(number), namespace: shop}
                spec: {template: {metadata: {labels: {app: a\(number), \(labels)}}}}
                """)
    }

    private func names(_ companions: Companions, selecting labels: [String: String]) throws -> [String] {
        try companions.budgets(selecting: Labels(labels), in: "shop").map(\.name)
    }

    @Test func `of many budgets those that select a pod are found, in the order of names`() throws {
        var companions = try crowd()
        let pod = ["app": "a70", "chart": "shop", "tier": "front"]
        #expect(try names(companions, selecting: pod) == ["b70"])
        #expect(try names(companions, selecting: ["app": "a70"]).isEmpty)
        #expect(try names(companions, selecting: ["chart": "shop"]).isEmpty)
        // Selectors without labels to look them up by, and one that many pods have.
        let loose = [
            "all": "{}", "front": "{matchExpressions: [{key: tier, operator: Exists}]}", "none": "null",
            "shop": "{matchLabels: {chart: shop}}",
        ]
        for (name, selector) in loose {
            let text = "metadata: {name: \(name), namespace: shop}\nspec: {maxUnavailable: 1, selector: \(selector)}"
            try set(Literal(yaml: text), kind, in: &companions)
        }
        #expect(try names(companions, selecting: pod) == ["all", "b70", "front", "shop"])
        #expect(try names(companions, selecting: [:]) == ["all"])
        // One that is changed is found under what it selects now, and one that is gone under nothing.
        try set(budget("b70", app: "other"), kind, in: &companions)
        try remove(budget("shop", app: "x"), kind, from: &companions)
        #expect(try names(companions, selecting: pod) == ["all", "front"])
        #expect(try names(companions, selecting: ["app": "other"]) == ["all", "b70"])
    }

    @Test(arguments: ["app: a70, chart: shop", "app: a70", "chart: shop", "app: a7"])
    func `budgets that overlap are the same ones whether there are many or few`(labels: String) throws {
        // Of these, a7 is among the few too.
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
    func `of policies, Services and monitors those that select a pod are found among few and many`(count: Int) throws {
        func verdict(leavingOut name: String) throws -> Set<String> {
            var world = World(World.deployment)
            world.settings = [
                "PLAYBOOK_RULES_DEFAULT": "off", "PLAYBOOK_RULE_NETWORK_POLICY": "deny",
                "PLAYBOOK_RULE_METRICS_ENDPOINT": "deny",
            ]
            let apps = (0..<count).map { "a\($0)" } + ["web"]
            world.companions = try apps.flatMap { app in
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
            return Set(try world.verdict().judgements.map(\.rule.id))
        }
        #expect(try verdict(leavingOut: "nothing").isEmpty)
        #expect(try verdict(leavingOut: "NetworkPolicy") == ["network-policy"])
        #expect(try verdict(leavingOut: "Service") == ["metrics-endpoint"])
        #expect(try verdict(leavingOut: "ServiceMonitor") == ["metrics-endpoint"])
    }

    @Test func `a monitor of another namespace is found for as long as it looks here`() throws {
        let kinds = ResourceKinds(.podMonitor, .serviceMonitor, .service)
        var companions = Companions(knowledge: .kinds(kinds), of: .playbook)
        func monitor(_ namespaces: String, _ name: String = "all", in namespace: String = "monitoring") throws
            -> Literal
        {
            try Literal(
                yaml: """
                    metadata: {name: \(name), namespace: \(namespace)}
                    spec: {selector: {matchLabels: {app: web}}, namespaceSelector: \(namespaces)}
                    """)
        }
        func isMissing(_ companions: Companions) throws -> Bool {
            try verdict(companions) {
                $0.settings = ["PLAYBOOK_RULES_DEFAULT": "off", "PLAYBOOK_RULE_METRICS_ENDPOINT": "deny"]
            }.isDenied
        }
        for number in 0..<40 {
            try set(monitor("{}", in: "team-\(number)"), .podMonitor, in: &companions)
            try set(monitor("{matchNames: [bank]}", "far", in: "team-\(number)"), .podMonitor, in: &companions)
        }
        #expect(try isMissing(companions))
        let looks = [
            ("{any: true}", true), ("{matchNames: [bank]}", false), ("{matchNames: [bank, shop]}", true), ("{}", false),
            ("null", false), ("{any: true}", true),
        ]
        for (namespaces, isFound) in looks {
            try set(monitor(namespaces), .podMonitor, in: &companions)
            #expect(try isMissing(companions) != isFound, "\(namespaces)")
        }
        let before = companions
        try remove(monitor("{}"), .podMonitor, from: &companions)
        #expect(try isMissing(companions) && !isMissing(before))
        companions.replace(.podMonitor, from: before)
        #expect(try !isMissing(companions))
        companions.forget(.podMonitor)
        companions.replace(.podMonitor, from: Companions(knowledge: .nothing, of: .playbook))
        #expect(try isMissing(companions))
    }

    @Test func `of budgets in other namespaces the first by the namespace's name is told`() throws {
        var companions = known
        // More than are looked at.
        for number in (10..<1500).reversed() {
            try set(budget("web", app: "web", in: "team-\(number)"), kind, in: &companions)
        }
        try remove(budget("web", app: "web", in: "team-10"), kind, from: &companions)
        let finding = try #require(verdict(companions).judgements.first { $0.rule.id == "pod-disruption-budget" })
        #expect(finding.finding.message.hasSuffix("web would, but is in namespace team-100"))
    }

    // MARK: Absences

    /// Judges the deployment that no rule has anything against, without a budget.
    private func verdict(_ companions: Companions, _ change: (inout World) -> Void = { _ in }) throws -> Verdict {
        var world = World(World.deployment)
        change(&world)
        let context = Context(
            settings: try Settings(environment: world.settings), companions: companions, now: world.now)
        return try Document().read(world.review.span, AdmissionReview.options) { root in
            Result { Judge(context.settings).verdict(on: try AdmissionReview(root), in: context) }
        }.get()
    }

    private let known = Companions(knowledge: .kinds(ResourceKinds(.podDisruptionBudget)), of: .playbook)
    private var absence: Absence { Absence(kind, in: "shop") }

    @Test func `a denial says what it rests on the absence of`() throws {
        let verdict = try verdict(known)
        #expect(verdict.isDenied)
        #expect(verdict.absences == [absence])
    }

    @Test func `a denial that somebody has looked again for rests on nothing`() throws {
        let verdict = try verdict(known.confirming([Confirmation(absence, found: known)]))
        #expect(verdict.isDenied)
        #expect(verdict.absences == [])
    }

    @Test func `a budget that the watch has not told of yet counts`() throws {
        var found = Companions(knowledge: .kinds(ResourceKinds(kind)), of: .playbook)
        try set(budget("web", app: "web"), kind, in: &found)
        let verdict = try verdict(known.confirming([Confirmation(absence, found: found)]))
        #expect(!verdict.isDenied)
        #expect(verdict.judgements.isEmpty)
    }

    @Test func `what could not be looked for is a warning that says so`() throws {
        let verdict = try verdict(known.confirming([Confirmation(absence, found: nil)]))
        #expect(!verdict.isDenied)
        #expect(verdict.judgements.map(\.leniency) == [.unchecked])
        #expect(verdict.warnings.contains { $0.contains("could not be checked") })
    }

    @Test(arguments: [("minAvailable: 2", true), ("maxUnavailable: 0", false)])
    func `a count that leaves a budget no room rests on there being no autoscaler`(
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
        world.companions = [budget]
        world.without = ResourceKinds(.podDisruptionBudget, .horizontalPodAutoscaler)
        let missing = Absence(.horizontalPodAutoscaler, in: "shop")
        #expect(try world.verdict().isDenied)
        #expect(try world.verdict().absences == (rests ? [missing] : []))
        // The other side: the budget comes to a workload that is there.
        world.companions = [World.deployment.merging(["spec": ["replicas": 2]])]
        world.without = ResourceKinds(.podDisruptionBudget, .deployment, .horizontalPodAutoscaler)
        world.object = budget
        #expect(try world.verdict().isDenied)
        #expect(try world.verdict().absences == (rests ? [missing] : []))
    }

    @Test func `where nothing is known, and where nothing is denied, nothing is asked`() throws {
        #expect(try verdict(.unknown).absences == [])
        #expect(try verdict(known) { $0.settings = ["PLAYBOOK_MODE": "dry-run"] }.absences == [])
        #expect(try verdict(known) { $0.isDryRun = true }.absences == [])
    }
}
