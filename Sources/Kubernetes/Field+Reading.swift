public import JSON

/// Accessors for fields with the types that the API defines; `null` counts as absent, as for the API server.
extension Field {
    /// Returns a member of the object; absent if the object is.
    @inlinable
    @inline(__always)
    public subscript(key: StaticString) -> Field {
        get throws(CannotEvaluate) {
            if let value, value.kind != .object { throw .malformed(value.id, expected: "an object") }
            return member(key)
        }
    }

    /// The value, which must be an object.
    @inlinable
    public func object() throws(CannotEvaluate) -> Value? { try value?.asObject() }

    /// Returns the string without copying it.
    @inlinable
    @inline(__always)
    public func text() throws(CannotEvaluate) -> Value? {
        guard let value else { return nil }
        guard value.kind == .string else { throw .malformed(value.id, expected: "a string") }
        return value
    }

    /// Returns the string.
    public func string() throws(CannotEvaluate) -> String? { try text()?.text }

    /// The value in quotes, or `not set`, for messages.
    public var quoted: String { value.map { "\"\($0.text)\"" } ?? "not set" }

    /// Returns the string; nil if it is empty.
    public func filledText() throws(CannotEvaluate) -> Value? {
        guard let text = try text(), text.contentLength > 0 else { return nil }
        return text
    }

    /// True if the field equals a string; an absent field does not.
    @inlinable
    @inline(__always)
    public func equals(_ other: StaticString) throws(CannotEvaluate) -> Bool { try text()?.equals(other) ?? false }

    /// True if the field equals one of several strings.
    public func equals(oneOf others: StaticString...) throws(CannotEvaluate) -> Bool {
        guard let text = try text() else { return false }
        return others.contains { text.equals($0) }
    }

    /// Returns the boolean.
    public func boolean() throws(CannotEvaluate) -> Bool? { try value?.asBoolean() }

    /// Returns the integer.
    public func integer() throws(CannotEvaluate) -> Int? { try value?.asInteger() }

    /// Returns the quantity, which is a string or a number in the API.
    public func amount() throws(CannotEvaluate) -> Amount? { try value?.asAmount() }

    /// Returns the integer or percentage.
    public func intOrPercent() throws(CannotEvaluate) -> IntOrPercent? { try value?.asIntOrPercent() }

    /// Returns the map of strings.
    public func labels() throws(CannotEvaluate) -> Labels { try value?.asLabels() ?? .none }

    /// Returns the elements of a list of any type; empty if it is absent.
    public func elements() throws(CannotEvaluate) -> Elements { Elements(try value?.asArray().elements) }

    /// Returns the elements of a list of objects.
    public func objects() throws(CannotEvaluate) -> Elements { Elements(try Objects(value).elements) }

    /// Returns the elements of a list of strings.
    public func strings() throws(CannotEvaluate) -> Elements { Elements(try value?.asStrings().elements) }

    /// Returns the members of an object, including duplicate keys; nil if it is absent.
    public func members() throws(CannotEvaluate) -> Value.Members? { try value?.asObject().members }

    /// The elements of a list.
    @frozen
    public struct Elements: Sequence, IteratorProtocol {
        @usableFromInline var values: Value.Elements?

        init(_ values: Value.Elements?) { self.values = values }

        /// Returns the next element.
        @inlinable
        @inline(__always)
        public mutating func next() -> Field? { values?.next().map { Field($0) } }

        /// The first of the remaining elements.
        public var first: Field? {
            var rest = self
            return rest.next()
        }

        /// True if no element remains.
        public var isEmpty: Bool { first == nil }
    }
}
