public import Evaluation
import JSON
import Kubernetes

/// A write that rules can evaluate, or a fact about an operator, as an event of the log.
public struct LoggedEvent: Sendable {
    /// The event.
    public let bytes: [UInt8]
    /// The time of the response, in microseconds since 1970.
    public let microseconds: Int64
    /// The index of the file, and the line.
    public let place: (file: Int, line: Int)
}

/// Selects the events of a log that matter, and counts the others.
///
/// Most events are reads and status updates: they are recognized without reading their objects. One value reads all files.
public struct LogIntake {
    /// The counts of the events that are not passed on.
    public private(set) var summary = LogSummary()
    private let kinds: LogKinds
    private let line = AuditLine()
    private var seen = RecentEvents()
    /// The service accounts that have updated the status of a resource.
    private var known: Set<OperatorEvidence.Entry> = []

    /// Creates an intake for the kinds that rules read.
    public init(_ settings: Settings) { kinds = LogKinds(settings) }

    /// Reads a line and calls a function with each event that matters.
    ///
    /// - Returns: The content of the line, for messages about it.
    public mutating func read(
        _ bytes: Span<UInt8>, at place: (file: Int, line: Int), _ body: (LoggedEvent) -> Void
    ) -> AuditLine.Content {
        let content = line.read(bytes) { event in
            if let time = take(event) {
                body(LoggedEvent(bytes: event.source, microseconds: time, place: place))
            }
        }
        summary.count(content)
        return content
    }

    /// Counts a line that is too long to be read.
    public mutating func countOversized() { summary.damagedLines += 1 }

    /// Returns the time of an event that matters; nil for others.
    private mutating func take(_ value: Value) -> Int64? {
        summary.events += 1
        guard let event = AuditEvent(value), value["objectRef"]?.kind == .object else {
            summary.reads += 1
            return nil
        }
        let subresource = event.subresource
        if subresource == "status", let entry = OperatorEvidence.Entry(event) {
            guard known.count < OperatorEvidence.maximum, known.insert(entry).inserted else {
                summary.notCovered += 1
                return nil
            }
        } else {
            guard kinds[event.group, event.resource, subresource] != nil else {
                summary.notCovered += 1
                return nil
            }
        }
        guard seen.insert(event.identity) else {
            summary.duplicates += 1
            return nil
        }
        // An event without a time is as old as the log: it is evaluated before the others.
        let time = event.microseconds ?? 0
        if time > 0 { summary.note(Timestamp(seconds: time / 1_000_000)) }
        return time
    }
}

/// The identities of the last million events, to recognize duplicates.
private struct RecentEvents {
    private var older: Set<Int> = []
    private var newer: Set<Int> = []
    private static let generation = 1 << 19

    /// Adds an event; returns false if it was among them.
    mutating func insert(_ identity: Int) -> Bool {
        if newer.count == RecentEvents.generation {
            older = newer
            newer = []
        }
        return !older.contains(identity) && newer.insert(identity).inserted
    }
}

/// The service accounts that have updated the status of custom resources: only operators do.
struct OperatorEvidence: Sendable {
    struct Entry: Hashable, Sendable {
        let account: String
        let group: String
        let resource: String
        let isAdministrator: Bool

        /// The fact that an event shows; nil if it shows none.
        init?(_ event: AuditEvent) {
            guard event.verb == .update || event.verb == .patch, event.code < 300, !APIGroup.isBuiltIn(event.group),
                let account = event.user?["username"]?.string, account.hasPrefix("system:serviceaccount:")
            else { return nil }
            self.account = account
            group = event.group
            resource = event.resource
            isAdministrator = event.isByAdministrator
        }

        init(_ claim: OperatorClaim, isAdministrator: Bool) {
            account = claim.account
            group = claim.group
            resource = WorkloadKind(claim.group, claim.kindName, paths: []).plural
            self.isAdministrator = isAdministrator
        }
    }

    static let maximum = 50_000

    private var entries: Set<Entry> = []

    mutating func insert(_ entry: Entry) { entries.insert(entry) }

    /// True if an account is the operator of a kind; nil if the log does not show it.
    subscript(claim: OperatorClaim) -> Bool? {
        // An account that may do everything is a deployer.
        if entries.contains(Entry(claim, isAdministrator: true)) { return false }
        return entries.contains(Entry(claim, isAdministrator: false)) ? true : nil
    }
}
