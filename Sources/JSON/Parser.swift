/// Bytes to nodes: iterative, strict RFC 8259 and UTF-8, bounded in depth.
///
/// One pass. Whatever is rare (an escape, a skipped member, an error) lies outside of ``run()``, in functions that are given what
/// they need instead of the parser: that lets the compiler keep the parser's own properties in registers.
struct Parser: ~Copyable {
    struct Failure: Error {
        let reason: String
        let offset: Int
    }

    // `bytes` is readable for `count` bytes while the parser lives: the caller holds the buffer for the whole call.
    private let bytes: UnsafePointer<UInt8>
    private let count: Int
    private let options: ParseOptions
    private let document: Document
    // Positions and counts stay far below 2^32 (a document has at most 2^31 bytes): their sums do not overflow.
    // The document's memory, `capacity` nodes, of which the first `nodeCount` are initialized.
    private var nodes: UnsafeMutablePointer<Node>
    private var capacity: Int
    private var nodeCount = 0
    private var position = 0

    init(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ options: ParseOptions, _ document: Document) {
        self.bytes = bytes
        self.count = count
        self.options = options
        self.document = document
        nodes = document.nodes
        capacity = document.capacity
    }

    /// A container that is not closed yet: its node, and the branch of the skip tree that it stands at, if any.
    private struct Open {
        var node: Int32
        var branch: Int16
        var isObject: Bool
    }

    consuming func run() throws(Failure) {
        // The container that the next value is in, and those around it.
        var open = Open(node: 0, branch: SkipTree.nowhere, isObject: false)
        var outer = InlineArray<128, Open>(repeating: open)
        var depth = 0
        var branch = SkipTree.root
        if count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF {
            throw failure("a byte order mark is not allowed")
        }
        value: while true {
            skipSpace()
            if open.isObject {
                guard position < count, bytes[position] == UInt8(ascii: "\"") else {
                    throw unexpected("a key was expected")
                }
                let key = nodeCount
                try string()
                skipSpace()
                guard position < count, bytes[position] == UInt8(ascii: ":") else {
                    throw unexpected("':' was expected")
                }
                position &+= 1
                if open.branch != SkipTree.nowhere {
                    branch = options.skipped.child(of: open.branch, nodes[key])
                }
                skipSpace()
            }
            let byte = position < count ? bytes[position] : 0
            switch byte {
            case UInt8(ascii: "\""):
                try string()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                if depth == ParseOptions.maximumDepth || branch == SkipTree.skipped {
                    guard branch == SkipTree.skipped || options.toleratesDepth else {
                        throw failure(ParseError.tooDeep)
                    }
                    let end = try endOfContainer(bytes, position, count, depth)
                    _ = try append(.opaque, position, end)
                    position = end
                    break
                }
                let isObject = byte == UInt8(ascii: "{")
                let node = try append(isObject ? .object : .array, position, position)
                position &+= 1
                skipSpace()
                if position < count, bytes[position] == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    position &+= 1
                    nodes[node].length = UInt32(truncatingIfNeeded: bytes + position - nodes[node].text)
                    break
                }
                outer[depth] = open
                depth += 1
                open = Open(node: Int32(truncatingIfNeeded: node), branch: branch, isObject: isObject)
                branch = SkipTree.nowhere
                continue value
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                let end = try endOfNumber(bytes, position, count)
                _ = try append(.number, position, end)
                position = end
            case UInt8(ascii: "t"):
                try word(0x6575_7274, 4, .true)
            case UInt8(ascii: "n"):
                try word(0x6C6C_756E, 4, .null)
            case UInt8(ascii: "f"):
                try word(0x736C_6166, 5, .false)
            default:
                throw unexpected("a value was expected")
            }
            // A value is complete: go on with its container, and with that one's.
            while true {
                skipSpace()
                guard depth > 0 else {
                    guard position == count else { throw failure("there is more after the end of the document") }
                    return
                }
                let byte = position < count ? bytes[position] : 0
                if byte == UInt8(ascii: ",") {
                    position &+= 1
                    continue value
                }
                guard byte == (open.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
                    throw unexpected(open.isObject ? "',' or '}' was expected" : "',' or ']' was expected")
                }
                position &+= 1
                let node = Int(open.node)
                nodes[node].length = UInt32(truncatingIfNeeded: bytes + position - nodes[node].text)
                nodes[node].setSize(nodeCount - node)
                depth -= 1
                open = outer[depth]
            }
        }
    }

    // MARK: Scalars

    @inline(__always)
    private mutating func skipSpace() {
        // Most reviews have no white space at all.
        while position < count, bytes[position] <= 0x20 {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            position &+= 1
        }
    }

    @inline(__always)
    private mutating func word(_ start: UInt32, _ length: Int, _ kind: Kind) throws(Failure) {
        // Four bytes are there, by the first comparison; `false` has its last one checked apart.
        guard position + length <= count,
            UnsafeRawPointer(bytes + position).loadUnaligned(as: UInt32.self) == UInt32(littleEndian: start),
            length == 4 || bytes[position + 4] == UInt8(ascii: "e")
        else { throw unexpected("a value was expected") }
        _ = try append(kind, position, position + length)
        position += length
    }

    @inline(__always)
    private mutating func string() throws(Failure) {
        let start = position &+ 1
        var end = scanPlain(bytes, start, count)
        var hasEscapes = false
        if end >= count || bytes[end] != UInt8(ascii: "\"") {
            (end, hasEscapes) = try endOfString(bytes, from: end, count, start)
        }
        let node = try append(.string, start, end)
        nodes[node].setEscapes(hasEscapes)
        position = end &+ 1
    }

    // MARK: Nodes and errors

    @inline(__always)
    private mutating func append(_ kind: Kind, _ start: Int, _ end: Int) throws(Failure) -> Int {
        let index = nodeCount
        if index == capacity {
            guard index < Node.maximumCount else { throw failure("the document has too many values") }
            document.grow(keeping: index)
            nodes = document.nodes
            capacity = document.capacity
        }
        // `index < capacity` now, and `nodes` is the document's current memory.
        nodes[index] = Node(kind: kind, text: bytes + start, length: end &- start)
        nodeCount = index &+ 1
        return index
    }

    @inline(__always)
    private func failure(_ reason: String) -> Failure { Failure(reason: reason, offset: position) }

    @inline(__always)
    private func unexpected(_ expected: String) -> Failure { missing(expected, at: position, of: count) }
}

@inline(never)
private func missing(_ expected: String, at position: Int, of count: Int) -> Parser.Failure {
    let isCut = position >= count
    return Parser.Failure(reason: isCut ? "the document ends too early: \(expected)" : expected, offset: position)
}

// MARK: Numbers

/// Checks the number at `start`, a minus or a digit, and says where it ends (RFC 8259, section 6).
@inline(never)
private func endOfNumber(_ bytes: UnsafePointer<UInt8>, _ start: Int, _ count: Int) throws(Parser.Failure) -> Int {
    var at = bytes[start] == UInt8(ascii: "-") ? start &+ 1 : start
    if at < count, bytes[at] == UInt8(ascii: "0") {
        at &+= 1
        guard !isDigit(bytes, at, count) else {
            throw Parser.Failure(reason: "a number may not start with 0", offset: at)
        }
    } else {
        at = try endOfDigits(bytes, at, count, "a digit was expected")
    }
    if at < count, bytes[at] == UInt8(ascii: ".") {
        at = try endOfDigits(bytes, at &+ 1, count, "a digit was expected after the decimal point")
    }
    if at < count, bytes[at] | 0x20 == UInt8(ascii: "e") {
        at &+= 1
        if at < count, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-") { at &+= 1 }
        at = try endOfDigits(bytes, at, count, "a digit was expected in the exponent")
    }
    return at
}

@inline(__always)
private func isDigit(_ bytes: UnsafePointer<UInt8>, _ at: Int, _ count: Int) -> Bool {
    at < count && bytes[at] &- UInt8(ascii: "0") <= 9
}

@inline(__always)
private func endOfDigits(
    _ bytes: UnsafePointer<UInt8>, _ start: Int, _ count: Int, _ complaint: String
) throws(Parser.Failure) -> Int {
    guard isDigit(bytes, start, count) else { throw missing(complaint, at: start, of: count) }
    var at = start
    while isDigit(bytes, at, count) { at &+= 1 }
    return at
}

// MARK: Strings that are not plain

/// Finds the quote that ends a string, from the first byte on that needs a look, and checks what lies between.
///
/// - Parameters:
///   - bytes: Readable for `count` bytes.
///   - first: The first byte that is a quote, a backslash, a control character or not ASCII, or `count`.
///   - count: The number of bytes.
///   - start: The string's first byte, after its quote.
/// - Returns: The place of the closing quote, and whether there are escapes.
/// - Throws: A failure at the first byte that a string may not hold, or at its opening quote where it has no other.
@inline(never)
private func endOfString(
    _ bytes: UnsafePointer<UInt8>, from first: Int, _ count: Int, _ start: Int
) throws(Parser.Failure) -> (Int, Bool) {
    var at = first
    var hasEscapes = false
    while at < count {
        let byte = bytes[at]
        if byte == UInt8(ascii: "\"") { return (at, hasEscapes) }
        if byte == UInt8(ascii: "\\") {
            hasEscapes = true
            at = try endOfEscape(bytes, at, count)
        } else if byte >= 0x80 {
            // RFC 3629: shortest form, no surrogates, at most U+10FFFF.
            let length = utf8Length(bytes + at, available: count - at)
            guard length > 0 else { throw Parser.Failure(reason: "not valid UTF-8", offset: at) }
            at += length
        } else {
            throw Parser.Failure(reason: "a control character in a string must be escaped", offset: at)
        }
        at = scanPlain(bytes, at, count)
    }
    throw Parser.Failure(reason: "a string is not closed", offset: start - 1)
}

/// Checks the escape at `at` and says where it ends.
///
/// A lone surrogate is let through, as by the API server.
@inline(__always)
private func endOfEscape(_ bytes: UnsafePointer<UInt8>, _ at: Int, _ count: Int) throws(Parser.Failure) -> Int {
    guard at + 1 < count else { throw Parser.Failure(reason: "an escape is not complete", offset: at) }
    switch bytes[at + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
        UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
        return at + 2
    case UInt8(ascii: "u"):
        guard at + 6 <= count, isHexDigit(bytes[at + 2]), isHexDigit(bytes[at + 3]), isHexDigit(bytes[at + 4]),
            isHexDigit(bytes[at + 5])
        else { throw Parser.Failure(reason: "'\\u' needs four hexadecimal digits", offset: at) }
        return at + 6
    default:
        throw Parser.Failure(reason: "no such escape", offset: at)
    }
}
