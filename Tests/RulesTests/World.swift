import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// An AdmissionReview for a test, with the context to evaluate it in.
struct World {
    var object: Literal?
    var before: Literal?
    var operation = "CREATE"
    var subresource = ""
    var user = "kubernetes-admin"
    var groups = ["system:masters"]
    /// The uid of the Pod that the requester's token is bound to; nil for other tokens.
    var podUID: String?
    /// The results of lookups in the API server.
    var answers: [LookupAnswer] = []
    /// The field manager of the request; may be empty.
    var fieldManager = ""
    var isDryRun = false
    var relatedObjects: [Literal]?
    /// Kinds without objects other than the related objects.
    var without: ResourceKinds = []
    var settings: [String: String] = [:]
    /// The time when the cluster started to enforce.
    var enforcedSince: Timestamp?
    var source = Context.Source.server
    var includesSystem = false
    /// 2026-11-23T12:00:00Z.
    var now = Timestamp(seconds: 1_795_435_200)
    var rules = Catalogue.playbook.rules

    init(_ object: Literal?) { self.object = object }

    /// The review as the API server sends it.
    var review: [UInt8] {
        let subject = object ?? before ?? .null
        let kind = subject["kind"]?.text ?? "Pod"
        let parts = (subject["apiVersion"]?.text ?? "v1").split(separator: "/").map(String.init)
        let owner = ["scale": "Deployment", "token": "ServiceAccount"][subresource] ?? kind
        var request: [Literal.Member] = [
            .init("uid", "b4c0a4a8-7d3e-4e6f-9c39-3a1f0a6a5a11"),
            .init(
                "kind",
                [
                    "group": .string(parts.count > 1 ? parts[0] : ""), "version": .string(parts.last ?? "v1"),
                    "kind": .string(kind),
                ]),
            .init("resource", ["group": "", "version": "v1", "resource": .string(resource(owner, subject))]),
            .init("operation", .string(operation)),
            .init(
                "userInfo",
                [
                    "username": .string(user), "groups": .array(groups.map { .string($0) }),
                    "extra": podUID.map { ["authentication.kubernetes.io/pod-uid": [.string($0)]] } ?? [:],
                ]),
            .init("object", operation == "DELETE" ? nil : object ?? nil),
            .init("oldObject", before ?? nil),
            .init("dryRun", .bool(isDryRun)),
        ]
        if !fieldManager.isEmpty {
            let kind: Literal = operation == "CREATE" ? "CreateOptions" : "UpdateOptions"
            request.append(
                .init(
                    "options",
                    ["kind": kind, "apiVersion": "meta.k8s.io/v1", "fieldManager": .string(fieldManager)]))
        }
        if !subresource.isEmpty { request.append(.init("subResource", .string(subresource))) }
        for key in ["name", "namespace"] {
            if let value = subject["metadata"]?[key] { request.append(.init(key, value)) }
        }
        let review: Literal = [
            "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": .object(request),
        ]
        return Array(review.json.utf8)
    }

    private func resource(_ kind: String, _ subject: Literal) -> String {
        let known = ResourceKind(kind: kind, apiVersion: subject["apiVersion"]?.text ?? "v1")
        return known == .other ? kind.lowercased() + "s" : known.plural
    }

    /// The environment variables; the grace period is zero unless the test sets it.
    var environment: [String: String] { settings.merging(["PLAYBOOK_COMPANION_GRACE": "0s"]) { given, _ in given } }

    /// Returns the context to evaluate the review in.
    func context() throws -> Context {
        let settings = try Settings(environment: environment).overridden(includesSystem: includesSystem)
        var known = RelatedObjects(knowledge: .nothing, of: settings.catalogue)
        if relatedObjects != nil || !without.isEmpty {
            let held = (relatedObjects ?? []).reduce(into: without) { $0.formUnion(ResourceKinds(World.kind(of: $1))) }
            known = RelatedObjects(knowledge: without.isEmpty ? .kindsHeld : .kinds(held), of: settings.catalogue)
            for relatedObject in relatedObjects ?? [] {
                let document = try Document(parsing: Array(relatedObject.json.utf8))
                try withExtendedLifetime(document) { try known.add(document.root) }
            }
        }
        known.enforcedSince = enforcedSince
        return Context(
            settings: settings, relatedObjects: known.answering(answers), now: now, source: source)
    }

    private static func kind(of object: Literal) -> ResourceKind {
        ResourceKind(kind: object["kind"]?.text ?? "", apiVersion: object["apiVersion"]?.text ?? "")
    }

    /// Evaluates the review.
    func decision() throws -> Decision {
        let context = try context()
        return try read { Evaluator(context.settings, rules: rules).decision(on: $0, in: context) }
    }

    /// Returns the result of `/mutate`.
    func mutation() throws -> Mutation {
        let context = try context()
        return try read { Evaluator(context.settings, rules: rules).mutation(of: $0, in: context) }
    }

    private func read<Result>(_ body: (AdmissionReview) -> Result) throws -> Result {
        try Document().read(review.span, AdmissionReview.options) { root in
            Swift.Result { body(try AdmissionReview(root)) }
        }.get()
    }

    /// Returns an update of the object to `object`.
    func updated(to object: Literal) -> World {
        var world = self
        world.before = self.object
        world.object = object
        world.operation = "UPDATE"
        return world
    }
}

extension World {
    /// Creates the review and context of an example.
    init(_ example: Example) throws {
        self.init(try World.object(example.yaml, example.request))
        settings = example.settings
        relatedObjects = try example.relatedObjects.map { try Literal.all(yaml: $0) }
        without = example.without
        if let text = example.before {
            before = try World.object(text, example.request)
            operation = "UPDATE"
        }
        switch example.request {
        case .apply: break
        case .scale: (operation, subresource) = ("UPDATE", "scale")
        case .debug:
            (operation, subresource) = ("UPDATE", "ephemeralcontainers")
            before = before ?? World.pod
        case .resize: (operation, subresource) = ("UPDATE", "resize")
        case .token: subresource = "token"
        case .delete:
            operation = "DELETE"
            before = object
        case .by(let name):
            user = name
            groups = []
        }
    }

    /// Returns the complete object of an example's text.
    static func object(_ yaml: String, _ request: Example.Request) throws -> Literal {
        let text = try Literal(yaml: yaml)
        if yaml.hasPrefix("apiVersion:") {
            let containers = containers(in: text)
            return containers.members.isEmpty ? text : containers.merging(text)
        }
        let isWhole = text["spec"] != nil || text["metadata"] != nil
        let (base, fragment): (Literal, Literal) =
            switch request {
            case .scale: (scale, text)
            case .debug, .resize: (pod, isWhole ? text : ["spec": text])
            default: (deployment, isWhole ? text : ["spec": ["template": ["spec": text]]])
            }
        return base.merging(containers(in: fragment)).merging(fragment)
    }

    /// Returns a complete container for each container name in an object, at the same path, without the object's other fields.
    private static func containers(in object: Literal) -> Literal {
        .object(
            object.members.compactMap { member in
                let found: Literal =
                    switch member.key {
                    case "spec", "template", "jobTemplate": containers(in: member.value)
                    case "containers", "initContainers", "ephemeralContainers":
                        .array(member.value.elements.map { completeContainer($0, in: member.key) })
                    default: [:]
                    }
                return found == [:] ? nil : .init(member.key, found)
            })
    }

    /// Returns the container of ``podSpec`` with another name, without fields that Kubernetes rejects in the list.
    private static func completeContainer(_ container: Literal, in list: String) -> Literal {
        var refused = list == "ephemeralContainers" ? ["ports", "resources"] : []
        if list != "containers", container["restartPolicy"] != "Always" {
            refused += ["livenessProbe", "readinessProbe"]
        }
        let members = podSpec["containers"]?.elements.first?.members ?? []
        return .object(members.filter { !refused.contains($0.key) }).merging(["name": container["name"] ?? nil])
    }

    /// A pod spec without violations.
    static let podSpec = fragment(
        """
        terminationGracePeriodSeconds: 30
        securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001}
        topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: topology.kubernetes.io/zone
          whenUnsatisfiable: ScheduleAnyway
          labelSelector: {matchLabels: {app: web}}
        containers:
        - name: app
          image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1.4.2-9f3c1ab
          ports: [{name: http, containerPort: 8080}]
          resources: {requests: {cpu: 100m, memory: 256Mi}, limits: {memory: 256Mi}}
          livenessProbe: {httpGet: {path: /livez, port: http}}
          readinessProbe: {httpGet: {path: /readyz, port: http}}
          securityContext: {allowPrivilegeEscalation: false}
        """)

    private static func fragment(_ yaml: String) -> Literal {
        do {
            return try Literal(yaml: yaml)
        } catch {
            Issue.record(error)
            return .null
        }
    }

    /// A Deployment without violations.
    static let deployment: Literal = [
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": ["name": "web", "namespace": "shop", "labels": ["app": "web"]],
        "spec": [
            "replicas": 3, "selector": ["matchLabels": ["app": "web"]],
            "template": ["metadata": ["labels": ["app": "web"]], "spec": podSpec],
        ],
    ]

    /// A running Pod without violations.
    static let pod: Literal = [
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": ["name": "web-1", "namespace": "shop", "labels": ["app": "web"]],
        "spec": podSpec,
    ]

    /// The Scale of the Deployment.
    static let scale: Literal = [
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": ["name": "web", "namespace": "shop"],
        "spec": ["replicas": 3],
    ]
}
