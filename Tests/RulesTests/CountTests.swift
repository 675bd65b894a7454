import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// Replica counts that are set through the scale subresource.
@Suite struct CountTests {
    private func scale(_ before: Int, _ after: Int, by user: String, beside related: Literal...) throws -> [String] {
        func scale(_ count: Int) -> Literal { World.scale.merging(["spec": ["replicas": .number("\(count)")]]) }
        var world = World(scale(before)).updated(to: scale(after))
        (world.subresource, world.user, world.groups) = ("scale", user, [])
        world.relatedObjects = [World.deployment] + related
        world.rules = world.rules.filter { ["replicas", "disruption-allowed"].contains($0.id) }
        return try world.decision().findings.filter { $0.effect == .deny }.map(\.rule.id)
    }

    private let scaler = "system:serviceaccount:serving:autoscaler"
    private func autoscaler(_ bounds: String) -> Literal {
        World.fragmentForTests(
            """
            apiVersion: autoscaling/v2
            kind: HorizontalPodAutoscaler
            metadata: {name: web, namespace: shop}
            spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, \(bounds)}
            """)
    }

    @Test func `a service account may raise the count to 1, a person and a deployer must not`() throws {
        #expect(try scale(0, 1, by: scaler) == [])
        #expect(try scale(0, 1, by: "jane") == ["replicas"])
        #expect(try scale(0, 1, by: "system:serviceaccount:argocd:server") == ["replicas"])
    }

    @Test func `the denial of a scale names the workload whose annotations exempt it`() throws {
        func scale(_ count: Int) -> Literal { World.scale.merging(["spec": ["replicas": .number("\(count)")]]) }
        var world = World(scale(3)).updated(to: scale(1))
        (world.subresource, world.user, world.groups) = ("scale", "jane", [])
        world.relatedObjects = [World.deployment]
        world.rules = world.rules.filter { $0.id == "replicas" }
        let message = try world.decision().message
        #expect(message.contains(#"exempt: "replicas", "#) && message.contains(" on Deployment web."), "\(message)")
        #expect(!message.contains("ask your platform team"), "\(message)")
    }

    @Test func `a service account may lower the count within the bounds of an autoscaler`() throws {
        #expect(try scale(3, 1, by: scaler) == ["replicas"])
        #expect(try scale(3, 1, by: scaler, beside: autoscaler("minReplicas: 1, maxReplicas: 5")) == [])
        #expect(try scale(3, 1, by: scaler, beside: autoscaler("minReplicas: 2, maxReplicas: 5")) == ["replicas"])
    }

    @Test func `the horizontal pod autoscaler and trusted controllers may set any count`() throws {
        for name in ["kube-system:horizontal-pod-autoscaler", "keda:keda-operator", "argo-rollouts:argo-rollouts"] {
            #expect(try scale(3, 1, by: "system:serviceaccount:\(name)") == [], "\(name)")
        }
    }

    @Test func `a trusted controller may set any count in an UPDATE that changes nothing else`() throws {
        func denied(_ spec: String) throws -> [String] {
            var world = World(World.deployment).updated(to: try World.object("spec: \(spec)", .apply))
            (world.user, world.groups) = ("system:serviceaccount:delivery:controller", [])
            world.settings = ["PLAYBOOK_TRUSTED_CONTROLLERS": world.user]
            world.without = ResourceKinds(.horizontalPodAutoscaler, .scaledObject)
            world.rules = world.rules.filter { $0.id == "replicas" }
            return try world.decision().findings.filter { $0.effect == .deny }.map(\.rule.id)
        }
        #expect(try denied("{replicas: 1}") == [])
        #expect(try denied("{replicas: 1, minReadySeconds: 9}") == ["replicas"])
    }

    @Test func `scaling down to a count that allows no disruptions is denied`() throws {
        let budget = World.fragmentForTests(
            """
            apiVersion: policy/v1
            kind: PodDisruptionBudget
            metadata: {name: web, namespace: shop}
            spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}
            """)
        #expect(try scale(3, 2, by: "jane", beside: budget) == ["disruption-allowed"])
        #expect(try scale(2, 3, by: "jane", beside: budget) == [])
    }

    @Test func `a Scale of an operator-made workload only warns`() throws {
        let owner: Literal = ["apiVersion": "example.com/v1", "kind": "Database", "name": "main"]
        var world = World(World.scale.merging(["spec": ["replicas": 1]]))
        (world.operation, world.subresource, world.before) = ("UPDATE", "scale", World.scale)
        world.relatedObjects = [World.deployment.merging(["metadata": ["ownerReferences": [owner]]])]
        #expect(try !world.decision().isDenied)
        world.relatedObjects = [World.deployment]
        #expect(try world.decision().isDenied)
    }
}
