import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// Service accounts that count as operators, and the findings that this turns into warnings.
@Suite struct OperatorTests {
    private static let account = "system:serviceaccount:shop:database-operator"

    /// A Pod without a liveness probe that a service account creates for a custom resource.
    private func made(
        by user: String = account, podUID: String? = "pod-1", mayWrite: Bool? = true, owner: String = "Database",
        version: String = "example.com/v1", isController: Bool = true, change: Literal = [:]
    ) throws -> World {
        let object = World.pod.merging(
            try Literal(yaml: "spec: {restartPolicy: Always, containers: [{name: app, livenessProbe: null}]}")
        ).merging([
            "metadata": [
                "ownerReferences": [
                    [
                        "apiVersion": .string(version), "kind": .string(owner), "name": "main", "uid": "owner-1",
                        "controller": .bool(isController),
                    ]
                ]
            ]
        ]).merging(change)
        var world = World(object)
        (world.user, world.groups, world.podUID) = (user, [], podUID)
        if let mayWrite, let claim = try world.claim { world.answers = [.claim(claim, mayWrite)] }
        return world
    }

    @Test func `an operator's Pod is allowed with a warning, also in the operator's own namespace`() throws {
        let decision = try made().decision()
        #expect(!decision.isDenied)
        let reason = "[liveness-probe, operator-made: change Database main]"
        #expect(decision.warnings.contains { $0.contains(reason) })
    }

    @Test func `a Pod with a trusted owner does not need a controller`() throws {
        for answer in [true, false] {
            let rules = Set(try made(mayWrite: answer).decision().findings.map(\.rule.id))
            #expect(rules.contains("controller-managed") == !answer)
        }
    }

    @Test func `the owner is named for a Spark driver's executors and for what a trusted controller makes`() throws {
        var world = try made(podUID: "owner-1", mayWrite: nil, owner: "Pod", version: "v1")
        #expect(try world.decision().warnings.contains { $0.contains("operator-made: change Pod main]") })
        world = try made(
            by: "system:serviceaccount:keda:keda-operator", mayWrite: nil, owner: "ScaledJob",
            version: "keda.sh/v1alpha1")
        #expect(try world.decision().warnings.contains { $0.contains("operator-made: change ScaledJob main]") })
    }

    @Test func `before a denial, the API server is asked once whether the account is an operator`() throws {
        let decision = try made(mayWrite: nil).decision()
        #expect(decision.isDenied)
        #expect(decision.lookups.count == 1)
        #expect(try made(mayWrite: false).decision().lookups.isEmpty)
    }

    @Test func `the API server is not asked about an object without denials`() throws {
        var world = try made(mayWrite: nil)
        world.object = World.pod.merging([
            "metadata": ["ownerReferences": world.object?["metadata"]?["ownerReferences"] ?? nil]
        ])
        world.rules = world.rules.filter { $0.id == "liveness-probe" }
        #expect(try world.decision().lookups.isEmpty)
    }

    @Test func `a single owner reference need not be the controller`() throws {
        #expect(try !made(isController: false).decision().isDenied)
    }

    @Test func `an operator's Pod must not use host namespaces, except in platform namespaces`() throws {
        var world = try made(change: ["spec": ["hostPID": true]])
        #expect(try world.denials == ["host-isolation"])
        world.object = world.object?.merging(["metadata": ["namespace": "monitoring"]])
        if let claim = try world.claim { world.answers = [.claim(claim, true)] }
        #expect(try world.denials == [])
    }

    @Test func `PLAYBOOK_OPERATOR_MADE set to deny denies an operator's objects`() throws {
        var world = try made()
        world.settings["PLAYBOOK_OPERATOR_MADE"] = "deny"
        #expect(try world.denials.contains("liveness-probe"))
    }

    /// Owner references that any user can set.
    @Test(
        arguments: [
            ("a person", "jane", "pod-1", true, "Database", "example.com/v1"),
            ("a token that is bound to no Pod", account, nil, true, "Database", "example.com/v1"),
            ("an account without rights", account, "pod-1", false, "Database", "example.com/v1"),
            ("a ConfigMap as the owner", account, "pod-1", true, "ConfigMap", "v1"),
            ("an invented kind of a group that Kubernetes serves", account, "pod-1", true, "Database", "apps/v1"),
            ("a Rollout", account, "pod-1", true, "Rollout", "argoproj.io/v1alpha1"),
            ("a ReplicaSet", account, "pod-1", true, "ReplicaSet", "apps/v1"),
            ("Argo CD", "system:serviceaccount:argocd:server", "pod-1", true, "Database", "example.com/v1"),
        ] as [(String, String, String?, Bool, String, String)])
    func `a forged owner reference is not accepted`(
        _ forger: String, _ user: String, _ podUID: String?, _ mayWrite: Bool, _ owner: String, _ version: String
    ) throws {
        var world = try made(by: user, podUID: podUID, owner: owner, version: version)
        if let claim = try world.claim { world.answers = [.claim(claim, mayWrite)] }
        #expect(try world.denials.contains("liveness-probe"), "\(forger)")
    }

    @Test func `an answer about one owner does not apply to an owner in another namespace`() throws {
        var world = try made()
        let claim = try #require(try world.claim)
        world.answers = [.claim(claim, true)]
        world.object = world.object?.merging(["metadata": ["namespace": "other"]])
        #expect(try world.denials.contains("liveness-probe"))
    }

    @Test func `the Pods that a Pod creates for itself are operator-made, such as Spark executors`() throws {
        var world = try made(podUID: "owner-1", mayWrite: nil, owner: "Pod", version: "v1", isController: true)
        #expect(try world.denials == [])
        world.podUID = "pod-2"
        #expect(try world.denials.contains("liveness-probe"))
    }

    @Test func `a Pod that a CI runner creates is denied by security rules only`() throws {
        var world = World(
            World.pod.merging(
                try Literal(
                    yaml: """
                        spec:
                          restartPolicy: Never
                          containers: [{name: app, resources: null, securityContext: {privileged: true}}]
                        """)))
        (world.user, world.groups, world.podUID) = ("system:serviceaccount:ci:runner", [], "pod-1")
        #expect(try world.denials == ["privilege-escalation"])
        world.podUID = nil
        #expect(try world.denials.contains("memory-request-equals-limit"))
    }

    @Test func `hooks of Helm and Argo CD that end by themselves are allowed without resource requests`() throws {
        for hook in ["helm.sh/hook", "argocd.argoproj.io/hook"] {
            var world = World(
                World.pod.merging(
                    try Literal(yaml: "spec: {restartPolicy: Never, containers: [{name: app, resources: null}]}")
                ).merging(["metadata": ["annotations": .object([.init(hook, "PreSync")])]]))
            #expect(try world.denials == [], "\(hook)")
            world.object = world.object?.merging(["spec": ["restartPolicy": "Always"]])
            #expect(try world.denials.contains("memory-request-equals-limit"), "\(hook)")
        }
    }

    @Test func `ACK resources that are adopted or read-only only warn, for every requester`() throws {
        let database: Literal = [
            "apiVersion": "rds.services.k8s.aws/v1alpha1", "kind": "DBInstance",
            "metadata": ["name": "main", "namespace": "shop"],
            "spec": ["dbInstanceIdentifier": "main", "storageEncrypted": false, "publiclyAccessible": true],
        ]
        #expect(try World(database).decision().isDenied)
        for annotation in ["services.k8s.aws/read-only", "services.k8s.aws/adoption-policy"] {
            let adopted = database.merging(["metadata": ["annotations": .object([.init(annotation, "true")])]])
            #expect(try !World(adopted).decision().isDenied, "\(annotation)")
        }
    }
}

extension World {
    /// The claim that the API server is asked about; nil if there is none.
    fileprivate var claim: OperatorClaim? {
        get throws {
            var world = self
            world.answers = []
            for case .claim(let claim) in try world.decision().lookups { return claim }
            return nil
        }
    }

    /// The ids of the rules that deny.
    fileprivate var denials: [String] {
        get throws {
            var ids: [String] = []
            for decided in try decision().findings
            where decided.effect == .deny && !ids.contains(decided.rule.id) {
                ids.append(decided.rule.id)
            }
            return ids
        }
    }
}
