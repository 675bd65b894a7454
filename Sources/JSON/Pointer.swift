/// A place in a document by the way to it (RFC 6901).
public struct Pointer: Sendable, Hashable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// Keys and indexes from the root, unescaped.
    public var tokens: [String]

    /// Creates a pointer from its tokens.
    public init(_ tokens: [String] = []) { self.tokens = tokens }

    /// Reads `/spec/containers/0`; nil when it is malformed: no slash first (the root is the empty text), or a lone `~`.
    public init?(parsing text: String) {
        guard !text.isEmpty else {
            self.init()
            return
        }
        guard text.utf8.first == UInt8(ascii: "/") else { return nil }
        // As bytes: a `/` before a combining accent is still a separator, but no longer a `Character` of its own.
        let parts = text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        var tokens: [String] = []
        for part in parts {
            guard let token = Pointer.unescaped(part) else { return nil }
            tokens.append(token)
        }
        self.init(tokens)
    }

    /// A pointer in the source; one that is malformed is the root, and stops a debug build.
    public init(stringLiteral text: String) {
        let pointer = Pointer(parsing: text)
        assert(pointer != nil, "a pointer starts with a slash, and '~' is '~0' in it")
        self = pointer ?? Pointer()
    }

    /// The pointer as RFC 6901 writes it: `/metadata/labels/app.kubernetes.io~1name`.
    public var description: String { tokens.map { "/" + Pointer.escaped($0) }.joined() }

    /// The place without its last token.
    public var parent: Pointer { Pointer(Array(tokens.dropLast())) }

    /// The place `key` below this one.
    public static func / (pointer: Pointer, key: String) -> Pointer { Pointer(pointer.tokens + [key]) }

    /// The place `other` below this one.
    public static func + (pointer: Pointer, other: Pointer) -> Pointer { Pointer(pointer.tokens + other.tokens) }

    /// Whether the place is `other` or inside it.
    public func isInside(_ other: Pointer) -> Bool { tokens.starts(with: other.tokens, by: hasSameBytes) }

    /// Whether both are the same tokens, byte by byte.
    public static func == (left: Pointer, right: Pointer) -> Bool {
        left.tokens.count == right.tokens.count && left.isInside(right)
    }

    /// Feeds what `==` compares.
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
    /// The value at a place below this one, if there is one.
    public subscript(at pointer: Pointer) -> Value? {
        var current = self
        for token in pointer.tokens {
            let next = current.kind == .array ? arrayIndex(token).flatMap { current[$0] } : current[name: token]
            guard let next else { return nil }
            current = next
        }
        return current
    }

    /// The way to `descendant`, a value below this one; nil when it is not below it.
    public func pointer(to descendant: NodeID) -> Pointer? {
        guard contains(descendant) else { return nil }
        var cursor = PathCursor(self)
        // In bounds: the address is that of a node of this subtree.
        let offset = Int(descendant.address - UInt(bitPattern: node)) / MemoryLayout<Node>.stride
        return cursor.move(to: Value(node: node + offset)).map { _ in cursor.pointer }
    }

    /// How many nodes, keys included, stand before `descendant` in document order; nil when it is not below this value.
    public func order(of descendant: NodeID) -> Int? {
        guard contains(descendant) else { return nil }
        return Int(descendant.address - UInt(bitPattern: node)) / MemoryLayout<Node>.stride
    }
}
