import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

@testable import Evaluation

/// Limits on findings, elements and steps: they shorten the report and never turn a denial into an allowed request.
struct BoundedWorkTests {
    /// A ConfigMap with `count` entries; those for which `password` returns a value hold it as a password.
    private func map(_ count: Int, password: (Int) -> String?) -> Literal {
        let data = (0..<count).map { index -> Literal.Member in
            if let word = password(index) { return .init("K\(index)_PASSWORD", .string(word)) }
            return .init("K\(index)", "on")
        }
        return [
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "settings", "namespace": "shop"],
            "data": .object(data),
        ]
    }

    private func inline(_ world: World) throws -> Decision {
        var world = world
        world.rules = [try #require(Catalogue.playbook["inline-credentials"])]
        return try world.decision()
    }

    @Test func `a rule reports at most 100 findings and counts the others`() throws {
        let decision = try inline(World(map(5_000) { "hunter\($0)-x" }))
        #expect(decision.isDenied)
        #expect(decision.findings.count == 100)
        #expect(decision.further.map(\.count) == [4_900])
        #expect(decision.further.map(\.effect) == [.deny])
        #expect(decision.message.contains("and 4950 more.\n"))
        #expect(decision.message.utf8.count <= 16 << 10)
    }

    @Test(arguments: [0, 150, 299])
    func `one new violation among hundreds of existing ones is denied at every position`(_ place: Int) throws {
        let before = map(300) { $0 == place ? nil : "hunter\($0)-x" }
        let after = map(300) { "hunter\($0)-x" }
        let decision = try inline(World(before).updated(to: after))
        let denied = decision.findings.filter { $0.effect == .deny }
        #expect(denied.map(\.path) == ["data.K\(place)_PASSWORD"])
        #expect(decision.findings.count + decision.further.reduce(0) { $0 + $1.count } == 300)
    }

    @Test(arguments: [0, 150, 299])
    func `replacing one of hundreds of existing secrets is denied at every position`(_ place: Int) throws {
        let before = map(300) { "hunter\($0)-x" }
        let after = map(300) { $0 == place ? "tr0ub4dor-x" : "hunter\($0)-x" }
        let decision = try inline(World(before).updated(to: after))
        #expect(decision.findings.filter { $0.effect == .deny }.map(\.path) == ["data.K\(place)_PASSWORD"])
    }

    @Test func `existing violations stay existing in objects with thousands of them`() throws {
        let before = map(20_000) { "hunter\($0)-x" }
        let after = before.merging(["metadata": ["labels": ["a": "b"]], "data": ["K0": "off"]])
        let decision = try inline(World(before).updated(to: after))
        #expect(!decision.isDenied)
        #expect(decision.further.map(\.leniency) == [.existing])
        #expect(decision.further.map(\.count) == [19_900])
    }

    @Test func `an object with more secrets than can be compared is denied on UPDATE`() throws {
        let before = map(PlainTexts.mostKept + 1) { "hunter\($0)-x" }
        let decision = try inline(World(before).updated(to: before.merging(["data": ["K0": "off"]])))
        #expect(decision.findings.filter { $0.effect == .deny }.map(\.finding.clause) == [.bounded])
        let most = map(PlainTexts.mostKept) { "hunter\($0)-x" }
        #expect(try !inline(World(most).updated(to: most.merging(["data": ["K0": "off"]]))).isDenied)
    }

    @Test func `a thousand warnings do not hide one denial`() throws {
        let routes = (0..<1_000).map { "HostRegexp(`h\($0).example.org`)" } + ["Host(`shop.example.org`)"]
        var world = World([
            "apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute",
            "metadata": ["name": "web", "namespace": "shop"],
            "spec": ["routes": .array(routes.map { ["kind": "Rule", "match": .string($0)] })],
        ])
        world.settings = ["PLAYBOOK_DNS_ZONES": "superinc.com"]
        world.rules = [try #require(Catalogue.playbook["dns-zone"])]
        let decision = try world.decision()
        #expect(decision.isDenied)
        #expect(decision.findings.filter { $0.effect == .deny }.map(\.path) == ["spec.routes[1000].match"])
    }

    @Test func `a hundred exempt findings do not hide a finding of another rule`() throws {
        let ports: [Literal] = (0..<100).map { ["containerPort": .number(String($0 + 1_000)), "hostPort": 80] }
        let annotations: Literal = [
            "playbook.superinc.com/exempt": "liveness-probe", "playbook.superinc.com/exempt-reason": "probes follow",
        ]
        var world = World(World.deployment.merging(["metadata": ["annotations": annotations]]))
        let containers = Literal.array(
            (0..<120).map { index in
                ["name": .string("c\(index)"), "image": "i", "ports": index == 119 ? .array(ports) : .array([])]
            })
        world.object = try Patch([.set("/spec/template/spec/containers", containers)], on: try #require(world.object))
            .applied(to: try #require(world.object))
        world.rules = [
            try #require(Catalogue.playbook["liveness-probe"]), try #require(Catalogue.playbook["host-isolation"]),
        ]
        let decision = try world.decision()
        let probes = decision.findings.filter { $0.rule.id == "liveness-probe" }
        #expect(probes.count == 100 && probes.allSatisfy { $0.effect == .exempt })
        #expect(decision.further.map(\.effect) == [.exempt])
        #expect(decision.findings.count { $0.rule.id == "host-isolation" && $0.effect == .deny } == 100)
    }

    @Test func `an object that exceeds the step limit is denied by every rule that is not finished`() throws {
        let world = World(map(50) { "hunter\($0)-x" })
        let context = try world.context()
        let rules = [
            try #require(Catalogue.playbook["inline-credentials"]),
            try #require(Catalogue.playbook["default-namespace"]),
        ]
        let decision = try Document().read(world.review.span, AdmissionReview.options) { root in
            Result {
                Evaluator(context.settings, rules: rules).decision(
                    on: try AdmissionReview(root), in: context, steps: 10)
            }
        }.get()
        #expect(decision.isDenied)
        let bounded = decision.findings.filter { $0.finding.clause == .bounded }
        #expect(bounded.map(\.rule.id).sorted() == ["default-namespace", "inline-credentials"])
        #expect(decision.message.contains("too many elements"))
    }

    @Test func `an update is denied if the stored object exceeds the step limit`() throws {
        let world = World(map(50) { "hunter\($0)-x" }).updated(to: map(1) { "hunter\($0)-x" })
        let context = try world.context()
        let rules = [try #require(Catalogue.playbook["inline-credentials"])]
        let decision = try Document().read(world.review.span, AdmissionReview.options) { root in
            Result {
                Evaluator(context.settings, rules: rules).decision(
                    on: try AdmissionReview(root), in: context, steps: 20)
            }
        }.get()
        #expect(decision.findings.contains { $0.finding.clause == .bounded && $0.effect == .deny })
    }

    @Test func `an exempt annotation longer than 16 KiB has no effect and produces a notice`() throws {
        let names = "replicas," + String(repeating: "no-such-rule,", count: 1_300)
        let object = World.deployment.merging([
            "metadata": [
                "annotations": [
                    "playbook.superinc.com/exempt": .string(names),
                    "playbook.superinc.com/exempt-reason": "one licence",
                ]
            ],
            "spec": ["replicas": 1],
        ])
        let decision = try World(object).decision()
        #expect(decision.findings.allSatisfy { $0.effect != .exempt })
        #expect(decision.notices.contains { $0.contains("longer than 16 KiB") })
        #expect(decision.notices.count <= 10)
    }

    @Test func `a rule that is repeated in an annotation produces one notice`() throws {
        let names = String(repeating: "image-tag,", count: 1_000)
        let object = World.deployment.merging([
            "metadata": [
                "annotations": [
                    "playbook.superinc.com/exempt": .string(names), "playbook.superinc.com/exempt-reason": "later",
                ]
            ]
        ])
        #expect(try World(object).decision().notices.count { $0.contains("cannot be exempted by the workload") } == 1)
    }

    @Test(
        arguments: [
            (
                "rbac-least-privilege", "rbac.authorization.k8s.io/v1", "ClusterRole",
                "rules: [{verbs: ['*'], resources: ['*'], apiGroups: [LIST]}]", 1_001, "rules[0].apiGroups"
            ),
            (
                "rbac-least-privilege", "rbac.authorization.k8s.io/v1", "ClusterRole",
                "rules: [{verbs: ['*'], resources: ['*'], resourceNames: [LIST]}]", 1_001, "rules[0].resourceNames"
            ),
            (
                "node-pool-scope", "karpenter.sh/v1", "NodePool",
                "spec: {template: {spec: {requirements: [{key: kubernetes.io/arch, operator: In, values: [LIST]}]}}}",
                101,
                "spec.template.spec.requirements[kubernetes.io/arch].values"
            ),
        ])
    func `a list longer than its limit is a finding, and a list at its limit is evaluated`(
        _ rule: String, _ version: String, _ kind: String, _ body: String, _ count: Int, _ path: String
    ) throws {
        func clauses(_ count: Int) throws -> [String] {
            let list = (0..<count).map { "n\($0)" }.joined(separator: ", ")
            var world = World(
                try Literal(
                    yaml: "apiVersion: \(version)\nkind: \(kind)\nmetadata: {name: web}\n"
                        + body.replacing("LIST", with: list)))
            world.rules = [try #require(Catalogue.playbook[rule])]
            return try world.decision().findings.map { "\($0.finding.clause.name) \($0.path)" }
        }
        #expect(try clauses(count) == ["bounded \(path)"])
        #expect(try !clauses(count - 1).contains { $0.hasPrefix("bounded") })
    }

    @Test func `an HTTPRoute with more than 1000 rules is a finding`() throws {
        func paths(_ count: Int) throws -> [String] {
            var world = World([
                "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
                "metadata": ["name": "web", "namespace": "shop"],
                "spec": ["rules": .array(Array(repeating: [:], count: count))],
            ])
            world.rules = [try #require(Catalogue.playbook["admin-authentication"])]
            return try world.decision().findings.map(\.path)
        }
        #expect(try paths(1_000) == [])
        #expect(try paths(1_001) == ["spec.rules[1000]"])
    }

    @Test func `a role ARN longer than 2048 characters does not belong to an allowed account`() throws {
        func decision(_ length: Int) throws -> [String?] {
            let role = "arn:aws:iam::222222222222:role/" + String(repeating: "a", count: length - 31)
            var world = World(
                try Literal(
                    yaml: """
                        apiVersion: v1
                        kind: ServiceAccount
                        metadata: {name: web, namespace: shop, annotations: {eks.amazonaws.com/role-arn: '\(role)'}}
                        """))
            world.rules = [try #require(Catalogue.playbook["account-boundary"])]
            world.settings = ["PLAYBOOK_AWS_ACCOUNTS": "222222222222"]
            return try world.decision().findings.map(\.finding.clause.name)
        }
        #expect(try decision(2_048) == [])
        #expect(try decision(2_049) == ["role"])
    }

    @Test(arguments: ["labels", "annotations"])
    func `too many labels or annotations are denied, and prevent a comparison`(_ map: String) throws {
        let many = Literal.object((0...10_000).map { .init("k\($0)", "v") })
        let wide = World.deployment.merging(["metadata": .object([.init(map, many)])])
        let decision = try World(wide).decision()
        #expect(decision.isDenied && decision.findings.allSatisfy { $0.finding.clause == .bounded })
        let grace: Literal = ["spec": ["template": ["spec": ["terminationGracePeriodSeconds": 0]]]]
        let update = World(wide.merging(grace).merging(["spec": ["replicas": 7]])).updated(
            to: World.deployment.merging(grace))
        // Violations of the stored object are unknown, so they count as new. Rules without a finding have nothing to compare.
        #expect(try update.decision().findings.filter { $0.effect == .deny }.map(\.rule.id) == ["graceful-shutdown"])
    }

    // MARK: Findings in their grace period

    /// An IngressRoute with `count` admin routes whose Middleware is missing, and one route without a Middleware.
    private func admin(_ count: Int) -> Literal {
        var routes: [Literal] = (0..<count).map {
            ["match": .string("Host(`admin.x\($0)`)"), "middlewares": [["name": "absent"]]]
        }
        routes.append(["match": "Host(`x`) && PathPrefix(`/admin`)"])
        return [
            "apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute",
            "metadata": ["name": "web", "namespace": "shop", "creationTimestamp": "2026-11-01T00:00:00Z"],
            "spec": ["routes": .array(routes)],
        ]
    }

    @Test(arguments: [99, 100, 500])
    func `findings in their grace period do not hide a finding that denies`(_ count: Int) throws {
        var world = World(admin(count))
        world.without = ResourceKinds(.middleware)
        world.settings = ["PLAYBOOK_COMPANION_GRACE": "5m"]
        world.rules = [try #require(Catalogue.playbook["admin-authentication"])]
        let decision = try world.decision()
        #expect(decision.findings.filter { $0.effect == .deny }.map(\.path) == ["spec.routes[\(count)]"])
        #expect(decision.findings.count + decision.further.reduce(0) { $0 + $1.count } == count + 1)
    }

    @Test func `existing findings do not hide a finding whose grace period is over`() throws {
        var routes = (0..<150).map { index -> Literal in ["match": .string("Host(`x\(index)`) && Path(`/admin`)")] }
        routes.append(["match": "Host(`y`) && Path(`/admin`)", "middlewares": [["name": "absent"]]])
        let object = admin(0).merging(["spec": ["routes": .array(routes)]])
        var world = World(object).updated(to: object.merging(["spec": ["entryPoints": ["web"]]]))
        world.without = ResourceKinds(.middleware)
        world.settings = ["PLAYBOOK_COMPANION_GRACE": "5m", "PLAYBOOK_ENFORCED_SINCE": "2026-10-01"]
        world.rules = [try #require(Catalogue.playbook["admin-authentication"])]
        #expect(try world.decision().findings.filter { $0.effect == .deny }.map(\.path) == ["spec.routes[150]"])
    }

    @Test func `an annotation that is too long to read is not existing if the spec changes`() throws {
        func route(_ hosts: String) -> Literal {
            let names = (0..<5_000).map { "h\($0).superinc.com" }.joined(separator: ",")
            return [
                "apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute",
                "metadata": [
                    "name": "web", "namespace": "shop",
                    "annotations": ["external-dns.alpha.kubernetes.io/hostname": .string(names)],
                ],
                "spec": ["routes": [["match": .string(hosts)]]],
            ]
        }
        var world = World(route("Host(`a.superinc.com`)")).updated(to: route("Host(`a.example.org`)"))
        world.settings = ["PLAYBOOK_DNS_ZONES": "superinc.com"]
        world.rules = [try #require(Catalogue.playbook["dns-zone"])]
        #expect(try world.decision().isDenied)
    }

    @Test(arguments: [0, 25])
    func `an AWS key is found after any number of other secrets in the same text`(_ count: Int) throws {
        let lines = (0..<count).map { "A\($0)_PASSWORD=hunter\($0)-x" } + ["key=AKIA2Q7XW3MZ5T9RB4KD"]
        var world = World([
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "settings", "namespace": "shop"],
            "data": ["app.env": .string(lines.joined(separator: "\n"))],
        ])
        world.rules = [try #require(Catalogue.playbook["static-aws-credentials"])]
        #expect(try world.decision().isDenied)
    }

    @Test(arguments: [("smtp_user=", false), ("smtp_user=" + String(repeating: " ", count: 20), true)])
    func `only a name right before a key says that it is a user of SMTP`(_ before: String, _ isDenied: Bool) throws {
        // Text further away is not read; otherwise, a line full of keys would be read once for each key.
        var world = World([
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "settings", "namespace": "shop"],
            "data": ["app.env": .string("a=b " + before + "AKIA2Q7XW3MZ5T9RB4KD")],
        ])
        world.rules = [try #require(Catalogue.playbook["static-aws-credentials"])]
        #expect(try world.decision().isDenied == isDenied)
    }

    /// The ConfigMap of aws-auth with so many groups of each of so many entries for one role.
    private func mapping(_ entries: Int, _ groups: Int, _ except: String = "none") -> Literal {
        let text = (0..<entries).map { entry in
            "- rolearn: arn:aws:iam::222222222222:role/a\n  groups:\n"
                + (0..<groups).reversed().map { "    - g\(entry)-\($0)\n" }.filter { !$0.contains(except) }.joined()
        }
        return [
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "aws-auth", "namespace": "kube-system"],
            "data": ["mapRoles": .string(text.joined())],
        ]
    }

    private func mappings(_ before: Literal, _ after: Literal) throws -> [String] {
        var world = World(before).updated(to: after)
        world.rules = [try #require(Catalogue.playbook["access-entries"])]
        return try world.decision().findings.map(\.finding.clause.name)
    }

    @Test func `a group taken out of thousands is found to be a removal`() throws {
        #expect(try mappings(mapping(1, 20_000), mapping(1, 20_000, "g0-19999\n")) == [])
        #expect(try mappings(mapping(1, 20_000, "g0-19999\n"), mapping(1, 20_000)) == ["mapping"])
    }

    @Test func `thousands of entries for one role use up the budget`() throws {
        #expect(try mappings(mapping(2_000, 2), mapping(2_000, 2, "-0\n")) == ["bounded"])
    }

    // MARK: Steps

    /// Returns whether a review is evaluated completely within a number of steps.
    private func ends(_ review: [UInt8], within steps: Int, _ context: Context) throws -> Bool {
        try Document().read(review.span, AdmissionReview.options) { root in
            Result {
                let decision = Evaluator(context.settings).decision(
                    on: try AdmissionReview(root), in: context, steps: steps)
                return decision.findings.allSatisfy { $0.finding.clause != .bounded }
            }
        }.get()
    }

    @Test func `the step limit is at least 20 times what any recorded review needs`() throws {
        let context = try World(nil).context()
        for file in try Fixtures.reviews() {
            let isEnough = try ends(
                Fixtures.bytes(file), within: FindingCollector.maximumSteps / 20, context)
            #expect(isEnough, "\(file)")
        }
    }

    @Test func `a ConfigMap of almost 1.5 MiB is evaluated completely`() throws {
        // Each entry takes nine bytes: "k00000":"",
        let data = Literal.object((0..<150_000).map { .init(String($0, radix: 36), "") })
        let object: Literal = [
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "m", "namespace": "shop"], "data": data,
        ]
        let world = World(object).updated(to: object.merging(["data": ["K_PASSWORD": "hunter2-x"]]))
        #expect(object.json.utf8.count > 1_400_000)
        #expect(try ends(world.review, within: FindingCollector.maximumSteps, world.context()))
    }

    @Test(arguments: ["ConfigMap", "Deployment", "ClusterRoleBinding", "IngressRoute"])
    func `steps grow at most linearly with the number of elements`(_ kind: String) throws {
        let few = world(kind, 1_000)
        var steps = 1_000
        while try !ends(few.review, within: steps, few.context()) { steps += 1_000 }
        let many = world(kind, 20_000)
        #expect(try ends(many.review, within: 20 * steps, many.context()), "\(steps)")
        #expect(try !ends(many.review, within: 10_000, many.context()))
    }

    /// An object with `count` elements that each produce a finding.
    private func world(_ kind: String, _ count: Int) -> World {
        let range = 0..<count
        var world: World
        switch kind {
        case "ConfigMap": world = World(map(count) { "hunter\($0)-x" })
        case "Deployment":
            let tolerations = Literal.array(range.map { ["key": "CriticalAddonsOnly", "value": .string("v\($0)")] })
            world = World(
                World.deployment.merging(["spec": ["template": ["spec": ["tolerations": tolerations]]]]))
        case "ClusterRoleBinding":
            world = World([
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": ["name": "b"],
                "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"],
                "subjects": .array(range.map { ["kind": "User", "name": .string("u\($0)")] }),
            ])
        default:
            world = World([
                "apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute",
                "metadata": ["name": "web", "namespace": "shop"],
                "spec": ["routes": .array(range.map { ["match": .string("Host(`h\($0).example.org`)")] })],
            ])
            world.settings = ["PLAYBOOK_DNS_ZONES": "superinc.com"]
        }
        return world
    }
}
