import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// The webhook configurations and RBAC under `deploy/`, compared with what rules read.
@Suite struct RegistrationTests {
    /// Requests in the scope of a rule that never have a finding.
    ///
    /// `pod-disruption-budget` evaluates the deletion of PDBs, and the creation and update of workloads.
    private let unspokenOf: Set<Registration.Row> = [
        .init(group: "apps", resource: "deployments", operation: "DELETE"),
        .init(group: "apps", resource: "statefulsets", operation: "DELETE"),
        .init(group: "argoproj.io", resource: "rollouts", operation: "DELETE"),
    ]

    /// Requests that are evaluated without a rule: changes of a Namespace's exemptions are logged and counted.
    private let readInEvaluation: Set<Registration.Row> = [
        .init(group: "", resource: "namespaces", operation: "CREATE"),
        .init(group: "", resource: "namespaces", operation: "UPDATE"),
    ]

    private func request(_ world: World) throws -> Literal { try #require(Literal(json: world.review)["request"]) }

    /// The requests about the default workload kinds.
    private func workloadRows(_ operation: String) -> [Registration.Row] {
        WorkloadKind.standard.map { Registration.Row(group: $0.group, resource: $0.plural, operation: operation) }
    }

    // MARK: Rules of the webhooks

    @Test func `the webhooks receive exactly the requests that rules read`() throws {
        let registered = Set(try Registration.validating().flatMap(\.rows))
        let read = Catalogue.playbook.rules.map { Registration.Row.rows(of: $0.scope) }.reduce(into: Set()) {
            $0.formUnion($1)
        }
        let workloads = ["CREATE", "UPDATE"].flatMap { workloadRows($0) }
        let needed = read.subtracting(unspokenOf).union(readInEvaluation).union(workloads)
        #expect(registered.subtracting(needed) == [], "sent to a webhook, but read by no rule")
        #expect(needed.subtracting(registered) == [], "read by a rule, but not sent to a webhook")
    }

    @Test(arguments: Catalogue.playbook.rules)
    func `each bad example is sent to exactly one webhook`(_ rule: Rule) throws {
        let registrations = try Registration.validating()
        for example in rule.examples where example.clause != nil {
            let request = try request(World(example))
            let row = Registration.Row(request)
            let reached = try registrations.filter { try $0.matches(row, request) }
            #expect(reached.count == 1, "\(rule.id), \(example.name): \(row) reaches \(reached)")
        }
    }

    @Test func `no two webhooks receive the same object`() throws {
        let registrations = try Registration.validating()
        for (index, one) in registrations.enumerated() {
            for other in registrations[(index + 1)...] {
                let shared = Set(one.rows).intersection(other.rows)
                guard !shared.isEmpty else { continue }
                // Such webhooks must select different namespaces, and must not share cluster-scoped resources.
                #expect(shared.isDisjoint(with: one.clusterRows), "\(one) and \(other)")
                for namespace in ["shop", "default", "kube-system", "kube-public", Settings().namespace] {
                    let isShared = one.selects(namespace: namespace) && other.selects(namespace: namespace)
                    #expect(!isShared, "\(one) and \(other) in \(namespace)")
                }
            }
        }
    }

    @Test func `custom resources and Kubernetes' own resources are in different webhooks`() throws {
        let own = ResourceKind.ownGroups
        for registration in try Registration.validating() {
            // A Rollout is in the webhook of Deployments.
            let groups = Set(registration.rows.filter { $0.group != "argoproj.io" }.map(\.group))
            #expect(groups.isSubset(of: own) || groups.isDisjoint(with: own), "\(registration)")
        }
    }

    @Test func `the mutating webhooks receive exactly the requests that can be fixed`() throws {
        let registrations = try Registration.mutating()
        let registered = Set(registrations.flatMap(\.rows))
        #expect(registered.count == registrations.flatMap(\.rows).count)
        // An existing Pod or Job is never patched, nor are revisions and subresources.
        let fixable = Catalogue.playbook.rules.filter { $0.fix != nil }.map { rule in
            Registration.Row.rows(of: Scope(rule.scope.kinds)).filter { row in
                row.resource != "controllerrevisions"
                    && (row.operation == "CREATE" || !["pods", "jobs"].contains(row.resource))
            }
        }.reduce(into: Set()) { $0.formUnion($1) }
        // Only the creation of a custom resource is patched.
        #expect(registered == fixable.union(workloadRows("CREATE")))
        for rule in Catalogue.playbook.rules {
            for example in rule.examples where example.isFixed {
                let world = try World(example)
                guard try !world.mutation().patch.operations.isEmpty else { continue }
                let request = try request(world)
                let reached = try registrations.filter { try $0.matches(Registration.Row(request), request) }
                #expect(reached.count == 1, "\(rule.id), \(example.name)")
            }
        }
    }

    // MARK: Requests that are not sent

    @Test func `objects in system namespaces and in playbook's own namespace are not sent`() throws {
        for registration in try Registration.validating() + Registration.mutating() {
            // This webhook receives the objects in system namespaces that rules name.
            if registration.name.hasPrefix("system-objects.") { continue }
            for namespace in ["kube-system", "kube-node-lease", "kube-public", Settings().namespace] {
                #expect(!registration.selects(namespace: namespace), "\(registration) selects \(namespace)")
                #expect(Settings().isSystem(namespace: namespace))
            }
        }
    }

    @Test func `match conditions have no errors on recordings, and exclude only skipped requests`() throws {
        let registrations = try Registration.validating()
        var spared = 0
        for file in try Fixtures.reviews() {
            let bytes = try Fixtures.bytes(file)
            let request = try #require(Literal(json: bytes)["request"])
            let row = Registration.Row(request)
            let namespace = request["namespace"]?.text
            for registration in registrations
            where registration.rows.contains(row) && registration.selects(namespace: namespace) {
                guard try !registration.holds(of: request) else { continue }
                spared += 1
                #expect(try decision(on: bytes).skipReason != nil, "\(registration) spares \(file)")
            }
        }
        // Twelve Pods of ReplicaSets, one Pod each of a Job and a StatefulSet, five created and seven updated ReplicaSets, two
        // ControllerRevisions, and one Deployment whose finalizer is removed.
        #expect(spared == 29)
    }

    @Test(arguments: [
        "admin", "system:serviceaccount:kube-system:replicaset-controller",
        "system:serviceaccount:kube-system:horizontal-pod-autoscaler",
        "system:serviceaccount:kube-system:generic-garbage-collector",
    ])
    func `match conditions do not read absent fields`(_ user: String) throws {
        // Empty fields are not sent: no API group, labels, owner references, spec, or name with generateName.
        let bare: Literal = ["metadata": [:]]
        let going: Literal = [
            "metadata": ["deletionTimestamp": "2026-11-23T11:00:00Z", "ownerReferences": [["kind": "ReplicaSet"]]]
        ]
        for registration in try Registration.validating() + Registration.mutating() {
            for operation in Set(registration.rows.map(\.operation)) {
                for kind in ["Pod", "ReplicaSet", "Job", "Scale", "Deployment"] as [Literal] {
                    for object in [bare, going, going.merging(["spec": [:]])] {
                        let request: Literal = [
                            "kind": ["kind": kind], "operation": .string(operation),
                            "userInfo": ["username": .string(user)],
                            "object": operation == "DELETE" ? .null : object,
                            "oldObject": operation == "CREATE" ? .null : bare,
                        ]
                        #expect(throws: Never.self, "\(registration), \(operation) \(kind.json)") {
                            try registration.holds(of: request)
                        }
                    }
                }
            }
        }
    }

    @Test func `of the objects in system namespaces, only those that rules name are sent`() throws {
        let system = try #require(Registration.validating().first { $0.name.hasPrefix("system-objects.") })
        #expect(system.selects(namespace: "kube-system") && !system.selects(namespace: "shop"))
        for rule in Catalogue.playbook.rules where rule.scope.reachesSystemNamespaces {
            for example in rule.examples where example.clause != nil {
                let world = try World(example)
                guard world.object?["metadata"]?["namespace"] == "kube-system" else { continue }
                #expect(try system.holds(of: request(world)), "\(rule.id), \(example.name)")
                var other = world
                other.object = world.object?.merging(["metadata": ["name": "something-else"]])
                #expect(try !system.holds(of: request(other)), "\(rule.id), \(example.name)")
            }
        }
    }

    private func decision(on bytes: [UInt8]) throws -> Decision {
        let context = Context(settings: Settings(), now: Timestamp(seconds: 1_795_435_200), source: .server)
        return try Document().read(bytes.span, AdmissionReview.options) { root in
            Result { Evaluator(context.settings).decision(on: try AdmissionReview(root), in: context) }
        }.get()
    }

    @Test func `removing the last finalizer is not sent, and any other change of an object being deleted is`() throws {
        let workloads = try #require(try Registration.validating().first)
        let going = World.deployment.merging(["metadata": ["deletionTimestamp": "2026-11-23T11:00:00Z"]])
        let held = going.merging(["metadata": ["finalizers": ["foregroundDeletion"]]])
        #expect(try !workloads.holds(of: request(World(held).updated(to: going))))
        let changed = going.merging(["spec": ["replicas": 1]])
        #expect(try workloads.holds(of: request(World(held).updated(to: changed))))
        let scale = World.scale
        #expect(try workloads.holds(of: request(World(scale).updated(to: scale))))
    }

    @Test(arguments: [
        ("system:apiserver", [], false), ("system:kube-controller-manager", [], false),
        ("system:kube-scheduler", [], false), ("system:node:ip-10-0-0-1", ["system:nodes"], false),
        ("system:serviceaccount:shop:deployer", ["system:serviceaccounts"], true), ("admin", ["system:masters"], true),
        ("system:apiserver-imitator", [], true),
    ])
    func `requests of the control plane are excluded by exact user names`(
        _ user: String, _ groups: [String], _ isSent: Bool
    ) throws {
        for registration in try Registration.validating() + Registration.mutating() {
            // The webhook for system objects accepts only names like this one.
            var world = World(World.pod.merging(["metadata": ["name": "aws-node"]]))
            (world.user, world.groups) = (user, groups)
            #expect(try registration.holds(of: request(world)) == isSent)
        }
    }

    @Test func `only controllers' Pods and the HPA controller's Scales are not sent`() throws {
        let registrations = try Registration.validating()
        let pods = try #require(registrations.first { $0.name.hasPrefix("pods.") })
        let owned = World.pod.merging([
            "metadata": [
                "ownerReferences": [["apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "controller": true]]
            ]
        ])
        var world = World(owned)
        #expect(try pods.holds(of: request(world)))
        world.user = "system:serviceaccount:kube-system:replicaset-controller"
        #expect(try !pods.holds(of: request(world)))
        world.object = World.pod
        #expect(try pods.holds(of: request(world)))
        // An owner whose pod template no rule evaluates.
        for (version, kind) in [("example.com/v1", "ReplicaSet"), ("batch/v1", "ReplicaSet"), ("v1", "ConfigMap")] {
            world.object = World.pod.merging([
                "metadata": [
                    "ownerReferences": [
                        ["apiVersion": .string(version), "kind": .string(kind), "name": "web", "controller": true]
                    ]
                ]
            ])
            #expect(try pods.holds(of: request(world)), "\(version) \(kind)")
        }

        let workloads = try #require(registrations.first)
        var scale = World(World.scale).updated(to: World.scale)
        scale.subresource = "scale"
        #expect(try workloads.holds(of: request(scale)))
        scale.user = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
        #expect(try !workloads.holds(of: request(scale)))
    }

    @Test func `the garbage collector's changes of metadata alone are not sent to the webhook that can fail closed`()
        throws
    {
        let workloads = try #require(try Registration.validating().first)
        func world(_ changed: Literal, from before: Literal) -> World {
            var world = World(before).updated(to: changed)
            world.user = "system:serviceaccount:kube-system:generic-garbage-collector"
            return world
        }
        func owned(_ object: Literal) -> Literal {
            object.merging([
                "metadata": [
                    "ownerReferences": [["apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "u"]]
                ]
            ])
        }
        let revision: Literal = [
            "apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": ["name": "web-1", "namespace": "shop"],
            "data": ["spec": ["template": ["spec": World.podSpec]]],
        ]
        for object in [World.deployment, revision] {
            var orphaning = world(object, from: owned(object))
            #expect(try !workloads.holds(of: request(orphaning)))
            // Requests that are not sent are never denied.
            #expect(try !orphaning.decision().isDenied)
            for user in ["admin", "system:serviceaccount:shop:generic-garbage-collector"] {
                orphaning.user = user
                #expect(try workloads.holds(of: request(orphaning)))
            }
        }
        for change in [["spec": ["replicas": 1]], ["spec": nil]] as [Literal] {
            #expect(try workloads.holds(of: request(world(World.deployment.merging(change), from: World.deployment))))
        }
        let other = revision.merging(["data": ["spec": ["template": ["spec": ["hostPID": true]]]]])
        #expect(try workloads.holds(of: request(world(other, from: revision))))
        var created = world(World.deployment, from: World.deployment)
        (created.operation, created.before) = ("CREATE", nil)
        #expect(try workloads.holds(of: request(created)))
    }

    @Test(
        arguments: [
            ("has(object.b) && object.b == 'x'", false), ("!has(object.a) || object.a.c == 'y'", true),
            ("object.list.exists(item, item == 'q') && !('r' in object.list)", false),
            ("(object.a.c == 'y' || object.none) && object.a != object.list", true), ("object == oldObject", false),
            // Expressions that are also errors in the API server.
            ("object.b == 'x'", nil), ("has(object.b.c)", nil), ("oldObject.a == 'x'", nil), ("object.a", nil),
        ] as [(String, Bool?)])
    func `a condition that reads an absent field is an error`(_ expression: String, _ value: Bool?) throws {
        let variables: [String: Literal] = ["object": ["a": ["c": "y"], "list": ["p", "q", "r"]], "oldObject": .null]
        if let value {
            #expect(try Condition.holds(expression, variables) == value)
        } else {
            #expect(throws: Condition.Failure.self) { try Condition.holds(expression, variables) }
        }
    }

    // MARK: Failure policy

    @Test func `all webhooks have failurePolicy Ignore and a short timeout`() throws {
        let validating = try Registration.validating()
        #expect(validating.first?.name == "workloads.playbook.superinc.com")
        for registration in validating + (try Registration.mutating()) {
            // Overlays may change the policy of the first webhook, because a cluster can recover without its requests.
            #expect(registration.failurePolicy == "Ignore")
            #expect(registration.field("sideEffects") == "None")
            #expect(registration.field("matchPolicy") == "Equivalent")
            #expect(registration.field("admissionReviewVersions") == ["v1"])
            let timeout = registration.field("timeoutSeconds")
            #expect(timeout == 3 || timeout == 5)
            #expect(registration.field("clientConfig")?["caBundle"] == nil)
            for row in registration.rows { #expect(!row.resource.contains("*") && !row.resource.hasSuffix("/status")) }
        }
        #expect(validating.first?.rows.contains { $0.resource.hasPrefix("pods") || $0.operation == "DELETE" } == false)
        #expect(try Registration.mutating().allSatisfy { $0.field("reinvocationPolicy") == "IfNeeded" })
    }

    @Test func `RBAC and tokens have separate webhooks with failurePolicy Ignore`() throws {
        let validating = try Registration.validating()
        let rights = validating.filter { $0.rows.contains { $0.group == "rbac.authorization.k8s.io" } }
        let tokens = validating.filter { $0.rows.contains { $0.resource == "serviceaccounts/token" } }
        #expect(rights.map(\.name) == ["rights.playbook.superinc.com"])
        #expect(tokens.map(\.name) == ["tokens.playbook.superinc.com"])
        for registration in rights { #expect(registration.rows.allSatisfy { $0.group == "rbac.authorization.k8s.io" }) }
        for registration in tokens { #expect(registration.rows.map(\.description) == ["CREATE serviceaccounts/token"]) }
        for registration in rights + tokens { #expect(registration.failurePolicy == "Ignore") }
    }

    @Test func `adding subjects to a binding that is being deleted is sent and denied`() throws {
        let rights = try #require(Registration.validating().first { $0.name.hasPrefix("rights.") })
        let nobody: Literal = [
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": [
                "name": "web", "deletionTimestamp": "2026-11-23T11:00:00Z", "finalizers": ["example.com/held"],
            ],
            "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"],
        ]
        let everybody = nobody.merging(["subjects": [["kind": "Group", "name": "system:authenticated"]]])
        let filled = World(nobody).updated(to: everybody)
        #expect(try rights.holds(of: request(filled)))
        #expect(try filled.decision().findings.map(\.rule.id) == ["anonymous-binding"])
        #expect(try filled.decision().isDenied)
        let released = World(everybody).updated(to: everybody.merging(["metadata": ["finalizers": nil]]))
        #expect(try !released.decision().isDenied && released.decision().skipReason != nil)
    }

    // MARK: Access

    /// The components that grant access to the kinds of other products.
    private func productComponents() throws -> [String] {
        try Deployed.folders(in: "components").filter { $0.hasPrefix("rbac-") }
    }

    @Test func `the server may list and watch exactly the kinds that it caches`() throws {
        var granted = try grants(in: "access.yaml", ["list", "watch"])
        for component in try productComponents() {
            let more = try grants(in: "../components/\(component)/access.yaml", ["list", "watch"])
            #expect(more.isDisjoint(with: granted), "\(component)")
            granted.formUnion(more)
        }
        let kept = Catalogue.playbook.watchedKinds.kinds.map { "\($0.group)/\($0.plural)" }
        #expect(granted == Set(kept + ["apiextensions.k8s.io/customresourcedefinitions"]))
        for rule in Catalogue.playbook.rules {
            for kind in rule.relatedObjects {
                #expect(Catalogue.playbook.relatedKinds.contains(kind), "\(rule.id) looks up \(kind.name)")
            }
        }
    }

    @Test func `the server may list, but not watch, exactly the kinds that it reads on demand`() throws {
        var granted = try grants(in: "access.yaml", ["list"])
        for component in try productComponents() {
            granted.formUnion(try grants(in: "../components/\(component)/access.yaml", ["list"]))
        }
        #expect(granted == Set(Catalogue.liveKinds.kinds.map { "\($0.group)/\($0.plural)" }))
        #expect(Catalogue.liveKinds.isSubset(of: Catalogue.playbook.relatedKinds))
        let unwatched = [Catalogue.liveKinds, ResourceKinds(.secret, .configMap)] as ResourceKinds
        #expect(Catalogue.playbook.watchedKinds == Catalogue.playbook.relatedKinds.subtracting(unwatched))
    }

    @Test func `components grant access to the kinds of other products, and every overlay has all of them`() throws {
        let base = try grants(in: "access.yaml", ["list", "watch"]).filter { !$0.hasPrefix("apiextensions.k8s.io/") }
        #expect(base.allSatisfy { ResourceKind.ownGroups.contains(String($0.prefix { $0 != "/" })) })
        let components = try productComponents().map { "../../components/\($0)" }
        for overlay in try Deployed.folders(in: "overlays") {
            let file = try Deployed.objects("../overlays/\(overlay)/kustomization.yaml")
            let listed = file.first?["components"]?.elements.compactMap(\.text) ?? []
            #expect(listed.filter { $0.contains("/rbac-") } == components, "\(overlay)")
        }
        for component in try productComponents() {
            let roles = try Deployed.objects("../components/\(component)/access.yaml")
            let name = Literal.string("playbook-companions-\(component.dropFirst("rbac-".count))")
            #expect(roles.map { $0["kind"]?.text } == ["ClusterRole", "ClusterRoleBinding"])
            #expect(roles.allSatisfy { $0["metadata"]?["name"] == name } && roles.last?["roleRef"]?["name"] == name)
            let account: Literal = ["kind": "ServiceAccount", "name": "playbook", "namespace": "playbook"]
            #expect(roles.last?["subjects"] == [account])
        }
    }

    @Test func `an audit may list exactly the kinds that it reads, and no Secrets`() throws {
        let file = "../components/audit/access.yaml"
        let rules = Catalogue.playbook.rules.filter {
            $0.scope.operations.contains(.update) && $0.scope.subresources.contains(.none)
        }
        let kinds = rules.reduce(into: [Catalogue.playbook.relatedKinds, ResourceKinds(.namespace)] as ResourceKinds) {
            $0.formUnion($1.scope.kinds)
        }
        let others = ResourceKinds(.secret, .scale, .tokenRequest)
        let looked =
            kinds.subtracting(others).kinds.map { "\($0.group)/\($0.plural)" }
            + WorkloadKind.standard.map { "\($0.group)/\($0.plural)" }
        let granted = try grants(in: file, ["list"])
        #expect(Set(looked).subtracting(granted) == [], "read, but not granted")
        #expect(granted.subtracting(looked) == [], "granted, but not read")
        #expect(
            try grants(in: file, ["list", "create", "update", "delete"]) == [
                "openreports.io/reports", "openreports.io/clusterreports", "wgpolicyk8s.io/policyreports",
                "wgpolicyk8s.io/clusterpolicyreports",
            ])
    }

    /// The resources that the ClusterRoles of a file grant with exactly these verbs, as `group/resource`.
    private func grants(in file: String, _ verbs: Set<String>) throws -> Set<String> {
        var granted: Set<String> = []
        for role in try Deployed.objects(file) where role["kind"] == "ClusterRole" {
            for rule in role["rules"]?.elements ?? [] {
                guard Set(rule["verbs"]?.elements.compactMap(\.text) ?? []) == verbs else { continue }
                for group in rule["apiGroups"]?.elements ?? [] {
                    for resource in rule["resources"]?.elements ?? [] {
                        granted.insert("\(group.text ?? "?")/\(resource.text ?? "?")")
                    }
                }
            }
        }
        return granted
    }
}
