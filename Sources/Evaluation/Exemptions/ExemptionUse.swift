import JSON
public import Kubernetes
import Languages

/// An exemption that an audit encountered, and whether it applies to a finding.
public struct ExemptionUse: Sendable, Equatable {
    /// The place where an exemption is written.
    public enum Source: String, Sendable {
        /// Annotations of a workload or its pod template.
        case workload
        /// Annotations of a Namespace.
        case namespace
        /// The annotation of a Namespace that turns all denials into warnings.
        case level = "namespace-level"
        /// An entry of `PLAYBOOK_EXEMPT` or `PLAYBOOK_EXEMPT_FILE`.
        case setting
    }

    /// The kind of place where the exemption is written.
    public let source: Source
    /// The object that has the annotation, as in `Deployment shop/web`, or the entry, as in
    /// `replicas@shop/Deployment/legacy-*`.
    public internal(set) var place: String
    /// The ids of the rules; nil for all rules.
    public let rules: [String]?
    /// The reason that is given.
    public internal(set) var reason: String
    /// The end; nil if none is set.
    public let end: Timestamp?
    /// The field manager that wrote the annotation; nil if `managedFields` does not list it.
    public let manager: String?
    /// True if at least one finding is exempt because of it.
    public var isUsed: Bool

    /// A text that identifies the exemption.
    public var identity: String {
        "\(source.rawValue) \(place) \(rules?.joined(separator: ",") ?? "*") \(end?.seconds ?? 0) \(reason)"
    }

    /// True if the exemption has not ended.
    public func holds(at now: Timestamp) -> Bool { end.map { now <= $0 } ?? true }

    init(
        _ source: Source, at place: String, _ exemption: Exemption, manager: String? = nil, isUsed: Bool = false
    ) {
        self.source = source
        self.place = place
        rules = exemption.rules
        reason = exemption.reason
        end = exemption.until
        self.manager = manager
        self.isUsed = isUsed
    }

    /// Combines the uses of one exemption by two objects: it is used if either uses it.
    public init(_ first: ExemptionUse, and second: ExemptionUse) {
        source = first.source
        place = first.place
        rules = first.rules
        reason = first.reason
        end = first.end
        manager = first.manager ?? second.manager
        isUsed = first.isUsed || second.isUsed
    }

    init(levelOf namespace: String, manager: String?, isUsed: Bool) {
        source = .level
        place = "Namespace \(namespace)"
        rules = nil
        reason = ""
        end = nil
        self.manager = manager
        self.isUsed = isUsed
    }
}

extension StandingExemption {
    /// The entry without its reason and its end.
    var place: String { "\(rule)@\(namespace.text)/\(kind.text)/\(name.text)" }
}

extension Settings {
    /// The exemptions of the settings and the exemptions file, initially unused.
    public var exemptionEntries: [ExemptionUse] {
        (exempt + exemptInFile).map { ExemptionUse(.setting, at: $0.place, $0.exemption) }
    }
}

extension ObjectMeta {
    /// Returns the field manager that last wrote an annotation; nil if `managedFields` does not list it.
    func manager(ofAnnotation name: String) -> String? {
        guard let entries = value?["managedFields"] else { return nil }
        var latest: (time: String, manager: String)?
        for entry in entries.elements {
            guard let manager = entry["manager"]?.string,
                entry["fieldsV1"]?["f:metadata"]?["f:annotations"]?[name: "f:\(name)"] != nil
            else { continue }
            let time = entry["time"]?.string ?? ""
            if latest.map({ $0.time <= time }) ?? true { latest = (time, manager) }
        }
        return latest?.manager
    }
}
