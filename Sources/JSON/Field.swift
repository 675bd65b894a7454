/// A value or its absence, with its path.
///
/// A field is read and reported through the same value, so a path is written once. It contains only addresses, without reference
/// counting; like a ``Value``, it must not outlive the document. `null` counts as absent, as in the API server.
@frozen
public struct Field {
    /// The value, or the closest existing parent of an absent value.
    public let base: Value
    // The keys below it, each as a literal's zero-terminated bytes, the first absent key first. At most three are kept: the API
    // has no field with more absent parents.
    @usableFromInline let first: UnsafePointer<UInt8>?
    @usableFromInline let second: UnsafePointer<UInt8>?
    @usableFromInline let third: UnsafePointer<UInt8>?

    /// An existing field.
    @inlinable
    @inline(__always)
    public init(_ value: Value) { self.init(value, nil, nil, nil) }

    /// An absent member.
    @inlinable
    @inline(__always)
    public init(absent key: StaticString, of object: Value) { self.init(object, key.utf8Start, nil, nil) }

    @inlinable
    @inline(__always)
    init(
        _ base: Value, _ first: UnsafePointer<UInt8>?, _ second: UnsafePointer<UInt8>?, _ third: UnsafePointer<UInt8>?
    ) {
        self.base = base
        self.first = first
        self.second = second
        self.third = third
    }

    /// The value; nil if it is absent or `null`.
    @inlinable
    @inline(__always)
    public var value: Value? { first == nil && !base.isNull ? base : nil }

    /// True if there is a value other than `null`.
    @inlinable
    @inline(__always)
    public var isPresent: Bool { value != nil }

    /// The field itself; nil if its value is absent or `null`.
    @inlinable
    @inline(__always)
    public var present: Field? { isPresent ? self : nil }

    /// The member of an object; absent if the field is absent or is not an object.
    @inlinable
    @inline(__always)
    public func member(_ key: StaticString) -> Field {
        guard first != nil else {
            guard let member = base[key], !member.isNull else { return Field(absent: key, of: base) }
            return Field(member)
        }
        return below(key)
    }

    /// A member of an absent field.
    @inlinable
    func below(_ key: StaticString) -> Field {
        guard second != nil else { return Field(base, first, key.utf8Start, nil) }
        assert(third == nil, "at most three keys can be absent")
        return third == nil ? Field(base, first, second, key.utf8Start) : self
    }

    /// Calls a closure with each absent key below ``base``, the first one first.
    ///
    /// Each is the zero-terminated bytes of a static string.
    private func forEachKey(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        for key in [first, second, third] {
            guard let key else { return }
            var length = 0
            while key[length] != 0 { length += 1 }
            body(UnsafeBufferPointer(start: key, count: length))
        }
    }

    /// The absent keys below ``base``.
    public var absentKeys: [String] {
        var keys: [String] = []
        forEachKey { keys.append(String(decoding: $0, as: UTF8.self)) }
        return keys
    }

    /// Calls a closure with the bytes of each absent key below ``base``, the first one first.
    public func forEachAbsentKey(_ body: (Span<UInt8>) -> Void) {
        guard first != nil else { return }
        forEachKey { body($0.span) }
    }
}
