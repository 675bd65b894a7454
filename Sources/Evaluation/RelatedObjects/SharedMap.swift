/// A sorted map whose copies share their content: a change copies only the entries near it.
///
/// A server publishes a copy after each change, and a replay of an audit log has one for each request, while earlier copies are
/// still read. The map is a B+ tree of arrays: an array that no other copy uses is changed in place. A small map is one array.
struct SharedMap<Key: Comparable & Sendable, Value: Sendable>: Sendable {
    /// The root; none if the map is empty.
    ///
    /// It is in an array, so that a copy of the map copies one reference.
    private var root: [Node] = []

    /// The number of entries.
    var count: Int { root.isEmpty ? 0 : root[0].count }

    var isEmpty: Bool { count == 0 }

    /// The values in the order of their keys.
    var values: [Value] { values(atMost: .max) }

    /// Returns the first values, at most this number.
    func values(atMost limit: Int) -> [Value] {
        guard !root.isEmpty else { return [] }
        // The array of a small map is not copied.
        if root[0].children.isEmpty, count <= limit { return root[0].values }
        var all: [Value] = []
        all.reserveCapacity(min(count, limit))
        root[0].forEachLeaf { leaf in
            all += leaf.values.prefix(limit - all.count)
            return all.count < limit
        }
        return all
    }

    /// Returns the first keys, at most this number.
    func keys(atMost limit: Int = .max) -> [Key] {
        var all: [Key] = []
        root.first?.forEachLeaf { leaf in
            all += leaf.keys.prefix(limit - all.count)
            return all.count < limit
        }
        return all
    }

    /// The value of a key.
    subscript(key: Key) -> Value? { root.isEmpty ? nil : root[0].value(of: key) }

    func contains(_ key: Key) -> Bool { self[key] != nil }

    /// Changes the value of a key in place, or a new value that is added.
    mutating func update(_ key: Key, default value: @autoclosure () -> Value, _ change: (inout Value) -> Void) {
        if root.isEmpty { root.append(Node()) }
        root[0].update(key, value, change)
        guard let half = root[0].half() else { return }
        let lower = root[0]
        root[0] = Node(keys: [lower.keys[0], half.keys[0]], children: [lower, half], count: lower.count + half.count)
    }

    /// Sets the value of a key.
    mutating func set(_ key: Key, _ value: Value) { update(key, default: value) { $0 = value } }

    /// Removes a key.
    mutating func remove(_ key: Key) {
        guard !root.isEmpty, root[0].remove(key) else { return }
        while root[0].children.count == 1 { root[0] = root[0].children[0] }
    }

    /// A leaf with entries, or a branch with children.
    private struct Node {
        /// The keys of a leaf; of a branch, a lower bound of the keys of each child, except that of the first.
        var keys: [Key] = []
        var values: [Value] = []
        var children: [Node] = []
        /// The number of entries of all leaves below.
        var count = 0

        private static var most: Int { 32 }

        func place(of key: Key) -> (index: Int, isThere: Bool) {
            var (low, high) = (0, keys.count)
            while low < high {
                let middle = (low + high) / 2
                if keys[middle] < key { low = middle + 1 } else { high = middle }
            }
            return (low, low < keys.count && keys[low] == key)
        }

        func child(of key: Key) -> Int {
            let (index, isThere) = place(of: key)
            return isThere ? index : max(0, index - 1)
        }

        func value(of key: Key) -> Value? {
            guard children.isEmpty else { return children[child(of: key)].value(of: key) }
            let (index, isThere) = place(of: key)
            return isThere ? values[index] : nil
        }

        /// Calls a function with the leaves in order until it returns false.
        @discardableResult
        func forEachLeaf(_ body: (Node) -> Bool) -> Bool {
            children.isEmpty ? body(self) : children.allSatisfy { $0.forEachLeaf(body) }
        }

        mutating func update(_ key: Key, _ value: () -> Value, _ change: (inout Value) -> Void) {
            guard children.isEmpty else {
                let index = child(of: key)
                let before = children[index].count
                children[index].update(key, value, change)
                count += children[index].count - before
                if let half = children[index].half() {
                    keys.insert(half.keys[0], at: index + 1)
                    children.insert(half, at: index + 1)
                }
                return
            }
            let (index, isThere) = place(of: key)
            if !isThere {
                keys.insert(key, at: index)
                values.insert(value(), at: index)
                count += 1
            }
            change(&values[index])
        }

        /// Splits a node that is too large: removes its upper half and returns it.
        mutating func half() -> Node? {
            guard keys.count > Node.most else { return nil }
            let middle = keys.count / 2
            var half = Node(keys: Array(keys[middle...]))
            keys.removeLast(keys.count - middle)
            if children.isEmpty {
                half.values = Array(values[middle...])
                values.removeLast(values.count - middle)
                half.count = half.keys.count
            } else {
                half.children = Array(children[middle...])
                children.removeLast(children.count - middle)
                half.count = half.children.reduce(0) { $0 + $1.count }
            }
            count -= half.count
            return half
        }

        /// Removes a key; returns false if there is none.
        mutating func remove(_ key: Key) -> Bool {
            guard children.isEmpty else {
                let index = child(of: key)
                guard children[index].remove(key) else { return false }
                count -= 1
                if children[index].count == 0 {
                    children.remove(at: index)
                    keys.remove(at: index)
                }
                return true
            }
            let (index, isThere) = place(of: key)
            guard isThere else { return false }
            keys.remove(at: index)
            values.remove(at: index)
            count -= 1
            return true
        }
    }
}
