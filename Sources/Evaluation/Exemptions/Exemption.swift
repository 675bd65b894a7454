import JSON
public import Kubernetes

/// The three annotations by which an object exempts itself, as they are written.
package struct ExemptionAnnotations: Sendable, Equatable {
    /// How many bytes of rule names are read; a longer annotation has no effect.
    static let maximumLength = 16 << 10

    let rules: String
    let reason: String
    let until: String?

    /// Reads the annotations; nil when the object asks for no exemption.
    init?(_ metadata: ObjectMeta, _ names: AnnotationNames) {
        guard let annotations = metadata.value?["annotations"] else { return nil }
        self.init(annotations: annotations, names)
    }

    /// Reads annotations; nil when they ask for no exemption.
    init?(annotations: Value, _ names: AnnotationNames) {
        guard let rules = annotations[name: names.exempt]?.string
        else { return nil }
        self.rules = rules
        reason = trimmed(annotations[name: names.reason]?.string ?? "")
        // What is no string, as in a file, is no end that holds, and not none.
        until = annotations[name: names.until]?.text
    }
}

extension ObjectMeta {
    /// Whether there are such annotations, without reading them.
    func asksForExemption(_ names: AnnotationNames) -> Bool { value?["annotations"]?[name: names.exempt] != nil }
}

/// What frees an object from rules: who says so, why, and until when.
public struct Exemption: Sendable, Equatable {
    /// Where an exemption is written.
    public enum Origin: String, Sendable {
        case workload, namespace, environment, comment
    }

    /// Where it is written.
    public let origin: Origin
    /// The rules; nil for all of them.
    let rules: [String]?
    /// Why.
    public let reason: String
    /// When it ends.
    public let until: Timestamp?

    /// Whether it covers a rule, be it in force or not.
    func covers(_ rule: Rule) -> Bool {
        guard origin != .workload || rule.mayBeExemptedByWorkload else { return false }
        guard let rules else { return true }
        return rules.contains(rule.id) || rule.exemptWith.map(rules.contains) ?? false
    }

    /// Whether it holds at a time.
    func holds(at now: Timestamp) -> Bool { until.map { now <= $0 } ?? true }

    /// Whether it is in its last two weeks.
    func endsSoon(at now: Timestamp) -> Bool {
        guard let until, holds(at: now) else { return false }
        return until.seconds - now.seconds <= 14 * 86_400
    }
}

extension ExemptionAnnotations {
    /// Makes an exemption of the annotations.
    ///
    /// - Parameters:
    ///   - origin: What carries them.
    ///   - catalogue: The rules that may be named.
    ///   - complaints: What is wrong with them, a sentence each, is added here.
    /// - Returns: nil when they have no effect.
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
                    complaints.add("exempt '*' is believed on a Namespace only: name the rules")
                }
            } else if let rule = catalogue[id] {
                if origin == .workload, !rule.mayBeExemptedByWorkload {
                    complaints.add(
                        "\(id) cannot be exempted by the workload: annotate its Namespace, or set PLAYBOOK_EXEMPT")
                }
                ids?.append(id)
            } else {
                complaints.add(
                    "exempt names no rule: '\(clipped(id))'\(catalogue.nearestRule(to: id).map { "; did you mean \($0)?" } ?? "")"
                )
            }
        }
        guard !reason.isEmpty else {
            complaints.add("exempt has no effect: add annotation \(catalogue.annotations.reason)")
            return nil
        }
        guard let until else { return Exemption(origin: origin, rules: ids, reason: reason, until: nil) }
        guard let end = Timestamp(endOf: until) else {
            complaints.add("exempt has no effect: exempt-until '\(clipped(until))' is no date such as 2027-01-31")
            return nil
        }
        return Exemption(origin: origin, rules: ids, reason: reason, until: end)
    }
}

/// An exemption that stands in the environment: `replicas@shop/Deployment/legacy-*: one licence until 2027-01-31`.
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
        // The last " until " counts: a reason may have the word too.
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
    /// The kind that exemptions name: a Scale is its workload.
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
