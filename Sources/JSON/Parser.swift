/// Bytes to nodes: iterative, strict RFC 8259 and UTF-8, bounded in depth.
///
/// One pass. The inner loops look at 16 bytes at a time; near the end of the input, where 16 are no longer there, at one.
/// A comparison of vectors is written with vectors on both sides: with a scalar it is not specialised and 30 times slower.
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
    private var nodes: UnsafeMutablePointer<Node>
    private var nodeCount = 0
    private var position = 0

    init(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ options: ParseOptions, _ document: Document) {
        self.bytes = bytes
        self.count = count
        self.options = options
        self.document = document
        nodes = document.nodes
    }

    /// Open containers: the node's index, and where in the skip tree its members stand.
    private struct Open {
        var node: Int32
        var skipFirst: Int16
        var skipCount: Int16
        var isObject: Bool
    }

    mutating func run() throws(Failure) {
        var stack = InlineArray<128, Open>(repeating: Open(node: 0, skipFirst: 0, skipCount: 0, isObject: false))
        var depth = 0
        // The members to skip in the object that the next value opens.
        var skipFirst: Int16 = 0
        var skipCount = Int16(options.skipped.rootCount)
        if count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF {
            throw failure("a byte order mark is not allowed")
        }
        value: while true {
            skipSpace()
            let byte = position < count ? bytes[position] : 0
            switch byte {
            case UInt8(ascii: "\""):
                try string()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                if depth == ParseOptions.maximumDepth {
                    guard options.toleratesDepth else { throw failure(ParseError.tooDeep) }
                    try opaque(at: depth)
                    break
                }
                let isObject = byte == UInt8(ascii: "{")
                let node = append(isObject ? .object : .array, position, position)
                position += 1
                skipSpace()
                if position < count, bytes[position] == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    position += 1
                    nodes[node].end = UInt32(truncatingIfNeeded: position)
                    break
                }
                stack[depth] = Open(
                    node: Int32(truncatingIfNeeded: node), skipFirst: skipFirst, skipCount: isObject ? skipCount : 0,
                    isObject: isObject)
                depth += 1
                skipCount = 0
                if !isObject { continue value }
                try member(of: stack[depth - 1], at: depth, &skipFirst, &skipCount)
                if skipCount < 0 { break }
                continue value
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                try number()
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
                let open = stack[depth - 1]
                let byte = position < count ? bytes[position] : 0
                if byte == UInt8(ascii: ",") {
                    position += 1
                    skipCount = 0
                    if open.isObject {
                        skipSpace()
                        try member(of: open, at: depth, &skipFirst, &skipCount)
                        if skipCount < 0 { continue }
                    }
                    continue value
                }
                guard byte == (open.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
                    throw unexpected(open.isObject ? "',' or '}' was expected" : "',' or ']' was expected")
                }
                position += 1
                let node = Int(open.node)
                nodes[node].end = UInt32(truncatingIfNeeded: position)
                nodes[node].size = UInt32(truncatingIfNeeded: nodeCount - node)
                depth -= 1
            }
        }
    }

    /// Reads a key and its colon, and finds what of its value is to be skipped.
    ///
    /// A `skipCount` below zero says that the value itself was skipped and is there, as an opaque node.
    @inline(__always)
    private mutating func member(
        of open: Open, at depth: Int, _ skipFirst: inout Int16, _ skipCount: inout Int16
    ) throws(Failure) {
        guard position < count, bytes[position] == UInt8(ascii: "\"") else { throw unexpected("a key was expected") }
        let key = nodeCount
        try string()
        skipSpace()
        guard position < count, bytes[position] == UInt8(ascii: ":") else { throw unexpected("':' was expected") }
        position += 1
        guard open.skipCount > 0 else { return }
        try skip(key, at: depth, Int(open.skipFirst), Int(open.skipCount), &skipFirst, &skipCount)
    }

    private mutating func skip(
        _ key: Int, at depth: Int, _ first: Int, _ number: Int, _ skipFirst: inout Int16, _ skipCount: inout Int16
    ) throws(Failure) {
        let length = Int(nodes[key].end - nodes[key].start)
        for index in first..<first + number {
            let branch = options.skipped.branches[index]
            guard branch.key.utf8CodeUnitCount == length,
                equal(branch.key.utf8Start, bytes + Int(nodes[key].start), length)
            else { continue }
            if branch.count > 0 {
                skipFirst = Int16(truncatingIfNeeded: branch.first)
                skipCount = Int16(truncatingIfNeeded: branch.count)
                return
            }
            skipSpace()
            // Scalars are read as always: there is nothing to save.
            guard position < count, bytes[position] == UInt8(ascii: "{") || bytes[position] == UInt8(ascii: "[") else {
                return
            }
            try opaque(at: depth)
            skipCount = -1
            return
        }
    }

    // MARK: Scalars

    @inline(__always)
    private mutating func skipSpace() {
        // Most reviews have no white space at all.
        while position < count, bytes[position] <= 0x20 {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            position += 1
        }
    }

    private mutating func word(_ start: UInt32, _ length: Int, _ kind: Kind) throws(Failure) {
        // Four bytes are there, by the first comparison; `false` has its last one checked apart.
        guard position + length <= count,
            UnsafeRawPointer(bytes + position).loadUnaligned(as: UInt32.self) == UInt32(littleEndian: start),
            length == 4 || bytes[position + 4] == UInt8(ascii: "e")
        else { throw unexpected("a value was expected") }
        _ = append(kind, position, position + length)
        position += length
    }

    private mutating func number() throws(Failure) {
        let start = position
        if bytes[position] == UInt8(ascii: "-") { position += 1 }
        if position < count, bytes[position] == UInt8(ascii: "0") {
            position += 1
            if isDigit { throw failure("a number may not start with 0") }
        } else {
            try digits("a digit was expected")
        }
        if position < count, bytes[position] == UInt8(ascii: ".") {
            position += 1
            try digits("a digit was expected after the decimal point")
        }
        if position < count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
                position += 1
            }
            try digits("a digit was expected in the exponent")
        }
        _ = append(.number, start, position)
    }

    private var isDigit: Bool { position < count && bytes[position] &- UInt8(ascii: "0") <= 9 }

    private mutating func digits(_ complaint: String) throws(Failure) {
        guard isDigit else { throw unexpected(complaint) }
        while isDigit { position += 1 }
    }

    @inline(__always)
    private mutating func string() throws(Failure) {
        let start = position + 1
        var at = start
        var flag: UInt32 = 0
        while true {
            at = scanPlain(bytes, at, count)
            guard at < count else {
                throw Failure(reason: "a string is not closed", offset: start - 1)
            }
            let byte = bytes[at]
            if byte == UInt8(ascii: "\"") { break }
            if byte == UInt8(ascii: "\\") {
                flag = Node.escapeFlag
                at = try escape(at)
            } else if byte < 0x20 {
                throw Failure(reason: "a control character in a string must be escaped", offset: at)
            } else {
                at = try multibyte(at)
            }
        }
        let node = append(.string, start, at)
        nodes[node].meta |= flag
        position = at + 1
    }

    /// Checks an escape and says where it ends.
    ///
    /// A lone surrogate is let through, as by the API server.
    private func escape(_ at: Int) throws(Failure) -> Int {
        guard at + 1 < count else { throw Failure(reason: "an escape is not complete", offset: at) }
        switch bytes[at + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return at + 2
        case UInt8(ascii: "u"):
            guard at + 6 <= count, (at + 2..<at + 6).allSatisfy({ isHexDigit(bytes[$0]) }) else {
                throw Failure(reason: "'\\u' needs four hexadecimal digits", offset: at)
            }
            return at + 6
        default:
            throw Failure(reason: "no such escape", offset: at)
        }
    }

    /// Checks one UTF-8 sequence of two to four bytes (RFC 3629: shortest form, no surrogates, at most U+10FFFF).
    private func multibyte(_ at: Int) throws(Failure) -> Int {
        let length = utf8Length(bytes + at, available: count - at)
        guard length > 0 else { throw Failure(reason: "not valid UTF-8", offset: at) }
        return at + length
    }

    // MARK: Opaque values

    /// Passes over a container that lies in `outer` others, at scan speed: only strings and brackets are looked at.
    private mutating func opaque(at outer: Int) throws(Failure) {
        let start = position
        var depth = outer
        var at = position
        repeat {
            at = scanStructure(bytes, at, count)
            guard at < count else { throw Failure(reason: "an object or array is not closed", offset: start) }
            switch bytes[at] {
            case UInt8(ascii: "\""):
                at += 1
                while true {
                    at = scanQuote(bytes, at, count)
                    guard at < count else { throw Failure(reason: "a string is not closed", offset: start) }
                    if bytes[at] == UInt8(ascii: "\"") { break }
                    at += 2
                }
                at += 1
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                guard depth <= ParseOptions.maximumOpaqueDepth else {
                    throw Failure(reason: ParseError.tooDeep, offset: at)
                }
                at += 1
            default:
                depth -= 1
                at += 1
            }
        } while depth > outer
        _ = append(.opaque, start, at)
        position = at
    }

    // MARK: Nodes and errors

    @inline(__always)
    private mutating func append(_ kind: Kind, _ start: Int, _ end: Int) -> Int {
        let index = nodeCount
        if index == document.capacity {
            document.grow(keeping: index)
            nodes = document.nodes
        }
        // `index < capacity` now, and `nodes` is the document's current memory.
        nodes[index] = Node(kind: kind, start: start, end: end)
        nodeCount = index + 1
        return index
    }

    private func failure(_ reason: String) -> Failure { Failure(reason: reason, offset: position) }

    private func unexpected(_ expected: String) -> Failure {
        guard position < count else { return failure("the document ends too early: \(expected)") }
        return failure(expected)
    }
}
