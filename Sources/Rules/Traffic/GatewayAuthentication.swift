import Evaluation
import JSON
import Kubernetes

/// Authentication of an HTTPRoute outside of its filters: a policy of its Gateway, or a Kong plugin.
struct GatewayAuthentication {
    /// True if a policy or plugin authenticates requests.
    private(set) var asks = false
    /// The objects that are unknown, if one of them may authenticate requests.
    private(set) var unknown: String?

    /// The names and namespaces of the Gateways that the route is attached to.
    private var gateways: [(name: String, namespace: String)] = []
    private let subject: Subject
    private let context: Context

    init(of subject: Subject, _ context: Context) throws(CannotJudge) {
        self.subject = subject
        self.context = context
        try readPlugins()
        var controllers: [String] = []
        for parent in try subject.field("spec")["parentRefs"].objects() where gateways.count < 64 {
            guard let name = try parent["name"].string() else { continue }
            let namespace = try parent["namespace"].string() ?? subject.namespace
            gateways.append((name, namespace))
            guard let gatewayClass = gatewayClass(of: name, in: namespace) else { continue }
            do throws(CannotJudge) {
                let found = try context.relatedObjects.object(.gatewayClass, named: gatewayClass, in: "default")
                if let controller = found?[.controller] { controllers.append(controller) }
            } catch {
                unknown = unknown ?? ResourceKind.gatewayClass.pluralName
            }
        }
        for kind: ResourceKind in [.securityPolicy, .authorizationPolicy, .requestAuthentication] where !asks {
            read(kind, isNeeded: controllers.contains { GatewayAuthentication.has(kind, $0) })
        }
        let others = controllers.first { controller in
            !GatewayAuthentication.known.contains { controller.hasPrefix($0) }
        }
        if let others { unknown = unknown ?? "the policies of \(others)" }
    }

    /// The controllers whose authentication policies are read.
    private static let known = ["traefik.io/", "gateway.envoyproxy.io/", "istio.io/", "konghq.com/"]

    private static func has(_ kind: ResourceKind, _ controller: String) -> Bool {
        controller.hasPrefix(kind == .securityPolicy ? "gateway.envoyproxy.io/" : "istio.io/")
    }

    private func gatewayClass(of gateway: String, in namespace: String) -> String? {
        (try? context.relatedObjects.object(.gateway, named: gateway, in: namespace))?[.gatewayClass]
    }

    /// Reads the names of Kong plugins from the route's annotation; only a plugin's name shows that it authenticates.
    private mutating func readPlugins() throws(CannotJudge) {
        guard let plugins = try subject.field("metadata")["annotations"]["konghq.com/plugins"].filledText() else {
            return
        }
        if plugins.contentLength <= 4096, Middlewares.saysAuthentication(plugins.text) { asks = true }
        unknown = "the Kong plugins \(plugins.text)"
    }

    /// Looks for a policy of a kind in the namespaces of the route and its Gateways.
    private mutating func read(_ kind: ResourceKind, isNeeded: Bool) {
        let namespaces = Set(gateways.map(\.namespace) + [subject.namespace]).sorted()
        for namespace in namespaces {
            do throws(CannotJudge) {
                let policies = try context.relatedObjects.objects(kind, in: namespace)
                if policies.contains(where: { $0[.asks] == true && selects($0, in: namespace) }) { asks = true }
            } catch {
                if isNeeded { unknown = unknown ?? kind.pluralName }
            }
        }
    }

    private func selects(_ policy: RelatedObject, in namespace: String) -> Bool {
        let here = gateways.filter { $0.namespace == namespace }.map(\.name)
        for target in policy[.targets] ?? [] {
            let (kind, name) = (target["kind"]?.text, target["name"]?.text ?? "")
            if kind == "HTTPRoute", namespace == subject.namespace, name == subject.name { return true }
            if kind == "Gateway", here.contains(name) { return true }
        }
        for labels in policy[.selected] ?? [] {
            // Istio adds this label to the pods of a Gateway.
            if let name = labels["gateway.networking.k8s.io/gateway-name"]?.text, here.contains(name) { return true }
            // Envoy Gateway's selectors select routes.
            let own = subject.metadata.labels
            if namespace == subject.namespace, !labels.members.isEmpty,
                labels.members.allSatisfy({ own[$0.key] == $0.value.text })
            {
                return true
            }
        }
        return policy[.isForAll] == true && !here.isEmpty
    }

    /// Reads a policy: whether it authenticates requests, and its targets.
    fileprivate static func read(
        _ object: Value, _ fields: inout RelatedFields, asks: (Field) throws(CannotJudge) -> Bool
    ) throws(CannotJudge) {
        guard let spec = try Field(object)["spec"].present else { return }
        fields[.asks] = try asks(spec)
        var targets: [Literal] = []
        if let target = try spec["targetRef"].present { targets.append(Literal(target.base)) }
        for target in try spec["targetRefs"].objects() { targets.append(Literal(target.base)) }
        var selected: [Literal] = []
        if let labels = try spec["selector"]["matchLabels"].present { selected.append(Literal(labels.base)) }
        for selector in try spec["targetSelectors"].objects() {
            if let labels = try selector["matchLabels"].present { selected.append(Literal(labels.base)) }
        }
        fields[.targets] = targets
        fields[.selected] = selected
        // An Istio policy without targets and selector applies to the whole namespace.
        fields[.isForAll] = targets.isEmpty && selected.isEmpty
    }

    /// Envoy Gateway's SecurityPolicy.
    fileprivate static func authenticates(_ spec: Field) throws(CannotJudge) -> Bool {
        for way: StaticString in ["basicAuth", "oidc", "extAuth", "apiKeyAuth"] where try spec[way].isPresent {
            return true
        }
        if let token = try spec["jwt"].present { return try token["optional"].boolean() != true }
        return try spec["authorization"]["defaultAction"].equals("Deny")
    }

    /// Istio's AuthorizationPolicy: it delegates, allows only authenticated requests, or denies requests without a token.
    fileprivate static func authorizes(_ spec: Field) throws(CannotJudge) -> Bool {
        let rules = try spec["rules"]
        switch try spec["action"].string() ?? "ALLOW" {
        case "CUSTOM": return true
        case "ALLOW":
            // ALLOW without rules allows no request.
            for rule in try rules.objects() where try !asks(rule) { return false }
            return true
        case "DENY":
            for rule in try rules.objects() where try deniesStrangers(rule) { return true }
            return false
        default: return false
        }
    }

    /// Returns true if an ALLOW rule allows only authenticated requests: by each of its sources, or by a claim.
    private static func asks(_ rule: Field) throws(CannotJudge) -> Bool {
        for condition in try rule["when"].objects() {
            let key = try condition["key"].string() ?? ""
            if key.hasPrefix("request.auth."), try condition["values"].hasElements() { return true }
        }
        let sources = try rule["from"]
        for entry in try sources.objects() {
            let source = try entry["source"]
            if try source["principals"].hasElements() { continue }
            guard try source["requestPrincipals"].hasElements() else { return false }
        }
        return try sources.hasElements()
    }

    /// Returns true if a DENY rule denies every request without a token, as Istio's documentation describes.
    private static func deniesStrangers(_ rule: Field) throws(CannotJudge) -> Bool {
        guard try !rule["when"].hasElements() else { return false }
        for entry in try rule["from"].objects() {
            let source = try entry["source"]
            // Other fields of a source restrict it.
            let others = source.base.members.contains { !$0.key.equals("notRequestPrincipals") }
            if others { continue }
            for name in try source["notRequestPrincipals"].strings() where name.base.equals("*") { return true }
        }
        return false
    }
}

extension Field {
    fileprivate func hasElements() throws(CannotJudge) -> Bool { try !elements().isEmpty }
}

extension RelatedKind {
    static let securityPolicy = RelatedKind(.securityPolicy) { (object, fields) throws(CannotJudge) in
        try GatewayAuthentication.read(object, &fields, asks: GatewayAuthentication.authenticates)
    }
    static let authorizationPolicy = RelatedKind(.authorizationPolicy) { (object, fields) throws(CannotJudge) in
        try GatewayAuthentication.read(object, &fields, asks: GatewayAuthentication.authorizes)
    }
    static let requestAuthentication = RelatedKind(.requestAuthentication) { (object, fields) throws(CannotJudge) in
        try GatewayAuthentication.read(object, &fields) { (spec) throws(CannotJudge) in
            try spec["jwtRules"].isPresent
        }
    }
}

extension RelatedField<Bool> {
    fileprivate static let asks = Self("asks")
    fileprivate static let isForAll = Self("all")
}

extension RelatedField<[Literal]> {
    fileprivate static let targets = Self("targets")
    fileprivate static let selected = Self("selected")
}
