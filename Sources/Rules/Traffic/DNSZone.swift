package import Evaluation
import JSON
import Kubernetes
package import Languages

extension Rule {
    static let dnsZone = Rule(
        id: "dns-zone",
        title: "Host names are in the account's DNS zones",
        group: .traffic,
        section: .dnsStructure,
        rationale: """
            Each account has its own subzone. A host name outside of it never resolves, or takes traffic that is meant for \
            another environment.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(HostNames.kinds, readsMetadata: true),
        clauses: [HostClause.zone, HostClause.named, HostClause.apex],
        settings: [RuleSettings.dnsZones],
        examples: hostExamples,
        check: { (subject, context, findings) throws(CannotEvaluate) in
            let zones = context[RuleSettings.dnsZones]
            guard !zones.isEmpty else { return }
            var known = ReportedNames()
            try HostNames.forEach(of: subject) { (kind, host) throws(CannotEvaluate) in
                try findings.step()
                switch kind {
                case .name:
                    if !host.isInternal, !host.isWithin(zones), known.add(host) {
                        add(host, zones, findings, isHint: host.mayBeService(of: subject))
                    }
                case .expression:
                    if !host.withText({ HostExpression($0).staysIn(zones) }) { addNameless(host, findings) }
                case .unreadable: addNameless(host, findings)
                }
            }
            if subject.kind == .dnsEndpoint { try checkApex(subject, zones, findings) }
        }
    )
}

extension RuleSettings {
    package static let dnsZones: RuleSetting<[DNSZone]> = RuleSetting(
        "PLAYBOOK_DNS_ZONES", .hostZones, default: [],
        "The DNS zones of this cluster's account. Every host name must be in one of them; `=NAME` allows only that name. If empty, host names are not checked."
    )
}

/// The rule's clauses, which its examples in another file use, too.
enum HostClause {
    static let zone = Clause("zone", "every host name is in one of `PLAYBOOK_DNS_ZONES`")
    static let named = Clause(
        "named", "a Traefik route names its hosts, or matches them with an expression that ends with a zone")
    static let apex = Clause("apex", "the zone apex has no CNAME record")
}

/// The names in one value that have been reported, because a Traefik rule can repeat a name.
private struct ReportedNames {
    private var value: NodeID?
    /// The hashes of the first names.
    private var hashes: Set<Int> = []

    /// Adds a name; returns false if it was reported before.
    mutating func add(_ host: HostName) -> Bool {
        // Further findings are only counted, so duplicates no longer matter.
        guard host.isPart, hashes.count < 100 || value != host.value.id else { return true }
        if value != host.value.id {
            value = host.value.id
            if !hashes.isEmpty { hashes.removeAll(keepingCapacity: true) }
        }
        let hash = host.withText { text in
            var hasher = Hasher()
            hasher.combine(text: text)
            return hasher.finalize()
        }
        return hashes.insert(hash).inserted
    }
}

/// An entry of `PLAYBOOK_DNS_ZONES`.
package struct DNSZone: Sendable, CustomStringConvertible {
    /// The zone, or the single name.
    package let name: DomainName
    /// True if no name below it is allowed.
    package let isExact: Bool

    package var description: String { (isExact ? "=" : "") + name.description }

    /// Returns true if it allows a host name; the name is not copied.
    func allows(_ host: Span<UInt8>) -> Bool { isExact ? name.isSame(as: host) : name.contains(host) }
}

private func add(_ host: HostName, _ zones: [DNSZone], _ findings: FindingCollector, isHint: Bool) {
    func message() -> String {
        let listed = zones.prefix(4).map(\.description).joined(separator: ", ") + (zones.count > 4 ? ", …" : "")
        return "names host \"\(host.text)\", outside of \(listed)"
    }
    findings.add(
        HostClause.zone, at: Field(host.value), message(), choice: DomainName.canonical(host.text),
        traits: .init(isHint: isHint)
    ) {
        guard let zone = zones.first(where: { !$0.isExact }) else {
            $0.advice = "use one of these names"
            return
        }
        let name = DomainName(host.text)
        let other = "\(name.isValid ? name.labels[0] : "www").\(zone)"
        if host.value.byteCount <= 4096 {
            $0.edits = [.set($0.place, .string(host.replaced(by: other)))]
        } else {
            $0.advice = "choose a name such as \(other)"
        }
    }
}

/// Reports a hint: the expression may match only hosts in the zones.
private func addNameless(_ host: HostName, _ findings: FindingCollector) {
    findings.add(
        HostClause.named, at: Field(host.value), "matches hosts that cannot be determined: \(host.text)",
        choice: host.text, traits: .init(isHint: true)
    ) {
        $0.advice =
            "name each host with Host(`…`), or end the expression with the zone, as in HostRegexp(`^.+\\.example\\.com$`)"
    }
}

private func checkApex(
    _ subject: Subject, _ zones: [DNSZone], _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard !subject.changesOnlyMetadata else { return }
    for endpoint in try subject.field("spec")["endpoints"].objects() {
        try findings.step()
        let (type, properties) = (try endpoint["recordType"], try endpoint["providerSpecific"])
        guard try type.equals("CNAME"), let name = try endpoint["dnsName"].text(), isApex(name, of: zones),
            try !areAlias(properties, findings)
        else { continue }
        findings.add(HostClause.apex, at: type, "is \"CNAME\" at the zone apex, which DNS does not allow") {
            $0.edits = [makeAlias(properties, findings)]
            $0.advice = "external-dns then creates an alias record"
        }
    }
}

private func isApex(_ name: Value, of zones: [DNSZone]) -> Bool {
    name.withContents { name in
        for zone in zones where zone.name.isSame(as: name) {
            // A single allowed name is an apex if another allowed name is below it.
            if !zone.isExact { return true }
            return zones.contains { $0.name != zone.name && $0.name.isWithin(zone.name) }
        }
        return false
    }
}

/// Returns true if the properties request an alias record from external-dns.
private func areAlias(_ properties: Field, _ findings: FindingCollector) throws(CannotEvaluate) -> Bool {
    for property in try properties.objects() {
        try findings.step()
        if try property["name"].equals("alias"), try property["value"].equals("true") { return true }
    }
    return false
}

private func makeAlias(_ properties: Field, _ findings: FindingCollector) -> Edit {
    let alias: Literal = ["name": "alias", "value": "true"]
    let other = properties.value?.elements.first { $0["name"]?.equals("alias") ?? false }
    if let other { return .set(findings.place(of: Field(other)), alias) }
    return .append(alias, to: properties, at: findings.place(of: properties))
}

/// An expression for host names, in Traefik's syntax of version 2 or 3.
private struct HostExpression {
    private let bytes: [UInt8]

    init(_ text: Span<UInt8>) {
        bytes = text.indices.map { text[$0] &- 65 < 26 ? text[$0] | 32 : text[$0] }
    }

    /// Returns true if every host that it matches is known to end with one of the zones.
    func staysIn(_ zones: [DNSZone]) -> Bool {
        // Version 2: expressions are in braces, and the rest is literal.
        if let brace = bytes.lastIndex(of: UInt8(ascii: "}")), bytes.contains(UInt8(ascii: "{")) {
            let rest = bytes[(brace + 1)...]
            let name = DomainName("x" + String(decoding: rest, as: UTF8.self))
            if rest.first == UInt8(ascii: "."), zones.contains(where: { !$0.isExact && name.isWithin($0.name) }) {
                return true
            }
        }
        guard bytes.last == UInt8(ascii: "$"), !hasAlternatives else { return false }
        let body = bytes.dropLast()
        return zones.contains { zone in
            let tail = Array(zone.name.labels.joined(separator: "\\.").utf8)
            return !zone.isExact && body.ends(with: Array("\\.".utf8) + tail)
                || body.elementsEqual(Array("^".utf8) + tail)
        }
    }

    /// True if there is a `|` outside of all parentheses, or a quotation, which is not parsed.
    private var hasAlternatives: Bool {
        var depth = 0
        var isInClass = false
        var at = 0
        while at < bytes.count {
            let byte = bytes[at]
            if byte == UInt8(ascii: "\\") {
                // `\Q`: everything is literal until `\E`. (The text is in lower case here.)
                if at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: "q") { return true }
                at += 2
                continue
            }
            switch byte {
            case UInt8(ascii: "["):
                // A bracket at the start of a class is one of its characters.
                if !isInClass {
                    isInClass = true
                    if at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: "^") { at += 1 }
                    if at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: "]") { at += 1 }
                }
            case UInt8(ascii: "]"): isInClass = false
            case UInt8(ascii: "(") where !isInClass: depth += 1
            case UInt8(ascii: ")") where !isInClass: depth -= 1
            case UInt8(ascii: "|") where !isInClass && depth <= 0: return true
            default: break
            }
            at += 1
        }
        return false
    }
}

extension Sequence<UInt8> where Self: BidirectionalCollection {
    fileprivate func ends(with tail: [UInt8]) -> Bool { reversed().starts(with: tail.reversed()) }
}

private func zone(_ text: String, _ expected: String) throws(Misplaced) -> DomainName {
    let zone = DomainName(text)
    guard zone.isValid, zone.labels[0] != "*" else { throw Misplaced(expected: expected) }
    return zone
}

extension SettingForm<[DomainName]> {
    /// DNS names of zones.
    static var zones: SettingForm {
        parsedList("domains") { (text) throws(Misplaced) in try zone(text, "a domain such as example.com") }
    }
}

extension SettingForm<[DNSZone]> {
    /// DNS names of zones, and single names after `=`.
    static var hostZones: SettingForm {
        parsedList("domains") { (text) throws(Misplaced) in
            let isExact = text.hasPrefix("=")
            let name = isExact ? String(text.dropFirst()) : text
            return DNSZone(name: try zone(name, "a domain such as example.com or =www.example.com"), isExact: isExact)
        }
    }
}
