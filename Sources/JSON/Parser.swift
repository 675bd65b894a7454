/// Bytes to nodes: iterative, strict RFC 8259 and UTF-8, bounded in depth.
///
/// One pass. Whatever is rare (an escape, a skipped member, white space, an error) lies outside of ``run()``, in functions that are
/// given what they need instead of the parser: that lets the compiler keep the parser's own properties in registers.
struct Parser: ~Copyable {
    struct Failure: Error {
        let reason: String
        // An address that is never gone to again.
        private let place: UInt

        init(reason: String, place: Cursor) {
            self.reason = reason
            self.place = UInt(bitPattern: place)
        }

        /// The place as a number of bytes from the beginning of the text.
        func offset(from beginning: Cursor) -> Int { Int(place - UInt(bitPattern: beginning)) }
    }

    /// A place in the text.
    typealias Cursor = UnsafePointer<UInt8>

    // The text, readable from its first byte up to `end` while the parser lives: the caller holds the buffer for the whole call.
    private let end: Cursor
    // What is looked at next; from the first byte to `end`.
    private var at: Cursor
    private let options: ParseOptions
    private let document: Document
    // The document's memory up to `limit`; the nodes before `next` are initialized.
    private var nodes: UnsafeMutablePointer<Node>
    private var next: UnsafeMutablePointer<Node>
    private var limit: UnsafeMutablePointer<Node>

    init(_ bytes: Cursor, _ count: Int, _ options: ParseOptions, _ document: Document) {
        at = bytes
        end = bytes + count
        self.options = options
        self.document = document
        nodes = document.nodes
        next = nodes
        limit = nodes + document.capacity
    }

    /// A container that is not closed yet: its node, the branch of the skip tree that it stands at, if any, and what closes it.
    private struct Open {
        var node: Int32
        var branch: Int16
        var closing: UInt8

        var isObject: Bool { closing == UInt8(ascii: "}") }
    }

    consuming func run() throws(Failure) {
        // The container that the next value is in, and those around it.
        var open = Open(node: 0, branch: SkipTree.nowhere, closing: 0)
        var outer = InlineArray<128, Open>(repeating: open)
        var depth = 0
        var branch = SkipTree.root
        if end - at >= 3, at[0] == 0xEF, at[1] == 0xBB, at[2] == 0xBF {
            throw failure("a byte order mark is not allowed")
        }
        value: while true {
            var byte = look()
            if open.isObject {
                guard byte == UInt8(ascii: "\"") else { throw unexpected("a key was expected") }
                try string()
                // A flag that says how to look for keys here, once for all of them.
                if next[-1].hasEscapes { nodes[Int(open.node)].setEscapes() }
                guard look() == UInt8(ascii: ":") else { throw unexpected("':' was expected") }
                at += 1
                if open.branch != SkipTree.nowhere {
                    branch = options.skipped.child(of: open.branch, next[-1])
                }
                byte = look()
            }
            switch byte {
            case UInt8(ascii: "\""):
                try string()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                if depth == ParseOptions.maximumDepth || branch == SkipTree.skipped {
                    guard branch == SkipTree.skipped || options.toleratesDepth else {
                        throw failure(ParseError.tooDeep)
                    }
                    let after = try endOfContainer(at, end, depth)
                    try append(.opaque, upTo: after)
                    at = after
                    break
                }
                let isObject = byte == UInt8(ascii: "{")
                let closing = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
                try append(isObject ? .object : .array, upTo: at)
                at += 1
                if look() == closing {
                    at += 1
                    next[-1].end(at: at)
                    break
                }
                outer[depth] = open
                depth &+= 1
                open = Open(node: Int32(truncatingIfNeeded: next - nodes - 1), branch: branch, closing: closing)
                branch = SkipTree.nowhere
                continue value
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                let after = try endOfNumber(at, end)
                try append(.number, upTo: after)
                at = after
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
                let byte = look()
                guard depth > 0 else {
                    guard at == end else { throw failure("there is more after the end of the document") }
                    return
                }
                if byte == UInt8(ascii: ",") {
                    at += 1
                    continue value
                }
                guard byte == open.closing else {
                    throw unexpected(open.isObject ? "',' or '}' was expected" : "',' or ']' was expected")
                }
                at += 1
                // The container's node is one of those before `next`.
                let node = nodes + Int(open.node)
                node.pointee.end(at: at)
                node.pointee.setSize(next - node)
                depth &-= 1
                open = outer[depth]
            }
        }
    }

    /// The next byte that is no white space, which is gone to; 0 at the end.
    @inline(__always)
    private mutating func look() -> UInt8 {
        // Most reviews have no white space at all.
        if at < end, at.pointee > 0x20 { return at.pointee }
        at = afterSpace(at, end)
        return at < end ? at.pointee : 0
    }

    // MARK: Scalars

    @inline(__always)
    private mutating func word(_ start: UInt32, _ length: Int, _ kind: Kind) throws(Failure) {
        // Four bytes are there, by the first comparison; `false` has its last one checked apart.
        guard length <= end - at, UnsafeRawPointer(at).loadUnaligned(as: UInt32.self) == UInt32(littleEndian: start),
            length == 4 || at[4] == UInt8(ascii: "e")
        else { throw unexpected("a value was expected") }
        try append(kind, upTo: at + length)
        at += length
    }

    @inline(__always)
    private mutating func string() throws(Failure) {
        at += 1
        let stop = scanPlain(at, end)
        if stop < end, stop.pointee == UInt8(ascii: "\"") {
            try append(.string, upTo: stop)
            at = stop + 1
        } else {
            let (close, hasEscapes) = try endOfString(at, from: stop, end)
            try append(.string, upTo: close)
            if hasEscapes { next[-1].setEscapes() }
            at = close + 1
        }
    }

    // MARK: Nodes and errors

    /// Appends a node for the text from here to `stop`, which may still be corrected.
    @inline(__always)
    private mutating func append(_ kind: Kind, upTo stop: Cursor) throws(Failure) {
        if next == limit {
            let count = next - nodes
            guard count < Node.maximumCount else { throw failure("the document has too many values") }
            document.grow(keeping: count)
            nodes = document.nodes
            next = nodes + count
            limit = nodes + document.capacity
        }
        // `next` is before `limit` now, and both are in the document's current memory.
        next.initialize(to: Node(kind: kind, text: at, length: stop - at))
        next += 1
    }

    @inline(__always)
    private func failure(_ reason: String) -> Failure { Failure(reason: reason, place: at) }

    @inline(__always)
    private func unexpected(_ expected: String) -> Failure { missing(expected, at, end) }
}

@inline(never)
private func missing(_ expected: String, _ at: Parser.Cursor, _ end: Parser.Cursor) -> Parser.Failure {
    Parser.Failure(reason: at < end ? expected : "the document ends too early: \(expected)", place: at)
}

/// The first byte that is no white space, from `at` on (RFC 8259, section 2).
@inline(never)
private func afterSpace(_ start: Parser.Cursor, _ end: Parser.Cursor) -> Parser.Cursor {
    var at = start
    while at < end, at[0] == 0x20 || at[0] == 0x0A || at[0] == 0x0D || at[0] == 0x09 { at += 1 }
    return at
}

// MARK: Numbers

/// Checks the number at `start`, a minus or a digit, and says where it ends (RFC 8259, section 6).
@inline(never)
private func endOfNumber(_ start: Parser.Cursor, _ end: Parser.Cursor) throws(Parser.Failure) -> Parser.Cursor {
    var at = start.pointee == UInt8(ascii: "-") ? start + 1 : start
    if at < end, at.pointee == UInt8(ascii: "0") {
        at += 1
        guard !isDigit(at, end) else { throw Parser.Failure(reason: "a number may not start with 0", place: at) }
    } else {
        at = try endOfDigits(at, end, "a digit was expected")
    }
    if at < end, at.pointee == UInt8(ascii: ".") {
        at = try endOfDigits(at + 1, end, "a digit was expected after the decimal point")
    }
    if at < end, at.pointee | 0x20 == UInt8(ascii: "e") {
        at += 1
        if at < end, at.pointee == UInt8(ascii: "+") || at.pointee == UInt8(ascii: "-") { at += 1 }
        at = try endOfDigits(at, end, "a digit was expected in the exponent")
    }
    return at
}

@inline(__always)
private func isDigit(_ at: Parser.Cursor, _ end: Parser.Cursor) -> Bool {
    at < end && at.pointee &- UInt8(ascii: "0") <= 9
}

@inline(__always)
private func endOfDigits(
    _ start: Parser.Cursor, _ end: Parser.Cursor, _ complaint: String
) throws(Parser.Failure) -> Parser.Cursor {
    guard isDigit(start, end) else { throw missing(complaint, start, end) }
    var at = start
    while isDigit(at, end) { at += 1 }
    return at
}
