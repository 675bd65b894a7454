import Evaluation
import JSON
import Kubernetes
import Languages

/// A host name in an object.
struct HostName {
    /// The value that is, or contains, the name.
    let value: Value
    /// The name's part of the value; nil if the name is the whole value.
    private let part: ArraySlice<UInt8>?

    init(_ value: Value, part: ArraySlice<UInt8>? = nil) {
        self.value = value
        self.part = part
    }

    /// True if the name is a part of the value, which can contain more names.
    var isPart: Bool { part != nil }

    /// Calls `body` with the name as written.
    func withText<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        if let part { body(part.span) } else { value.withContents(body) }
    }

    /// The name as written.
    var text: String { part.map { String(decoding: $0, as: UTF8.self) } ?? value.text }

    /// Returns true if it is in one of these zones.
    func isWithin(_ zones: [DNSZone]) -> Bool {
        withText { text in
            for zone in zones where zone.allows(text) { return true }
            return false
        }
    }

    /// True if it is a cluster-internal name: without a dot, or of a Service.
    var isInternal: Bool {
        withText { text in
            !text.indices.contains { text[$0] == UInt8(ascii: ".") }
                || HostName.clusterZones.contains { $0.contains(text) }
        }
    }

    /// Returns true if it may be a Service in a route's namespace, as in `web.NAMESPACE`, which can also be a domain.
    func mayBeService(of subject: Subject) -> Bool {
        guard HostName.routes.contains(subject.kind) else { return false }
        return withText { text in
            text.indices.reduce(0) { $0 + (text[$1] == UInt8(ascii: ".") ? 1 : 0) } == 1
                && DomainName(subject.namespace).contains(text)
        }
    }

    private static let routes = ResourceKinds(
        .httpRoute, .grpcRoute, .tlsRoute, .ingressRoute, .ingressRouteTCP, .istioVirtualService)

    private static let clusterZones = [DomainName("svc"), DomainName("svc.cluster.local")]

    /// Returns the value with this name replaced by another one wherever it occurs as a whole name.
    func replaced(by other: String) -> String {
        guard let text = part else { return other }
        let bytes = value.contents
        var result: [UInt8] = []
        var at = 0
        while at < bytes.count {
            let end = at + text.count
            let isHere =
                end <= bytes.count && bytes[at..<end].elementsEqual(text)
                && (at == 0 || !HostName.continues(bytes[at - 1]))
                && (end == bytes.count || !HostName.continues(bytes[end]))
            result += isHere ? Array(other.utf8) : [bytes[at]]
            at = isHere ? end : at + 1
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Returns true if a byte next to a name would be part of the name.
    private static func continues(_ byte: UInt8) -> Bool {
        (byte | 32) &- 97 < 26 || byte &- 48 <= 9 || byte >= 0x80 || [0x2A, 0x2D, 0x2E, 0x5F].contains(byte)
    }
}

/// The host names in objects of all kinds that have them.
enum HostNames {
    /// The form in which an object names its hosts.
    enum Kind {
        /// A name.
        case name
        /// An expression for names (Traefik's `HostRegexp`).
        case expression
        /// A rule that cannot be parsed.
        case unreadable
    }

    static let kinds = ResourceKinds(
        .service, .ingress, .legacyIngress, .gateway, .listenerSet, .experimentalListenerSet, .httpRoute, .grpcRoute,
        .tlsRoute, .ingressRoute, .ingressRouteTCP, .dnsEndpoint, .acmCertificate, .cloudfrontDistribution,
        .certificate,
        .istioVirtualService, .istioGateway)

    /// Calls `body` with each host of an object.
    static func forEach(
        of subject: Subject, _ body: (Kind, HostName) throws(CannotEvaluate) -> Void
    ) throws(CannotEvaluate) {
        let annotations = try subject.field("metadata")["annotations"]
        for key: StaticString in [
            "external-dns.alpha.kubernetes.io/hostname", "external-dns.alpha.kubernetes.io/internal-hostname",
        ] {
            guard let value = try annotations[key].value, let text = value.string else { continue }
            // The API server limits all annotations together to 256 KiB.
            guard text.utf8.count <= 64 << 10 else {
                throw .tooLong(value.id, expected: "at most 64 KiB of host names")
            }
            for name in commaSeparated(text) {
                try body(.name, HostName(value, part: Array(name.utf8)[...]))
            }
        }
        guard !subject.changesOnlyMetadata else { return }
        let spec = try subject.field("spec")
        func add(_ name: Field) throws(CannotEvaluate) {
            if let name = try name.filledText() { try body(.name, HostName(name)) }
        }
        switch subject.kind {
        case .httpRoute, .grpcRoute, .tlsRoute:
            for name in try spec["hostnames"].strings() { try add(name) }
        case .gateway, .listenerSet, .experimentalListenerSet:
            for listener in try spec["listeners"].objects() { try add(listener["hostname"]) }
        case .ingressRoute, .ingressRouteTCP:
            for route in try spec["routes"].objects() {
                if let rule = try route["match"].text() { try forEach(of: rule, body) }
            }
        case .dnsEndpoint:
            // The name of a reverse record is an IP address.
            for endpoint in try spec["endpoints"].objects() where try !endpoint["recordType"].equals("PTR") {
                try add(endpoint["dnsName"])
            }
        case .acmCertificate:
            try add(spec["domainName"])
            for name in try spec["subjectAlternativeNames"].strings() { try add(name) }
        case .cloudfrontDistribution:
            for name in try spec["distributionConfig"]["aliases"]["items"].strings() { try add(name) }
        case .certificate:
            for name in try spec["dnsNames"].strings() { try add(name) }
        case .istioVirtualService:
            guard try isPublic(spec["gateways"]) else { return }
            for name in try spec["hosts"].strings() { try add(name) }
        case .istioGateway:
            // Istio's egress gateway is for hosts outside the cluster.
            if try spec["selector"].labels()["istio"] == "egressgateway" { return }
            for server in try spec["servers"].objects() {
                for name in try server["hosts"].strings() { try addIstio(name, body) }
            }
        // Other kinds have host names only in external-dns annotations.
        default: break
        }
    }

    /// Returns true if an Istio VirtualService has a gateway that is neither the mesh nor an egress gateway.
    private static func isPublic(_ gateways: Field) throws(CannotEvaluate) -> Bool {
        var isPublic = false
        for gateway in try gateways.strings() where !gateway.base.equals("mesh") {
            isPublic = isPublic || !isEgress(gateway.base.text)
        }
        return isPublic
    }

    /// Returns true if a gateway is for hosts outside the cluster, by its name.
    private static func isEgress(_ name: String) -> Bool {
        ["egress", "egressgateway", "egress-gateway"].contains { name.hasSuffix($0) }
    }

    /// Calls `body` with a host of an Istio Gateway, without its namespace, as in `shop/shop.example.com`.
    private static func addIstio(
        _ host: Field, _ body: (Kind, HostName) throws(CannotEvaluate) -> Void
    ) throws(CannotEvaluate) {
        guard let value = try host.filledText() else { return }
        let bytes = value.contents
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return try body(.name, HostName(value)) }
        let part = bytes[(slash + 1)...]
        if !part.isEmpty { try body(.name, HostName(value, part: part)) }
    }

    /// Calls `body` with each host of a Traefik rule.
    private static func forEach(
        of value: Value, _ body: (Kind, HostName) throws(CannotEvaluate) -> Void
    ) throws(CannotEvaluate) {
        guard let rule = TraefikRule(value) else {
            return try body(.unreadable, HostName(value))
        }
        try rule.forEachValue(of: [.host, .serverName]) { (name) throws(CannotEvaluate) in
            // `HostSNI(*)` matches every connection.
            guard !name.isEmpty, !name.elementsEqual("*".utf8) else { return }
            try body(.name, HostName(value, part: name))
        }
        try rule.forEachValue(of: [.hostExpression, .serverNameExpression]) { (expression) throws(CannotEvaluate) in
            try body(.expression, HostName(value, part: expression))
        }
    }
}
