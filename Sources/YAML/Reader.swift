import CYAML

/// One YAML document as JSON, with the place of each of its nodes.
public struct YAMLDocument: Sendable {
    /// The document as JSON text.
    public let json: [UInt8]
    /// Where each node stands in the YAML, in document order, keys included: the n-th node of the JSON is the n-th here.
    public let locations: [Location]
}

/// A place in a text, both counted from 1.
public struct Location: Sendable, Equatable {
    /// The line.
    public let line: Int
    /// The column, in characters.
    public let column: Int

    /// Creates a place.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    init(_ mark: yaml_mark_t) {
        self.init(line: mark.line + 1, column: mark.column + 1)
    }
}

/// Why a YAML text cannot be read, and where.
public struct YAMLError: Error, Equatable, CustomStringConvertible {
    /// What is wrong.
    public let message: String
    /// Where.
    public let location: Location
    /// The place and the reason, as in `line 3, column 5: the key 'a' is there twice, first in line 2`.
    public var description: String { "line \(location.line), column \(location.column): \(message)" }
}

/// YAML text to JSON documents, as Kubernetes reads it: YAML 1.1, keys are strings, no key twice, merges carried out.
///
/// libyaml's events become a tree, since aliases and merges need what came before; the tree becomes JSON text. Both are
/// bounded, so that a small text cannot become a large one.
public enum Reader {
    /// What one document may come to.
    static let maximumNodes = 1_000_000
    /// How deep it may nest.
    static let maximumDepth = 200

    /// Reads every document of a text; empty ones are left out.
    ///
    /// - Parameter text: UTF-8, with or without a byte order mark, or UTF-16 with one.
    /// - Returns: The documents before the first mistake, and that mistake, if there is one: libyaml cannot go on after it.
    public static func documents(in text: [UInt8]) -> (documents: [YAMLDocument], error: YAMLError?) {
        var documents: [YAMLDocument] = []
        var parser = EventParser(text)
        do throws(YAMLError) {
            while let node = try parser.document() {
                if case .null = node.content { continue }
                var writer = TreeWriter()
                try writer.write(node, depth: 0)
                documents.append(YAMLDocument(json: writer.json, locations: writer.locations))
            }
        } catch {
            return (documents, error)
        }
        return (documents, nil)
    }
}

/// A YAML node, resolved to what it is in JSON.
final class YAMLNode {
    enum Content {
        case null
        case bool(Bool)
        case number(String)
        case string(String)
        case sequence([YAMLNode])
        case mapping([(key: YAMLNode, value: YAMLNode)])
    }

    var content: Content
    let location: Location

    init(_ content: Content, _ location: Location) {
        self.content = content
        self.location = location
    }
}

/// The tree as JSON text.
private struct TreeWriter {
    var json: [UInt8] = []
    var locations: [Location] = []

    mutating func write(_ node: YAMLNode, depth: Int) throws(YAMLError) {
        guard depth <= Reader.maximumDepth else { throw YAMLError(message: "nests too deep", location: node.location) }
        try place(node.location)
        switch node.content {
        case .null: json.append(contentsOf: "null".utf8)
        case .bool(let value): json.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let text): json.append(contentsOf: text.utf8)
        case .string(let text): quote(text)
        case .sequence(let elements):
            json.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                try write(element, depth: depth + 1)
            }
            json.append(UInt8(ascii: "]"))
        case .mapping(let members):
            json.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                try place(member.key.location)
                quote(member.key.keyText ?? "")
                json.append(UInt8(ascii: ":"))
                try write(member.value, depth: depth + 1)
            }
            json.append(UInt8(ascii: "}"))
        }
    }

    /// Notes where the next node stands; aliases make one stand many times, so this is where they are bounded.
    private mutating func place(_ location: Location) throws(YAMLError) {
        guard locations.count < Reader.maximumNodes else {
            throw YAMLError(
                message: "the document grows beyond \(Reader.maximumNodes) values by its aliases", location: location)
        }
        locations.append(location)
    }

    private mutating func quote(_ text: String) {
        json.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): json.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case 0..<0x20:
                json.append(contentsOf: "\\u00".utf8)
                let digits = Array("0123456789abcdef".utf8)
                json.append(contentsOf: [digits[Int(byte >> 4)], digits[Int(byte & 15)]])
            default: json.append(byte)
            }
        }
        json.append(UInt8(ascii: "\""))
    }
}

extension YAMLNode {
    /// The node as an object's key; nil when it is a list or a mapping.
    var keyText: String? {
        switch content {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .number(let text), .string(let text): text
        case .sequence, .mapping: nil
        }
    }
}
