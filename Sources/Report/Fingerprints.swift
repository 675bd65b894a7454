import Evaluation

/// The fingerprints of a report's findings, by which other programs recognize a finding in the next report.
///
/// A fingerprint does not include the location, so that it stays the same when lines move or files are renamed.
struct Fingerprints {
    private var seen: [String: Int] = [:]

    /// Returns the fingerprint of a finding; the same finding gets another one each time.
    mutating func next(for finding: LocatedFinding, of object: ReportedObject) -> String {
        let decided = finding.decided
        let identity = [
            decided.rule.id, decided.finding.clause.name, object.title, decided.path,
            decided.finding.choice ?? "",
        ].joined(separator: "\n")
        let ordinal = seen[identity, default: 0] + 1
        seen[identity] = ordinal
        return "\(Fingerprints.hash(identity)):\(ordinal)"
    }

    /// Returns the FNV-1a hash: it is the same in every process, and collisions need not be prevented.
    static func hash(_ text: String) -> String {
        let hash = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// Returns a path as a repository names it: without `./` at its beginning.
func withoutDot(_ path: String) -> String { path.hasPrefix("./") ? String(path.dropFirst(2)) : path }
