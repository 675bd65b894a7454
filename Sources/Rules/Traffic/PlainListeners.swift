import Evaluation
import JSON
import Kubernetes

/// Gateway API listeners without TLS, and the routes that are attached to them.
enum PlainListeners {
    /// Returns true if a listener uses HTTP.
    static func isPlain(_ listener: Field) throws(CannotEvaluate) -> Bool {
        try listener["protocol"].string()?.lowercased() == "http"
    }

    /// The ports of protocols over TLS: HTTPS, SMTPS, LDAPS, IMAPS, POP3S, AMQPS, MQTT over TLS.
    private static let portsOfTLS = [443, 8443, 465, 636, 993, 995, 5671, 8883]

    /// Returns true if a TCP listener has a port that is not for TLS.
    static func isOpenTCP(_ listener: Field) throws(CannotEvaluate) -> Bool {
        guard try listener["protocol"].equals("TCP"), let port = try listener["port"].integer() else { return false }
        return !portsOfTLS.contains(port)
    }

    /// Reads the listeners without TLS of a Gateway or a ListenerSet.
    fileprivate static func read(_ object: Value, _ fields: inout RelatedFields) throws(CannotEvaluate) {
        var listeners: [Literal] = []
        guard let spec = try Field(object)["spec"].present else { return }
        for listener in try spec["listeners"].objects() where try isPlain(listener) {
            var members = [Literal.Member("name", .string(try listener["name"].string() ?? ""))]
            if let port = try listener["port"].integer() { members.append(.init("port", .number(String(port)))) }
            listeners.append(.object(members))
        }
        fields[.listeners] = listeners
        fields[.gatewayClass] = try spec["gatewayClassName"].string()
    }

    /// Reads an HTTPRoute: its parents, and whether it only redirects.
    fileprivate static func readRoute(_ object: Value, _ fields: inout RelatedFields) throws(CannotEvaluate) {
        guard let spec = try Field(object)["spec"].present else { return }
        var parents: [Literal] = []
        for parent in try spec["parentRefs"].objects() { parents.append(Literal(parent.base)) }
        fields[.parents] = parents
        fields[.redirects] = try redirects(spec)
    }

    /// Returns true if each rule of an HTTPRoute redirects to HTTPS or answers ACME challenges.
    static func redirects(_ spec: Field) throws(CannotEvaluate) -> Bool {
        var rules = 0
        for rule in try spec["rules"].objects() {
            var redirects = try isChallenge(rule)
            for filter in try rule["filters"].objects() {
                if try filter["requestRedirect"]["scheme"].equals("https") { redirects = true }
            }
            guard redirects else { return false }
            rules += 1
        }
        return rules > 0
    }

    /// Returns true if a rule answers only ACME challenges, which use HTTP (RFC 8555, 8.3).
    private static func isChallenge(_ rule: Field) throws(CannotEvaluate) -> Bool {
        var matches = 0
        for match in try rule["matches"].objects() {
            let path = try match["path"]
            guard try !path["type"].equals("RegularExpression"), try path["value"].text()?.isChallengePath ?? false
            else { return false }
            matches += 1
        }
        return matches > 0
    }

    /// Returns true if a parent reference of a route in the same namespace names a Gateway or ListenerSet.
    static func names(_ parent: Literal, _ holder: Subject) -> Bool {
        parent["kind"]?.text ?? "Gateway" == "\(holder.kind.name)" && parent["name"]?.text == holder.name
            && parent["namespace"]?.text ?? holder.namespace == holder.namespace
    }

    /// Returns true if a parent reference to a Gateway or ListenerSet includes the listener.
    static func takes(_ parent: Literal, section: String, port: Int?) -> Bool {
        takes(parent, section: section, port: port.map { .number(String($0)) })
    }

    private static func takes(_ parent: Literal, section: String, port: Literal?) -> Bool {
        if let wanted = parent["sectionName"]?.text, wanted != section { return false }
        if let wanted = parent["port"], wanted != .null, wanted != port { return false }
        return true
    }

    /// The first listener without TLS that a parent reference includes.
    static func first(of parent: Field, from subject: Subject, _ context: Context) throws(CannotEvaluate) -> String? {
        guard let name = try parent["name"].string(), let kind = try parentKind(of: parent) else { return nil }
        let namespace = try parent["namespace"].string() ?? subject.namespace
        guard let holder = try context.relatedObjects.object(kind, named: name, in: namespace) else { return nil }
        let reference = Literal(parent.base)
        return holder[.listeners]?
            .first { takes(reference, section: $0["name"]?.text ?? "", port: $0["port"]) }?["name"]?.text
    }

    /// The kind that a parent reference names; nil for kinds without listeners.
    private static func parentKind(of parent: Field) throws(CannotEvaluate) -> ResourceKind? {
        let (group, name) = (try parent["group"].text(), try parent["kind"].text())
        for kind: ResourceKind in [.gateway, .listenerSet, .experimentalListenerSet] {
            let isOfGroup = group?.equals(kind.group) ?? (kind != .experimentalListenerSet)
            if isOfGroup, name?.equals(kind.name) ?? (kind == .gateway) { return kind }
        }
        return nil
    }
}

extension RelatedKind {
    static let gateway = RelatedKind(.gateway, read: PlainListeners.read)
    static let listenerSet = RelatedKind(.listenerSet, read: PlainListeners.read)
    static let experimentalListenerSet = RelatedKind(.experimentalListenerSet, read: PlainListeners.read)
    static let httpRoute = RelatedKind(.httpRoute, read: PlainListeners.readRoute)
}

extension RelatedField<[Literal]> {
    fileprivate static let listeners = Self("listeners")
    static let parents = Self("parents")
}

extension RelatedField<String> {
    static let gatewayClass = Self("class")
}

extension RelatedField<Bool> {
    static let redirects = Self("redirects")
}

extension Value {
    /// True if a path prefix is the one for ACME challenges or below it.
    fileprivate var isChallengePath: Bool {
        equals("/.well-known/acme-challenge") || hasPrefix("/.well-known/acme-challenge/")
    }
}
