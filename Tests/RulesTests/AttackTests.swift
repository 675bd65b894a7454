import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// Requests that try to evade the rules or to crash the evaluation.
@Suite struct AttackTests {
    private func spec(_ yaml: String) throws -> Literal {
        World.deployment.merging(["spec": ["template": ["spec": try Literal(yaml: yaml)]]])
    }

    private func budget(_ spec: String) throws -> Literal {
        try Literal(
            yaml:
                "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web, namespace: shop}, spec: \(spec)}"
        )
    }

    private func denials(_ world: World) throws -> [String] {
        try world.decision().findings.filter { $0.effect == .deny }.map(\.rule.id)
    }

    @Test(arguments: ["-9223372036854775808", "9223372036854775807", "-1"])
    func `extreme integers do not crash the evaluation`(_ number: String) throws {
        let rollout: Literal = ["apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"]
        let value = try Literal(yaml: number)
        for path in [
            "/spec/replicas", "/spec/template/spec/terminationGracePeriodSeconds",
            "/spec/template/spec/topologySpreadConstraints/0/maxSkew",
            "/spec/template/spec/containers/0/securityContext/runAsUser",
            "/spec/template/spec/containers/0/livenessProbe/httpGet/port",
        ] as [Pointer] {
            let object = try Patch([.set(path, value)], on: World.deployment).applied(to: World.deployment)
            var world = World(object.merging(rollout))
            world.relatedObjects = [try budget("{minAvailable: \(number), selector: {}}"), World.deployment]
            _ = try world.updated(to: object.merging(rollout)).decision()
            _ = try world.decision()
        }
        var world = World(try budget("{minAvailable: \(number), selector: {}}"))
        let crowd = World.deployment.merging(["spec": ["replicas": value]])
        world.relatedObjects = [crowd, crowd.merging(["metadata": ["name": "other"]])]
        _ = try world.decision()
    }

    @Test func `removing an exemption does not make its violation an existing one`() throws {
        let exempt: Literal = [
            "metadata": [
                "annotations": [
                    "playbook.superinc.com/exempt": "graceful-shutdown", "playbook.superinc.com/exempt-reason": "why",
                ]
            ]
        ]
        let sinner = try spec("terminationGracePeriodSeconds: 0")
        #expect(try denials(World(sinner.merging(exempt)).updated(to: sinner)) == ["graceful-shutdown"])
        let labelled = sinner.merging(exempt).merging(["metadata": ["labels": ["x": "y"]]])
        #expect(try denials(World(sinner.merging(exempt)).updated(to: labelled)) == [])
    }

    @Test func `a deletion does not set an exemption`() throws {
        var world = World(nil)
        world.before = World.deployment.merging([
            "metadata": [
                "annotations": [
                    "playbook.superinc.com/exempt": "replicas", "playbook.superinc.com/exempt-reason": "why",
                ]
            ]
        ])
        world.operation = "DELETE"
        #expect(try !world.decision().changesExemption)
        #expect(try world.decision().notices == [])
    }

    @Test func `PLAYBOOK_EXEMPT for replicas also exempts from topology-spread and pod-disruption-budget`() throws {
        var world = World(try spec("topologySpreadConstraints: null"))
        world.relatedObjects = [try budget("{maxUnavailable: 1, selector: null}")]
        #expect(try denials(world) == ["topology-spread", "pod-disruption-budget"])
        world.settings["PLAYBOOK_EXEMPT"] = "replicas@shop/Deployment/web: one licence"
        #expect(try denials(world) == [])
    }

    @Test func `an ended entry of PLAYBOOK_EXEMPT does not override a valid one`() throws {
        var world = World(try spec("terminationGracePeriodSeconds: 0"))
        world.settings["PLAYBOOK_EXEMPT"] =
            "graceful-shutdown@shop/*/*: old until 2026-01-01; graceful-shutdown@shop/*/*: new until 2027-01-01"
        #expect(try denials(world) == [])
    }

    @Test func `control characters in a value are removed from a denial`() throws {
        var world = World(
            try spec("{containers: [{name: app, securityContext: {procMount: \"a\\n- fake: x\\e[31m\"}}]}"))
        world.rules = Catalogue.playbook.rules.filter { $0.id == "privilege-escalation" }
        let decision = try world.decision()
        #expect(decision.isDenied)
        #expect(!decision.message.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
        #expect(!decision.message.split(separator: "\n").contains { $0.hasPrefix("- fake") })
        #expect(decision.causes.allSatisfy { !$0.message.unicodeScalars.contains { $0.value < 0x20 } })
    }

    @Test func `a character with endless combining marks does not displace a finding from the message`() throws {
        let endless = "e" + String(repeating: "\u{301}", count: 100_000)
        let container: Literal = ["name": "app", "securityContext": ["procMount": .string(endless)]]
        var world = World(
            World.deployment.merging(["spec": ["template": ["spec": ["containers": .array([container])]]]]))
        world.rules = Catalogue.playbook.rules.filter { $0.id == "privilege-escalation" }
        let decision = try world.decision()
        #expect(decision.message.utf8.count <= 16 << 10)
        #expect(decision.message.contains("- privilege-escalation: "))
        #expect(decision.causes.allSatisfy { $0.message.utf8.count <= 300 })
    }

    @Test func `a very long suggested change does not displace its finding from the message`() throws {
        let long = String(repeating: "x", count: 20_000)
        var world = World(
            World.deployment.merging(["spec": ["template": ["metadata": ["labels": ["long": .string(long)]]]]]))
        world.relatedObjects = [try budget("{maxUnavailable: 1, selector: null}")]
        world.object = world.object?.merging(["spec": ["selector": ["matchLabels": ["long": .string(long)]]]])
        let message = try world.decision().message
        #expect(message.contains("- pod-disruption-budget: "))
        #expect(message.utf8.count <= 16 << 10)
    }

    @Test func `a suggested PodDisruptionBudget keeps the matchExpressions of the current one`() throws {
        var world = World(World.deployment)
        world.relatedObjects = [
            try budget("{minAvailable: 100%, selector: {matchExpressions: [{key: app, operator: In, values: [web]}]}}")
        ]
        let finding = try #require(world.decision().findings.first { $0.rule.id == "disruption-allowed" }).finding
        #expect(
            finding.relatedObject?["spec"]?["selector"] == [
                "matchExpressions": [["key": "app", "operator": "In", "values": ["web"]]]
            ])
    }

    @Test(arguments: [
        ("test", false), ("pre-install, Test-Success", false), ("tests-are-for-others", true), ("pre-install", true),
    ])
    func `the helm.sh hook annotation is parsed as Helm parses it`(_ hooks: String, _ isDenied: Bool) throws {
        let pod = World.pod.merging([
            "metadata": ["annotations": ["helm.sh/hook": .string(hooks)]], "spec": ["restartPolicy": "Never"],
        ])
        let found = try World(pod).decision().findings.contains { $0.rule.id == "controller-managed" }
        #expect(found == isDenied)
    }

    @Test(arguments: [
        ["playbook.superinc.com/exempt": "liveness-probe", "playbook.superinc.com/exempt-reason": "why"], [:],
    ])
    func `if a list is too long to read, an exemption from one rule does not apply to the others`(
        _ annotations: [String: String]
    ) throws {
        let many = Literal.array(Array(repeating: ["name": "i", "securityContext": ["privileged": true]], count: 1001))
        let named = annotations.sorted { $0.key < $1.key }.map { Literal.Member($0.key, .string($0.value)) }
        let base = World.deployment.merging(["metadata": ["annotations": .object(named)]])
        var world = World(
            try Patch([.set("/spec/template/spec/initContainers", many)], on: base).applied(to: base))
        if annotations.isEmpty { world.settings["PLAYBOOK_RULE_LIVENESS_PROBE"] = "warn" }
        #expect(try denials(world).contains("privilege-escalation") && !denials(world).contains("liveness-probe"))
    }

    @Test func `an unreadable field is an existing violation only while the pod spec is unchanged`() throws {
        let before = try Patch([.set("/spec/template/spec/initContainers", "oops")], on: World.deployment)
            .applied(to: World.deployment)
        let scaled = before.merging(["spec": ["replicas": 4]])
        #expect(try denials(World(before).updated(to: scaled)) == [])
        let opened = before.merging(["spec": ["template": ["spec": ["hostPID": true]]]])
        #expect(try denials(World(before).updated(to: opened)) == ["schema"])
    }

    @Test func `only rules that deny operators deny an operator's Pod with too many containers`() throws {
        let many = Literal.array(Array(repeating: ["name": "i"], count: 1001))
        let owner: Literal = ["apiVersion": "example.com/v1", "kind": "Database", "name": "d", "controller": true]
        let base = World.pod.merging(["metadata": ["ownerReferences": [owner]]])
        var world = World(try Patch([.set("/spec/initContainers", many)], on: base).applied(to: base))
        world.user = "system:serviceaccount:operators:database"
        world.settings["PLAYBOOK_OPERATOR_ACCOUNTS"] = world.user
        #expect(Set(try denials(world)) == ["privilege-escalation", "host-isolation"])
    }

    @Test(arguments: ["nodeName", "schedulerName"])
    func `setting nodeName or schedulerName on UPDATE is found in every pod template, and not in a Pod`(_ field: String)
        throws
    {
        let paths: [(String, String, [String])] = [
            ("v1", "PodTemplate", ["template", "spec"]),
            ("v1", "ReplicationController", ["spec", "template", "spec"]),
            ("apps/v1", "ReplicaSet", ["spec", "template", "spec"]),
            ("apps/v1", "Deployment", ["spec", "template", "spec"]),
            ("apps/v1", "StatefulSet", ["spec", "template", "spec"]),
            ("apps/v1", "DaemonSet", ["spec", "template", "spec"]),
            ("batch/v1", "Job", ["spec", "template", "spec"]),
            ("batch/v1", "CronJob", ["spec", "jobTemplate", "spec", "template", "spec"]),
            ("argoproj.io/v1alpha1", "Rollout", ["spec", "template", "spec"]), ("v1", "Pod", ["spec"]),
        ]
        for (version, kind, path) in paths {
            func object(_ more: Literal) -> Literal {
                let body = path.reversed().reduce(World.podSpec.merging(more)) { Literal.object([.init($1, $0)]) }
                return body.merging([
                    "apiVersion": .string(version), "kind": .string(kind),
                    "metadata": ["name": "web", "namespace": "shop", "labels": ["app": "web"]],
                ])
            }
            let placed: Literal = .object([.init(field, "mine")])
            var world = World(object([:])).updated(to: object(placed))
            world.rules = Catalogue.playbook.rules.filter { $0.id == "scheduler-placement" }
            #expect(try denials(world) == (kind == "Pod" ? [] : ["scheduler-placement"]), "\(kind)")
            // An existing violation only warns.
            world = world.updated(to: object(placed.merging(["enableServiceLinks": false])))
            world.before = object(placed)
            #expect(try denials(world) == [], "\(kind)")
        }
    }

    // MARK: Container privileges and memory

    @Test func `a capability that is repeated forty times does not hide another one`() throws {
        let before = try spec("containers: [{name: app, securityContext: {capabilities: {add: [SYS_TIME]}}}]")
        let names = Array(repeating: "SYS_TIME", count: 40).joined(separator: ", ")
        let after = try spec(
            "containers: [{name: app, securityContext: {capabilities: {add: [\(names), SYS_ADMIN]}}}]")
        let denied = try denials(World(before).updated(to: after))
        #expect(denied == ["privilege-escalation"])
    }

    @Test func `removing the memory limit is worse than a request that differs from it`() throws {
        let before = try spec("containers: [{name: app, resources: {requests: {memory: 100Mi}}}]")
        let after = try spec("containers: [{name: app, resources: {requests: {memory: 100Mi}, limits: null}}]")
        let denied = try denials(World(before).updated(to: after))
        #expect(denied == ["memory-request-equals-limit"])
    }

    @Test func `a memory limit of 0 counts as no limit`() throws {
        let world = World(
            try spec("containers: [{name: app, resources: {requests: {memory: 0}, limits: {memory: 0}}}]"))
        let denied = try denials(world)
        #expect(denied == ["memory-request-equals-limit"])
    }

    @Test func `a Scale has the exemption of its workload's pod template`() throws {
        var world = World(World.scale.merging(["spec": ["replicas": 1]]))
        world.before = World.scale
        world.operation = "UPDATE"
        world.subresource = "scale"
        world.relatedObjects = [
            World.deployment.merging(
                try Literal(
                    yaml:
                        "spec: {template: {metadata: {annotations: {playbook.superinc.com/exempt: replicas, playbook.superinc.com/exempt-reason: why}}}}"
                ))
        ]
        let isDenied = try world.decision().isDenied
        #expect(!isDenied)
    }
}
