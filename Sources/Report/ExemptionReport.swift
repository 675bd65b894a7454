public import Evaluation
import JSON
public import Kubernetes

/// The exemptions of a cluster, with reason, end, field manager, and whether a finding uses them.
public struct ExemptionReport: Sendable {
    private var uses: [ExemptionUse]
    private var places: [String: Int] = [:]

    /// Creates a report with the exemptions of the settings; an audit adds those of objects.
    public init(_ settings: Settings) {
        uses = []
        for use in settings.exemptionEntries { add(use) }
    }

    /// Adds an object's exemptions.
    public mutating func add(_ decision: Decision) {
        for use in decision.exemptionUses { add(use) }
    }

    private mutating func add(_ use: ExemptionUse) {
        guard let index = places[use.identity] else {
            places[use.identity] = uses.count
            uses.append(use)
            return
        }
        uses[index] = ExemptionUse(uses[index], and: use)
    }

    private static func state(_ use: ExemptionUse, _ now: Timestamp) -> String {
        guard let end = use.end else { return "no end date" }
        return use.holds(at: now) ? "until \(end)" : "ended \(end)"
    }

    /// Returns the exemptions as text, one block each, sorted by object.
    public func text(at now: Timestamp) -> String {
        var text = ""
        for use in uses.sorted(by: { $0.place < $1.place }) {
            let rules =
                use.source == .level ? "level: warn" : use.rules.map { $0.joined(separator: ", ") } ?? "all rules"
            let marks = [
                ExemptionReport.state(use, now), use.isUsed || !use.holds(at: now) ? nil : "unused",
                use.manager.map { "set by \($0)" },
            ].compactMap(\.self)
            text += "\(oneLine(use.place)) · \(oneLine(rules)) · \(oneLine(marks.joined(separator: " · ")))\n"
            if !use.reason.isEmpty { text += "  \(oneLine(use.reason))\n" }
        }
        let ended = uses.count { !$0.holds(at: now) }
        let unused = uses.count { $0.holds(at: now) && !$0.isUsed }
        return text + "\(counted(uses.count, "exemption")): \(ended) ended, \(unused) unused\n"
    }

    /// Returns the exemptions as one JSON object.
    public func json(at now: Timestamp) -> String {
        let entries = uses.map { use -> Literal in
            [
                "source": .string(use.source.rawValue), "place": .string(use.place),
                "rules": use.rules.map { .array($0.map { .string($0) }) } ?? "*", "reason": .string(use.reason),
                "until": use.end.map { .string("\($0)") } ?? .null, "holds": .bool(use.holds(at: now)),
                "used": .bool(use.isUsed), "manager": use.manager.map { .string($0) } ?? .null,
            ]
        }
        return (["exemptions": .array(entries)] as Literal).json + "\n"
    }
}
