/// Finds children of values by the tokens of pointers; large values are indexed at the first lookup.
///
/// Many lookups in a large list or object take linear time; in a small one, a search is enough. Like the values, an index must
/// not outlive their document.
public final class ChildIndex {
    private var lists: [NodeID: [Value]] = [:]
    private var objects: [NodeID: MemberIndex] = [:]
    private var namedElements: [NodeID: [Key: Value]] = [:]

    /// The number of nodes below which values are searched instead of indexed.
    private static let fewNodes = 128

    /// Creates an empty index.
    public init() {}

    /// The child for a token of a pointer.
    public subscript(token: String, of parent: Value) -> Value? {
        guard parent.nodeCount > ChildIndex.fewNodes else { return parent[at: Pointer([token])] }
        guard parent.kind == .array else { return member(token, of: parent)?.value }
        guard let index = arrayIndex(token) else { return nil }
        // Most lookups are near the beginning.
        if index < ChildIndex.fewNodes { return parent[index] }
        let elements = lists[parent.id] ?? Array(parent.elements)
        lists[parent.id] = elements
        return index < elements.count ? elements[index] : nil
    }

    /// The member of an object with a key; the last one if there are several.
    public func member(_ key: String, of object: Value) -> Value.Member? {
        guard object.nodeCount > ChildIndex.fewNodes else {
            var found: Value.Member?
            for member in object.members where member.key.equals(string: key) { found = member }
            return found
        }
        let members = objects[object.id] ?? MemberIndex(of: object)
        objects[object.id] = members
        return members[key]
    }

    /// The first element of a list with a name.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - list: The list.
    ///   - nameOf: Returns the name of an element.
    /// - Returns: The element; nil if there is none.
    public func element(named name: String, of list: Value, _ nameOf: (Value) -> String?) -> Value? {
        if let elements = namedElements[list.id] { return elements[Key(name)] }
        var elements: [Key: Value] = [:]
        for element in list.elements {
            if let own = nameOf(element).map({ Key($0) }), elements[own] == nil { elements[own] = element }
        }
        namedElements[list.id] = elements
        return elements[Key(name)]
    }
}

/// The members of an object by the hashes of their keys; keys are not copied.
private struct MemberIndex {
    /// Each member is at the slot of its key's hash, or at the next free one.
    private var slots: [Value.Member?]
    private let key = KeyedHash.Key.process

    init(of object: Value) {
        var count = 0
        for _ in object.members { count += 1 }
        // At least half of the slots are free, so that each search ends.
        slots = Array(repeating: nil, count: 1 << (Int.bitWidth - (2 * count).leadingZeroBitCount))
        // Of members with the same key, the last one counts.
        for member in object.members {
            var hash = KeyedHash(key)
            member.key.hashContents(into: &hash)
            slots[slot(hash) { $0.hasSameContents(as: member.key) }] = member
        }
    }

    subscript(name: String) -> Value.Member? {
        var hash = KeyedHash(key)
        hash.combine(name)
        return slots[slot(hash) { $0.equals(string: name) }]
    }

    /// The slot in which the member of a key is, or would be.
    private func slot(_ hash: KeyedHash, _ isSame: (Value) -> Bool) -> Int {
        var slot = Int(truncatingIfNeeded: hash.value) & (slots.count - 1)
        while let member = slots[slot], !isSame(member.key) { slot = (slot + 1) & (slots.count - 1) }
        return slot
    }
}
