/// Finds children of values by the tokens of pointers; large values are indexed at the first look-up.
///
/// Many look-ups in one large list or object take time linear in it, and few in a small one cost nothing more than a search. Like
/// the values, an index must not outlive their document.
public final class ChildIndex {
    private var lists: [NodeID: [Value]] = [:]
    private var objects: [NodeID: [Key: Value]] = [:]
    private var namedElements: [NodeID: [Key: Value]] = [:]

    /// Values with fewer nodes are searched.
    private static let fewNodes = 128

    /// Creates an empty index.
    public init() {}

    /// The child that a pointer's token leads to.
    public subscript(token: String, of parent: Value) -> Value? {
        guard parent.nodeCount > ChildIndex.fewNodes else { return parent[at: Pointer([token])] }
        if parent.kind == .array {
            guard let index = arrayIndex(token) else { return nil }
            // Nearly all that is looked up is near the beginning.
            if index < ChildIndex.fewNodes { return parent[index] }
            let elements = lists[parent.id] ?? Array(parent.elements)
            lists[parent.id] = elements
            return index < elements.count ? elements[index] : nil
        }
        if let members = objects[parent.id] { return members[Key(token)] }
        var members: [Key: Value] = [:]
        // Of members that share a key the last one counts.
        for member in parent.members { members[Key(member.key.text)] = member.value }
        objects[parent.id] = members
        return members[Key(token)]
    }

    /// The first element of a list that has a name.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - list: The list.
    ///   - nameOf: The name of an element.
    /// - Returns: The element; nil where none has the name.
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
