import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// Kinds that the server does not watch, but reads from the API server when a rule needs them.
@Suite struct LiveKindTests {
    private static let binding = """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRoleBinding
        metadata: {name: pods}
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
        subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: 'system:serviceaccounts'}]
        """
    private static let gateway = """
        apiVersion: gateway.networking.k8s.io/v1
        kind: Gateway
        metadata: {name: web, namespace: shop}
        spec: {gatewayClassName: edge, listeners: [{name: https, port: 443, protocol: HTTPS}]}
        """
    private static let everything = """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: reader}
        rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]
        """
    private static let balancers = """
        apiVersion: gateway.networking.k8s.io/v1
        kind: GatewayClass
        metadata: {name: edge}
        spec: {controllerName: gateway.k8s.aws/alb}
        """

    /// A request on a server that knows all Namespaces.
    private func world(_ rule: String, _ object: String) throws -> World {
        var world = World(try Literal(yaml: object))
        world.settings = environment(onlyWith: [rule: "deny"])
        world.without = ResourceKinds(.namespace)
        return world
    }

    @Test(arguments: [
        ("anonymous-binding", binding, Absence(.clusterRole, in: "default", named: "reader"), everything),
        ("load-balancer-service", gateway, Absence(.gatewayClass, in: "default", named: "edge"), balancers),
    ])
    func `a rule is evaluated after the object that it needs has been read`(
        _ rule: String, _ object: String, _ absence: Absence, _ deciding: String
    ) throws {
        var world = try world(rule, object)
        let open = try world.decision()
        #expect(open.notEvaluated.map(\.rule.id) == [rule])
        #expect(open.lookups.contains(.absence(absence)))

        for objects in [[try Literal(yaml: deciding)], []] {
            var found = World(nil)
            found.relatedObjects = objects
            found.without = ResourceKinds(absence.kind)
            world.answers = [.absence(absence, found: try found.context().relatedObjects)]
            let decision = try world.decision()
            #expect(decision.isDenied == !objects.isEmpty)
            #expect(decision.notEvaluated.isEmpty && !decision.lookups.contains(.absence(absence)))
        }
    }

    @Test func `if the object cannot be read, the rule is not evaluated and there is no second lookup`() throws {
        var world = try world("anonymous-binding", Self.binding)
        let absence = Absence(.clusterRole, in: "default", named: "reader")
        world.answers = [.absence(absence, found: nil)]
        let decision = try world.decision()
        #expect(!decision.isDenied && decision.notEvaluated.count == 1)
        #expect(!decision.lookups.contains(.absence(absence)))
    }

    @Test func `a denial becomes a hint if the Role only grants access to objects by name`() throws {
        var world = try world(
            "anonymous-binding",
            """
            apiVersion: rbac.authorization.k8s.io/v1
            kind: RoleBinding
            metadata: {name: info, namespace: pipelines}
            roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: info}
            subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: 'system:authenticated'}]
            """)
        let absence = Absence(.role, in: "pipelines", named: "info")
        let open = try world.decision()
        #expect(open.isDenied && open.lookups.contains(.absence(absence)))
        var found = World(nil)
        found.without = ResourceKinds(.role)
        found.relatedObjects = [
            try Literal(
                yaml: """
                    apiVersion: rbac.authorization.k8s.io/v1
                    kind: Role
                    metadata: {name: info, namespace: pipelines}
                    rules: [{apiGroups: [''], resources: [configmaps], resourceNames: [pipelines-info], verbs: [get]}]
                    """)
        ]
        world.answers = [.absence(absence, found: try found.context().relatedObjects)]
        #expect(try !world.decision().isDenied)
    }

    @Test func `one review asks for few kinds and namespaces, however many its route names`() throws {
        let parents = (1...64).map { "{name: web, namespace: n\($0)}" }.joined(separator: ", ")
        let world = try world(
            "admin-authentication",
            """
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: admin, namespace: shop}
            spec:
              parentRefs: [\(parents)]
              rules: [{matches: [{path: {type: PathPrefix, value: /admin}}], backendRefs: [{name: web, port: 80}]}]
            """)
        let live = try world.decision().lookups.filter { lookup in
            if case .absence(let absence) = lookup { Catalogue.liveKinds.contains(absence.kind) } else { false }
        }
        #expect((1...12).contains(live.count))
    }

    @Test func `the Namespace's exemptions are read in the same lookup, because the result may be a denial`() throws {
        #expect(
            try world("load-balancer-service", Self.gateway).decision().lookups
                .contains(.absence(Absence(.namespace, in: "shop"))))
    }

    @Test func `no objects are read for files, or if no rule needs them`() throws {
        var world = try world("anonymous-binding", Self.binding)
        world.source = .files
        #expect(try world.decision().lookups.isEmpty)
        world = try self.world(
            "anonymous-binding", Self.binding.replacing("system:serviceaccounts", with: "developers"))
        #expect(try world.decision().lookups.isEmpty)
    }
}
