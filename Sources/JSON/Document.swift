/// A JSON document parsed in place: a flat list of nodes over the parsed bytes.
///
/// Nothing is decoded while parsing. Every value and every key is one 16-byte ``Node``, in document order, and a container's node
/// has the number of nodes in its subtree. An example:
///
///     {"a": [1, "x"], "b": {}}        bytes 0..<24
///
///     node  kind    start..<end  size
///     0     object   0..<24      7      the whole
///     1     string   2..<3       1      key a      (strings lie between their quotes)
///     2     array    6..<14      3      its value: nodes 2, 3, 4
///     3     number   7..<8       1
///     4     string  11..<12      1
///     5     string  17..<18      1      key b = node 2 + size of node 2
///     6     object  21..<23      1      an empty object is one node
///
/// The next sibling of a node is `node + node.size`, so skipping a subtree takes one addition regardless of its size.
///
/// A document can be reused (``read(_:_:_:)``): its node memory grows to the size of the largest document so far (up to 1 MiB),
/// and parsing allocates nothing after that. It must be used by one thread at a time.
public final class Document {
    var nodes: UnsafeMutablePointer<Node>
    var capacity: Int
    private var copy: UnsafeMutableBufferPointer<UInt8>?

    /// Creates an empty document for reuse.
    public init() {
        capacity = Document.initialCapacity
        // Owned by this object alone and freed in `deinit`; replaced only by `grow` while parsing and by `forget` after it.
        nodes = .allocate(capacity: capacity)
        nodes.initialize(to: Document.nothing(nodes))
    }

    /// Parses a document and keeps a copy of its bytes.
    ///
    /// - Parameters:
    ///   - bytes: The UTF-8 text of one JSON value.
    ///   - options: The parse options.
    /// - Throws: A ``ParseError`` with the location.
    public convenience init(parsing bytes: [UInt8], _ options: ParseOptions = .strict) throws(ParseError) {
        self.init()
        // One more byte, so that an empty document has an address too.
        let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count + 1)
        buffer.initialize(repeating: 0)
        for index in bytes.indices { buffer[index] = bytes[index] }
        copy = buffer
        // `buffer` lives as long as this document, and so as long as its values may be used.
        if let base = buffer.baseAddress {
            try parse(UnsafeBufferPointer(start: base, count: bytes.count), options)
        }
    }

    deinit {
        nodes.deallocate()
        copy?.deallocate()
    }

    /// Parses borrowed bytes, and calls a closure with the root while they are borrowed.
    ///
    /// - Parameters:
    ///   - bytes: The UTF-8 text of one JSON value.
    ///   - options: The parse options.
    ///   - body: Receives the root. It must not keep any ``Value``, which points into `bytes` and into this document.
    /// - Returns: The result of `body`.
    /// - Throws: A ``ParseError`` with the location.
    public func read<Result>(
        _ bytes: Span<UInt8>, _ options: ParseOptions, _ body: (Value) -> Result
    ) throws(ParseError) -> Result {
        // The pointer is used only during this call; `body` must not keep a value, as documented.
        defer { forget() }
        return try bytes.withUnsafeBufferPointer { (buffer) throws(ParseError) -> Result in
            try parse(buffer, options)
            return body(root)
        }
    }

    /// Makes the document `null` again, so that ``root`` cannot point to bytes that were only borrowed.
    ///
    /// The memory of a very large document is released.
    private func forget() {
        if capacity > Document.keptCapacity {
            nodes.deallocate()
            capacity = Document.initialCapacity
            nodes = .allocate(capacity: capacity)
        }
        nodes.initialize(to: Document.nothing(nodes))
    }

    private static let initialCapacity = 512
    // 1 MiB of nodes: more than nearly any review needs.
    private static let keptCapacity = 65_536

    /// The root value of a document made by ``init(parsing:_:)``; `null` in an empty document, and after any ``read(_:_:_:)``.
    ///
    /// Values point into the document but do not retain it: keep the document in a variable or property that outlives them, and
    /// do not parse into it while they are in use. In `try Document(parsing: bytes).root`, the document is released before the
    /// root is used.
    public var root: Value { Value(node: UnsafePointer(nodes)) }

    private static func nothing(_ nodes: UnsafeMutablePointer<Node>) -> Node {
        // A null of no bytes is never read, so any address is valid.
        Node(kind: .null, text: UnsafeRawPointer(nodes).assumingMemoryBound(to: UInt8.self), length: 0)
    }

    private func parse(_ buffer: UnsafeBufferPointer<UInt8>, _ options: ParseOptions) throws(ParseError) {
        guard let base = buffer.baseAddress, !buffer.isEmpty else {
            throw ParseError("the document is empty", at: 0, in: buffer)
        }
        guard buffer.count <= Int(Int32.max) else {
            throw ParseError("the document is larger than 2 GiB", at: 0, in: buffer)
        }
        do {
            try Parser(base, buffer.count, options, into: self).run()
        } catch {
            // The nodes of a failed parse are not a tree, so the document becomes `null` again.
            nodes.initialize(to: Document.nothing(nodes))
            throw ParseError(error.reason, at: error.offset(from: base), in: buffer)
        }
    }

    /// Doubles the node memory, up to `maximum` nodes, and keeps the first `count` nodes.
    ///
    /// - Parameters:
    ///   - count: The number of nodes in use.
    ///   - maximum: The maximum capacity, in nodes.
    /// - Returns: True if the memory has grown.
    func grow(keeping count: Int, atMost maximum: Int) -> Bool {
        let larger = min(2 * capacity, maximum)
        guard larger > capacity else { return false }
        let memory = UnsafeMutablePointer<Node>.allocate(capacity: larger)
        // `count <= capacity < larger`: both regions are large enough and do not overlap; nodes are trivial.
        memory.moveInitialize(from: nodes, count: count)
        nodes.deallocate()
        nodes = memory
        capacity = larger
        return true
    }
}

/// A value or key of a document: its kind, its text, and the number of nodes in its subtree.
///
/// It contains the address of its text, so that a ``Value`` is a single pointer to its node. This also avoids a bug in Swift 6.3:
/// an optional of two words that generic code set to `nil` can be read back as a value.
@frozen
@usableFromInline
struct Node {
    /// The first byte of the text; for a string, the byte after its quote.
    @usableFromInline let text: UnsafePointer<UInt8>
    /// All other properties in one word that can be compared at once: the text's length in bytes (without a string's quotes) in
    /// the lower half; above it three bits of kind, the escape flag, and 28 bits for the number of nodes in the subtree.
    @usableFromInline var word: UInt64

    /// The largest number of nodes that fits in its bits.
    static let maximumCount = 1 << 28

    @inline(__always)
    init(kind: Kind, text: UnsafePointer<UInt8>, length: Int) {
        self.text = text
        word = UInt64(UInt32(truncatingIfNeeded: length)) | UInt64(kind.rawValue) << 32 | 1 << 36
    }

    /// A container with its content; `keys` has the escape flag of each key.
    @inline(__always)
    init(kind: Kind, text: UnsafePointer<UInt8>, length: Int, size: Int, keys: UInt64) {
        self.text = text
        word =
            UInt64(UInt32(truncatingIfNeeded: length)) | UInt64(kind.rawValue) << 32 | keys & 1 << 35
            | UInt64(truncatingIfNeeded: size) << 36
    }

    @inlinable var length: Int { Int(UInt32(truncatingIfNeeded: word)) }

    // `Kind` has a case for each of the eight values of three bits, numbered from 0, and its raw value is its memory.
    @inlinable var kind: Kind { unsafeBitCast(UInt8(truncatingIfNeeded: word >> 32 & 7), to: Kind.self) }

    /// True if a string, or a key of an object, contains escapes.
    @inlinable var hasEscapes: Bool { word & 1 << 35 != 0 }

    /// The number of nodes in the subtree; 1 for scalars and empty containers.
    @inlinable var size: Int { Int(word >> 36) }

    mutating func setEscapes() { word |= 1 << 35 }

    /// The word of a key of this length without escapes.
    @inlinable
    @inline(__always)
    static func key(_ length: Int) -> UInt64 {
        UInt64(UInt32(truncatingIfNeeded: length)) | UInt64(Kind.string.rawValue) << 32 | 1 << 36
    }
}

/// The kind of a JSON value.
@frozen
public enum Kind: UInt8, Sendable {
    /// `null`
    case null
    /// `false`
    case `false`
    /// `true`
    case `true`
    /// A number, kept as its text.
    case number
    /// A string, or a key.
    case string
    /// An array.
    case array
    /// An object.
    case object
    /// A subtree that was skipped, on request or because it nests too deep.
    case opaque
}

/// The options for parsing.
public struct ParseOptions: Sendable {
    /// The members that are skipped.
    public var skipped: SkipTree
    /// True if values that nest deeper than 128 become ``Kind/opaque`` instead of an error.
    public var toleratesDepth: Bool
    /// The maximum number of nodes (values and keys) of a document, at least 2; more are an error.
    public var maximumNodes: Int

    /// Creates options.
    public init(
        skipped: SkipTree = .none, toleratesDepth: Bool = false, maximumNodes: Int = ParseOptions.untrustedNodes
    ) {
        self.skipped = skipped
        self.toleratesDepth = toleratesDepth
        self.maximumNodes = min(maximumNodes, Node.maximumCount - 2)
    }

    /// Parses everything, and nesting deeper than 128 is an error: for files.
    public static let strict = ParseOptions()

    /// The maximum number of nodes of a document from an untrusted source: 32 MB of memory.
    public static let untrustedNodes = 2_000_000
    /// The maximum number of nodes that can be counted: for documents from a trusted source.
    public static let trustedNodes = Node.maximumCount - 2

    /// The nesting depth beyond which values are opaque, or an error.
    public static let maximumDepth = 128
    /// The maximum nesting depth inside an opaque value, as in the API server's decoder.
    public static let maximumOpaqueDepth = 10_000
}
