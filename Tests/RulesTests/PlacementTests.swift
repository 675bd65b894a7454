import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// Rules about availability and placement: several findings of one object, and variants of one kind.
@Suite struct PlacementTests {
    private func world(_ yaml: String, _ rule: String) throws -> World {
        var world = World(try World.object(yaml, .apply))
        world.rules = [try #require(Catalogue.playbook[rule])]
        return world
    }

    private func autoscaler(_ spec: String, version: String = "v2") -> String {
        """
        apiVersion: autoscaling/\(version)
        kind: HorizontalPodAutoscaler
        metadata: {name: web, namespace: shop}
        spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, \(spec)}
        """
    }

    private func paths(_ world: World) throws -> [String] { try world.decision().findings.map(\.path) }

    @Test func `a namespace without a ResourceQuota and a LimitRange has two findings`() throws {
        var world = try world("{}", "namespace-quota")
        world.without = ResourceKinds(.resourceQuota, .limitRange)
        let decision = try world.decision()
        #expect(decision.findings.map(\.finding.clause.name) == ["limits", "quota"])
        #expect(decision.findings.allSatisfy { $0.effect == .warn })
        // The team chooses the amounts. A ResourceQuota for limits.cpu would require the limits that `cpu-limit` reports.
        #expect(decision.findings.allSatisfy { $0.change.block.contains("create a ") })
        #expect(decision.findings.last?.change.block.contains("but not for limits.cpu") == true)
    }

    @Test(arguments: [(ResourceKind.limitRange, "limits"), (.resourceQuota, "quota")])
    func `a missing object is reported although the other kind is unknown`(
        _ known: ResourceKind, _ clause: String
    ) throws {
        var world = try world("{}", "namespace-quota")
        world.without = ResourceKinds(known)
        let decision = try world.decision()
        #expect(decision.findings.map(\.finding.clause.name) == [clause])
        #expect(decision.notEvaluated.map(\.rule.id) == ["namespace-quota"])
    }

    @Test func `findings about the object itself are reported although related objects are unknown`() throws {
        let decisions = [
            try world(autoscaler("minReplicas: 1, maxReplicas: 4"), "autoscaler-bounds").decision(),
            try world(budget("maxUnavailable: 0"), "disruption-allowed").decision(),
        ]
        #expect(decisions.map { $0.findings.map(\.finding.clause.name) } == [["minimum"], ["blocks"]])
        #expect(decisions.flatMap(\.notEvaluated).map(\.rule.id) == ["autoscaler-bounds", "disruption-allowed"])
    }

    @Test func `the smallest integer is below the minimum`() throws {
        let world = try world(autoscaler("minReplicas: \(Int.min), maxReplicas: 4"), "autoscaler-bounds")
        #expect(try paths(world) == ["spec.minReplicas"])
    }

    @Test func `an autoscaler with minReplicas and maxReplicas of 1 has one finding`() throws {
        let world = try world(autoscaler("minReplicas: 1, maxReplicas: 1"), "autoscaler-bounds")
        let decided = try #require(world.decision().findings.first)
        #expect(try paths(world) == ["spec.minReplicas"])
        #expect(decided.change.block.hasPrefix("# set a minimum of at least 2 and a higher maximum"))
    }

    @Test func `if a Rollout references the Deployment, the suggested autoscaler targets the Rollout`() throws {
        var world = try world("spec: {replicas: 0}", "autoscaler")
        world.relatedObjects = [
            try Literal(
                yaml: """
                    apiVersion: argoproj.io/v1alpha1
                    kind: Rollout
                    metadata: {name: canary, namespace: shop}
                    spec: {replicas: 5, workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
                    """)
        ]
        world.without = ResourceKinds(.horizontalPodAutoscaler)
        let block = try #require(world.decision().findings.first).change.block
        #expect(block.contains("ScaledObject for Rollout canary"))
    }

    /// A ResourceQuota with 1 GiB of unused memory.
    private static let quota = """
        apiVersion: v1
        kind: ResourceQuota
        metadata: {name: shop, namespace: shop}
        spec: {hard: {requests.memory: 2Gi}}
        status: {used: {requests.memory: 1Gi}}
        """

    @Test(arguments: [
        ("apps/v1", "Deployment", "replicas: 1, ", "", true), ("apps/v1", "Deployment", "replicas: 3, ", "", false),
        ("batch/v1", "Job", "", "", true), ("batch/v1", "Job", "parallelism: 3, ", "", false),
        ("batch/v1", "CronJob", "jobTemplate: {spec: {", "}}", true),
        ("batch/v1", "CronJob", "jobTemplate: {spec: {parallelism: 3, ", "}}", false),
        // The number of nodes is unknown.
        ("apps/v1", "DaemonSet", "", "", false),
    ])
    func `a memory request is raised if the quota has room for all pods`(
        _ version: String, _ kind: String, _ before: String, _ after: String, _ isRaised: Bool
    ) throws {
        let resources = "resources: {requests: {memory: 512Mi}, limits: {memory: 1Gi}}"
        let template = "template: {spec: {restartPolicy: Never, containers: [{name: app, \(resources)}]}}"
        var world = try world(
            """
            apiVersion: \(version)
            kind: \(kind)
            metadata: {name: web, namespace: shop}
            spec: {\(before)\(template)\(after)}
            """, "memory-request-equals-limit")
        world.relatedObjects = [try Literal(yaml: Self.quota)]
        #expect(try world.decision().findings.map(\.finding.isFixable) == [isRaised])
    }

    @Test(arguments: [
        // The quota already counts the current request of the pod.
        ("resources: {requests: {memory: 512Mi}, limits: {memory: 1Gi}}", "", true),
        ("resources: {requests: {memory: 512Mi}, limits: {memory: 1025Mi}}", "", false),
        // The increases of both containers count together.
        (
            "resources: {requests: {memory: 256Mi}, limits: {memory: 512Mi}}",
            "resources: {requests: {memory: 256Mi}, limits: {memory: 512Mi}}", true
        ),
        (
            "resources: {requests: {memory: 256Mi}, limits: {memory: 640Mi}}",
            "resources: {requests: {memory: 256Mi}, limits: {memory: 640Mi}}", false
        ),
        (
            "resources: {requests: {memory: 512Mi}, limits: {memory: 768Mi}}",
            "resources: {requests: {memory: 512Mi}, limits: {memory: 512Mi}}", false
        ),
    ])
    func `a memory request is raised only if the quota has room for all containers of the pod`(
        _ first: String, _ second: String, _ isRaised: Bool
    ) throws {
        let other = second.isEmpty ? "" : ", {name: b, \(second)}"
        var world = try world(
            "spec: {replicas: 1, template: {spec: {containers: [{name: app, \(first)}\(other)]}}}",
            "memory-request-equals-limit")
        world.relatedObjects = [try Literal(yaml: Self.quota)]
        let findings = try world.decision().findings
        #expect(!findings.isEmpty && findings.allSatisfy { $0.finding.isFixable == isRaised })
    }

    @Test(arguments: ["topology-spread", "network-policy", "pod-security-group"])
    func `no suggested selector selects all pods of a namespace`(_ rule: String) throws {
        for constraint in ["[]", "[{maxSkew: 1, topologyKey: topology.kubernetes.io/zone}]"] {
            let spec = "spec: {topologySpreadConstraints: \(constraint)}"
            var world = try world("spec: {selector: null, template: {metadata: {labels: null}, \(spec)}}", rule)
            world.settings = ["PLAYBOOK_RULE_NETWORK_POLICY": "warn", "PLAYBOOK_RULE_POD_SECURITY_GROUP": "warn"]
            world.without = ResourceKinds(.networkPolicy, .securityGroupPolicy)
            let decided = try #require(world.decision().findings.first)
            #expect(decided.finding.edits.isEmpty && decided.finding.relatedObject == nil)
            #expect(decided.change.line().hasPrefix("give the pods a unique label"))
        }
    }

    @Test(arguments: ["v1", "v2beta2", "v2"])
    func `the bounds of an HPA are read in every API version`(_ version: String) throws {
        let bad = try world(autoscaler("minReplicas: 1, maxReplicas: 4", version: version), "autoscaler-bounds")
        #expect(try paths(bad) == ["spec.minReplicas"])
        let good = try world(autoscaler("minReplicas: 2, maxReplicas: 4", version: version), "autoscaler-bounds")
        #expect(try paths(good) == [])
    }

    @Test func `lowering minReplicas further is new, and lowering maxReplicas to minReplicas is a hint`()
        throws
    {
        var world = try world(autoscaler("minReplicas: 3, maxReplicas: 9"), "autoscaler-bounds")
        world.settings = ["PLAYBOOK_MIN_REPLICAS": "5"]
        let same = world.updated(to: try World.object(autoscaler("minReplicas: 3, maxReplicas: 7"), .apply))
        #expect(try same.decision().findings.map(\.leniency) == [.existing])
        let lower = world.updated(to: try World.object(autoscaler("minReplicas: 2, maxReplicas: 9"), .apply))
        #expect(try lower.decision().isDenied)
        world.settings = [:]
        let pinned = world.updated(to: try World.object(autoscaler("minReplicas: 3, maxReplicas: 3"), .apply))
        #expect(try !pinned.decision().isDenied && paths(pinned) == ["spec.maxReplicas"])
    }

    @Test(arguments: [
        (
            "spec: {replicas: 5}",
            "add a HorizontalPodAutoscaler or ScaledObject for Deployment web, with a minimum of at least 2"
        ),
        // A workload with a volume for its data, or with strategy Recreate.
        (
            "spec: {replicas: 5, strategy: {type: Recreate}}",
            "add an autoscaler if several replicas can run at once; if not, exempt the workload from autoscaler, with a reason"
        ),
        (
            "spec: {replicas: 5, template: {spec: {volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]}}}",
            "add an autoscaler if several replicas can run at once"
        ),
        (
            "spec: {replicas: 5, template: {spec: {volumes: [{name: work, emptyDir: {}}]}}}",
            "add an autoscaler if several replicas can run at once"
        ),
    ])
    func `the suggestion for an autoscaler depends on whether several replicas can run at once`(
        _ yaml: String, _ words: String
    ) throws {
        var world = try world(yaml, "autoscaler")
        world.without = ResourceKinds(.horizontalPodAutoscaler)
        #expect(try #require(world.decision().findings.first).change.block.hasPrefix("# \(words)"))
    }

    @Test func `a LimitRange has a finding for each wrong default`() throws {
        let world = try world(
            """
            apiVersion: v1
            kind: LimitRange
            metadata: {name: shop, namespace: shop}
            spec:
              limits:
              - {type: Container, default: {cpu: 500m, memory: 512Mi}, defaultRequest: {cpu: 100m, memory: 128Mi}}
              - {type: Container, max: {cpu: '4'}}
            """, "limit-range")
        #expect(
            try paths(world) == [
                "spec.limits[0].default.cpu", "spec.limits[0].defaultRequest.memory", "spec.limits[1].max.cpu",
            ])
    }

    @Test func `both suggestions for a LimitRange remove its CPU limits`() throws {
        let world = try world(
            """
            apiVersion: v1
            kind: LimitRange
            metadata: {name: shop, namespace: shop}
            spec:
              limits:
              - type: Container
                default: {cpu: 500m, memory: 512Mi}
                defaultRequest: {cpu: 100m, memory: 128Mi}
                max: {cpu: '4'}
            """, "limit-range")
        let object = try #require(world.object)
        let findings = try world.decision().findings.map(\.finding)
        #expect(findings.map(\.clause.name) == ["cpu-default", "memory"])
        let item: Literal = [
            "type": "Container", "default": ["memory": "512Mi"], "defaultRequest": ["cpu": "100m", "memory": "512Mi"],
        ]
        let changed = try Patch(findings[1].edits, on: object).applied(to: object)
        #expect(changed["spec"]?["limits"] == [item])
    }

    @Test(arguments: [
        ("", true), ("strategy: {type: Recreate}", false),
        ("template: {spec: {volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]}}", false),
        ("template: {spec: {volumes: [{name: work, emptyDir: {}}]}}", false),
        ("template: {spec: {containers: [{name: app, image: 'redis:7.2.4'}]}}", false),
    ])
    func `a higher minimum or count is suggested only if several replicas can run at once`(
        _ spec: String, _ isSafe: Bool
    ) throws {
        let workload = try World.object("spec: {replicas: 1\(spec.isEmpty ? "" : ", ")\(spec)}", .apply)
        let scaled = """
            apiVersion: keda.sh/v1alpha1
            kind: ScaledObject
            metadata: {name: web, namespace: shop}
            spec: {scaleTargetRef: {name: web}, minReplicaCount: 1, triggers: []}
            """
        for yaml in [autoscaler("minReplicas: 1, maxReplicas: 4"), scaled] {
            var world = try world(yaml, "autoscaler-bounds")
            world.relatedObjects = [workload]
            let decided = try #require(world.decision().findings.first)
            #expect(decided.finding.edits.isEmpty != isSafe)
            if !isSafe {
                #expect(decided.change.block == "# set a minimum of at least 2 if several replicas can run at once")
            }
        }
        var scale = World(World.scale).updated(to: World.scale.merging(["spec": ["replicas": 1]]))
        scale.subresource = "scale"
        scale.rules = [try #require(Catalogue.playbook["replicas"])]
        scale.relatedObjects = [workload]
        #expect(try #require(scale.decision().findings.first).finding.edits.isEmpty != isSafe)
    }

    @Test func `nothing is suggested about the replicas of an unknown workload but words`() throws {
        let world = try world(autoscaler("minReplicas: 1, maxReplicas: 4"), "autoscaler-bounds")
        #expect(try #require(world.decision().findings.first).finding.edits.isEmpty)
    }

    @Test func `a toleration stays an existing violation if it moves in the list`() throws {
        let one = try world("tolerations: [{operator: Exists}]", "base-node-group")
        let moved = one.updated(
            to: try World.object("tolerations: [{key: dedicated, operator: Exists}, {operator: Exists}]", .apply))
        #expect(try moved.decision().findings.map(\.leniency) == [.existing])
        let narrowed = one.updated(
            to: try World.object("tolerations: [{operator: Exists, effect: NoSchedule}]", .apply))
        #expect(try narrowed.decision().findings.map(\.leniency) == [.existing])
    }

    @Test func `removing the scrape annotation from a running Pod is reported`() throws {
        var world = World(World.pod.merging(["metadata": ["annotations": ["prometheus.io/scrape": "true"]]]))
        world.rules = [try #require(Catalogue.playbook["metrics-endpoint"])]
        world.settings = ["PLAYBOOK_RULE_METRICS_ENDPOINT": "warn"]
        world.without = ResourceKinds(.podMonitor, .serviceMonitor, .service)
        #expect(try paths(world.updated(to: World.pod)) == ["containers[app].ports"])
    }

    @Test func `adding an annotation that blocks consolidation to a running Pod is reported`() throws {
        var world = World(World.pod)
        world.rules = [try #require(Catalogue.playbook["consolidation-blocked"])]
        let annotated = World.pod.merging(["metadata": ["annotations": ["karpenter.sh/do-not-disrupt": "true"]]])
        #expect(
            try paths(world.updated(to: annotated)) == ["metadata.annotations[karpenter.sh/do-not-disrupt]"])
    }

    @Test(arguments: [
        ("PLAYBOOK_BASE_NODE_TAINTS", "dedicated=base:Never"), ("PLAYBOOK_BASE_NODE_TAINTS", "=base"),
        ("PLAYBOOK_BASE_NODE_TAINTS", "dedicated, two words"), ("PLAYBOOK_BASE_NODE_LABELS", "role=base:NoSchedule"),
        ("PLAYBOOK_BASE_NODE_LABELS", "="),
    ])
    func `an invalid taint or label in a setting is an error`(_ name: String, _ value: String) throws {
        let error = try #require(throws: SettingsError.self) { try Settings(environment: [name: value]) }
        #expect(error.description.hasPrefix("\(name): unsupported value \"\(value)\"; "))
    }

    @Test func `a selector is equal after it is written and read again`() throws {
        let document = try Document(
            parsing: Array(
                #"""
                {"matchLabels":{"app":"web","tier":"front"},"matchExpressions":[{"key":"a","operator":"In","values":["x","y"]},
                {"key":"b","operator":"NotIn","values":["z"]},{"key":"c","operator":"Exists"},{"key":"d","operator":"DoesNotExist"}]}
                """#.utf8))
        let selector = try withExtendedLifetime(document) { try LabelSelector(document.root) }
        #expect(LabelSelector(selector.literal) == selector)
        #expect(LabelSelector(LabelSelector().literal) == LabelSelector())
    }

    // MARK: Existing and new violations

    private func budget(_ line: String) -> String {
        """
        apiVersion: policy/v1
        kind: PodDisruptionBudget
        metadata: {name: web, namespace: shop}
        spec: {\(line), selector: {matchLabels: {app: web}}}
        """
    }

    private func replicas(_ count: Int) -> Literal {
        World.deployment.merging(["spec": ["replicas": .number("\(count)")]])
    }

    @Test(arguments: [
        ("minAvailable: 5", "minAvailable: 4", false), ("minAvailable: 5", "minAvailable: 6", true),
        ("minAvailable: 4", "minAvailable: 100%", false), ("minAvailable: 100%", "minAvailable: 4", true),
        ("maxUnavailable: 0", "maxUnavailable: 0%", false), ("minAvailable: 3", "maxUnavailable: 0", true),
    ])
    func `a PDB that allows no disruptions may be relaxed, not tightened`(
        _ before: String, _ after: String, _ isDenied: Bool
    ) throws {
        var old = try world(budget(before), "disruption-allowed")
        old.relatedObjects = [replicas(3)]
        old.without = ResourceKinds(.horizontalPodAutoscaler, .podDisruptionBudget, .deployment)
        let decision = try old.updated(to: Literal(yaml: budget(after))).decision()
        #expect(decision.findings.count == 1 && decision.isDenied == isDenied)
    }

    @Test(arguments: [("maxUnavailable: 0", 3, false), ("minAvailable: 100%", 3, false), ("minAvailable: 5", 4, true)])
    func `fewer replicas are a new violation only if more replicas would satisfy the PDB`(
        _ line: String, _ count: Int, _ isDenied: Bool
    ) throws {
        var old = World(replicas(5))
        old.rules = [try #require(Catalogue.playbook["disruption-allowed"])]
        old.relatedObjects = [try Literal(yaml: budget(line))]
        old.without = ResourceKinds(.horizontalPodAutoscaler, .podDisruptionBudget)
        let decision = try old.updated(to: replicas(count)).decision()
        #expect(decision.findings.count == 1 && decision.isDenied == isDenied)
    }

    @Test func `a second metric that conflicts with a VPA is a new finding beside the existing one`() throws {
        func scaling(by resources: String...) -> String {
            let metrics = resources.map {
                "{type: Resource, resource: {name: \($0), target: {type: Utilization, averageUtilization: 70}}}"
            }
            return autoscaler("minReplicas: 2, maxReplicas: 6, metrics: [\(metrics.joined(separator: ", "))]")
        }
        var old = try world(scaling(by: "cpu"), "vertical-autoscaler-conflict")
        old.relatedObjects = [
            try Literal(
                yaml: """
                    apiVersion: autoscaling.k8s.io/v1
                    kind: VerticalPodAutoscaler
                    metadata: {name: web, namespace: shop}
                    spec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
                    """)
        ]
        let decision = try old.updated(to: Literal(yaml: scaling(by: "cpu", "memory"))).decision()
        #expect(decision.findings.map(\.leniency) == [.existing, .none])
    }
}
