/// Bytes to nodes: iterative, strict RFC 8259 and UTF-8, bounded in depth.
///
/// One pass. Whatever is rare (an escape, a skipped member, white space, an error) lies outside of ``run()``, in functions that are
/// given what they need instead of the parser: that, and that it holds no reference, lets the compiler keep its properties in
/// registers.
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
    // The document's memory up to `limit`; the nodes before `next` are initialized.
    private var nodes: UnsafeMutablePointer<Node>
    private var next: UnsafeMutablePointer<Node>
    private var limit: UnsafeMutablePointer<Node>

    init(_ bytes: Cursor, _ count: Int, into document: Document) {
        at = bytes
        end = bytes + count
        nodes = document.nodes
        next = nodes
        limit = nodes + document.capacity
    }

    consuming func run(_ options: ParseOptions, into document: Document) throws(Failure) {
        // The container that the next value is in, by its node's index: until it is closed, its node leads to the one around it.
        var container = 0
        var isObject = false
        var depth = 0
        // Where in the skip tree the container stands, and the next value.
        var outerBranch = SkipTree.nowhere
        var branch = SkipTree.root
        if end - at >= 3, at[0] == 0xEF, at[1] == 0xBB, at[2] == 0xBF {
            throw failure("a byte order mark is not allowed")
        }
        value: while true {
            var byte = look()
            if isObject {
                guard byte == UInt8(ascii: "\"") else { throw unexpected("a key was expected") }
                try string(document)
                // A flag that says how to look for keys here, once for all of them.
                if next[-1].hasEscapes { nodes[container].setEscapes() }
                guard look() == UInt8(ascii: ":") else { throw unexpected("':' was expected") }
                at += 1
                if outerBranch != SkipTree.nowhere {
                    branch = options.skipped.child(of: outerBranch, next[-1])
                }
                byte = look()
            }
            switch byte {
            case UInt8(ascii: "\""):
                try string(document)
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                if depth == ParseOptions.maximumDepth || branch == SkipTree.skipped {
                    guard branch == SkipTree.skipped || options.toleratesDepth else {
                        throw failure(ParseError.tooDeep)
                    }
                    let after = try endOfContainer(at, end, depth)
                    try append(.opaque, upTo: after, document)
                    at = after
                    break
                }
                let opensObject = byte == UInt8(ascii: "{")
                try append(opensObject ? .object : .array, upTo: at, document)
                at += 1
                if look() == (opensObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    at += 1
                    next[-1].end(at: at)
                    break
                }
                next[-1].open(in: container, branch: branch)
                container = Parser.distance(nodes, next) &- 1
                isObject = opensObject
                outerBranch = branch
                branch = SkipTree.nowhere
                depth &+= 1
                continue value
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                let after = try endOfNumber(at, end)
                try append(.number, upTo: after, document)
                at = after
            case UInt8(ascii: "t"):
                try word(0x6575_7274, 4, .true, document)
            case UInt8(ascii: "n"):
                try word(0x6C6C_756E, 4, .null, document)
            case UInt8(ascii: "f"):
                try word(0x736C_6166, 5, .false, document)
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
                guard byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
                    throw unexpected(isObject ? "',' or '}' was expected" : "',' or ']' was expected")
                }
                at += 1
                // The container's node is one of those before `next`.
                let node = nodes + container
                container = node.pointee.outer
                node.pointee.close(at: at, size: Parser.distance(node, next))
                depth &-= 1
                isObject = depth > 0 && nodes[container].kind == .object
                outerBranch = nodes[container].branch
            }
        }
    }

    /// How many nodes lie between two, the second being behind the first: a shift, where the standard library allows for signs.
    @inline(__always)
    private static func distance(_ first: UnsafeMutablePointer<Node>, _ second: UnsafeMutablePointer<Node>) -> Int {
        Int((UInt(bitPattern: second) &- UInt(bitPattern: first)) / UInt(MemoryLayout<Node>.stride))
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
    private mutating func word(
        _ start: UInt32, _ length: Int, _ kind: Kind, _ document: Document
    ) throws(Failure) {
        // Four bytes are there, by the first comparison; `false` has its last one checked apart.
        guard length <= end - at, UnsafeRawPointer(at).loadUnaligned(as: UInt32.self) == UInt32(littleEndian: start),
            length == 4 || at[4] == UInt8(ascii: "e")
        else { throw unexpected("a value was expected") }
        try append(kind, upTo: at + length, document)
        at += length
    }

    @inline(__always)
    private mutating func string(_ document: Document) throws(Failure) {
        at += 1
        let stop = scanPlain(at, end)
        if stop < end, stop.pointee == UInt8(ascii: "\"") {
            try append(.string, upTo: stop, document)
            at = stop + 1
        } else {
            let (close, hasEscapes) = try endOfString(at, from: stop, end)
            try append(.string, upTo: close, document)
            if hasEscapes { next[-1].setEscapes() }
            at = close + 1
        }
    }

    // MARK: Nodes and errors

    /// Appends a node for the text from here to `stop`, which may still be corrected.
    @inline(__always)
    private mutating func append(_ kind: Kind, upTo stop: Cursor, _ document: Document) throws(Failure) {
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
