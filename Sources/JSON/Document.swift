/// A JSON document read in place: a flat list of nodes over the bytes they were read from.
///
/// Nothing is decoded while reading. Every value and every key is one 16-byte ``Node``, in document order, and a container's
/// node says how many nodes it and all within it take. Worked through on an example:
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
/// The next sibling of a node is `node + node.size`, so passing over a subtree costs one addition however large it is.
///
/// A document is a scratch that is read into again and again (``read(_:_:_:)``): its node memory grows to what the largest
/// document so far needed (up to 1 MiB), and reading allocates nothing after that. It belongs to one thread at a time.
public final class Document {
    var nodes: UnsafeMutablePointer<Node>
    var capacity: Int
    private var copy: UnsafeMutableBufferPointer<UInt8>?

    /// Creates an empty scratch, to be read into.
    public init() {
        capacity = Document.initialCapacity
        // Owned by this object alone, freed in `deinit`; replaced by `grow` while parsing and by `forget` after a reading only.
        nodes = .allocate(capacity: capacity)
        nodes.initialize(to: Document.nothing(nodes))
    }

    /// Reads a document that keeps a copy of its bytes, for whoever outlives them.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8 text of one JSON value.
    ///   - options: What is skipped, and how deep it may nest.
    /// - Throws: ``ParseError`` with the place.
    public convenience init(parsing bytes: [UInt8], _ options: ParseOptions = .strict) throws(ParseError) {
        self.init()
        // One byte more, so that an empty document has an address too.
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

    /// Reads bytes that belong to someone else, and hands out the root while they are borrowed.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8 text of one JSON value.
    ///   - options: What is skipped, and how deep it may nest.
    ///   - body: What to do with the root. No ``Value`` may leave it: it points into `bytes` and into this document.
    /// - Returns: What `body` returns.
    /// - Throws: ``ParseError`` with the place.
    public func read<Result>(
        _ bytes: Span<UInt8>, _ options: ParseOptions, _ body: (Value) -> Result
    ) throws(ParseError) -> Result {
        // The pointer is used inside this call only; `body` must not let a value out, as its documentation says.
        defer { forget() }
        return try bytes.withUnsafeBufferPointer { (buffer) throws(ParseError) -> Result in
            try parse(buffer, options)
            return body(root)
        }
    }

    /// Makes the document `null` again, so that ``root`` cannot lead to bytes that were only borrowed.
    ///
    /// Memory that one enormous document needed is given back: nobody should pay for it until the process ends.
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

    /// The outermost value of a document made by ``init(parsing:_:)``; `null` in a scratch, and after any ``read(_:_:_:)``.
    ///
    /// Values point into the document and do not hold it: bind it to a variable or a property that outlives them, and do not
    /// read into it again while they are in use. Of a document that nothing holds (`try Document(parsing: bytes).root`) the root
    /// is gone before it is looked at.
    public var root: Value { Value(node: UnsafePointer(nodes)) }

    private static func nothing(_ nodes: UnsafeMutablePointer<Node>) -> Node {
        // A null of no bytes never looks at them, so any address will do for it.
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
            // What a failed reading left is no tree: make the document `null` again before anyone can look.
            nodes.initialize(to: Document.nothing(nodes))
            throw ParseError(error.reason, at: error.offset(from: base), in: buffer)
        }
    }

    /// Doubles the node memory, up to `maximum` nodes, and keeps the first `count` nodes.
    ///
    /// - Parameters:
    ///   - count: The number of nodes that are in use.
    ///   - maximum: The largest capacity, in nodes.
    /// - Returns: Whether there is more room now.
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

/// One value or key of a document: what it is, where its text is, and how many nodes it takes.
///
/// It holds the address of its text, so that a ``Value`` is a single pointer to its node. That also keeps clear of a fault of
/// Swift 6.3: of an optional of two words, what generic code made `nil` may be taken for a value when it is read from memory.
@frozen
@usableFromInline
struct Node {
    /// The first byte of the text; a string's lies behind its quote.
    @usableFromInline let text: UnsafePointer<UInt8>
    /// What else there is to know, in one word that can be compared at once: the text's length in bytes (a string's without its
    /// quotes) in the lower half; above it three bits of kind, the escape flag, and 28 bits for the number of nodes, this one
    /// and all below.
    @usableFromInline var word: UInt64

    /// As many nodes as their number has bits for.
    static let maximumCount = 1 << 28

    @inline(__always)
    init(kind: Kind, text: UnsafePointer<UInt8>, length: Int) {
        self.text = text
        word = UInt64(UInt32(truncatingIfNeeded: length)) | UInt64(kind.rawValue) << 32 | 1 << 36
    }

    /// A container with what is in it; `keys` has the escape flag of each key.
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

    /// Whether there are escapes in a string, or in a key of an object.
    @inlinable var hasEscapes: Bool { word & 1 << 35 != 0 }

    /// This node and all below it; 1 for scalars and empty containers.
    @inlinable var size: Int { Int(word >> 36) }

    mutating func setEscapes() { word |= 1 << 35 }

    /// The word of a key of this length that has no escapes.
    @inlinable
    @inline(__always)
    static func key(_ length: Int) -> UInt64 {
        UInt64(UInt32(truncatingIfNeeded: length)) | UInt64(Kind.string.rawValue) << 32 | 1 << 36
    }
}

/// What a JSON value is.
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
    /// A subtree that was passed over, because it was asked to be or because it nests too deep.
    case opaque
}

/// How a document is read.
public struct ParseOptions: Sendable {
    /// Members that are passed over without being looked into.
    public var skipped: SkipTree
    /// What nests deeper than 128 becomes ``Kind/opaque`` instead of an error.
    public var toleratesDepth: Bool
    /// The most nodes (values and keys) that a document may have, at least 2; one with more is an error.
    public var maximumNodes: Int

    /// Creates options.
    public init(
        skipped: SkipTree = .none, toleratesDepth: Bool = false, maximumNodes: Int = ParseOptions.untrustedNodes
    ) {
        self.skipped = skipped
        self.toleratesDepth = toleratesDepth
        self.maximumNodes = min(maximumNodes, Node.maximumCount - 2)
    }

    /// Everything is checked, and nesting deeper than 128 is an error: for files.
    public static let strict = ParseOptions()

    /// The most nodes of a document that anybody may have sent: 32 MB of memory.
    public static let untrustedNodes = 2_000_000
    /// As many nodes as can be counted: for documents whose source is trusted.
    public static let trustedNodes = Node.maximumCount - 2

    /// How deep values may nest before they become opaque, or an error.
    public static let maximumDepth = 128
    /// How deep brackets are counted inside an opaque value; the API server's own decoder ends here.
    public static let maximumOpaqueDepth = 10_000
}
