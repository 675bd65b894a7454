public import JSON

/// Reads fields with the types that the API gives them; `null` is the same as absent, as for the API server.
extension Field {
    /// The member of an object; absent where the object is.
    @inlinable
    @inline(__always)
    public subscript(key: StaticString) -> Field {
        get throws(CannotJudge) {
            if let value, value.kind != .object { throw .malformed(value.id, expected: "an object") }
            return member(key)
        }
    }

    /// The value, which must be an object.
    @inlinable
    public func object() throws(CannotJudge) -> Value? { try value?.asObject() }

    /// The string, not copied out of the document.
    @inlinable
    @inline(__always)
    public func text() throws(CannotJudge) -> Value? {
        guard let value else { return nil }
        guard value.kind == .string else { throw .malformed(value.id, expected: "a string") }
        return value
    }

    /// The string.
    public func string() throws(CannotJudge) -> String? { try text()?.text }

    /// The string; nil where it is empty, too.
    public func filledText() throws(CannotJudge) -> Value? {
        guard let text = try text(), text.contentLength > 0 else { return nil }
        return text
    }

    /// Compares the field with a string; an absent one is none.
    @inlinable
    @inline(__always)
    public func equals(_ other: StaticString) throws(CannotJudge) -> Bool { try text()?.equals(other) ?? false }

    /// Compares the field with several strings, one of which is enough.
    public func equals(oneOf others: StaticString...) throws(CannotJudge) -> Bool {
        guard let text = try text() else { return false }
        return others.contains { text.equals($0) }
    }

    /// The boolean.
    public func boolean() throws(CannotJudge) -> Bool? { try value?.asBoolean() }

    /// The integer.
    public func integer() throws(CannotJudge) -> Int? { try value?.asInteger() }

    /// The quantity, which the API writes as a string or a number.
    public func amount() throws(CannotJudge) -> Amount? { try value?.asAmount() }

    /// The whole number or percentage.
    public func intOrPercent() throws(CannotJudge) -> IntOrPercent? { try value?.asIntOrPercent() }

    /// The map of strings.
    public func labels() throws(CannotJudge) -> Labels { try value?.asLabels() ?? .none }

    /// The elements of a list, of any type; none when it is absent.
    public func elements() throws(CannotJudge) -> Elements { Elements(try value?.asArray().elements) }

    /// The elements of a list of objects.
    public func objects() throws(CannotJudge) -> Elements { Elements(try Objects(value).elements) }

    /// The elements of a list of strings.
    public func strings() throws(CannotJudge) -> Elements { Elements(try value?.asStrings().elements) }

    /// The members of an object, doubled ones included; none when it is absent.
    public func members() throws(CannotJudge) -> Value.Members? { try value?.asObject().members }

    /// The elements of a list, one after the other.
    @frozen
    public struct Elements: Sequence, IteratorProtocol {
        @usableFromInline var values: Value.Elements?

        init(_ values: Value.Elements?) { self.values = values }

        /// The next element.
        @inlinable
        @inline(__always)
        public mutating func next() -> Field? { values?.next().map { Field($0) } }

        /// The first of the elements that are left.
        public var first: Field? {
            var rest = self
            return rest.next()
        }

        /// Whether none is left.
        public var isEmpty: Bool { first == nil }
    }
}
