import Evaluation
public import Kubernetes

/// The run that created a report: what a reader needs to repeat it.
public struct RunDetails: Sendable {
    /// The program's version.
    public let version: String
    /// The time.
    public let time: Timestamp
    /// The command line, as a shell reads it, without secrets.
    public let command: String

    /// Creates the details of a run with the words of its command line.
    public init(version: String, time: Timestamp, words: [String]) {
        self.version = version
        self.time = time
        command = SecretMask.masked(oneLine(words.map(RunDetails.quoted).joined(separator: " ")))
    }

    private static func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "-_./=:,@%+".utf8.contains(byte) || byte >= 0x80
            }
        }
        return isPlain && !word.isEmpty ? word : "'\(word.map { $0 == "'" ? "'\\''" : "\($0)" }.joined())'"
    }
}
