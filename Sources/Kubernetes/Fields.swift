public import JSON

/// Accessors for members with the types that the API defines; `null` counts as absent, as for the API server.
extension Value {
    /// Returns the member; nil if it is absent or `null`.
    @inlinable
    @inline(__always)
    public func present(_ key: StaticString) -> Value? {
        guard let value = self[key], !value.isNull else { return nil }
        return value
    }

    /// Returns the value, which must be an object.
    @inlinable
    @inline(__always)
    public func asObject() throws(CannotEvaluate) -> Value {
        guard kind == .object else { throw .malformed(id, expected: "an object") }
        return self
    }

    /// Returns the member as an object.
    public func object(_ key: StaticString) throws(CannotEvaluate) -> Value? { try present(key)?.asObject() }

    /// Returns the member as an array.
    public func array(_ key: StaticString) throws(CannotEvaluate) -> Value? { try present(key)?.asArray() }

    /// Returns the value, which must be an array.
    func asArray() throws(CannotEvaluate) -> Value {
        guard kind == .array else { throw .malformed(id, expected: "an array") }
        return self
    }

    /// Returns the member as an array of strings.
    public func strings(_ key: StaticString) throws(CannotEvaluate) -> Value? { try present(key)?.asStrings() }

    /// Returns the value, which must be an array of strings.
    func asStrings() throws(CannotEvaluate) -> Value {
        for element in try asArray().elements where element.kind != .string {
            throw .malformed(element.id, expected: "a string")
        }
        return self
    }

    /// Returns the objects of an array; empty if it is absent.
    public func objects(_ key: StaticString) throws(CannotEvaluate) -> Objects { try Objects(present(key)) }

    /// Returns the member as a string without copying it.
    public func text(_ key: StaticString) throws(CannotEvaluate) -> Value? {
        guard let value = present(key) else { return nil }
        guard value.kind == .string else { throw .malformed(value.id, expected: "a string") }
        return value
    }

    /// Returns the member as a string.
    public func string(_ key: StaticString) throws(CannotEvaluate) -> String? { try text(key)?.string }

    /// Returns the member as a boolean.
    public func boolean(_ key: StaticString) throws(CannotEvaluate) -> Bool? { try present(key)?.asBoolean() }

    /// Returns the value, which must be a boolean.
    func asBoolean() throws(CannotEvaluate) -> Bool {
        guard let bool else { throw .malformed(id, expected: "true or false") }
        return bool
    }

    /// Returns the member as an integer.
    public func integer(_ key: StaticString) throws(CannotEvaluate) -> Int? { try present(key)?.asInteger() }

    /// Returns the value, which must be an integer.
    func asInteger() throws(CannotEvaluate) -> Int {
        guard let int else { throw .malformed(id, expected: "an integer") }
        return int
    }

    /// Returns the member as a quantity, which is a string or a number in the API.
    public func quantity(_ key: StaticString) throws(CannotEvaluate) -> Quantity? { try amount(key)?.quantity }

    /// Returns the member as a quantity with its original text.
    func amount(_ key: StaticString) throws(CannotEvaluate) -> Amount? { try present(key)?.asAmount() }

    /// Returns the value, which must be a quantity.
    func asAmount() throws(CannotEvaluate) -> Amount {
        guard let amount = Amount(self) else { throw .malformed(id, expected: "a quantity such as 512Mi or 250m") }
        return amount
    }

    /// Returns the member as an integer or a percentage.
    public func intOrPercent(_ key: StaticString) throws(CannotEvaluate) -> IntOrPercent? {
        try present(key)?.asIntOrPercent()
    }

    /// Returns the value, which must be an integer or a percentage.
    func asIntOrPercent() throws(CannotEvaluate) -> IntOrPercent {
        guard let parsed = IntOrPercent(self) else {
            throw .malformed(id, expected: "a whole number or a percentage such as 50%")
        }
        return parsed
    }

    /// Returns the member as a map of strings.
    public func labels(_ key: StaticString) throws(CannotEvaluate) -> Labels { try present(key)?.asLabels() ?? .none }

    /// Returns the value, which must be a map of strings.
    func asLabels() throws(CannotEvaluate) -> Labels {
        for member in try asObject().members where member.value.kind != .string {
            throw .malformed(member.value.id, expected: "a string")
        }
        return Labels(self)
    }
}

/// The entries of a list of objects, read in place.
@frozen
public struct Objects: Sequence, IteratorProtocol {
    @usableFromInline var elements: Value.Elements?

    /// Creates the entries of a value, which must be an array of objects if it is present.
    init(_ array: Value?) throws(CannotEvaluate) {
        guard let array else { return }
        let elements = try array.asArray().elements
        for element in elements { _ = try element.asObject() }
        self.elements = elements
    }

    /// An empty list.
    public static var none: Objects { Objects() }

    private init() {}

    /// Returns the next entry.
    @inlinable
    public mutating func next() -> Value? { elements?.next() }

    /// The first of the remaining entries.
    public var first: Value? {
        var rest = self
        return rest.next()
    }

    /// True if no entry remains.
    public var isEmpty: Bool { first == nil }
}

/// A map of labels or annotations, in a document or copied.
public struct Labels {
    private enum Storage {
        case document(Value)
        case indexed(LabelIndex)
        case copied([String: String])
    }

    private init(storage: Storage) { self.storage = storage }

    private let storage: Storage

    init(_ map: Value) { storage = .document(map) }

    /// Creates labels that are not part of a document.
    public init(_ labels: [String: String]) { storage = .copied(labels) }

    /// Empty labels.
    public static var none: Labels { Labels([:]) }

    /// The labels with an index, for many labels and many lookups.
    var indexed: Labels {
        guard case .document(let map) = storage, map.nodeCount > 64 else { return self }
        return Labels(storage: .indexed(LabelIndex(map)))
    }

    /// The number of labels.
    public var count: Int {
        switch storage {
        case .document(let map): map.members.reduce(0) { count, _ in count + 1 }
        case .indexed(let index): index.map.members.reduce(0) { count, _ in count + 1 }
        case .copied(let labels): labels.count
        }
    }

    /// True if there are no labels.
    public var isEmpty: Bool {
        switch storage {
        case .document(let map): !map.members.contains { _ in true }
        case .indexed: false
        case .copied(let labels): labels.isEmpty
        }
    }

    /// The value of a label.
    public subscript(_ key: String) -> String? {
        switch storage {
        case .document(let map): map[name: key]?.string
        case .indexed(let index): index[key]?.string
        case .copied(let labels): labels[key]
        }
    }

    /// True if a label has a value.
    public func has(_ key: String, _ value: String) -> Bool {
        switch storage {
        case .document(let map): map[name: key]?.equals(string: value) ?? false
        case .indexed(let index): index[key]?.equals(string: value) ?? false
        case .copied(let labels): labels[key] == value
        }
    }

    /// True if there is a label with the key and value of another map's member.
    func has(_ member: Value.Member) -> Bool {
        switch storage {
        case .document(let map):
            // Of duplicate keys, the last one counts.
            var last: Value?
            for mine in map.members where mine.key.isSame(as: member.key) { last = mine.value }
            return last?.isSame(as: member.value) ?? false
        case .indexed(let index): return index[member.key.text]?.isSame(as: member.value) ?? false
        case .copied(let labels): return labels[member.key.text].map { member.value.equals(string: $0) } ?? false
        }
    }

    /// True if there is a label with a key.
    public func has(_ key: String) -> Bool {
        switch storage {
        case .document(let map): map[name: key] != nil
        case .indexed(let index): index[key] != nil
        case .copied(let labels): labels[key] != nil
        }
    }

    /// The labels in the order written, copied out of the document.
    public var pairs: [(key: String, value: String)] {
        switch storage {
        case .document(let map): map.uniqueMembers.map { ($0.key, $0.value.text) }
        case .indexed(let index): index.map.uniqueMembers.map { ($0.key, $0.value.text) }
        case .copied(let labels): labels.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        }
    }
}

/// Many labels: the first few lookups search them, and later ones use an index.
final class LabelIndex {
    let map: Value
    private var lookUps = 0
    private lazy var byKey: [String: Value] = map.members.reduce(into: [:]) { $0[$1.key.text] = $1.value }

    init(_ map: Value) { self.map = map }

    subscript(key: String) -> Value? {
        lookUps += 1
        return lookUps > 64 ? byKey[key] : map[name: key]
    }
}
