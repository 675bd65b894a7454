import JSON
import Kubernetes

/// A host name as an object has it, and where.
struct HostName {
    /// The name as written.
    let text: String
    /// The value that it is, or stands in.
    let place: Pointer
    /// That whole value.
    let whole: String

    /// The same value with another name in the place of this one, wherever it stands in it as a whole.
    func replaced(by other: String) -> String {
        let (bytes, name) = (Array(whole.utf8), Array(text.utf8))
        var result: [UInt8] = []
        var at = 0
        while at < bytes.count {
            let end = at + name.count
            let isHere =
                end <= bytes.count && bytes[at..<end].elementsEqual(name)
                && (at == 0 || !HostName.continues(bytes[at - 1]))
                && (end == bytes.count || !HostName.continues(bytes[end]))
            result += isHere ? Array(other.utf8) : [bytes[at]]
            at = isHere ? end : at + 1
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Whether a byte beside a name would make it another one.
    private static func continues(_ byte: UInt8) -> Bool {
        (byte | 32) &- 97 < 26 || byte &- 48 <= 9 || byte >= 0x80 || [0x2A, 0x2D, 0x2E, 0x5F].contains(byte)
    }
}

/// What an object's hosts are, as far as it names them.
struct HostNames {
    /// The names.
    private(set) var names: [HostName] = []
    /// Expressions that stand for names (Traefik's `HostRegexp`).
    private(set) var expressions: [HostName] = []
    /// Rules that are not understood.
    private(set) var unreadable: [HostName] = []

    static let kinds = ResourceKinds(
        .service, .ingress, .legacyIngress, .gateway, .listenerSet, .experimentalListenerSet, .httpRoute, .grpcRoute,
        .tlsRoute, .ingressRoute, .ingressRouteTCP, .dnsEndpoint)

    init(of subject: Subject) throws(CannotJudge) {
        try addAnnotations(subject.metadata.value?.object("annotations"))
        guard !subject.changesOnlyMetadata, let spec = try subject.spec() else { return }
        switch subject.kind {
        case .httpRoute, .grpcRoute, .tlsRoute:
            guard let hosts = try spec.strings("hostnames") else { break }
            for (index, name) in hosts.elements.enumerated() { add(name, at: "/spec/hostnames" / String(index)) }
        case .gateway, .listenerSet, .experimentalListenerSet:
            for (index, listener) in try spec.objects("listeners").enumerated() {
                guard let name = try listener.text("hostname") else { continue }
                add(name, at: "/spec/listeners" / String(index) / "hostname")
            }
        case .ingressRoute, .ingressRouteTCP:
            for (index, route) in try spec.objects("routes").enumerated() {
                guard let rule = try route.string("match") else { continue }
                addRule(rule, at: "/spec/routes" / String(index) / "match")
            }
        case .dnsEndpoint:
            for (index, endpoint) in try spec.objects("endpoints").enumerated() {
                // A reverse record's name is an address.
                guard let name = try endpoint.text("dnsName"), try endpoint.text("recordType")?.equals("PTR") != true
                else {
                    continue
                }
                add(name, at: "/spec/endpoints" / String(index) / "dnsName")
            }
        // Of these only external-dns asks for names, by annotations.
        default: break
        }
    }

    private mutating func add(_ name: Value, at place: Pointer) {
        guard name.contentLength > 0 else { return }
        names.append(HostName(text: name.text, place: place, whole: name.text))
    }

    private mutating func addAnnotations(_ annotations: Value?) throws(CannotJudge) {
        for key in ["external-dns.alpha.kubernetes.io/hostname", "external-dns.alpha.kubernetes.io/internal-hostname"] {
            guard let value = annotations?[name: key]?.string else { continue }
            for name in commaSeparated(value) {
                names.append(HostName(text: name, place: "/metadata/annotations" / key, whole: value))
            }
        }
    }

    private mutating func addRule(_ text: String, at place: Pointer) {
        guard let rule = TraefikRule(text) else {
            unreadable.append(HostName(text: text, place: place, whole: text))
            return
        }
        var seen: Set<String> = []
        // `HostSNI(*)` is said of every connection, whatever name it asks for.
        for name in rule.matchers("host", "hostheader", "hostsni").flatMap(\.values)
        where name != "*" && !name.isEmpty && seen.insert(name).inserted {
            names.append(HostName(text: name, place: place, whole: text))
        }
        for expression in rule.matchers("hostregexp", "hostsniregexp").flatMap(\.values) {
            expressions.append(HostName(text: expression, place: place, whole: text))
        }
    }
}
