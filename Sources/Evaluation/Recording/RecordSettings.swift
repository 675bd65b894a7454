/// The settings of recording.
public struct RecordSettings: Sendable {
    /// The value of `PLAYBOOK_RECORD`; empty for nowhere.
    public internal(set) var destination = ""
    /// The value of `PLAYBOOK_RECORD_SAMPLE`.
    public internal(set) var sample = Sample.all
    /// The value of `PLAYBOOK_RECORD_ENV`.
    public internal(set) var environment = RecordedEnvironment.redact
    /// The value of `PLAYBOOK_RECORD_ARGS`.
    public internal(set) var arguments = RecordedArguments.redactSecrets
    /// The value of `PLAYBOOK_RECORD_FILE_SIZE`.
    public internal(set) var fileBytes = 64 << 20
    /// The value of `PLAYBOOK_RECORD_FILES`.
    public internal(set) var files = 10
}

/// The redaction of literal values of variables.
public enum RecordedEnvironment: String, Sendable, CaseIterable {
    /// All values are replaced.
    case redact
    /// Only values that look like a secret are replaced.
    case keep
}

/// The redaction of commands, arguments, probes and lifecycle handlers.
public enum RecordedArguments: String, Sendable, CaseIterable {
    /// Only words that are secrets are replaced.
    case redactSecrets = "redact-secrets"
    /// All texts are replaced.
    case redactAll = "redact-all"
}

/// A share of all reviews, which is the same for every replica and every day.
public struct Sample: Sendable, Equatable {
    private let limit: UInt64
    /// The share as written: `1/20`, `0.05`.
    let text: String

    /// Every review.
    public static let all = Sample(limit: .max, text: "1")

    private init(limit: UInt64, text: String) {
        self.limit = limit
        self.text = text
    }

    /// Reads `1/N` or a fraction between 0 and 1.
    init?(parsing text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count == 2, parts[0] == "1", let count = UInt64(parts[1]), count > 0 {
            self.init(limit: .max / count, text: text)
        } else if parts.count == 1, let share = Double(text), share > 0, share <= 1 {
            self.init(limit: share == 1 ? .max : UInt64(share * 0x1p64), text: text)
        } else {
            return nil
        }
    }

    /// True if a review is part of the share.
    public func includes(uid: String) -> Bool {
        guard limit < .max else { return true }
        // FNV-1a with a final mix of the bits, since uids differ in few of them.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in uid.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash = (hash ^ hash >> 33) &* 0xFF51_AFD7_ED55_8CCD
        hash ^= hash >> 33
        return hash <= limit
    }
}

extension Setting {
    static let recording: [Setting] = [
        Setting(
            "PLAYBOOK_RECORD", .recording, .optionalText("stdout|directory"), \.recording.destination,
            "Destination of recordings of `/validate` reviews, one JSON line each, for `playbook replay`; empty: reviews are not recorded."
        ),
        Setting(
            "PLAYBOOK_RECORD_SAMPLE", .recording, .sample, \.recording.sample,
            "Share of the reviews that are recorded; they are chosen by their uid, so that all replicas choose the same ones."
        ),
        Setting(
            "PLAYBOOK_RECORD_ENV", .recording, .choice(), \.recording.environment,
            "Redaction of literal values of variables and ConfigMaps; `redact`: all values; `keep`: only values that look like a secret."
        ),
        Setting(
            "PLAYBOOK_RECORD_ARGS", .recording, .choice(), \.recording.arguments,
            "Redaction of commands, arguments, probes and lifecycle handlers; `redact-secrets`: only words that are secrets; `redact-all`: all texts."
        ),
        Setting(
            "PLAYBOOK_RECORD_FILE_SIZE", .recording, .size, \.recording.fileBytes,
            "In a directory: size of a file at which the next file is started."),
        Setting(
            "PLAYBOOK_RECORD_FILES", .recording, .integer(2...10_000), \.recording.files,
            "In a directory: number of files that are kept; the oldest are deleted."),
    ]
}
