/// Parses bytes to nodes: strict RFC 8259 and UTF-8, with limited depth.
///
/// One pass, with a function call for each container: at most 128 deep, so that it fits on the stack of a small thread. The
/// position is passed from call to call in two registers (``Place``). Rare cases (an escape, white space, an error, growing) are
/// outside of the inlined functions. All of these are `mutating`: other functions would receive a copy of the parser.
struct Parser: ~Copyable {
    struct Failure: Error {
        let reason: String
        // An address that is never dereferenced.
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

    /// The position: the next byte to read, and the next node to write.
    private struct Place {
        // From the first byte of the text to `end`.
        var at: Cursor
        // In the document's memory; the nodes before it are initialized.
        var next: UnsafeMutablePointer<Node>
    }

    // The text, readable from its first byte up to `end` while the parser lives: the caller holds the buffer during the call.
    private let start: Cursor
    private let end: Cursor
    // The last place with 16 readable bytes; before `start` if the text is shorter.
    private let lastBlock: Cursor
    private let options: ParseOptions
    // Unretained: the caller holds the document too.
    private let document: Unmanaged<Document>
    // The document's memory. Up to and at `limit`, there is room for two nodes, a key and its value.
    private var nodes: UnsafeMutablePointer<Node>
    private var limit: UnsafeMutablePointer<Node>

    init(_ bytes: Cursor, _ count: Int, _ options: ParseOptions, into document: Document) {
        start = bytes
        end = bytes + count
        lastBlock = end - 16
        self.options = options
        self.document = .passUnretained(document)
        nodes = document.nodes
        limit = nodes + (min(document.capacity, options.maximumNodes + 1) - 2)
    }

    consuming func run() throws(Failure) {
        if end - start >= 3, start[0] == 0xEF, start[1] == 0xBB, start[2] == 0xBF {
            throw Failure(reason: "a byte order mark is not allowed", place: start)
        }
        var place = try value(Place(at: start, next: nodes), 0, SkipTree.root)
        place.at = afterSpace(place.at, end)
        guard place.at == end else {
            throw Failure(reason: "unexpected content after the end of the document", place: place.at)
        }
    }

    /// Parses a value at a nesting depth and a place in the skip tree; there is room for its node.
    @inline(__always)
    private mutating func value(_ place: Place, _ depth: Int, _ branch: Int16) throws(Failure) -> Place {
        switch place.at < end ? place.at.pointee : 0 {
        case UInt8(ascii: "\""): try string(place)
        case UInt8(ascii: "{"): try object(place, depth, branch)
        case UInt8(ascii: "["): try array(place, depth, branch)
        default: try scalar(place, depth, branch)
        }
    }

    // MARK: Containers

    private mutating func object(_ outer: Place, _ depth: Int, _ branch: Int16) throws(Failure) -> Place {
        guard depth < ParseOptions.maximumDepth, branch != SkipTree.skipped else {
            return try opaque(outer, depth, branch)
        }
        let index = Parser.distance(nodes, outer.next)
        var place = Place(at: outer.at + 1, next: outer.next + 1)
        // The words of all keys: one with escapes sets the flag.
        var keys: UInt64 = 0
        if !stands(at: &place, UInt8(ascii: "}")) {
            while true {
                try makeRoom(&place)
                guard stands(at: &place, UInt8(ascii: "\"")) else {
                    throw missing("expected a key", place.at, end)
                }
                let key = place.next
                place = try string(place)
                keys |= key.pointee.word
                guard stands(at: &place, UInt8(ascii: ":")) else { throw missing("expected ':'", place.at, end) }
                place.at += 1
                let inner = branch < 0 ? SkipTree.nowhere : options.skipped.child(of: branch, key.pointee)
                place = try value(place, depth &+ 1, inner)
                guard stands(at: &place, UInt8(ascii: ",")) else { break }
                place.at += 1
            }
            guard stands(at: &place, UInt8(ascii: "}")) else {
                throw missing("expected ',' or '}'", place.at, end)
            }
        }
        place.at += 1
        close(.object, from: outer.at, index, place, keys)
        return place
    }

    private mutating func array(_ outer: Place, _ depth: Int, _ branch: Int16) throws(Failure) -> Place {
        guard depth < ParseOptions.maximumDepth, branch != SkipTree.skipped else {
            return try opaque(outer, depth, branch)
        }
        let index = Parser.distance(nodes, outer.next)
        var place = Place(at: outer.at + 1, next: outer.next + 1)
        if !stands(at: &place, UInt8(ascii: "]")) {
            while true {
                try makeRoom(&place)
                place = try value(place, depth &+ 1, SkipTree.nowhere)
                guard stands(at: &place, UInt8(ascii: ",")) else { break }
                place.at += 1
            }
            guard stands(at: &place, UInt8(ascii: "]")) else {
                throw missing("expected ',' or ']'", place.at, end)
            }
        }
        place.at += 1
        close(.array, from: outer.at, index, place, 0)
        return place
    }

    /// Skips a container that must be skipped or nests too deep.
    @inline(never)
    private mutating func opaque(_ outer: Place, _ depth: Int, _ branch: Int16) throws(Failure) -> Place {
        guard branch == SkipTree.skipped || options.toleratesDepth else {
            throw Failure(reason: ParseError.tooDeep, place: outer.at)
        }
        let after = try endOfContainer(outer.at, end, depth)
        return append(.opaque, outer, upTo: after, then: after)
    }

    /// Writes the node of a container, which precedes those of its content.
    @inline(__always)
    private mutating func close(_ kind: Kind, from start: Cursor, _ index: Int, _ place: Place, _ keys: UInt64) {
        // One of the nodes before `next`, even if they have been moved.
        let node = nodes + index
        node.initialize(
            to: Node(
                kind: kind, text: start, length: place.at - start, size: Parser.distance(node, place.next), keys: keys))
    }

    /// The number of nodes between two, the second after the first, as a shift; the standard library would handle signs.
    @inline(__always)
    private static func distance(_ first: UnsafeMutablePointer<Node>, _ second: UnsafeMutablePointer<Node>) -> Int {
        Int((UInt(bitPattern: second) &- UInt(bitPattern: first)) / UInt(MemoryLayout<Node>.stride))
    }

    /// Moves to the next byte that is not white space; returns true if it is this one.
    @inline(__always)
    private mutating func stands(at place: inout Place, _ byte: UInt8) -> Bool {
        // Most reviews have no white space.
        if place.at < end, place.at.pointee > 0x20 { return place.at.pointee == byte }
        place.at = afterSpace(place.at, end)
        return place.at < end && place.at.pointee == byte
    }

    // MARK: Scalars

    @inline(__always)
    private mutating func string(_ place: Place) throws(Failure) -> Place {
        let start = place.at + 1
        var at = start
        while at <= lastBlock {
            let found = blockers(at)
            if found != 0 {
                at += found.trailingZeroBitCount
                guard at.pointee == UInt8(ascii: "\"") else { break }
                return append(.string, Place(at: start, next: place.next), upTo: at, then: at + 1)
            }
            at += 16
        }
        return try longString(Place(at: start, next: place.next), from: at)
    }

    /// Parses a string that contains an escape or non-ASCII bytes, or that ends near the end of the text.
    @inline(never)
    private mutating func longString(_ place: Place, from plain: Cursor) throws(Failure) -> Place {
        let stop = scanPlain(plain, end)
        if stop < end, stop.pointee == UInt8(ascii: "\"") {
            return append(.string, place, upTo: stop, then: stop + 1)
        }
        let (close, hasEscapes) = try endOfString(place.at, from: stop, end)
        defer { if hasEscapes { place.next.pointee.setEscapes() } }
        return append(.string, place, upTo: close, then: close + 1)
    }

    /// Parses a value that is neither a string nor a container, or has white space before it.
    @inline(never)
    private mutating func scalar(_ outer: Place, _ depth: Int, _ branch: Int16) throws(Failure) -> Place {
        var place = outer
        if place.at < end, place.at.pointee <= 0x20 { place.at = afterSpace(place.at, end) }
        switch place.at < end ? place.at.pointee : 0 {
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            let after = try endOfNumber(place.at, end)
            return append(.number, place, upTo: after, then: after)
        case UInt8(ascii: "t"): return try word(0x6575_7274, 4, .true, place)
        case UInt8(ascii: "n"): return try word(0x6C6C_756E, 4, .null, place)
        case UInt8(ascii: "f"): return try word(0x736C_6166, 5, .false, place)
        case UInt8(ascii: "\""): return try string(place)
        case UInt8(ascii: "{"): return try object(place, depth, branch)
        case UInt8(ascii: "["): return try array(place, depth, branch)
        default: throw missing("expected a value", place.at, end)
        }
    }

    @inline(__always)
    private mutating func word(_ start: UInt32, _ length: Int, _ kind: Kind, _ place: Place) throws(Failure) -> Place {
        let at = place.at
        // Four bytes are readable, by the first comparison; the last one of `false` is checked separately.
        guard length <= end - at, UnsafeRawPointer(at).loadUnaligned(as: UInt32.self) == UInt32(littleEndian: start),
            length == 4 || at[4] == UInt8(ascii: "e")
        else { throw missing("expected a value", at, end) }
        return append(kind, place, upTo: at + length, then: at + length)
    }

    // MARK: Nodes

    /// Appends a node for the text from the place to `stop`; `after` is read next.
    @inline(__always)
    private mutating func append(_ kind: Kind, _ place: Place, upTo stop: Cursor, then after: Cursor) -> Place {
        // There is room: `makeRoom` ensures it, and an empty document has some for the root.
        place.next.initialize(to: Node(kind: kind, text: place.at, length: stop - place.at))
        return Place(at: after, next: place.next + 1)
    }

    /// Makes room for a key and its value.
    @inline(__always)
    private mutating func makeRoom(_ place: inout Place) throws(Failure) {
        if place.next > limit { place.next = try grow(place) }
    }

    @inline(never)
    private mutating func grow(_ place: Place) throws(Failure) -> UnsafeMutablePointer<Node> {
        let count = Parser.distance(nodes, place.next)
        // The caller holds the document.
        let document = document.takeUnretainedValue()
        guard document.grow(keeping: count, atMost: options.maximumNodes + 1) else {
            throw Failure(reason: ParseError.tooManyValues, place: place.at)
        }
        nodes = document.nodes
        limit = nodes + (document.capacity - 2)
        return nodes + count
    }
}

@inline(never)
func missing(_ expected: String, _ at: Parser.Cursor, _ end: Parser.Cursor) -> Parser.Failure {
    Parser.Failure(reason: at < end ? expected : "unexpected end of the document: \(expected)", place: at)
}

/// The first byte from `at` on that is not white space (RFC 8259, section 2).
@inline(never)
private func afterSpace(_ start: Parser.Cursor, _ end: Parser.Cursor) -> Parser.Cursor {
    var at = start
    while at < end, at[0] == 0x20 || at[0] == 0x0A || at[0] == 0x0D || at[0] == 0x09 { at += 1 }
    return at
}
