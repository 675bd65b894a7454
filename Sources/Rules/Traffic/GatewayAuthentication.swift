import Evaluation
import JSON
import Kubernetes

/// Authentication of an HTTPRoute outside of its filters: policies of its Gateways, or Kong plugins.
struct GatewayAuthentication {
    /// The protection of a route's requests.
    enum Answer {
        /// Each Gateway authenticates the requests.
        case required
        /// A Gateway forwards requests without authentication.
        case missing
        /// It depends on objects that are unknown.
        case unknown(String)
    }

    /// A Gateway that the route is attached to.
    private struct Parent {
        let name: String
        let namespace: String
        /// The name of the listener; nil for all.
        let section: String?
        let labels: Labels
        /// The product that implements it; nil if it has no class.
        let product: Product?
        /// The objects that are unknown, so that it has no answer.
        let unknown: String?
    }

    /// A product whose policies are read.
    private enum Product: String, CaseIterable {
        case traefik = "traefik.io/"
        case envoy = "gateway.envoyproxy.io/"
        case istio = "istio.io/"
        case kong = "konghq.com/"
    }

    private struct PolicyPlace: Hashable {
        let kind: ResourceKind
        let namespace: String
    }

    private let subject: Subject
    private let context: Context
    private var parents: [Parent] = []
    /// The policies that have been read; nil if they are unknown.
    private var policies: [PolicyPlace: [RelatedObject]?] = [:]

    init(of subject: Subject, _ context: Context) throws(CannotEvaluate) {
        self.subject = subject
        self.context = context
        for reference in try subject.field("spec")["parentRefs"].objects() {
            guard let parent = try parent(reference) else { continue }
            let isKnown = parents.contains {
                ($0.name, $0.namespace, $0.section) == (parent.name, parent.namespace, parent.section)
            }
            if !isKnown { parents.append(parent) }
            // The Gateway API allows 32.
            if parents.count == 64 { break }
        }
        // All policies are read at once, so that a server asks the API server only once.
        read(.securityPolicy, of: .envoy, in: subject.namespace)
        for parent in parents {
            read(.securityPolicy, of: .envoy, in: parent.namespace)
            read(.authorizationPolicy, of: .istio, in: parent.namespace)
            read(.requestAuthentication, of: .istio, in: parent.namespace)
        }
    }

    private func parent(_ reference: Field) throws(CannotEvaluate) -> Parent? {
        guard let name = try reference["name"].string() else { return nil }
        let namespace = try reference["namespace"].string() ?? subject.namespace
        let section = try reference["sectionName"].string()
        func parent(_ product: Product? = nil, _ labels: Labels = .none, unknown: String? = nil) -> Parent {
            Parent(
                name: name, namespace: namespace, section: section, labels: labels, product: product, unknown: unknown)
        }
        let kind = try reference["kind"].string() ?? "Gateway"
        guard kind == "Gateway" else { return parent(unknown: "the \(kind) \(name)") }
        do throws(CannotEvaluate) {
            let related = context.relatedObjects
            guard let gateway = try related.object(.gateway, named: name, in: namespace) else { return parent() }
            let labels = Labels(gateway.labels)
            let className = gateway[.gatewayClass] ?? ""
            guard let known = try related.object(.gatewayClass, named: className, in: "default"),
                let controller = known[.controller]
            else { return parent(nil, labels) }
            guard let product = Product.allCases.first(where: { controller.hasPrefix($0.rawValue) }) else {
                return parent(unknown: "the policies of \(controller)")
            }
            return parent(product, labels)
        } catch {
            guard case .unknown(let objects) = error else { throw error }
            return parent(unknown: objects)
        }
    }

    /// Reads the policies of a kind in a namespace if a parent can have them.
    private mutating func read(_ kind: ResourceKind, of product: Product, in namespace: String) {
        let place = PolicyPlace(kind: kind, namespace: namespace)
        let isRead = parents.isEmpty || parents.contains { $0.product == nil || $0.product == product }
        guard isRead, policies[place] == nil else { return }
        let found = try? context.relatedObjects.objects(kind, in: namespace).filter { $0[.targets] != nil }
        policies[place] = .some(found)
    }

    /// Returns whether the requests of a rule are authenticated.
    ///
    /// - Parameters:
    ///   - requests: The requests of the rule that need authentication.
    ///   - rule: The rule's name; nil if it has none.
    ///   - step: Called with each number of comparisons.
    /// - Returns: The protection of the requests.
    /// - Throws: The errors of `step`, and fields of the wrong type.
    func answer(
        for requests: RouteRequests, of rule: String?, _ step: (Int) throws(CannotEvaluate) -> Void
    ) throws(CannotEvaluate) -> Answer {
        guard !parents.isEmpty else { return try answer(nil, requests, rule, step) }
        var unknown: String?
        for parent in parents {
            try step(1)
            switch try answer(parent, requests, rule, step) {
            case .required: continue
            case .missing: return .missing
            case .unknown(let objects): unknown = unknown ?? objects
            }
        }
        return unknown.map { .unknown($0) } ?? .required
    }

    private func answer(
        _ parent: Parent?, _ requests: RouteRequests, _ rule: String?, _ step: (Int) throws(CannotEvaluate) -> Void
    ) throws(CannotEvaluate) -> Answer {
        if let unknown = parent?.unknown { return .unknown(unknown) }
        let product = parent?.product
        var unknown: String?
        if product == nil || product == .kong, let plugins = try plugins() {
            if plugins.asks { return .required }
            unknown = "the Kong plugins \(plugins.names)"
        }
        if product == nil || product == .envoy {
            switch try envoyAnswer(parent, rule, step) {
            case .required: return .required
            case .unknown(let objects) where product == .envoy: unknown = unknown ?? objects
            case .missing, .unknown: break
            }
        }
        if product == nil || product == .istio, let parent {
            switch try istioAnswer(parent, requests, step) {
            case .required: return .required
            case .unknown(let objects) where product == .istio: unknown = unknown ?? objects
            case .missing, .unknown: break
            }
        }
        return unknown.map { .unknown($0) } ?? .missing
    }

    private func policies(_ kind: ResourceKind, in namespace: String) -> [RelatedObject]? {
        policies[PolicyPlace(kind: kind, namespace: namespace)] ?? nil
    }

    /// Reads the names of Kong plugins from the route's annotation; only a plugin's name shows that it authenticates.
    private func plugins() throws(CannotEvaluate) -> (names: String, asks: Bool)? {
        guard let plugins = try subject.field("metadata")["annotations"]["konghq.com/plugins"].filledText() else {
            return nil
        }
        return (plugins.text, plugins.contentLength <= 4096 && Middlewares.saysAuthentication(plugins.text))
    }

    // MARK: Envoy Gateway

    /// Evaluates the SecurityPolicies of the most specific target: the rule, the route, the listener, or the Gateway.
    ///
    /// A policy replaces those of less specific targets unless it is merged with them.
    private func envoyAnswer(
        _ parent: Parent?, _ rule: String?, _ step: (Int) throws(CannotEvaluate) -> Void
    ) throws(CannotEvaluate) -> Answer {
        let route = PolicyTarget(kind: "HTTPRoute", name: subject.name, section: rule, labels: subject.metadata.labels)
        var targets = [(route, subject.namespace)]
        if let parent {
            let gateway = PolicyTarget(
                kind: "Gateway", name: parent.name, section: parent.section, labels: parent.labels)
            targets.append((gateway, parent.namespace))
        }
        for (target, namespace) in targets {
            guard let policies = policies(.securityPolicy, in: namespace) else {
                return .unknown(ResourceKind.securityPolicy.pluralName)
            }
            // A policy for a listener replaces that of the Gateway, and the route can be attached to each listener.
            if target.kind == "Gateway", target.section == nil,
                policies.contains(where: { $0[.asks] != true && $0[.merges] != true && $0.selectsSection(of: target) })
            {
                return .missing
            }
            for isSection in [true, false] {
                var (isTargeted, isMerged) = (false, false)
                for policy in policies {
                    try step(1)
                    guard policy.selects(target, isSection: isSection) else { continue }
                    if policy[.asks] == true { return .required }
                    isTargeted = true
                    isMerged = isMerged || policy[.merges] == true
                }
                if isTargeted, !isMerged { return .missing }
            }
        }
        return .missing
    }

    // MARK: Istio

    /// Evaluates the policies for the pods of a Gateway.
    ///
    /// A request is denied if a DENY policy matches it, or if there are ALLOW policies and none of them matches it.
    private func istioAnswer(
        _ parent: Parent, _ requests: RouteRequests, _ step: (Int) throws(CannotEvaluate) -> Void
    ) throws(CannotEvaluate) -> Answer {
        var unknown: String?
        var (hasAllowing, isAllowed) = (false, false)
        for kind in [ResourceKind.authorizationPolicy, .requestAuthentication] {
            guard let policies = policies(kind, in: parent.namespace) else {
                unknown = unknown ?? kind.pluralName
                continue
            }
            for policy in policies {
                try step(1)
                guard policy.selectsPods(of: parent.name) else { continue }
                if policy[.asks] == true { return .required }
                guard let operations = policy[.operations] else { continue }
                let texts = operations.reduce(1) { $0 + 1 + PolicyOperations($1).count }
                try step(texts * (requests.hosts.count + requests.matches.count))
                if policy[.isAllowing] == true {
                    hasAllowing = true
                    isAllowed = isAllowed || operations.contains { PolicyOperations($0).mayMatch(requests) }
                } else if requests.areCovered(by: operations.map { PolicyOperations($0) }) {
                    return .required
                }
            }
        }
        if hasAllowing, !isAllowed { return .required }
        return unknown.map { .unknown($0) } ?? .missing
    }
}

// MARK: Targets

/// A route or Gateway that a policy can target, with the name of its rule or listener.
private struct PolicyTarget {
    let kind: String
    let name: String?
    let section: String?
    let labels: Labels
}

extension RelatedObject {
    /// True if a policy names a target or selects it by its labels.
    ///
    /// - Parameters:
    ///   - wanted: The target.
    ///   - isSection: True for policies of the target's section, false for those of the whole target.
    /// - Returns: True if the policy targets it.
    fileprivate func selects(_ wanted: PolicyTarget, isSection: Bool) -> Bool {
        for target in self[.targets] ?? [] {
            guard target["kind"]?.text == wanted.kind, target["group"]?.text ?? gatewayAPI == gatewayAPI else {
                continue
            }
            if let selector = target["selector"] {
                if !isSection, LabelSelector(selector).matches(wanted.labels) { return true }
                continue
            }
            let section = target["sectionName"]?.text
            guard target["name"]?.text == wanted.name, (section != nil) == isSection else { continue }
            if section == nil || section == wanted.section { return true }
        }
        return false
    }

    /// True if a policy names a section of a target.
    fileprivate func selectsSection(of wanted: PolicyTarget) -> Bool {
        (self[.targets] ?? []).contains { target in
            target["kind"]?.text == wanted.kind && target["group"]?.text ?? gatewayAPI == gatewayAPI
                && target["name"]?.text == wanted.name && target["sectionName"]?.text != nil
        }
    }

    /// True if an Istio policy applies to the pods of a Gateway in its namespace.
    fileprivate func selectsPods(of gateway: String) -> Bool {
        if self[.isForAll] == true { return true }
        // Istio adds this label to the pods of a Gateway.
        if self[.selected]?["gateway.networking.k8s.io/gateway-name"]?.text == gateway { return true }
        return selects(
            PolicyTarget(kind: "Gateway", name: gateway, section: nil, labels: .none), isSection: false)
    }
}

private let gatewayAPI = "gateway.networking.k8s.io"

/// Reads the targets of a policy: references, selectors as `selector`, and the labels of Istio's pods.
private func readTargets(_ spec: Field, _ fields: inout RelatedFields) throws(CannotEvaluate) {
    var targets: [Literal] = []
    if let target = try spec["targetRef"].present { targets.append(Literal(target.base)) }
    for target in try spec["targetRefs"].objects() { targets.append(Literal(target.base)) }
    for entry in try spec["targetSelectors"].objects() {
        var members: [Literal.Member] = [.init("selector", try LabelSelector(entry.base).literal)]
        for key: StaticString in ["group", "kind"] {
            if let text = try entry[key].string() { members.append(.init("\(key)", .string(text))) }
        }
        targets.append(.object(members))
    }
    fields[.targets] = targets
    let labels = try spec["selector"]["matchLabels"].present
    fields[.selected] = labels.map { Literal($0.base) }
    // An Istio policy without targets and selector applies to the whole namespace.
    fields[.isForAll] = targets.isEmpty && labels == nil
}

// MARK: Policies

/// Returns true if a SecurityPolicy of Envoy Gateway authenticates requests.
private func authenticates(_ spec: Field) throws(CannotEvaluate) -> Bool {
    for way: StaticString in ["basicAuth", "oidc", "extAuth", "apiKeyAuth"] where try spec[way].isPresent {
        return true
    }
    if let token = try spec["jwt"].present { return try token["optional"].boolean() != true }
    // Rules can allow requests without authentication, such as those from an address.
    let authorization = try spec["authorization"]
    if try authorization["rules"].hasElements() { return false }
    return try authorization["defaultAction"].equals("Deny")
}

/// Reads the rules of an AuthorizationPolicy of Istio that decide about requests without authentication.
///
/// Each of them is stored as its operations; none means all requests. A policy without rules matches no request.
private func readAuthorization(_ spec: Field, _ fields: inout RelatedFields) throws(CannotEvaluate) {
    let action = try spec["action"].string() ?? "ALLOW"
    var operations: [Literal] = []
    for rule in try spec["rules"].objects() {
        guard try decides(rule, action) else { continue }
        var entries: [Literal] = []
        for entry in try rule["to"].objects() {
            let operation = try entry["operation"].present
            entries.append(operation.map { Literal($0.base) } ?? [:])
        }
        operations.append(.array(entries))
    }
    fields[.isAllowing] = action == "ALLOW"
    fields[.operations] = operations
}

/// Returns true if a rule allows, denies or delegates requests without authentication.
private func decides(_ rule: Field, _ action: String) throws(CannotEvaluate) -> Bool {
    switch action {
    case "ALLOW": return try !asks(rule)
    case "DENY": return try deniesStrangers(rule)
    case "CUSTOM":
        if try rule["from"].hasElements() { return false }
        return try !rule["when"].hasElements()
    default: return false
    }
}

/// Returns true if an ALLOW rule allows only authenticated requests: by each of its sources, or by a claim.
private func asks(_ rule: Field) throws(CannotEvaluate) -> Bool {
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
private func deniesStrangers(_ rule: Field) throws(CannotEvaluate) -> Bool {
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

extension Field {
    fileprivate func hasElements() throws(CannotEvaluate) -> Bool { try !elements().isEmpty }
}

extension RelatedKind {
    static let securityPolicy = RelatedKind(.securityPolicy) { (object, fields) throws(CannotEvaluate) in
        guard let spec = try Field(object)["spec"].present else { return }
        try readTargets(spec, &fields)
        fields[.asks] = try authenticates(spec)
        fields[.merges] = try spec["mergeType"].isPresent
    }
    static let authorizationPolicy = RelatedKind(.authorizationPolicy) { (object, fields) throws(CannotEvaluate) in
        guard let spec = try Field(object)["spec"].present else { return }
        try readTargets(spec, &fields)
        try readAuthorization(spec, &fields)
    }
    static let requestAuthentication = RelatedKind(.requestAuthentication) { (object, fields) throws(CannotEvaluate) in
        guard let spec = try Field(object)["spec"].present else { return }
        try readTargets(spec, &fields)
        fields[.asks] = try spec["jwtRules"].hasElements()
    }
}

extension RelatedField<Bool> {
    fileprivate static let asks = Self("asks")
    fileprivate static let isForAll = Self("all")
    fileprivate static let isAllowing = Self("allowing")
    fileprivate static let merges = Self("merges")
}

extension RelatedField<[Literal]> {
    fileprivate static let targets = Self("targets")
    fileprivate static let operations = Self("operations")
}

extension RelatedField<Literal> {
    fileprivate static let selected = Self("selected")
}
