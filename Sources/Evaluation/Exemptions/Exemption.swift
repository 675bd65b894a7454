import JSON
public import Kubernetes
import Languages

/// The three exemption annotations of an object, as written.
package struct ExemptionAnnotations: Sendable, Equatable {
    /// The maximum length of the list of rules, in bytes; a longer annotation has no effect.
    static let maximumLength = 16 << 10

    let rules: String
    let reason: String
    let until: String?

    /// Reads the annotations; nil if the object has no exemption annotation.
    init?(_ metadata: ObjectMeta, _ names: AnnotationNames) {
        guard let annotations = metadata.value?["annotations"] else { return nil }
        self.init(annotations: annotations, names)
    }

    /// Reads annotations; nil without an exemption annotation.
    init?(annotations: Value, _ names: AnnotationNames) {
        guard let rules = annotations[name: names.exempt]?.string
        else { return nil }
        self.rules = rules
        reason = trimmed(annotations[name: names.reason]?.string ?? "")
        // In a file, a value that is not a string is an invalid date, not a missing one.
        until = annotations[name: names.until]?.text
    }
}

extension ObjectMeta {
    /// True if the object has an exemption annotation, which is not parsed.
    func asksForExemption(_ names: AnnotationNames) -> Bool { value?["annotations"]?[name: names.exempt] != nil }
}

/// An exemption of an object from rules, with its reason and its end.
public struct Exemption: Sendable, Equatable {
    /// The place where an exemption is written.
    public enum Origin: String, Sendable {
        case workload, namespace, environment, comment
    }

    /// The place where the exemption is written.
    public let origin: Origin
    /// The ids of the rules; nil for all rules.
    let rules: [String]?
    /// The reason that is given.
    public let reason: String
    /// The end; nil if none is set.
    public let until: Timestamp?

    /// True if the exemption names a rule, even if it has ended.
    func covers(_ rule: Rule) -> Bool {
        guard origin != .workload || rule.mayBeExemptedByWorkload else { return false }
        guard let rules else { return true }
        return rules.contains(rule.id) || rule.exemptWith.map(rules.contains) ?? false
    }

    /// True if the exemption has not ended.
    func holds(at now: Timestamp) -> Bool { until.map { now <= $0 } ?? true }

    /// True if the exemption does not end before another one.
    func lastsAsLong(as other: Exemption) -> Bool {
        guard let until else { return true }
        return other.until.map { $0 <= until } ?? false
    }

    /// True if the exemption ends within 14 days.
    func endsSoon(at now: Timestamp) -> Bool {
        guard let until, holds(at: now) else { return false }
        return until.seconds - now.seconds <= 14 * 86_400
    }
}

extension ExemptionAnnotations {
    /// Returns the exemption that the annotations describe.
    ///
    /// - Parameters:
    ///   - origin: The kind of object that has the annotations.
    ///   - catalogue: The rules that can be named.
    ///   - complaints: Receives one sentence for each mistake in the annotations.
    /// - Returns: The exemption; nil if the annotations have no effect.
    func exemption(_ origin: Exemption.Origin, _ catalogue: Catalogue, complaints: inout Notices) -> Exemption? {
        var ids: [String]? = []
        guard rules.utf8.count <= ExemptionAnnotations.maximumLength else {
            complaints.add("exempt has no effect: it is longer than 16 KiB")
            return nil
        }
        for id in commaSeparated(rules) where ids?.contains(id) != true {
            if id == "*" {
                if origin == .namespace {
                    ids = nil
                } else {
                    complaints.add("exempt \"*\" is accepted on Namespaces only; name the rules")
                }
            } else if let rule = catalogue[id] {
                if origin == .workload, !rule.mayBeExemptedByWorkload {
                    complaints.add(
                        "\(id) cannot be exempted by the workload: annotate its Namespace, or set PLAYBOOK_EXEMPT")
                }
                ids?.append(id)
            } else {
                complaints.add(
                    "exempt: unknown rule \"\(clipped(id))\"\(catalogue.nearestRule(to: id).map { "; did you mean \($0)?" } ?? "")"
                )
            }
        }
        guard !reason.isEmpty else {
            complaints.add("exempt has no effect: add annotation \(catalogue.annotations.reason)")
            return nil
        }
        guard let until else { return Exemption(origin: origin, rules: ids, reason: reason, until: nil) }
        guard let end = Timestamp(endOf: until) else {
            complaints.add(
                "exempt has no effect: exempt-until \"\(clipped(until))\" is not a date such as 2027-01-31")
            return nil
        }
        return Exemption(origin: origin, rules: ids, reason: reason, until: end)
    }
}

/// An exemption from a setting or the exemptions file: `replicas@shop/Deployment/legacy-*: one license until 2027-01-31`.
public struct StandingExemption: Sendable, Equatable {
    let rule: String
    let namespace: Glob
    let kind: Glob
    let name: Glob
    let exemption: Exemption

    init?(parsing text: String, _ catalogue: Catalogue) {
        guard let at = text.firstIndex(of: "@"), let colon = text[at...].firstIndex(of: ":") else { return nil }
        rule = trimmed(text[..<at])
        let place = trimmed(text[text.index(after: at)..<colon]).split(separator: "/", omittingEmptySubsequences: false)
        guard catalogue[rule] != nil, place.count == 3 else { return nil }
        namespace = Glob(String(place[0]))
        kind = Glob(String(place[1]))
        name = Glob(String(place[2]))
        var reason = trimmed(text[text.index(after: colon)...])
        var until: Timestamp?
        // The last " until " counts, since the reason can contain the word.
        if let word = reason.lastRange(ofText: " until ") {
            guard let end = Timestamp(endOf: trimmed(reason[word.upperBound...])) else { return nil }
            until = end
            reason = trimmed(reason[..<word.lowerBound])
        }
        guard !reason.isEmpty else { return nil }
        exemption = Exemption(origin: .environment, rules: [rule], reason: reason, until: until)
    }

    func covers(_ rule: Rule, _ subject: Subject) -> Bool {
        (self.rule == rule.id || self.rule == rule.exemptWith) && namespace.matches(subject.namespace)
            && kind.matches(subject.exemptKindName)
            && name.matches(subject.name ?? subject.metadata.generateName ?? "")
    }
}

extension Subject {
    /// The kind that exemptions name; for a Scale, the kind of its workload.
    var exemptKindName: String { review.subresource == .scale ? "\(scaledKind.name)" : review.kindName }
}

extension String {
    fileprivate func lastRange(ofText text: String) -> Range<Index>? {
        var end = endIndex
        while end > startIndex {
            if self[..<end].hasSuffix(text) { return index(end, offsetBy: -text.count)..<end }
            end = index(before: end)
        }
        return nil
    }
}
