package import Evaluation
import JSON
package import Kubernetes

extension Rule {
    static let dnsZone = Rule(
        id: "dns-zone",
        title: "Host names lie in the account's own zones",
        group: .traffic,
        section: .dnsStructure,
        rationale: """
            Each account has a sub-zone of its own. A name outside of it is nobody's here, or another environment's: it never \
            resolves, or it takes traffic that was meant for somebody else.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(HostNames.kinds, readsMetadata: true),
        clauses: [HostClause.zone, HostClause.named, HostClause.apex],
        settings: [RuleSettings.dnsZones],
        examples: hostExamples,
        check: { (subject, context, findings) throws(CannotJudge) in
            let zones = context[RuleSettings.dnsZones]
            guard !zones.isEmpty else { return }
            var known = ReportedNames()
            try HostNames.forEach(of: subject) { (kind, host) throws(CannotJudge) in
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
        "The DNS zones of this cluster's account, in which every host name lies; `=NAME` allows that one name and none below it. Empty: host names are not looked at."
    )
}

/// What the rule checks; its examples stand in a file of their own.
enum HostClause {
    static let zone = Clause("zone", "every host name lies in one of `PLAYBOOK_DNS_ZONES`")
    static let named = Clause(
        "named", "a Traefik route's hosts are named, or matched by an expression that ends in a zone")
    static let apex = Clause("apex", "the record of a zone's own name is no CNAME")
}

/// The names of one value that are reported: a rule may repeat a name.
private struct ReportedNames {
    private var value: NodeID?
    /// Hashes of the first of them.
    private var hashes: Set<Int> = []

    /// Whether a name is not among them; it is then.
    mutating func add(_ host: HostName) -> Bool {
        // What comes after as many as are described is counted alone.
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
    /// The zone, or the one name.
    package let name: DomainName
    /// True if no name below it is allowed.
    package let isExact: Bool

    package var description: String { (isExact ? "=" : "") + name.description }

    /// True if it allows a host name, which is compared without being copied.
    func allows(_ host: Span<UInt8>) -> Bool { isExact ? name.isSame(as: host) : name.contains(host) }
}

private func add(_ host: HostName, _ zones: [DNSZone], _ findings: FindingCollector, isHint: Bool) {
    func message() -> String {
        let listed = zones.prefix(4).map(\.description).joined(separator: ", ") + (zones.count > 4 ? ", …" : "")
        return "names \"\(host.text)\", which is not in \(listed)"
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

/// A warning, whatever the level: it may answer to names of ours alone.
private func addNameless(_ host: HostName, _ findings: FindingCollector) {
    findings.add(
        HostClause.named, at: Field(host.value), "matches hosts by what cannot be checked: \(host.text)",
        choice: host.text, traits: .init(isHint: true)
    ) {
        $0.advice =
            "name each host, Host(`…`), or end the expression with the zone: HostRegexp(`^.+\\.example\\.com$`)"
    }
}

private func checkApex(
    _ subject: Subject, _ zones: [DNSZone], _ findings: FindingCollector
) throws(CannotJudge) {
    guard !subject.changesOnlyMetadata else { return }
    for endpoint in try subject.field("spec")["endpoints"].objects() {
        try findings.step()
        let (type, properties) = (try endpoint["recordType"], try endpoint["providerSpecific"])
        guard try type.equals("CNAME"), let name = try endpoint["dnsName"].text(), isApex(name, of: zones),
            try !areAlias(properties, findings)
        else { continue }
        findings.add(HostClause.apex, at: type, "is CNAME at the zone's apex") {
            $0.edits = [makeAlias(properties, findings)]
            $0.advice = "external-dns makes an alias record of it then"
        }
    }
}

private func isApex(_ name: Value, of zones: [DNSZone]) -> Bool {
    name.withContents { name in
        for zone in zones where zone.name.isSame(as: name) {
            // A name that is allowed alone is a zone's own where another one lies below it.
            if !zone.isExact { return true }
            return zones.contains { $0.name != zone.name && $0.name.isWithin(zone.name) }
        }
        return false
    }
}

/// Whether external-dns is asked to make an alias record.
private func areAlias(_ properties: Field, _ findings: FindingCollector) throws(CannotJudge) -> Bool {
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

    /// Whether whatever it matches ends with one of the zones; false where that is not plain to see.
    func staysIn(_ zones: [DNSZone]) -> Bool {
        // Version 2: names in braces, and the rest as it is.
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

    /// Whether there is a `|` outside of all parentheses, or a quotation that this does not follow.
    private var hasAlternatives: Bool {
        var depth = 0
        var isInClass = false
        var at = 0
        while at < bytes.count {
            let byte = bytes[at]
            if byte == UInt8(ascii: "\\") {
                // `\Q`: what follows is no syntax until `\E`. (In small letters here.)
                if at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: "q") { return true }
                at += 2
                continue
            }
            switch byte {
            case UInt8(ascii: "["):
                // A bracket that comes first in a class is one of its characters.
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
    /// Names of zones, as DNS has them.
    static var zones: SettingForm {
        parsedList("domains") { (text) throws(Misplaced) in try zone(text, "a domain such as example.com") }
    }
}

extension SettingForm<[DNSZone]> {
    /// Names of zones, and single names after `=`.
    static var hostZones: SettingForm {
        parsedList("domains") { (text) throws(Misplaced) in
            let isExact = text.hasPrefix("=")
            let name = isExact ? String(text.dropFirst()) : text
            return DNSZone(name: try zone(name, "a domain such as example.com or =www.example.com"), isExact: isExact)
        }
    }
}
