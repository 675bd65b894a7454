/// A place in a document by the way to it (RFC 6901).
public struct Pointer: Sendable, Hashable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// Keys and indexes from the root, unescaped.
    public var tokens: [String]

    /// Creates a pointer from its tokens.
    public init(_ tokens: [String] = []) { self.tokens = tokens }

    /// Reads `/spec/containers/0`; nil when it does not start with a slash (the root is the empty text).
    public init?(parsing text: String) {
        guard !text.isEmpty else {
            self.init()
            return
        }
        guard text.utf8.first == UInt8(ascii: "/") else { return nil }
        self.init(
            text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { token in
                token.contains("~") ? Pointer.unescaped(token) : String(token)
            })
    }

    /// A pointer in the source; one that is malformed is the root.
    public init(stringLiteral text: String) { self = Pointer(parsing: text) ?? Pointer() }

    /// The pointer as RFC 6901 writes it: `/metadata/labels/app.kubernetes.io~1name`.
    public var description: String { tokens.map { "/" + Pointer.escaped($0) }.joined() }

    /// The place without its last token.
    public var parent: Pointer { Pointer(Array(tokens.dropLast())) }

    /// The place `key` below this one.
    public static func / (pointer: Pointer, key: String) -> Pointer { Pointer(pointer.tokens + [key]) }

    /// The place `other` below this one.
    public static func + (pointer: Pointer, other: Pointer) -> Pointer { Pointer(pointer.tokens + other.tokens) }

    /// Whether the place is `other` or inside it.
    public func isInside(_ other: Pointer) -> Bool { tokens.starts(with: other.tokens) }

    private static func escaped(_ token: String) -> String {
        guard token.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else { return token }
        return token.map { $0 == "~" ? "~0" : $0 == "/" ? "~1" : String($0) }.joined()
    }

    private static func unescaped(_ token: Substring) -> String {
        var result = ""
        var rest = token
        while let character = rest.popFirst() {
            if character == "~", let code = rest.first, code == "0" || code == "1" {
                rest.removeFirst()
                result.append(code == "0" ? "~" : "/")
            } else {
                result.append(character)
            }
        }
        return result
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

    /// Where `descendant`, a value below this one, stands; nil when it does not.
    ///
    /// Found by going down from here: values do not know their parents, and only findings ask.
    public func pointer(to descendant: NodeID) -> Pointer? {
        var pointer = Pointer()
        var current = self
        guard current.contains(descendant) else { return nil }
        while current.id != descendant {
            guard let (token, next) = current.child(containing: descendant) else { return nil }
            pointer.tokens.append(token)
            current = next
        }
        return pointer
    }

    private func contains(_ id: NodeID) -> Bool {
        id.address >= UInt(bitPattern: node) && id.address < UInt(bitPattern: node + Int(node.pointee.size))
    }

    private func child(containing id: NodeID) -> (String, Value)? {
        for (index, element) in elements.enumerated() where element.contains(id) { return (String(index), element) }
        for member in members where member.value.contains(id) { return (member.key.text, member.value) }
        return nil
    }
}
