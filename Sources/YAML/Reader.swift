import CYAML
public import JSON

/// One YAML document as JSON, with the place of each of its nodes.
public struct YAMLDocument: Sendable {
    /// The document as JSON text.
    public let json: [UInt8]
    /// Where each node stands in the YAML, in document order, keys included: the n-th node of the JSON is the n-th here.
    public let extents: [Extent]
    /// Where the document begins, with the comments before its root: behind the `---` or the document before it.
    public let head: Int
}

/// Where a node stands in a text: bytes, from its first to behind its last.
public struct Extent: Sendable, Equatable {
    /// How a node is written.
    public enum Style: UInt8, Sendable {
        /// A scalar without quotes.
        case plain
        /// A scalar in single or double quotes.
        case quoted
        /// A scalar of lines, after `|` or `>`.
        case literal
        /// A list or mapping by indentation.
        case block
        /// A list or mapping in brackets.
        case flow

        init(_ style: yaml_scalar_style_t) {
            switch style {
            case YAML_SINGLE_QUOTED_SCALAR_STYLE, YAML_DOUBLE_QUOTED_SCALAR_STYLE: self = .quoted
            case YAML_LITERAL_SCALAR_STYLE, YAML_FOLDED_SCALAR_STYLE: self = .literal
            default: self = .plain
            }
        }
    }

    private var first: UInt32
    private var behind: UInt32
    /// How it is written.
    public let style: Style
    /// Whether it stands for several nodes at once: by an alias, or by a merge.
    public internal(set) var isShared = false

    /// Describes a stretch.
    public init(start: Int, end: Int, style: Style) {
        first = UInt32(truncatingIfNeeded: start)
        behind = UInt32(truncatingIfNeeded: end)
        self.style = style
    }

    /// Its first byte, that of its anchor or tag where it has one.
    public var start: Int { Int(first) }

    /// The byte behind its last.
    public internal(set) var end: Int {
        get { Int(behind) }
        set { behind = UInt32(truncatingIfNeeded: newValue) }
    }

    /// The bytes.
    public var range: Range<Int> { start..<max(start, end) }
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
    /// - Returns: The documents that can be read, and the first mistake, if there is one. After a mistake in YAML's syntax libyaml
    ///   cannot go on; after any other one, such as a key that is there twice, the documents that follow are read, too.
    public static func documents(in text: [UInt8]) -> (documents: [YAMLDocument], error: YAMLError?) {
        documents(in: SourceText(text))
    }

    /// Reads every document of a text that the caller keeps, to ask it for lines.
    public static func documents(in source: SourceText) -> (documents: [YAMLDocument], error: YAMLError?) {
        guard source.bytes.count < UInt32.max else {
            return ([], YAMLError(message: "larger than 4 GiB", location: Location(line: 1, column: 1)))
        }
        var documents: [YAMLDocument] = []
        var parser = EventParser(source)
        var first: YAMLError?
        while !parser.hasEnded {
            do throws(YAMLError) {
                guard let (root, head) = try parser.document() else { break }
                if case .null = root.content { continue }
                var writer = TreeWriter(source: source)
                try writer.write(root, depth: 0)
                documents.append(YAMLDocument(json: writer.json, extents: writer.extents, head: head))
            } catch {
                first = first ?? error
            }
        }
        return (documents, first)
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
    var extent: Extent

    init(_ content: Content, _ extent: Extent) {
        self.content = content
        self.extent = extent
    }
}

/// The tree as JSON text.
private struct TreeWriter {
    let source: SourceText
    var json: [UInt8] = []
    var extents: [Extent] = []

    init(source: SourceText) { self.source = source }

    private func error(_ message: String, at extent: Extent) -> YAMLError {
        YAMLError(message: message, location: source.location(of: extent.start))
    }

    mutating func write(_ node: YAMLNode, depth: Int, isShared: Bool = false) throws(YAMLError) {
        guard depth <= Reader.maximumDepth else { throw error("nests too deep", at: node.extent) }
        // What is in something shared is shared.
        let isShared = isShared || node.extent.isShared
        try place(node.extent, isShared)
        switch node.content {
        case .null: json.append(contentsOf: "null".utf8)
        case .bool(let value): json.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let text): json.append(contentsOf: text.utf8)
        case .string(let text): quote(text)
        case .sequence(let elements):
            json.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                try write(element, depth: depth + 1, isShared: isShared)
            }
            json.append(UInt8(ascii: "]"))
        case .mapping(let members):
            json.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                try place(member.key.extent, isShared)
                quote(member.key.keyText ?? "")
                json.append(UInt8(ascii: ":"))
                try write(member.value, depth: depth + 1, isShared: isShared)
            }
            json.append(UInt8(ascii: "}"))
        }
    }

    /// Notes where the next node stands; aliases make one stand many times, so this is where they are bounded.
    private mutating func place(_ extent: Extent, _ isShared: Bool) throws(YAMLError) {
        guard extents.count < Reader.maximumNodes else {
            throw error("the document grows beyond \(Reader.maximumNodes) values by its aliases", at: extent)
        }
        var extent = extent
        extent.isShared = extent.isShared || isShared
        extents.append(extent)
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
    /// The node as an object's key; nil when it is null, a list or a mapping, for which Kubernetes' reader (sigs.k8s.io/yaml) has none.
    var keyText: String? {
        switch content {
        case .bool(let value): value ? "true" : "false"
        case .number(let text), .string(let text): text
        case .null, .sequence, .mapping: nil
        }
    }
}
