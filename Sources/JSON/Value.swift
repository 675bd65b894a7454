/// A value of a document: its kind, its text and its children.
///
/// A value is one address without reference counting, so that thousands can be created while a request is evaluated. It points
/// into a ``Document``, and the node there into the parsed bytes; both must be alive, and the document must not be reused, while
/// the value is in use.
@frozen
public struct Value {
    // One of the document's nodes, followed by the `size - 1` nodes of its subtree. Created by `Document`, or by moving from a
    // node to one of its subtree; the nodes' texts are in bounds because the parser created them.
    @usableFromInline let node: UnsafePointer<Node>

    @inlinable
    init(node: UnsafePointer<Node>) { self.node = node }

    /// The kind of the value.
    @inlinable public var kind: Kind { node.pointee.kind }

    /// True if the value is `null`.
    @inlinable public var isNull: Bool { kind == .null }

    /// The identity of the value within its document, for errors that must not contain the value itself.
    public var id: NodeID { NodeID(address: UInt(bitPattern: node)) }

    // MARK: Children

    /// The value of a member; the last one if there are several, as in the API server.
    @inlinable
    public subscript(key: StaticString) -> Value? { member(key.utf8Start, key.utf8CodeUnitCount) }

    /// The value of a member; the last one if there are several, as in the API server.
    public subscript(name name: String) -> Value? {
        var name = name
        return name.withUTF8 { utf8 in
            // An empty key's buffer may have no address; nothing is read from a length of 0.
            member(utf8.baseAddress ?? node.pointee.text, utf8.count)
        }
    }

    // `key` is readable for `length` bytes.
    @usableFromInline
    func member(_ key: UnsafePointer<UInt8>, _ length: Int) -> Value? {
        let object = node.pointee
        guard object.kind == .object else { return nil }
        guard !object.hasEscapes else { return memberAmongEscaped(key, length) }
        let word = Node.key(length)
        var found: UnsafePointer<Node>?
        var at = node + 1
        let end = node + object.size
        while at < end {
            // A key is one node, its value the next: the parser creates them in pairs.
            if at.pointee.word == word, equal(at.pointee.text, key, length) { found = at + 1 }
            at += 1 + at[1].size
        }
        guard let found else { return nil }
        return Value(node: found)
    }

    /// The value of a member in an object with escapes in its keys.
    private func memberAmongEscaped(_ key: UnsafePointer<UInt8>, _ length: Int) -> Value? {
        var found: Value?
        for member in members where member.key.hasContents(key, length) { found = member.value }
        return found
    }

    /// The element at `index` of an array.
    public subscript(index: Int) -> Value? {
        for (position, element) in elements.enumerated() where position == index { return element }
        return nil
    }

    /// The elements of an array; empty for anything else.
    @inlinable public var elements: Elements {
        guard kind == .array else { return Elements(at: node, end: node) }
        return Elements(at: node + 1, end: node + node.pointee.size)
    }

    /// The members of an object in order, including duplicates; empty for anything else.
    @inlinable public var members: Members {
        guard kind == .object else { return Members(at: node, end: node) }
        return Members(at: node + 1, end: node + node.pointee.size)
    }

    /// The elements of an array.
    @frozen
    public struct Elements: Sequence, IteratorProtocol {
        @usableFromInline var at: UnsafePointer<Node>
        @usableFromInline let end: UnsafePointer<Node>

        // `at` to `end` are whole subtrees, one after the other.
        @inlinable
        init(at: UnsafePointer<Node>, end: UnsafePointer<Node>) {
            self.at = at
            self.end = end
        }

        /// The next element.
        @inlinable
        public mutating func next() -> Value? {
            guard at < end else { return nil }
            defer { at += at.pointee.size }
            return Value(node: at)
        }
    }

    /// The members of an object.
    @frozen
    public struct Members: Sequence, IteratorProtocol {
        @usableFromInline var at: UnsafePointer<Node>
        @usableFromInline let end: UnsafePointer<Node>

        // `at` to `end` are pairs of a key node and a whole subtree.
        @inlinable
        init(at: UnsafePointer<Node>, end: UnsafePointer<Node>) {
            self.at = at
            self.end = end
        }

        /// The next member.
        @inlinable
        public mutating func next() -> Member? {
            guard at < end else { return nil }
            defer { at += 1 + at[1].size }
            return Member(key: Value(node: at))
        }
    }

    /// A key and its value.
    @frozen
    public struct Member {
        /// The key, which is a string.
        public let key: Value

        @inlinable
        init(key: Value) { self.key = key }

        /// The value: the node after the key's, since the parser creates them in pairs.
        @inlinable public var value: Value { Value(node: key.node + 1) }
    }

    // MARK: Scalars

    /// The string; nil for anything else.
    ///
    /// A lone surrogate is read as U+FFFD, as in the API server.
    public var string: String? { kind == .string ? text : nil }

    /// A string's contents, or the text of any other value.
    public var text: String {
        guard !node.pointee.hasEscapes else { return unescaped }
        switch kind {
        // They may contain skipped bytes that are not UTF-8.
        case .array, .object, .opaque: return String(decoding: raw, as: UTF8.self)
        // The parser has checked these.
        default: return String(copying: UTF8Span(unchecked: raw.span))
        }
    }

    /// The boolean; nil for anything else.
    @inlinable public var bool: Bool? {
        switch kind {
        case .true: true
        case .false: false
        default: nil
        }
    }

    /// The number if it is a 64-bit integer; nil for anything else.
    public var int: Int? {
        let node = node.pointee
        guard node.kind == .number else { return nil }
        let isNegative = node.text[0] == UInt8(ascii: "-")
        let length = node.length
        var result = 0
        var index = isNegative ? 1 : 0
        while index < length {
            let digit = node.text[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            index &+= 1
            // Eighteen digits always fit. The sum is negative, because the negative range has one more number.
            guard index > 18 else {
                result = result &* 10 &- Int(digit)
                continue
            }
            let (product, overflow) = result.multipliedReportingOverflow(by: 10)
            let (sum, more) = product.subtractingReportingOverflow(Int(digit))
            guard !overflow, !more else { return nil }
            result = sum
        }
        if isNegative { return result }
        return result == .min ? nil : -result
    }

    /// The number of bytes of a string's contents, to compare lengths first; 0 for anything else.
    @inlinable public var contentLength: Int {
        guard kind == .string else { return 0 }
        return node.pointee.hasEscapes ? unescapedCount : node.pointee.length
    }

    /// True if this is the string `other`.
    @inlinable
    @inline(__always)
    public func equals(_ other: StaticString) -> Bool {
        kind == .string && hasContents(other.utf8Start, other.utf8CodeUnitCount)
    }

    /// True if this is a string that begins with `prefix`.
    public func hasPrefix(_ prefix: StaticString) -> Bool {
        guard contentLength >= prefix.utf8CodeUnitCount else { return false }
        // `contents` has at least as many bytes as `prefix`.
        return withContents { contents in
            for index in 0..<prefix.utf8CodeUnitCount where contents[index] != prefix.utf8Start[index] { return false }
            return true
        }
    }

    /// True if this is the string `other`; a literal is compared faster without the label.
    public func equals(string other: String) -> Bool {
        guard kind == .string else { return false }
        let utf8 = other.utf8.span
        return utf8.withUnsafeBufferPointer { hasContents($0.baseAddress ?? node.pointee.text, $0.count) }
    }

    // `other` is readable for `length` bytes.
    @inlinable
    @inline(__always)
    func hasContents(_ other: UnsafePointer<UInt8>, _ length: Int) -> Bool {
        let node = node.pointee
        guard !node.hasEscapes else { return decodes(to: other, length) }
        return node.length == length && equal(node.text, other, length)
    }

    // MARK: Text

    /// The bytes of the text; without a string's quotes.
    @inlinable var raw: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: node.pointee.text, count: node.pointee.length)
    }

    /// The text of the value, including quotes, as a separate document.
    public var source: [UInt8] {
        guard kind == .string else { return Array(raw) }
        return [UInt8(ascii: "\"")] + raw + [UInt8(ascii: "\"")]
    }

    /// The number of bytes of the value in its document, without a string's quotes.
    public var byteCount: Int { raw.count }

    /// The range of a value below this one, relative to this one's start; a string's quotes are included.
    ///
    /// - Parameter descendant: A value of the same document, not before this one.
    /// - Returns: The range in bytes.
    public func range(of descendant: Value) -> Range<Int> {
        let margin = descendant.kind == .string ? 1 : 0
        let start = descendant.node.pointee.text - node.pointee.text - margin
        return start..<start + descendant.node.pointee.length + 2 * margin
    }

    /// Calls a closure with the bytes of the text; without a string's quotes, and with escapes.
    @inlinable
    public func withRawText<Result>(_ body: (Span<UInt8>) -> Result) -> Result { body(raw.span) }

    /// Calls a closure with the bytes of a string's contents, or of the text of any other value; they are copied only to resolve
    /// escapes.
    @inlinable
    public func withContents<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        // `body` is called in one place, so that it is inlined and its captures are not copied.
        let isCopied = node.pointee.hasEscapes && kind == .string
        let bytes = isCopied ? unescapedCopy() : raw
        defer { if isCopied { bytes.deallocate() } }
        return body(bytes.span)
    }

    /// A copy of the bytes of ``withContents(_:)``.
    public var contents: [UInt8] { withContents { bytes in bytes.withUnsafeBufferPointer { Array($0) } } }

    /// True if a string contains escapes, so that its contents are computed at each access.
    public var isEscaped: Bool { kind == .string && hasEscapes }
}

extension Hasher {
    /// Adds a range of bytes.
    public mutating func combine(_ bytes: Span<UInt8>, in range: Range<Int>) {
        bytes.extracting(range).withUnsafeBytes { combine(bytes: $0) }
    }

    /// Adds the bytes of a text.
    public mutating func combine(text: StaticString) {
        text.withUTF8Buffer { combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// Adds the bytes of a text.
    public mutating func combine(text: Span<UInt8>) { text.withUnsafeBytes { combine(bytes: $0) } }
}

/// The identity of a node within its document.
public struct NodeID: Sendable, Hashable {
    let address: UInt
}
