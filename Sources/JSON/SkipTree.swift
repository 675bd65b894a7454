/// The members to skip, by their exact path: a key `status` inside a ConfigMap's `data` is not skipped.
public struct SkipTree: Sendable {
    struct Branch: Sendable {
        let key: StaticString
        /// The index of the first child and the number of children; without children, the value is skipped.
        var first = 0
        var count = 0
        /// A bit for the length of each child's key, which excludes nearly all other keys at once.
        var lengths: UInt64 = 0

        @inline(__always)
        static func bit(_ length: Int) -> UInt64 { 1 << UInt64(min(length, 63)) }
    }

    // The document itself first, and each branch's children side by side.
    private var branches: [Branch]

    // Places in the tree: an index of `branches`, or one of these.
    static let root: Int16 = 0
    static let nowhere: Int16 = -1
    static let skipped: Int16 = -2

    /// A tree that skips nothing.
    public static let none = SkipTree([])

    /// A member and its members to skip; without any, the member's value is skipped.
    public struct Member: Sendable {
        let key: StaticString
        let inside: [Member]

        /// Creates a member.
        public init(_ key: StaticString, _ inside: [Member] = []) {
            self.key = key
            self.inside = inside
        }
    }

    /// Creates a tree from the members of the root object, a few dozen in the source code.
    public init(_ members: [Member]) {
        branches = [Branch(key: "")]
        var pending = [(0, members)]
        while let (index, members) = pending.popLast() {
            branches[index].first = branches.count
            branches[index].count = members.count
            for member in members {
                if !member.inside.isEmpty { pending.append((branches.count, member.inside)) }
                branches.append(Branch(key: member.key))
                branches[index].lengths |= Branch.bit(member.key.utf8CodeUnitCount)
            }
        }
        precondition(branches.count <= Int(Int16.max), "at most 32,767 branches are supported")
    }

    /// The place of the member of `branch` with a key in `bytes`.
    ///
    /// Keys are compared as written: a key with escapes is not skipped, which only costs time.
    @inline(__always)
    func child(of branch: Int16, _ key: Node) -> Int16 {
        branches[Int(branch)].lengths & Branch.bit(key.length) == 0
            ? SkipTree.nowhere : child(of: branch, key.text, key.length)
    }

    @inline(never)
    private func child(of branch: Int16, _ key: UnsafePointer<UInt8>, _ length: Int) -> Int16 {
        let parent = branches[Int(branch)]
        for index in parent.first..<parent.first + parent.count {
            let child = branches[index]
            // The bytes of a static string are permanent; those of the key are in the document.
            if child.key.utf8CodeUnitCount == length, equal(child.key.utf8Start, key, length) {
                return child.count == 0 ? SkipTree.skipped : Int16(truncatingIfNeeded: index)
            }
        }
        return SkipTree.nowhere
    }
}
