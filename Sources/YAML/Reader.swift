import CYAML
public import JSON

/// A YAML document as JSON, with the location of each node.
public struct YAMLDocument: Sendable {
    /// The document as JSON text.
    public let json: [UInt8]
    /// The locations of the nodes in the YAML, in document order, including keys: the n-th node of the JSON is the n-th here.
    public let extents: [Extent]
    /// The start of the document, including the comments before its root: after the `---` or the document before it.
    public let head: Int
}

/// The range of a node in a text, in bytes.
public struct Extent: Sendable, Equatable {
    /// The style of a node.
    public enum Style: UInt8, Sendable {
        /// A scalar without quotes.
        case plain
        /// A scalar in single or double quotes.
        case quoted
        /// A scalar of several lines, after `|` or `>`.
        case literal
        /// A list or mapping in block style.
        case block
        /// A list or mapping in flow style.
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
    /// The style.
    public let style: Style
    /// True if it is the range of several nodes, through an alias or a merge.
    public internal(set) var isShared = false

    /// Creates an extent.
    public init(start: Int, end: Int, style: Style) {
        first = UInt32(truncatingIfNeeded: start)
        behind = UInt32(truncatingIfNeeded: end)
        self.style = style
    }

    /// The first byte, including an anchor or tag.
    public var start: Int { Int(first) }

    /// The byte after the last one.
    public internal(set) var end: Int {
        get { Int(behind) }
        set { behind = UInt32(truncatingIfNeeded: newValue) }
    }

    /// The range in bytes.
    public var range: Range<Int> { start..<max(start, end) }
}

/// The error of a YAML text that cannot be read, with its location.
public struct YAMLError: Error, Equatable, CustomStringConvertible {
    /// The problem.
    public let message: String
    /// The location.
    public let location: Location
    /// The location and the problem, such as `line 3, column 5: duplicate key "a" (first defined on line 2)`.
    public var description: String { "line \(location.line), column \(location.column): \(message)" }
}

/// Converts YAML to JSON documents, as Kubernetes reads it: YAML 1.1, string keys without duplicates, merges applied.
///
/// libyaml's events become a tree, since aliases and merges refer to earlier nodes; the tree becomes JSON text. Both are limited,
/// so that a small text cannot become a large one.
public enum Reader {
    /// The maximum number of nodes of a document.
    static let maximumNodes = 1_000_000
    /// The maximum nesting depth.
    static let maximumDepth = 200

    /// Reads every document of a text; empty ones are left out.
    ///
    /// - Parameter text: UTF-8, with or without a byte order mark, or UTF-16 with one.
    /// - Returns: The documents that can be read, and the first error. After a syntax error, libyaml cannot continue; after any
    ///   other error, such as a duplicate key, the documents that follow are read too.
    public static func documents(in text: [UInt8]) -> (documents: [YAMLDocument], error: YAMLError?) {
        documents(in: SourceText(text))
    }

    /// Reads every document of a text that the caller keeps for locations.
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

/// A YAML node, resolved to a JSON value.
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

/// Writes the tree as JSON text.
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
        // The content of a shared node is shared.
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

    /// Records the location of the next node; it limits the nodes that aliases can create.
    private mutating func place(_ extent: Extent, _ isShared: Bool) throws(YAMLError) {
        guard extents.count < Reader.maximumNodes else {
            throw error("the document has more than \(Reader.maximumNodes) values after resolving aliases", at: extent)
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
    /// The node as an object's key; nil if it is null, a list or a mapping, as in Kubernetes' reader (sigs.k8s.io/yaml).
    var keyText: String? {
        switch content {
        case .bool(let value): value ? "true" : "false"
        case .number(let text), .string(let text): text
        case .null, .sequence, .mapping: nil
        }
    }
}
