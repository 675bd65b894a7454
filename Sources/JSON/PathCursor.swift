/// Finds the paths from a value to a series of its descendants.
///
/// Each move starts where the last one ended. Moves in document order take linear time in total; values do not know their
/// parents, and a search from the root for each would take quadratic time.
public struct PathCursor {
    /// A step from an object or a list to the value of a member or an element.
    public struct Step {
        /// The member's key; nil in a list.
        public let key: Value?
        /// The element's index, or the member's index in an object.
        public let index: Int
        /// The value after the step.
        public let value: Value
    }

    /// The steps from the root to the current value.
    public private(set) var steps: [Step] = []
    private let root: Value

    /// Creates a cursor at a root.
    public init(_ root: Value) { self.root = root }

    /// Moves to a value.
    ///
    /// - Parameter target: A value of the root's document.
    /// - Returns: The number of steps that did not change; nil if the value is not below the root.
    public mutating func move(to target: Value) -> Int? {
        guard root.contains(target.id) else { return nil }
        var kept = 0
        while kept < steps.count, steps[kept].value.contains(target.id) { kept += 1 }
        // The first step that changes; the search continues from its old value.
        var passed = kept < steps.count ? steps[kept] : nil
        steps.removeLast(steps.count - kept)
        var container = steps.last?.value ?? root
        while container.node != target.node {
            guard let step = container.step(towards: target, after: passed) else { break }
            passed = nil
            steps.append(step)
            container = step.value
        }
        return kept
    }

    /// The path to the current value, as a pointer.
    public var pointer: Pointer { Pointer(steps.map { $0.key?.text ?? String($0.index) }) }
}

extension Value {
    /// The number of values and keys in this value, itself included.
    public var nodeCount: Int { node.pointee.size }

    /// True if an object in this value has more than `most` members, except below a member whose key is in `maps`.
    ///
    /// - Parameters:
    ///   - most: The maximum number of members.
    ///   - maps: The keys of members that may have any number.
    /// - Returns: False if all objects are small enough.
    public func hasObject(widerThan most: Int, butIn maps: [StaticString]) -> Bool {
        guard nodeCount > most else { return false }
        if kind == .array { return elements.contains { $0.hasObject(widerThan: most, butIn: maps) } }
        var count = 0
        for member in members {
            count += 1
            guard count <= most else { return true }
            let value = member.value
            guard value.nodeCount > most, !maps.contains(where: { member.key.equals($0) }) else { continue }
            if value.hasObject(widerThan: most, butIn: maps) { return true }
        }
        return false
    }

    /// True if this value is another one or inside it.
    public func isPart(of other: Value) -> Bool { other.contains(id) }

    func contains(_ id: NodeID) -> Bool {
        id.address >= UInt(bitPattern: node) && id.address < UInt(bitPattern: node + node.pointee.size)
    }

    /// The step from a container to the child that contains a value.
    fileprivate func step(towards target: Value, after passed: PathCursor.Step?) -> PathCursor.Step? {
        // Every address is that of a node in this value's subtree: from one child to the next by the size of the subtree.
        let end = node + node.pointee.size
        let isObject = kind == .object
        var index = 0
        var at = node + 1
        if let passed, passed.value.node < target.node {
            index = passed.index + 1
            at = passed.value.node + passed.value.node.pointee.size
        }
        while at < end {
            let value = isObject ? at + 1 : at
            let next = value + value.pointee.size
            if target.node < next {
                return PathCursor.Step(key: isObject ? Value(node: at) : nil, index: index, value: Value(node: value))
            }
            at = next
            index += 1
        }
        return nil
    }
}
