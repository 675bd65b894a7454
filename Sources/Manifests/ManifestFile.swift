public import JSON
import YAML

/// A file of manifests: its text and documents.
public struct ManifestFile: Sendable {
    /// The path; `-` for standard input.
    public let path: String
    /// The text.
    public let text: SourceText
    /// The documents that can be read.
    public let documents: [ManifestDocument]
    /// The first error: a document, or the rest of the file, could not be read.
    public let problem: ManifestProblem?
    /// The exempting comments; a JSON file has none.
    public let ignores: [IgnoreComment]

    /// Parses a file: YAML documents, or one JSON document.
    public init(path: String, bytes: [UInt8]) {
        self.path = path
        text = SourceText(bytes)
        if let start = text.startOfJSON {
            do throws(ManifestProblem) {
                documents = [try ManifestDocument(json: text, from: start)]
                (problem, ignores) = (nil, [])
                return
            } catch {
                // Text that starts like JSON can be YAML in flow style, except in a .json file.
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

    /// True if bytes are not text: they contain a zero byte and are not UTF-16.
    public static func isBinary(_ bytes: [UInt8]) -> Bool {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) { return false }
        return bytes.prefix(8192).contains(0)
    }
}

/// An error in a file, with its location.
public struct ManifestProblem: Error, Sendable, CustomStringConvertible {
    /// The problem.
    public let message: String
    /// The location.
    public let location: Location

    /// The location and the problem, such as `line 3, column 5: duplicate key "a" (first defined on line 2)`.
    public var description: String { "line \(location.line), column \(location.column): \(message)" }

    init(_ message: String, at location: Location) {
        self.message = message
        self.location = location
    }

    /// Creates the error of a text that might be a Go template.
    fileprivate init(_ message: String, at location: Location, in text: SourceText) {
        let render = "render it first, for example: helm template CHART | playbook check -"
        if text.hasTemplate(onLine: location.line) || text.hasTemplate(onLine: location.line - 1) {
            self.init("this is a Go template, not YAML: \(render)", at: location)
        } else {
            let mayBe = (1..<max(location.line, 1)).contains { text.hasTemplate(onLine: $0) }
            self.init(mayBe ? "\(message); if this is a Go template, \(render)" : message, at: location)
        }
    }
}

extension SourceText {
    /// The start of a JSON object or list; nil if the text starts with anything else.
    fileprivate var startOfJSON: Int? {
        guard let start = bytes.firstIndex(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) else { return nil }
        return [UInt8(ascii: "{"), UInt8(ascii: "[")].contains(bytes[start]) && !isTemplate(at: start) ? start : nil
    }

    private func isTemplate(at offset: Int) -> Bool {
        offset + 1 < bytes.count && bytes[offset] == UInt8(ascii: "{") && bytes[offset + 1] == UInt8(ascii: "{")
    }

    /// True if a line contains a Go template action, as in Helm charts; in quotes it is part of a value.
    func hasTemplate(onLine line: Int) -> Bool {
        guard line > 0 else { return false }
        let range = range(ofLine: line)
        guard let start = range.first(where: { isTemplate(at: $0) }) else { return false }
        return !bytes[range.lowerBound..<start].contains { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") }
    }
}
