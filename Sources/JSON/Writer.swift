extension Literal {
    /// Appends the value as compact JSON.
    public func write(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let text): bytes.append(contentsOf: text.utf8)
        case .string(let text): appendQuoted(text, to: &bytes)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                element.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                appendQuoted(member.key, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    /// The value as compact JSON.
    public var json: String {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Writes a JSON object directly into memory, for responses to every request.
public struct ObjectWriter: ~Copyable {
    // Owned by this writer alone and freed with it: `capacity` bytes, of which the first `count` are written.
    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity = 512
    private var count = 0
    private var needsComma = false

    /// Starts an object.
    public init() {
        memory = .allocate(capacity: capacity)
        put(UInt8(ascii: "{"))
    }

    deinit { memory.deallocate() }

    /// Writes a string member.
    public mutating func member(_ key: StaticString, _ value: String) {
        self.key(key)
        quoted(value)
    }

    /// Writes a string member with a dynamic name.
    public mutating func member(name: String, _ value: String) {
        separate()
        quoted(name)
        put(UInt8(ascii: ":"))
        quoted(value)
    }

    /// Writes a boolean member.
    public mutating func member(_ key: StaticString, _ value: Bool) {
        self.key(key)
        put(value ? "true" : "false")
    }

    /// Writes an integer member.
    public mutating func member(_ key: StaticString, _ value: Int) { member(key, .number(String(value))) }

    /// Writes a member of any value.
    public mutating func member(_ key: StaticString, _ value: Literal) {
        self.key(key)
        var bytes: [UInt8] = []
        value.write(to: &bytes)
        bytes.withUnsafeBufferPointer { put($0.baseAddress, $0.count) }
    }

    /// Writes an object member; `body` writes its members.
    public mutating func object(_ key: StaticString, _ body: (inout ObjectWriter) -> Void) {
        self.key(key)
        put(UInt8(ascii: "{"))
        needsComma = false
        body(&self)
        put(UInt8(ascii: "}"))
        needsComma = true
    }

    /// Ends the object.
    public consuming func finish() -> [UInt8] {
        put(UInt8(ascii: "}"))
        return Array(UnsafeBufferPointer(start: memory, count: count))
    }

    // MARK: Bytes

    private mutating func separate() {
        if needsComma { put(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func key(_ key: StaticString) {
        separate()
        // Keys in the source code need no escapes.
        putQuoted(key.utf8Start, key.utf8CodeUnitCount)
        put(UInt8(ascii: ":"))
    }

    /// Appends bytes that need no escapes, in quotes.
    // `bytes` is readable for `length` bytes and does not lie in `memory`.
    private mutating func putQuoted(_ bytes: UnsafePointer<UInt8>, _ length: Int) {
        if capacity - count < length + 2 { grow(by: length + 2) }
        // There is room for all of it now.
        memory[count] = UInt8(ascii: "\"")
        (memory + count + 1).update(from: bytes, count: length)
        memory[count + 1 + length] = UInt8(ascii: "\"")
        count += length + 2
    }

    private mutating func quoted(_ string: String) {
        // Nearly always, nothing must be escaped, and the text is copied as it is.
        let isPlain = string.utf8.span.withUnsafeBufferPointer { buffer in
            // An empty string's buffer may have no address; nothing is read from a length of 0.
            let start = buffer.baseAddress ?? UnsafePointer(memory)
            guard scanPlain(start, start + buffer.count) == start + buffer.count else { return false }
            putQuoted(start, buffer.count)
            return true
        }
        if isPlain { return }
        var bytes: [UInt8] = []
        appendQuoted(string, to: &bytes)
        bytes.withUnsafeBufferPointer { put($0.baseAddress, $0.count) }
    }

    // A static string's bytes live as long as the program.
    private mutating func put(_ text: StaticString) { put(text.utf8Start, text.utf8CodeUnitCount) }

    @inline(__always)
    private mutating func put(_ byte: UInt8) {
        if count == capacity { grow(by: 1) }
        // `count < capacity` now.
        memory[count] = byte
        count += 1
    }

    // `bytes` is readable for `length` bytes and does not lie in `memory`.
    private mutating func put(_ bytes: UnsafePointer<UInt8>?, _ length: Int) {
        guard let bytes, length > 0 else { return }
        if capacity - count < length { grow(by: length) }
        (memory + count).initialize(from: bytes, count: length)
        count += length
    }

    private mutating func grow(by length: Int) {
        let larger = max(capacity * 2, capacity + length)
        let other = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        // The first `count` bytes are written, and both regions hold as many.
        other.initialize(from: memory, count: count)
        memory.deallocate()
        memory = other
        capacity = larger
    }
}
