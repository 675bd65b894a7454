public import JSON
import YAML

/// A file of manifests: its text, and the documents in it.
public struct ManifestFile: Sendable {
    /// Where it is; `-` for standard input.
    public let path: String
    /// Its text.
    public let text: SourceText
    /// The documents that can be read.
    public let documents: [ManifestDocument]
    /// The first mistake: a document with one, or the rest of the file, could not be read.
    public let problem: ManifestProblem?
    /// The comments in it that exempt; JSON has none.
    public let ignores: [IgnoreComment]

    /// Reads a file's bytes: YAML of several documents, or one of JSON.
    public init(path: String, bytes: [UInt8]) {
        self.path = path
        text = SourceText(bytes)
        if let start = text.startOfJSON {
            do throws(ManifestProblem) {
                documents = [try ManifestDocument(json: text, from: start)]
                (problem, ignores) = (nil, [])
                return
            } catch {
                // What begins like JSON may be YAML in brackets, but not under that name.
                if path.hasSuffix(".json") {
                    (documents, problem, ignores) = ([], error, [])
                    return
                }
            }
        }
        let (found, error) = Reader.documents(in: text)
        documents = found.map { ManifestDocument($0) }
        ignores = ManifestFile.ignoreComments(in: text, documents)
        guard let error else {
            problem = nil
            return
        }
        problem = ManifestProblem(error.message, at: error.location, in: text)
    }

    /// Whether bytes are no text: one of them is zero, and they are not UTF-16.
    public static func isBinary(_ bytes: [UInt8]) -> Bool {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) { return false }
        return bytes.prefix(8192).contains(0)
    }
}

/// What is wrong with a file, and where.
public struct ManifestProblem: Error, Sendable, CustomStringConvertible {
    /// What is wrong.
    public let message: String
    /// Where.
    public let location: Location

    /// The place and the reason, as in `line 3, column 5: the key 'a' is there twice, first in line 2`.
    public var description: String { "line \(location.line), column \(location.column): \(message)" }

    init(_ message: String, at location: Location) {
        self.message = message
        self.location = location
    }

    /// A mistake in a text that may be a Go template.
    fileprivate init(_ message: String, at location: Location, in text: SourceText) {
        let render = "render it first, as in helm template CHART | playbook check -"
        if text.hasTemplate(onLine: location.line) || text.hasTemplate(onLine: location.line - 1) {
            self.init("this is a Go template, not YAML: \(render)", at: location)
        } else {
            let mayBe = (1..<max(location.line, 1)).contains { text.hasTemplate(onLine: $0) }
            self.init(mayBe ? "\(message); if this is a Go template, \(render)" : message, at: location)
        }
    }
}

extension SourceText {
    /// Where an object or list of JSON begins; nil when something else comes first.
    fileprivate var startOfJSON: Int? {
        guard let start = bytes.firstIndex(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) else { return nil }
        return [UInt8(ascii: "{"), UInt8(ascii: "[")].contains(bytes[start]) && !isTemplate(at: start) ? start : nil
    }

    private func isTemplate(at offset: Int) -> Bool {
        offset + 1 < bytes.count && bytes[offset] == UInt8(ascii: "{") && bytes[offset + 1] == UInt8(ascii: "{")
    }

    /// True if there is an action of Go's templates on a line, as Helm's charts have them; in quotes it is part of a value.
    fileprivate func hasTemplate(onLine line: Int) -> Bool {
        guard line > 0 else { return false }
        let range = range(ofLine: line)
        guard let start = range.first(where: { isTemplate(at: $0) }) else { return false }
        return !bytes[range.lowerBound..<start].contains { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") }
    }
}
