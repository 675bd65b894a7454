import Evaluation
import JSON
import Kubernetes
import Rules
import Synchronization
import TestSupport
import Testing

/// The semantics of decisions, by their numbers in the specification.
@Suite struct EvaluatorTests {
    private func spec(_ yaml: String) throws -> Literal {
        World.deployment.merging(["spec": ["template": ["spec": try Literal(yaml: yaml)]]])
    }

    private func pod(_ yaml: String = "{}") throws -> Literal { World.pod.merging(["spec": try Literal(yaml: yaml)]) }

    private func denied(_ world: World) throws -> [String] {
        try world.decision().findings.filter { $0.effect == .deny }.map { "\($0.rule.id) \($0.path)" }
    }

    // MARK: 0, control plane

    @Test func `a user whose name starts like the control plane's is evaluated`() throws {
        var world = World(try spec("terminationGracePeriodSeconds: 0"))
        for user in [
            "system:apiserver-imposter", "system:serviceaccount:shop:deployer", "system:kube-controller-manager2",
        ] {
            world.user = user
            #expect(try denied(world) == ["graceful-shutdown terminationGracePeriodSeconds"], "\(user)")
        }
    }

    @Test func `PLAYBOOK_TRUSTED_USERS accepts names and patterns, and turns denials into warnings`() throws {
        var world = World(try spec("terminationGracePeriodSeconds: 0"))
        world.settings["PLAYBOOK_TRUSTED_USERS"] = "flux,ops-*"
        for (user, isTrusted) in [("flux", true), ("ops-ann", true), ("fluxx", false), ("dev-ops-ann", false)] {
            world.user = user
            #expect(try world.decision().isDenied == !isTrusted, "\(user)")
        }
    }

    // MARK: 1, existing violations

    @Test(arguments: [
        // An unrelated change beside an existing violation.
        (
            "terminationGracePeriodSeconds: 0",
            "{terminationGracePeriodSeconds: 0, containers: [{name: app, image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1.4.3-1234abc}]}",
            false
        ),
        // A number further from the limit is new; a number closer to it is existing.
        ("terminationGracePeriodSeconds: 3", "terminationGracePeriodSeconds: 1", true),
        ("terminationGracePeriodSeconds: 1", "terminationGracePeriodSeconds: 3", false),
        // The same violation in another container is new.
        (
            "containers: [{name: app, livenessProbe: null}]",
            "containers: [{name: app, livenessProbe: null}, {name: b, image: i, ports: [{containerPort: 1}], livenessProbe: null, readinessProbe: {tcpSocket: {port: 1}}, resources: {requests: {cpu: 1, memory: 1Gi}, limits: {memory: 1Gi}}}]",
            true
        ),
        // Another value in the same list is new.
        (
            "containers: [{name: app, securityContext: {capabilities: {add: [SYS_TIME]}}}]",
            "containers: [{name: app, securityContext: {capabilities: {add: [SYS_ADMIN]}}}]", true
        ),
        (
            "containers: [{name: app, securityContext: {capabilities: {add: [SYS_TIME, SYS_ADMIN]}}}]",
            "containers: [{name: app, securityContext: {capabilities: {add: [SYS_ADMIN]}}}]", false
        ),
        // runAsUser: 0 is worse than an unset runAsUser.
        (
            "securityContext: {runAsNonRoot: null, runAsUser: null}",
            "securityContext: {runAsNonRoot: null, runAsUser: 0}", true
        ),
        (
            "securityContext: {runAsNonRoot: null, runAsUser: 0}",
            "securityContext: {runAsNonRoot: null, runAsUser: null}", false
        ),
        // A value that allows root is a choice, wherever it is set, and stays existing if it moves.
        (
            "securityContext: {runAsNonRoot: null, runAsUser: null}",
            "securityContext: {runAsNonRoot: false, runAsUser: null}", true
        ),
        (
            "securityContext: {runAsNonRoot: null}",
            "{securityContext: {runAsNonRoot: null}, containers: [{name: app, securityContext: {runAsNonRoot: false}}]}",
            true
        ),
        ("securityContext: {runAsNonRoot: false}", "securityContext: {runAsNonRoot: null}", false),
        (
            "containers: [{name: app, securityContext: {runAsNonRoot: false}}]",
            "securityContext: {runAsNonRoot: null}",
            false
        ),
        (
            "securityContext: {runAsNonRoot: false}",
            "{securityContext: {runAsNonRoot: null}, containers: [{name: app, securityContext: {runAsNonRoot: false}}]}",
            false
        ),
        (
            "containers: [{name: app, securityContext: {runAsNonRoot: false}}]",
            "securityContext: {runAsNonRoot: false}",
            false
        ),
        (
            "securityContext: {runAsUser: 0}",
            "{securityContext: {runAsUser: null}, containers: [{name: app, securityContext: {runAsUser: 0}}]}", false
        ),
        (
            "{os: {name: windows}, securityContext: {windowsOptions: {runAsUserName: ContainerAdministrator}}}",
            "{os: {name: windows}, containers: [{name: app, securityContext: {windowsOptions: {runAsUserName: ContainerAdministrator}}}]}",
            false
        ),
        (
            "{hostUsers: false, securityContext: {runAsNonRoot: null, runAsUser: 0}}",
            "securityContext: {runAsNonRoot: null, runAsUser: null}", true
        ),
        // The API server sets hostPort if hostNetwork is true, and `kubectl apply` does not remove it.
        (
            "{hostNetwork: true, containers: [{name: app, ports: [{name: http, containerPort: 8080, hostPort: 8080}]}]}",
            "containers: [{name: app, ports: [{name: http, containerPort: 8080, hostPort: 8080}]}]", false
        ),
        (
            "{hostNetwork: true, containers: [{name: app, ports: [{name: http, containerPort: 8080, hostPort: 8080}]}]}",
            "containers: [{name: app, ports: [{name: http, containerPort: 8080, hostPort: 22}]}]", true
        ),
        // A hint does not turn a denial into an existing violation.
        ("containers: [{name: app, image: 'valkey:8.1'}]", "containers: [{name: app, image: 'valkey:8.2'}]", false),
        ("containers: [{name: app, image: 'valkey:8.1'}]", "containers: [{name: app, image: 'valkey:latest'}]", true),
        (
            "containers: [{name: app, image: 'mariadb:11.4-noble'}]", "containers: [{name: app, image: 'mariadb:11'}]",
            true
        ),
        (
            "containers: [{name: app, image: '222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/web:2.6'}]",
            "containers: [{name: app, image: '222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/web:stage'}]", true
        ),
        // A memory request further from its limit.
        (
            "containers: [{name: app, resources: {requests: {memory: 200Mi}}}]",
            "containers: [{name: app, resources: {requests: {memory: 100Mi}}}]", true
        ),
        (
            "containers: [{name: app, resources: {requests: {memory: 100Mi}}}]",
            "containers: [{name: app, resources: {requests: {memory: 200Mi}}}]", false
        ),
    ])
    func `an existing violation warns, a new or worse one is denied`(
        _ before: String, _ after: String, _ isDenied: Bool
    ) throws {
        let world = World(try spec(before)).updated(to: try spec(after))
        #expect(try world.decision().isDenied == isDenied)
    }

    @Test func `violations of a container stay existing if the container moves in the list`() throws {
        let other =
            "{name: b, image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/b:1.0.0-9f3c1ab, ports: [{containerPort: 1}], livenessProbe: {tcpSocket: {port: 1}}, readinessProbe: {tcpSocket: {port: 1}}, resources: {requests: {cpu: 1, memory: 1Gi}, limits: {memory: 1Gi}}}"
        let before = try spec("containers: [{name: app, livenessProbe: null}]")
        var containers = [try Literal(yaml: other)]
        if case .array(let old) = before["spec"]?["template"]?["spec"]?["containers"] { containers += old }
        let after = try Patch([.set("/spec/template/spec/containers", .array(containers))], on: before).applied(
            to: before)
        #expect(try denied(World(before).updated(to: after)) == [])
    }

    @Test func `an exempt violation is denied after the exemption ends`() throws {
        func exempt(until date: String) -> Literal {
            [
                "metadata": [
                    "annotations": [
                        "playbook.superinc.com/exempt": "graceful-shutdown",
                        "playbook.superinc.com/exempt-reason": "soon",
                        "playbook.superinc.com/exempt-until": .string(date),
                    ]
                ]
            ]
        }
        let sinner = try spec("terminationGracePeriodSeconds: 0")
        let touched = sinner.merging(["spec": ["revisionHistoryLimit": 3]])
        let over = exempt(until: "2026-11-22")
        #expect(try World(sinner.merging(over)).updated(to: touched.merging(over)).decision().isDenied)
        let running = exempt(until: "2026-11-23")
        #expect(try !World(sinner.merging(running)).updated(to: touched.merging(running)).decision().isDenied)
        // Removing the annotation does not make the violation an existing one.
        #expect(try World(sinner.merging(running)).updated(to: touched).decision().isDenied)
    }

    // MARK: 2 and 3, deletion, metadata and status

    @Test func `on an object being deleted, removing finalizers is skipped and other changes are evaluated`() throws {
        let dying: Literal = ["metadata": ["deletionTimestamp": "2026-11-23T11:00:00Z", "finalizers": ["a/b"]]]
        let before = try spec("terminationGracePeriodSeconds: 0").merging(dying)
        var after = try Patch([.remove("/metadata/finalizers")], on: before).applied(to: before)
        #expect(try World(before).updated(to: after).decision().skipReason != nil)
        after = after.merging(
            try Literal(
                yaml: "spec: {template: {spec: {containers: [{name: app, securityContext: {privileged: true}}]}}}"))
        #expect(
            try denied(World(before).updated(to: after)) == [
                "privilege-escalation containers[app].securityContext.privileged"
            ])
    }

    @Test func `a violation in a list without names stays existing if it moves, and another one is new`() throws {
        func group(_ entries: String) throws -> Literal {
            try Literal(
                yaml: """
                    apiVersion: ec2.services.k8s.aws/v1alpha1
                    kind: SecurityGroup
                    metadata: {name: web, namespace: shop}
                    spec: {ingressRules: [\(entries)]}
                    """)
        }
        let ssh = "{ipProtocol: tcp, fromPort: 22, toPort: 22, ipRanges: [{cidrIP: 0.0.0.0/0}]}"
        let sound = "{ipProtocol: tcp, fromPort: 443, toPort: 443, ipRanges: [{cidrIP: 10.0.0.0/16}]}"
        let telnet = "{ipProtocol: tcp, fromPort: 23, toPort: 23, ipRanges: [{cidrIP: 0.0.0.0/0}]}"
        let before = try group(ssh)
        #expect(try denied(World(before).updated(to: group("\(sound), \(ssh)"))) == [])
        #expect(
            try denied(World(before).updated(to: group("\(telnet), \(ssh)"))) == [
                "security-group-rules spec.ingressRules[0].ipRanges[0]"
            ])
        let wider = "{ipProtocol: tcp, fromPort: 22, toPort: 90, ipRanges: [{cidrIP: 0.0.0.0/0}]}"
        #expect(try denied(World(before).updated(to: group(wider))).contains { $0.contains("ipRanges[0]") })
        #expect(try denied(World(group(wider)).updated(to: group(ssh))) == [])
    }

    @Test func `a change of metadata or status alone does not evaluate the spec`() throws {
        let before = try spec("terminationGracePeriodSeconds: 0")
        let after = before.merging(["metadata": ["labels": ["a": "b"], "generation": 7], "status": ["replicas": 3]])
        var world = World(before).updated(to: after)
        world.settings["PLAYBOOK_RATCHET"] = "off"
        #expect(try world.decision().findings.isEmpty)
    }

    @Test(arguments: [
        ("{apiVersion: v1, kind: Service, spec: {type: LoadBalancer, externalIPs: [192.0.2.1]}}"),
        ("{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, spec: {hostnames: [shop.example.org]}}"),
        ("{apiVersion: externaldns.k8s.io/v1alpha1, kind: DNSEndpoint, spec: {endpoints: [{dnsName: example.com, recordType: CNAME}]}}"),
    ])
    func `rules that read metadata report nothing about the spec if only metadata changes`(_ yaml: String) throws {
        let before = try Literal(yaml: yaml).merging(["metadata": ["name": "web", "namespace": "shop"]])
        var world = World(before).updated(to: before.merging(["metadata": ["finalizers": ["example.com/hold"]]]))
        world.settings = ["PLAYBOOK_RATCHET": "off", "PLAYBOOK_DNS_ZONES": "example.com"]
        #expect(try world.decision().findings.isEmpty)
    }

    @Test func `after an exemption ends, a change of metadata that keeps the violation is allowed`()
        throws
    {
        let before = try Literal(
            yaml: """
                apiVersion: v1
                kind: Service
                metadata:
                  name: web
                  namespace: shop
                  annotations:
                    service.beta.kubernetes.io/aws-load-balancer-type: external
                spec: {type: ClusterIP}
                """)
        let settings = ["PLAYBOOK_EXEMPT": "load-balancer-service@shop/Service/web: a migration until 2026-11-22"]
        func denied(_ object: Literal) throws -> [String] {
            var world = World(before).updated(to: object)
            world.settings = settings
            return try self.denied(world)
        }
        let held = before.merging(["metadata": ["finalizers": ["service.k8s.aws/resources"]]])
        #expect(try denied(held) == [])
        let annotation = "service.beta.kubernetes.io/aws-load-balancer-type"
        let other = before.merging(["metadata": ["annotations": .object([.init(annotation, "nlb")])]])
        let place = "load-balancer-service metadata.annotations[\(annotation)]"
        #expect(try denied(other) == [place])
        #expect(try denied(before.merging(["spec": ["type": "LoadBalancer"]])) == ["load-balancer-service spec.type"])
    }

    @Test func `any change of a ConfigMap's data is evaluated`() throws {
        let before = try Literal(
            yaml: "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: default}, data: {a: b}}")
        var world = World(before).updated(to: before.merging(["metadata": ["labels": ["x": "y"]]]))
        world.settings["PLAYBOOK_RATCHET"] = "off"
        #expect(try denied(world) == [])
        world = World(before).updated(to: before.merging(["data": ["status": "c"]]))
        world.settings["PLAYBOOK_RATCHET"] = "off"
        #expect(try denied(world) == ["default-namespace metadata.namespace"])
        // The keys status and metadata in the data are data.
        let nested = before.merging(["data": ["metadata": "1"]])
        world = World(nested).updated(to: nested.merging(["data": ["metadata": "2"]]))
        world.settings["PLAYBOOK_RATCHET"] = "off"
        #expect(try denied(world) == ["default-namespace metadata.namespace"])
    }

    @Test func `the status subresource is skipped`() throws {
        var world = World(try spec("terminationGracePeriodSeconds: 0"))
        world.subresource = "status"
        #expect(try world.decision().findings.isEmpty)
    }

    // MARK: 4, objects that a controller made

    private func owned(by kind: String, _ version: String = "apps/v1", isController: Bool = true) throws -> Literal {
        try pod("containers: [{name: app, livenessProbe: null, securityContext: {privileged: true}}]").merging([
            "metadata": [
                "ownerReferences": [
                    [
                        "apiVersion": .string(version), "kind": .string(kind), "name": "web", "uid": "u",
                        "controller": .bool(isController),
                    ]
                ]
            ]
        ])
    }

    @Test(arguments: [
        ("ReplicaSet", "apps/v1", "system:serviceaccount:kube-system:replicaset-controller", "passed"),
        ("StatefulSet", "apps/v1", "system:serviceaccount:kube-system:statefulset-controller", "passed"),
        ("DaemonSet", "apps/v1", "system:serviceaccount:kube-system:daemon-set-controller", "passed"),
        ("Job", "batch/v1", "system:serviceaccount:kube-system:job-controller", "passed"),
        ("Rollout", "argoproj.io/v1alpha1", "system:serviceaccount:argo-rollouts:argo-rollouts", "passed"),
        // A user can set any owner reference.
        ("ReplicaSet", "apps/v1", "kubernetes-admin", "denied"),
        ("ReplicaSet", "apps/v1", "system:serviceaccount:shop:replicaset-controller", "denied"),
        ("ReplicaSet", "apps/v1", "system:serviceaccount:kube-system:evil-controller", "denied"),
        ("ReplicaSet", "apps/v1", "system:serviceaccount:kube-system:replicaset-controller:x", "denied"),
        ("ReplicaSet", "evil.example/v1", "system:serviceaccount:kube-system:replicaset-controller", "denied"),
        // A Pod of an operator: denials become warnings, except for rules that also apply to operators.
        ("StrimziPodSet", "core.strimzi.io/v1beta2", "system:serviceaccount:strimzi:operator", "operator"),
        // A service account that is not a known operator.
        ("StrimziPodSet", "core.strimzi.io/v1beta2", "system:serviceaccount:shop:operator", "denied"),
        ("StrimziPodSet", "core.strimzi.io/v1beta2", "kubernetes-admin", "denied"),
        // An owner that exists in every cluster.
        ("ConfigMap", "v1", "system:serviceaccount:ci:runner", "denied"),
    ])
    func `the requester decides whether an owner reference is accepted`(
        _ kind: String, _ version: String, _ user: String, _ outcome: String
    ) throws {
        var world = World(try owned(by: kind, version))
        world.user = user
        world.settings["PLAYBOOK_OPERATOR_ACCOUNTS"] = "system:serviceaccount:strimzi:*"
        let decision = try world.decision()
        let denials = decision.findings.filter { $0.effect == .deny }.map(\.rule.id)
        switch outcome {
        case "passed": #expect(decision.skipReason != nil)
        case "operator":
            #expect(denials == ["privilege-escalation"])
            #expect(decision.findings.contains { $0.rule.id == "liveness-probe" && $0.leniency == .operatorMade })
        default: #expect(denials == ["liveness-probe", "privilege-escalation", "controller-managed"])
        }
    }

    @Test func `an owner reference that is not the controller does not count`() throws {
        var world = World(try owned(by: "ReplicaSet", isController: false))
        world.user = "system:serviceaccount:kube-system:replicaset-controller"
        #expect(try world.decision().isDenied)
    }

    @Test func `the annotation of a static Pod counts only if a node sends it`() throws {
        var world = World(
            try pod("containers: [{name: app, livenessProbe: null}]").merging(
                ["metadata": ["annotations": ["kubernetes.io/config.mirror": "x"]]]))
        #expect(try world.decision().isDenied)
        world.groups = ["system:nodes"]
        #expect(try world.decision().skipReason != nil)
    }

    @Test func `a user's change of a controller's Pod is evaluated`() throws {
        let before = try owned(by: "ReplicaSet").merging(
            try Literal(yaml: "spec: {containers: [{name: app, securityContext: {privileged: null}}]}"))
        let after = before.merging(
            try Literal(yaml: "spec: {containers: [{name: app, securityContext: {privileged: true}}]}"))
        #expect(
            try denied(World(before).updated(to: after)) == [
                "privilege-escalation containers[app].securityContext.privileged"
            ])
    }

    @Test func `dry-run mode reports controllers that are not trusted`() throws {
        var world = World(try owned(by: "Rollout", "argoproj.io/v1alpha1"))
        world.user = "system:serviceaccount:rollouts:argo"
        #expect(try world.decision().untrustedController == nil)
        world.settings["PLAYBOOK_MODE"] = "dry-run"
        #expect(try world.decision().untrustedController == "system:serviceaccount:rollouts:argo")
    }

    // MARK: 5, system namespaces

    @Test(arguments: ["kube-system", "kube-public", "kube-node-lease", "playbook", "node-tools"])
    func `system namespaces are skipped by the server and by commands`(_ namespace: String) throws {
        var world = World(
            try spec("terminationGracePeriodSeconds: 0").merging(["metadata": ["namespace": .string(namespace)]]))
        world.settings["PLAYBOOK_SYSTEM_NAMESPACES"] = "node-tools"
        #expect(try world.decision().findings.isEmpty)
        world.source = .recording
        #expect(try world.decision().findings.isEmpty)
        world.includesSystem = true
        #expect(try world.decision().isDenied)
    }

    // MARK: 6 and 7, dry runs and modes

    @Test func `in a server-side dry run, a missing related object only warns`() throws {
        var world = World(World.deployment)
        world.relatedObjects = [
            [
                "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
                "metadata": ["name": "b", "namespace": "shop"],
                "spec": ["selector": ["matchLabels": ["app": "b"]], "maxUnavailable": 1],
            ]
        ]
        #expect(try denied(world) == ["pod-disruption-budget spec.template.metadata.labels"])
        world.isDryRun = true
        #expect(try world.decision().findings.map(\.leniency) == [.serverDryRun])
        world.object = try spec("terminationGracePeriodSeconds: 0")
        #expect(try denied(world) == ["graceful-shutdown terminationGracePeriodSeconds"])
    }

    @Test(arguments: [(1, true), (2, false)])
    func `in a server-side dry run, an autoscaler that keeps too few replicas is evaluated`(
        _ minimum: Int, _ isDenied: Bool
    ) throws {
        let single = try Literal(
            yaml: """
                metadata: {annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"spec":{"replicas":1}}'}}
                spec: {replicas: 1}
                """)
        let autoscaler = try Literal(
            yaml: """
                apiVersion: autoscaling/v2
                kind: HorizontalPodAutoscaler
                metadata: {name: web, namespace: shop}
                spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: \(minimum), maxReplicas: 9}
                """)
        let scaledObject = try Literal(
            yaml: """
                apiVersion: keda.sh/v1alpha1
                kind: ScaledObject
                metadata: {name: web, namespace: shop}
                spec: {scaleTargetRef: {name: web}, minReplicaCount: \(minimum), maxReplicaCount: 9}
                """)
        let created = World(World.deployment.merging(single))
        for var world in [created, World(World.deployment).updated(to: World.deployment.merging(single))] {
            world.isDryRun = true
            world.rules = world.rules.filter { $0.id == "replicas" }
            world.without = ResourceKinds(.horizontalPodAutoscaler, .scaledObject)
            #expect(try world.decision().findings.map(\.leniency) == [.serverDryRun])
            for object in [autoscaler, scaledObject] {
                world.relatedObjects = [object]
                #expect(try world.decision().isDenied == isDenied)
            }
        }
    }

    @Test func `PLAYBOOK_BREAK_GLASS turns denials into warnings, by user name or group`() throws {
        var world = World(try spec("terminationGracePeriodSeconds: 0"))
        world.settings["PLAYBOOK_BREAK_GLASS"] = "ann,sre"
        world.groups = ["devs"]
        #expect(try world.decision().isDenied)
        world.groups = ["devs", "sre"]
        #expect(try world.decision().findings.map(\.leniency) == [.breakGlass])
        world.groups = []
        world.user = "ann"
        #expect(try world.decision().findings.map(\.leniency) == [.breakGlass])
    }

    // MARK: 13, grace period for related objects

    @Test(arguments: [
        ("CREATE", "2026-11-23T11:59:00Z", false), ("UPDATE", "2026-11-23T11:59:00Z", false),
        ("UPDATE", "2026-11-23T10:00:00Z", true), ("UPDATE", "2026-01-01T00:00:00Z", false),
    ])
    func `a missing related object denies only after the grace period`(
        _ operation: String, _ created: String, _ isDenied: Bool
    ) throws {
        let object = World.deployment.merging(["metadata": ["creationTimestamp": .string(created)]])
        var world = World(object)
        if operation == "UPDATE" { world = world.updated(to: object.merging(["spec": ["revisionHistoryLimit": 3]])) }
        world.relatedObjects = [
            [
                "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
                "metadata": ["name": "b", "namespace": "shop"],
                "spec": ["selector": ["matchLabels": ["app": "b"]], "maxUnavailable": 1],
            ]
        ]
        world.settings = ["PLAYBOOK_COMPANION_GRACE": "10m", "PLAYBOOK_ENFORCED_SINCE": "2026-11-01"]
        #expect(try world.decision().isDenied == isDenied)
        world.settings["PLAYBOOK_ENFORCED_SINCE"] = nil
        let decision = try world.decision()
        #expect(!decision.isDenied)
        if created == "2026-11-23T11:59:00Z" {
            let end = operation == "CREATE" ? "2026-11-23T12:10:00Z" : "2026-11-23T12:09:00Z"
            #expect(decision.warnings.contains { $0.contains("grace period until \(end)") })
        }
        world.enforcedSince = Timestamp("2026-11-01T00:00:00Z")
        #expect(try world.decision().isDenied == isDenied)
    }

    // MARK: 9, order

    @Test func `decisions are deterministic, in the order of the catalogue and then by path`() throws {
        let world = World(
            try spec("{terminationGracePeriodSeconds: 0, containers: [{name: zeta, image: z}, {name: beta, image: b}]}")
        )
        let first = try world.decision()
        #expect(try world.decision().message == first.message)
        let order = Catalogue.playbook.rules.map(\.id)
        let places = first.findings.map { (order.firstIndex(of: $0.rule.id) ?? -1, $0.path) }
        #expect(places.elementsEqual(places.sorted { $0 < $1 }, by: ==))
        #expect(
            first.findings.filter { $0.rule.id == "liveness-probe" }.map(\.path) == [
                "containers[beta].livenessProbe", "containers[zeta].livenessProbe",
            ])
    }

    // MARK: 10, messages

    @Test func `eighty findings fit within the limits on messages, causes and warnings`() throws {
        let containers = (1...20).map { "{name: c\($0), image: i}" }.joined(separator: ", ")
        var world = World(try spec("containers: [\(containers)]"))
        var decision = try world.decision()
        #expect(decision.findings.count >= 80)
        #expect(decision.message.utf8.count <= 16 << 10)
        #expect(decision.message.contains(" more.\n"))
        #expect(decision.causes.count == 50)
        world.settings["PLAYBOOK_MODE"] = "dry-run"
        decision = try world.decision()
        #expect(decision.warnings.reduce(0) { $0 + $1.utf8.count } <= 1500)
        #expect(decision.warnings.last?.hasPrefix("and ") == true)
    }

    @Test func `a denial lists every rule that denies, even if the first rules have many findings`() throws {
        let containers = (1...60).map { "{name: c\($0), image: 'example.com/i:1.2.3', ports: []}" }
        let world = World(
            try spec("containers: [\(containers.joined(separator: ", "))]").merging([
                "metadata": ["namespace": "default"]
            ]))
        let decision = try world.decision()
        let rules = Set(decision.findings.filter { $0.effect == .deny }.map(\.rule.id))
        #expect(rules.contains("liveness-probe") && rules.contains("default-namespace"))
        for rule in rules { #expect(decision.message.contains("\n- \(rule)"), "\(rule)") }
        #expect(decision.message.utf8.count <= 16 << 10)
    }

    @Test func `findings of two rules about one field are shown in one line, and each keeps its level`() throws {
        let world = World(try spec("containers: [{name: app, image: 'docker.io/library/nginx:latest'}]"))
        let decision = try world.decision()
        let found = decision.findings.filter { $0.path == "containers[app].image" }
        #expect(found.map(\.rule.id) == ["image-registry", "image-tag"] && found.map(\.effect) == [.warn, .deny])
        #expect(decision.message.contains("\n- image-tag, image-registry: containers[app].image"))
        #expect(decision.message.contains(#"uses the mutable tag "latest"; also comes from docker.io; use ECR or"#))
        #expect(!decision.warnings.contains { $0.contains("image-registry") })
        #expect(decision.causes.filter { $0.reason.hasPrefix("image") }.map(\.reason) == ["image-tag"])
        var lenient = world
        lenient.settings["PLAYBOOK_RULE_IMAGE_TAG"] = "off"
        #expect(try lenient.decision().warnings.contains { $0.contains(" [image-registry]; ") })
        lenient.settings = ["PLAYBOOK_RULE_IMAGE_TAG": "warn"]
        let both = #"; also uses the mutable tag "latest" [image-registry, image-tag]"#
        #expect(try lenient.decision().warnings.contains { $0.contains("comes from docker.io") && $0.contains(both) })
        lenient.settings = ["PLAYBOOK_PROFILE": "strict"]
        let message = try lenient.decision().message
        #expect(message.contains("\n- image-registry, image-tag: containers[app].image comes from docker.io"))
        #expect(message.contains("; also uses the mutable tag \"latest\"\n"))
    }

    @Test func `two findings of one rule are both shown beside another rule's`() throws {
        func rule(_ id: String, _ messages: [String]) -> Rule {
            Rule(
                id: id, title: "t", group: .application, section: .containerization, rationale: "r", level: .deny,
                concern: .convention, scope: .replicated, clauses: [Clause("c", "d")], fault: .image, examples: []
            ) { (subject, _, findings) throws(CannotEvaluate) in
                for message in messages {
                    findings.add(Clause("c", "d"), at: try subject.field("spec"), message, choice: message)
                }
            }
        }
        var world = World(World.deployment)
        world.rules = [rule("one", ["is bad", "is worse"]), rule("other", ["is odd"])]
        let message = try world.decision().message
        #expect(message.contains("\n- one, other: spec is bad; also is odd\n"))
        #expect(message.contains("\n- one: spec is worse\n"))
    }

    @Test func `a truncated denial still ends with what to do next`() throws {
        let long = String(repeating: "x", count: 250)
        let containers = (1...50).map { "{name: c\($0)-\(long), image: 'example.com/i:1.2.3'}" }
        let message = try World(spec("containers: [\(containers.joined(separator: ", "))]")).decision().message
        #expect(message.utf8.count <= 16 << 10)
        #expect(message.contains(" more.\n") && message.hasSuffix("playbook explain liveness-probe\n"))
    }

    @Test func `a warning reads as finding, rule with reason, and suggestion`() throws {
        let applied: Literal = ["kubectl.kubernetes.io/last-applied-configuration": #"{"spec":{"replicas":1}}"#]
        var world = World(
            World.deployment.merging(["metadata": ["annotations": applied], "spec": ["replicas": 1]]))
        world.settings["PLAYBOOK_MODE"] = "dry-run"
        world.without = ResourceKinds(.horizontalPodAutoscaler)
        world.rules = world.rules.filter { $0.id == "replicas" }
        #expect(
            try world.decision().warnings == [
                "spec.replicas is 1; at least 2 are required [replicas, would be denied]; set spec.replicas: 2"
            ])
        // A suggestion in words follows in the same way.
        world = World(try spec("containers: [{name: app, resources: {limits: {cpu: 1}}}]"))
        world.rules = world.rules.filter { $0.id == "cpu-limit" }
        #expect(
            try world.decision().warnings == [
                "containers[app].resources.limits.cpu is 1; the container cannot use more, even if the node has idle CPU "
                    + "[cpu-limit]; remove containers[app].resources.limits.cpu"
            ])
    }

    @Test func `a warning contains no control characters`() throws {
        var world = World(
            try spec(
                "{containers: [{name: app, livenessProbe: {httpGet: {path: \"/a\\n\\tb\\u0085\\u2028c\\u202Ed\"}}}]}"))
        world.settings["PLAYBOOK_MODE"] = "dry-run"
        let warnings = try world.decision().warnings
        #expect(!warnings.isEmpty)
        for warning in warnings {
            #expect(
                !warning.unicodeScalars.contains {
                    $0.value < 0x20 || (0x7F...0x9F).contains($0.value) || (0x2028...0x202E).contains($0.value)
                })
        }
    }

    @Test func `a Pod with generateName is shown with its name prefix`() throws {
        let object = try pod("containers: [{name: app, livenessProbe: null}]").merging([
            "metadata": ["name": nil, "generateName": "web-"]
        ])
        #expect(try World(object).decision().message.hasPrefix("Pod shop/web-… (generated) violates "))
    }

    // MARK: 11, limits

    @Test func `deeply nested unknown fields are skipped`() throws {
        var world = World(try spec("terminationGracePeriodSeconds: 0"))
        var junk: Literal = "x"
        for _ in 0..<300 { junk = ["a": junk] }
        world.object = world.object?.merging(["spec": ["junk": junk]])
        #expect(try denied(world) == ["graceful-shutdown terminationGracePeriodSeconds"])
    }

    @Test func `a list of a hundred thousand containers is one finding of each rule that reads it`() throws {
        let many = Literal.array(Array(repeating: .object([]), count: 100_000))
        let object = try Patch([.set("/spec/template/spec/containers", many)], on: World.deployment).applied(
            to: World.deployment)
        let decision = try World(object).decision()
        #expect(decision.isDenied)
        #expect(decision.findings.allSatisfy { $0.finding.clause.name == "bounded" })
        #expect(Set(decision.findings.map(\.rule.id)).count == decision.findings.count)
        #expect(Set(decision.findings.map(\.path)) == ["containers[1000]"])
    }

    @Test func `hundreds of existing violations stay existing, and all are counted`() throws {
        let many = Literal.array((0..<900).map { ["name": .string("c\($0)"), "image": "i"] })
        let base = World.deployment
        let before = try Patch([.set("/spec/template/spec/containers", many)], on: base).applied(to: base)
        let decision = try World(before).updated(to: before.merging(["spec": ["revisionHistoryLimit": 3]])).decision()
        #expect(decision.findings.allSatisfy { $0.leniency == .existing })
        #expect(decision.further.allSatisfy { $0.leniency == .existing })
        let probes = decision.findings.count { $0.rule.id == "liveness-probe" }
        let further = decision.further.first { $0.rule.id == "liveness-probe" }
        #expect(probes == 100 && further?.count == 800)
    }

    // MARK: 12, patches

    @Test func `an update is patched only in fields that it changes`() throws {
        let limited = "containers: [{name: app, resources: {requests: {cpu: null}, limits: {cpu: 1}}}]"
        let before = try spec(limited)
        // An unrelated change must not start a rollout.
        var world = World(before).updated(to: before.merging(["spec": ["replicas": 4]]))
        #expect(try world.mutation().patch.operations.isEmpty)
        // The request adds this container.
        let added = try spec(
            "containers: [{name: app, resources: {requests: {cpu: null}, limits: {cpu: 1}}}, {name: b, image: i, resources: {limits: {cpu: 1, memory: 1Gi}}}]"
        )
        world = World(before).updated(to: added)
        #expect(
            try world.mutation().patch.operations == [
                .add("/spec/template/spec/containers/1/resources/requests", ["cpu": "1"])
            ])
        // The request removes the CPU request.
        world = World(World.deployment).updated(to: before)
        #expect(
            try world.mutation().patch.operations == [
                .add("/spec/template/spec/containers/0/resources/requests/cpu", "1")
            ])
    }

    @Test func `a fix that enables another fix is applied with it, and a second mutation changes nothing`() throws {
        let limited = try spec("containers: [{name: app, resources: {requests: {cpu: null}, limits: {cpu: 1500m}}}]")
        var world = World(limited)
        world.settings = ["PLAYBOOK_FIX": "all"]
        let quota = """
            apiVersion: v1
            kind: ResourceQuota
            metadata: {name: shop, namespace: shop}
            spec: {hard: {pods: 9}}
            """
        world.relatedObjects = [try Literal(yaml: quota)]
        let mutation = try world.mutation()
        #expect(mutation.fixes.map(\.rule.id) == ["cpu-request", "cpu-limit"])
        let resources: Pointer = "/spec/template/spec/containers/0/resources"
        #expect(
            mutation.patch.operations == [
                .add(resources / "requests" / "cpu", "1500m"), .remove(resources / "limits" / "cpu"),
            ])
        world.object = try mutation.patch.applied(to: limited)
        #expect(try world.mutation().patch.operations.isEmpty)
        // A limit that existed before the request stays.
        let before = try spec("containers: [{name: app, resources: {limits: {cpu: 1500m}}}]")
        world.object = before
        #expect(try world.updated(to: limited).mutation().fixes.map(\.rule.id) == ["cpu-request"])
    }

    @Test func `an update of a Pod or Job is never patched`() throws {
        let limited = try pod("containers: [{name: app, resources: {requests: {cpu: null}, limits: {cpu: 1}}}]")
        #expect(try !World(limited).mutation().patch.operations.isEmpty)
        #expect(try World(World.pod).updated(to: limited).mutation().patch.operations.isEmpty)
        func job(_ spec: Literal) -> Literal {
            [
                "apiVersion": "batch/v1", "kind": "Job", "metadata": ["name": "migrate", "namespace": "shop"],
                "spec": ["template": ["spec": spec.merging(["restartPolicy": "Never"])]],
            ]
        }
        let change = "{containers: [{name: app, resources: {requests: {cpu: null}, limits: {cpu: 1}}}]}"
        let changed = World.podSpec.merging(try Literal(yaml: change))
        #expect(try !World(job(changed)).mutation().patch.operations.isEmpty)
        // The same change of a Deployment is patched on UPDATE.
        #expect(try !World(World.deployment).updated(to: spec(change)).mutation().patch.operations.isEmpty)
        #expect(try World(job(World.podSpec)).updated(to: job(changed)).mutation().patch.operations.isEmpty)
    }

    @Test func `PLAYBOOK_FIX selects fixes, and dry-run mode only reports them`() throws {
        var world = World(
            try spec(
                "{securityContext: {runAsNonRoot: null}, containers: [{name: app, resources: {requests: {memory: 100Mi}}}]}"
            ))
        func fixed(_ setting: String) throws -> [String] {
            world.settings["PLAYBOOK_FIX"] = setting
            return try world.mutation().fixes.map(\.rule.id)
        }
        #expect(try fixed("additive") == ["run-as-non-root"])
        #expect(try fixed("all") == ["run-as-non-root", "memory-request-equals-limit"])
        #expect(try fixed("none") == [])
        #expect(try fixed("memory-request-equals-limit") == ["memory-request-equals-limit"])
        world.settings["PLAYBOOK_MODE"] = "dry-run"
        let mutation = try world.mutation()
        #expect(mutation.patch.operations.isEmpty)
        #expect(mutation.warnings.allSatisfy { $0.hasPrefix("playbook would fix: ") } && !mutation.warnings.isEmpty)
    }

    @Test func `a mutation builds findings only for rules with a fix`() throws {
        let described = Mutex(0)
        func rule(_ id: String, fix: Fix?) -> Rule {
            Rule(
                id: id, title: "t", group: .application, section: .containerization, rationale: "r", level: .deny,
                concern: .convention, scope: .replicated, clauses: [Clause("c", "d")], fix: fix, examples: []
            ) { (subject, _, findings) throws(CannotEvaluate) in
                for container in try subject.template()?.containers ?? [] {
                    findings.add(Clause("c", "d"), at: Field(container.value), "is here") { _ in
                        described.withLock { $0 += 1 }
                    }
                }
            }
        }
        var world = World(World.deployment)
        world.settings = ["PLAYBOOK_FIX": "all"]
        world.rules = [rule("a", fix: nil), rule("b", fix: .adds("nothing"))]
        #expect(try world.mutation().fixes.isEmpty)
        #expect(described.withLock { $0 } == 1)
    }

    @Test func `a fix is not applied if it would cause a finding of another rule`() throws {
        let limited = try spec("containers: [{name: app, resources: {requests: {cpu: null}, limits: {cpu: 1}}}]")
        let noRequest = Rule(
            id: "no-cpu-request", title: "t", group: .application, section: .containerization, rationale: "r",
            level: .warn, concern: .convention,
            scope: .replicated, clauses: [Clause("c", "d")], examples: []
        ) { (subject, _, findings) throws(CannotEvaluate) in
            for container in try subject.template()?.containers ?? [] {
                let request = try Field(container.value)["resources"]["requests"]["cpu"]
                if request.value != nil { findings.add(Clause("c", "d"), at: request, "is set") }
            }
        }
        var world = World(limited)
        #expect(try world.mutation().fixes.map(\.rule.id) == ["cpu-request"])
        world.rules.append(noRequest)
        #expect(try world.mutation().fixes.isEmpty)
    }
}
