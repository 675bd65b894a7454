/// A JSON Pointer: the path to a value in a document (RFC 6901).
public struct Pointer: Sendable, Hashable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The keys and indexes from the root, unescaped.
    public var tokens: [String]

    /// Creates a pointer from its tokens.
    public init(_ tokens: [String] = []) { self.tokens = tokens }

    /// Parses `/spec/containers/0`; nil if it is malformed: no leading slash (the root is the empty text), or a lone `~`.
    public init?(parsing text: String) {
        guard !text.isEmpty else {
            self.init()
            return
        }
        guard text.utf8.first == UInt8(ascii: "/") else { return nil }
        // Split as bytes: a `/` before a combining accent is a separator, but not a separate `Character`.
        let parts = text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        var tokens: [String] = []
        for part in parts {
            guard let token = Pointer.unescaped(part) else { return nil }
            tokens.append(token)
        }
        self.init(tokens)
    }

    /// Creates a pointer from a literal; a malformed one is the root, and stops a debug build.
    public init(stringLiteral text: String) {
        let pointer = Pointer(parsing: text)
        assert(pointer != nil, "a pointer starts with a slash, and '~' is '~0' in it")
        self = pointer ?? Pointer()
    }

    /// The pointer in the form of RFC 6901: `/metadata/labels/app.kubernetes.io~1name`.
    public var description: String { tokens.map { "/" + Pointer.escaped($0) }.joined() }

    /// The pointer without its last token.
    public var parent: Pointer { Pointer(Array(tokens.dropLast())) }

    /// Appends a key.
    public static func / (pointer: Pointer, key: String) -> Pointer { Pointer(pointer.tokens + [key]) }

    /// Appends a pointer.
    public static func + (pointer: Pointer, other: Pointer) -> Pointer { Pointer(pointer.tokens + other.tokens) }

    /// True if the place is `other` or inside it.
    public func isInside(_ other: Pointer) -> Bool { tokens.starts(with: other.tokens, by: hasSameBytes) }

    /// True if both have the same tokens, byte by byte.
    public static func == (left: Pointer, right: Pointer) -> Bool {
        left.tokens.count == right.tokens.count && left.isInside(right)
    }

    /// Adds the values that `==` compares.
    public func hash(into hasher: inout Hasher) {
        for token in tokens { hasher.combine(Key(token)) }
    }

    private static func escaped(_ token: String) -> String {
        guard token.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else { return token }
        var result = ""
        for scalar in token.unicodeScalars {
            switch scalar {
            case "~": result += "~0"
            case "/": result += "~1"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func unescaped(_ token: Substring.UTF8View.SubSequence) -> String? {
        guard token.contains(UInt8(ascii: "~")) else { return String(Substring(token)) }
        var bytes: [UInt8] = []
        var rest = token
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "~") else {
                bytes.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "0"): bytes.append(UInt8(ascii: "~"))
            case UInt8(ascii: "1"): bytes.append(UInt8(ascii: "/"))
            default: return nil
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Value {
    /// The value at a pointer relative to this one, if there is one.
    public subscript(at pointer: Pointer) -> Value? {
        var current = self
        for token in pointer.tokens {
            let next = current.kind == .array ? arrayIndex(token).flatMap { current[$0] } : current[name: token]
            guard let next else { return nil }
            current = next
        }
        return current
    }

    /// The pointer to a value below this one; nil if it is not below it.
    public func pointer(to descendant: NodeID) -> Pointer? {
        guard contains(descendant) else { return nil }
        var cursor = PathCursor(self)
        // In bounds: the address is that of a node of this subtree.
        let offset = Int(descendant.address - UInt(bitPattern: node)) / MemoryLayout<Node>.stride
        return cursor.move(to: Value(node: node + offset)).map { _ in cursor.pointer }
    }

    /// The number of nodes, including keys, before a value below this one in document order; nil if it is not below it.
    public func order(of descendant: NodeID) -> Int? {
        guard contains(descendant) else { return nil }
        return Int(descendant.address - UInt(bitPattern: node)) / MemoryLayout<Node>.stride
    }
}
