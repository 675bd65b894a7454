import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// Requesters and owner references that make an object operator-made.
@Suite struct OriginTests {
    private static let operatorAccount = "system:serviceaccount:operators:database"

    /// A Pod that violates two rules, with an owner.
    private func owned(by kind: String, _ version: String) throws -> Literal {
        World.pod.merging(try Literal(yaml: "spec: {containers: [{name: app, livenessProbe: null}], hostPID: true}"))
            .merging([
                "metadata": [
                    "ownerReferences": [
                        [
                            "apiVersion": .string(version), "kind": .string(kind), "name": "web", "uid": "u",
                            "controller": true,
                        ]
                    ]
                ]
            ])
    }

    private func world(
        _ user: String, _ kind: String = "Database", _ version: String = "example.com/v1", manager: String = ""
    ) throws -> World {
        var world = World(try owned(by: kind, version))
        (world.user, world.groups, world.fieldManager) = (user, [], manager)
        // Every service account is an operator by its permissions.
        world.settings["PLAYBOOK_OPERATOR_ACCOUNTS"] = "system:serviceaccount:*"
        return world
    }

    /// Returns whether the object counts as operator-made: only rules that also apply to operators deny.
    private func isOperatorMade(_ world: World) throws -> Bool {
        let decision = try world.decision()
        let denials = decision.findings.filter { $0.effect == .deny }.map(\.rule.id)
        if denials == ["host-isolation"] { return true }
        #expect(denials == ["liveness-probe", "host-isolation", "controller-managed"])
        return false
    }

    // MARK: Owners

    @Test(arguments: [
        "v1", "admissionregistration.k8s.io/v1", "apiextensions.k8s.io/v1", "apiregistration.k8s.io/v1", "apps/v1",
        "authentication.k8s.io/v1", "authorization.k8s.io/v1", "autoscaling/v2", "batch/v1", "certificates.k8s.io/v1",
        "coordination.k8s.io/v1", "discovery.k8s.io/v1", "events.k8s.io/v1", "extensions/v1beta1",
        "flowcontrol.apiserver.k8s.io/v1", "internal.apiserver.k8s.io/v1alpha1", "networking.k8s.io/v1",
        "node.k8s.io/v1", "policy/v1", "rbac.authorization.k8s.io/v1", "resource.k8s.io/v1", "scheduling.k8s.io/v1",
        "storage.k8s.io/v1", "storagemigration.k8s.io/v1beta1", "", "/v1",
    ])
    func `an owner in an API group of Kubernetes does not make an object operator-made`(_ version: String) throws {
        for kind in ["ConfigMap", "Database"] {
            #expect(try !isOperatorMade(world(Self.operatorAccount, kind, version)), "\(kind)")
        }
    }

    @Test(arguments: [
        ("StrimziPodSet", "core.strimzi.io/v1beta2"), ("Gateway", "gateway.networking.k8s.io/v1"),
        ("SparkApplication", "sparkoperator.k8s.io/v1beta2"), ("VolumeSnapshot", "snapshot.storage.k8s.io/v1"),
        ("VerticalPodAutoscaler", "autoscaling.k8s.io/v1"), ("Workflow", "argoproj.io/v1alpha1"),
        ("ScaledJob", "keda.sh/v1alpha1"),
    ])
    func `an owner in a custom API group is accepted from an operator in any namespace`(
        _ kind: String, _ version: String
    ) throws {
        #expect(try isOperatorMade(world(Self.operatorAccount, kind, version)))
        #expect(try isOperatorMade(world("system:serviceaccount:shop:database", kind, version)))
    }

    @Test(arguments: ["v1", "apps/v1", "batch/v1", "argoproj.io/v1alpha1"])
    func `an owner whose pod template is evaluated itself does not make an object operator-made`(
        _ version: String
    ) throws {
        let kinds = ["v1": "ReplicationController", "apps/v1": "ReplicaSet", "batch/v1": "CronJob"]
        #expect(try !isOperatorMade(world(Self.operatorAccount, kinds[version] ?? "Rollout", version)))
    }

    // MARK: Deployers

    @Test(arguments: [
        "system:serviceaccount:argocd:argocd-application-controller", "system:serviceaccount:argo-cd:any",
        "system:serviceaccount:flux-system:kustomize-controller", "kubernetes-admin",
        "arn:aws:iam::222222222222:role/ci",
        "",
    ])
    func `users and GitOps tools are not operators`(_ user: String) throws {
        #expect(try !isOperatorMade(world(user)))
    }

    @Test(
        arguments: [
            ("system:serviceaccount:ci:runner", "system:serviceaccount:ci:*", false),
            ("system:serviceaccount:ci:runner", "system:serviceaccount:cd:*,system:serviceaccount:ci:run*", false),
            ("system:serviceaccount:cicd:runner", "system:serviceaccount:ci:*", true),
            // The setting adds to the defaults and removes names with a hyphen.
            ("system:serviceaccount:argocd:server", "system:serviceaccount:ci:*", false),
            ("system:serviceaccount:argocd:server", "-system:serviceaccount:argocd:*", true),
            ("system:serviceaccount:argo-cd:server", "-system:serviceaccount:argocd:*", false),
            (
                "system:serviceaccount:ci:runner", "system:serviceaccount:ci:*, -system:serviceaccount:argocd:*",
                false
            ),
        ] as [(String, String, Bool)])
    func `PLAYBOOK_DEPLOYERS sets the deployers`(_ user: String, _ setting: String, _ isBelieved: Bool) throws {
        var world = try world(user)
        world.settings["PLAYBOOK_DEPLOYERS"] = setting
        #expect(try isOperatorMade(world) == isBelieved)
    }

    @Test(arguments: [
        "kubectl", "kubectl-create", "kubectl-client-side-apply", "helm", "argocd-controller", "kustomize-controller",
        "helm-controller", "terraform-provider-kubernetes", "Terraform", "HashiCorp", "pulumi-kubernetes-0a1b2c3d",
        "kapp-server-side-apply", "fleet-agent", "gitlab-agent", "ansible-httplib2", "OpenAPI-Generator",
    ])
    func `the field manager of a deployment tool removes the trust in an operator or controller`(
        _ manager: String
    ) throws {
        #expect(try !isOperatorMade(world(Self.operatorAccount, manager: manager)))
        var trusted = try world(
            "system:serviceaccount:argo-rollouts:argo-rollouts", "Rollout", "argoproj.io/v1alpha1", manager: manager)
        #expect(try trusted.decision().isDenied)
        trusted.fieldManager = "rollouts-controller"
        #expect(try trusted.decision().skipReason != nil)
    }

    @Test(arguments: ["", "manager", "helmet", "helm-controller-2", "argocd", "my-kubectl", "Helm", "terra", "strimzi"])
    func `other field managers do not`(_ manager: String) throws {
        #expect(try isOperatorMade(world(Self.operatorAccount, manager: manager)))
    }

    @Test func `objects of Kubernetes' controllers are skipped, even if PLAYBOOK_DEPLOYERS names them`() throws {
        for (kind, account) in [("ReplicaSet", "replicaset"), ("StatefulSet", "statefulset")] {
            let user = "system:serviceaccount:kube-system:\(account)-controller"
            var world = try world(user, kind, "apps/v1")
            #expect(try world.decision().skipReason != nil)
            world.settings["PLAYBOOK_DEPLOYERS"] = "system:serviceaccount:kube-system:*"
            #expect(try world.decision().skipReason != nil)
        }
    }

    @Test func `a ControllerRevision is evaluated unless its controller creates it`() throws {
        let revision: Literal = [
            "apiVersion": "apps/v1", "kind": "ControllerRevision", "revision": 7,
            "metadata": [
                "name": "db-7", "namespace": "shop",
                "ownerReferences": [
                    ["apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "u", "controller": true]
                ],
            ],
            "data": ["spec": ["template": ["$patch": "replace", "spec": World.podSpec.merging(["hostPID": true])]]],
        ]
        var world = World(revision)
        world.groups = []
        #expect(try world.decision().findings.filter { $0.effect == .deny }.map(\.rule.id) == ["host-isolation"])
        world.user = "system:serviceaccount:kube-system:statefulset-controller"
        #expect(try world.decision().skipReason != nil)
        // Revisions of other controllers have other data.
        for data in ["text", ["spec": "text"], ["spec": ["template": ["a"]]], nil] as [Literal] {
            var other = World(revision.merging(["data": nil]).merging(["data": data]))
            other.groups = []
            #expect(try other.decision().findings.isEmpty, "\(data)")
        }
    }

    @Test func `dry-run mode does not report a deployer as an untrusted controller`() throws {
        for (user, named) in [("system:serviceaccount:argocd:server", false), (Self.operatorAccount, true)] {
            var world = try world(user, "ReplicaSet", "apps/v1")
            world.settings["PLAYBOOK_MODE"] = "dry-run"
            #expect(try world.decision().untrustedController == (named ? user : nil))
        }
    }

    @Test func `a recorded Pod of a ReplicaSet is skipped for the controller, and denied for a deployer`() throws {
        let text = try Fixtures.text("reviews/\(Self.recordedPod())")
        let context = Context(settings: Settings(), now: Timestamp(seconds: 1_795_435_200), source: .recording)
        func decision(_ review: String) throws -> Decision {
            try Document().read(Array(review.utf8).span, AdmissionReview.options) { root in
                Result { Evaluator(context.settings).decision(on: try AdmissionReview(root), in: context) }
            }.get()
        }
        #expect(try decision(text).skipReason != nil)
        let controller = "system:serviceaccount:kube-system:replicaset-controller"
        let forged = text.replacing(controller, with: "system:serviceaccount:argocd:argocd-application-controller")
        #expect(forged != text)
        #expect(try decision(forged).isDenied)
    }

    private static func recordedPod() throws -> String {
        try #require(
            try Fixtures.reviews().first {
                $0.contains("-create-pod-") && (try? Fixtures.text($0))?.contains("replicaset-controller") == true
            }
        ).replacing("reviews/", with: "")
    }

    // MARK: Default trusted controllers

    private static let rollouts = "system:serviceaccount:argo-rollouts:argo-rollouts"
    private static let keda = "system:serviceaccount:keda:keda-operator"

    /// A request of a controller on a server whose cluster serves some kinds.
    private func request(
        of user: String, serving kinds: ResourceKinds = [], _ answer: LookupAnswer? = nil
    ) throws -> World {
        var world = try world(user, "Rollout", "argoproj.io/v1alpha1")
        if user == Self.keda {
            world = World(World.scale).updated(to: World.scale.merging(["spec": ["replicas": 1]]))
            (world.subresource, world.user, world.groups) = ("scale", user, [])
            world.relatedObjects = [World.deployment]
        }
        world.settings = [:]
        world.without = [kinds, ResourceKinds(.namespace, .horizontalPodAutoscaler)]
        world.answers = [answer].compactMap(\.self)
        return world
    }

    @Test(arguments: [(rollouts, ResourceKind.rollout, ResourceKind.scaledObject), (keda, .scaledObject, .rollout)])
    func `a default trusted controller is trusted only if the API server serves its product's kind`(
        _ user: String, _ kind: ResourceKind, _ other: ResourceKind
    ) throws {
        // The kind is watched, so no lookup is needed.
        let known = try request(of: user, serving: ResourceKinds(kind)).decision()
        #expect(!known.isDenied && known.lookups.isEmpty)
        // If a product is not installed, a user who can create its namespace can create its service account.
        let open = try request(of: user, serving: ResourceKinds(other)).decision()
        #expect(open.isDenied && open.lookups.contains(.served(kind)))
        #expect(try !request(of: user, .served(kind, true)).decision().isDenied)
        for answer in [
            LookupAnswer.served(kind, false), .served(kind, nil), .served(other, true),
        ] {
            let decision = try request(of: user, answer).decision()
            #expect(decision.isDenied)
            if case .served(kind, _) = answer { #expect(!decision.lookups.contains(.served(kind))) }
        }
    }

    @Test func `a trusted controller that a setting names, or without a cluster to ask, needs no evidence`() throws {
        for user in [Self.rollouts, Self.keda] {
            var world = try request(of: user)
            world.settings["PLAYBOOK_TRUSTED_CONTROLLERS"] = "system:serviceaccount:keda:*,*:argo-rollouts"
            #expect(try !world.decision().isDenied && world.decision().lookups.isEmpty)
            world = try request(of: user)
            world.without = []
            #expect(try !world.decision().isDenied)
        }
    }

    @Test func `the API server is asked only if a denial depends on the trust`() throws {
        var world = try request(of: Self.keda)
        world.object = World.scale.merging(["spec": ["replicas": 5]])
        #expect(try world.decision().lookups.isEmpty)
        world = try request(of: Self.rollouts)
        world.fieldManager = "kubectl-create"
        #expect(try world.decision().isDenied && !world.decision().lookups.contains(.served(.rollout)))
    }

    @Test func `a replay makes the same decision on a controller that was not trusted`() throws {
        for answer in [nil, .served(.rollout, true), .served(.rollout, false)] as [LookupAnswer?] {
            let world = try request(of: Self.rollouts, answer)
            let decision = try world.decision()
            let comparison = try replayed(world.recording(), world.settings)
            #expect(comparison.before == decision.outcome && comparison.now == decision.outcome)
        }
    }

    // MARK: KEDA's autoscalers

    @Test func `an unknown ScaledObject in an owner reference is read before a denial`() throws {
        var world = World(
            try Literal(
                yaml: """
                    apiVersion: autoscaling/v2
                    kind: HorizontalPodAutoscaler
                    metadata:
                      name: keda-hpa-web
                      namespace: shop
                      ownerReferences: [{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, name: web, controller: true}]
                    spec:
                      scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
                      minReplicas: 1
                      maxReplicas: 5
                    """))
        world.without = ResourceKinds(.scaledObject)
        world.rules = Catalogue.playbook.rules.filter { $0.id == "autoscaler-bounds" }
        for (user, isDenied) in [
            ("kubernetes-admin", true), ("system:serviceaccount:shop:keda-operator", true),
            ("system:serviceaccount:keda:keda-operator", false),
        ] {
            world.user = user
            let decision = try world.decision()
            #expect(decision.isDenied == isDenied, "\(user)")
            let lookup = Lookup.absence(Absence(.scaledObject, in: "shop"))
            #expect(decision.lookups.contains(lookup) == isDenied, "\(user)")
        }
        // The field manager of a deployment tool removes the trust in the operator.
        world.fieldManager = "kubectl-create"
        #expect(try world.decision().isDenied)
        // And so does a cluster without KEDA.
        (world.fieldManager, world.without) = ("", ResourceKinds(.namespace))
        world.answers = [.served(.scaledObject, false)]
        #expect(try world.decision().isDenied)
        world.answers = [.served(.scaledObject, true)]
        #expect(try world.decision().notEvaluated.isEmpty && !world.decision().isDenied)
        // Of other accounts, an owner is trusted only where KEDA is served, but its ScaledObjects are not watched.
        world.user = "system:serviceaccount:shop:keda-operator"
        for (answers, isDenied) in [
            ([], true), ([.served(.scaledObject, false)], true), ([.served(.scaledObject, true)], false),
            ([.served(.scaledObject, nil)], false),
        ] as [([LookupAnswer], Bool)] {
            world.answers = answers
            let decision = try world.decision()
            #expect(decision.isDenied == isDenied && (isDenied || !decision.notEvaluated.isEmpty), "\(answers)")
            #expect(decision.lookups.contains(.served(.scaledObject)) == answers.isEmpty)
        }
    }

    // MARK: Audit of a cluster

    /// Returns the decision of an audit, which reads the whole object.
    private func audited(_ kind: String, _ version: String, _ managers: [Literal] = []) throws -> Decision {
        let object = try owned(by: kind, version).merging(["metadata": ["managedFields": .array(managers)]])
        let document = try Document(parsing: Array(object.json.utf8))
        let context = Context(settings: Settings(), now: Timestamp(seconds: 1_795_435_200), source: .cluster)
        return try withExtendedLifetime(document) {
            let request = try #require(
                UnsentRequest(of: document.root, kind: "Pod", apiVersion: "v1", operation: .update))
            return Evaluator(context.settings).decision(on: request.review, in: context)
        }
    }

    private func entry(_ manager: String, _ field: String = "f:spec", subresource: String = "") -> Literal {
        [
            "manager": .string(manager), "operation": "Update", "subresource": .string(subresource),
            "fieldsV1": .object([.init(field, [:])]),
        ]
    }

    private func denials(_ decision: Decision) -> [String] {
        decision.findings.filter { $0.effect == .deny }.map(\.rule.id)
    }

    @Test func `in an audit, an owner in an API group of Kubernetes hides no violations`() throws {
        #expect(try denials(audited("ConfigMap", "v1")) == ["liveness-probe", "host-isolation"])
        #expect(try denials(audited("Database", "example.com/v1")) == ["host-isolation"])
        #expect(try audited("ReplicaSet", "apps/v1").skipReason != nil)
    }

    @Test(arguments: ["kubectl-create", "argocd-controller", "helm"])
    func `in an audit, the field manager of the spec removes the trust in a controller`(_ manager: String) throws {
        let entries = [entry("kube-controller-manager"), entry(manager)]
        for (kind, version) in [("ReplicaSet", "apps/v1"), ("Database", "example.com/v1")] {
            #expect(try denials(audited(kind, version, entries)) == ["liveness-probe", "host-isolation"])
        }
    }

    @Test func `in an audit, field managers of metadata, status or scale do not`() throws {
        for other in [
            entry("kube-controller-manager"), entry("kubectl-label", "f:metadata"),
            entry("kubelet", "f:status", subresource: "status"), entry("kubectl", subresource: "scale"), "text",
            ["manager": 7, "fieldsV1": ["f:spec": ["f:containers": 1]]], ["manager": "kubectl", "fieldsV1": 7],
        ] as [Literal] {
            #expect(try audited("ReplicaSet", "apps/v1", [other]).skipReason != nil)
        }
    }
}
