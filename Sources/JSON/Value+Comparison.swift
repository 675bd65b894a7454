extension Value {
    /// The members of an object without duplicates: of those with the same key, the last one, in the place of the first.
    public var uniqueMembers: [(key: String, value: Value)] {
        var result: [(key: String, value: Value)] = []
        // Searched one by one while there are few, then in an index: an object with a million keys must not take quadratic time.
        var index: [Key: Int] = [:]
        for member in members {
            let key = member.key.text
            if result.count == Value.fewMembers {
                for (place, seen) in result.enumerated() { index[Key(seen.key)] = place }
            }
            let isIndexed = result.count >= Value.fewMembers
            let place = isIndexed ? index[Key(key)] : result.firstIndex { hasSameBytes($0.key, key) }
            if let place {
                result[place].value = member.value
            } else {
                if isIndexed { index[Key(key)] = result.count }
                result.append((key, member.value))
            }
        }
        return result
    }

    private static var fewMembers: Int { 16 }
    private static var manyNodes: Int { 20_000 }

    /// True if a string begins with a text; no text is copied.
    public func begins(with prefix: StaticString) -> Bool {
        let length = prefix.utf8CodeUnitCount
        return contentLength >= length && withContents { $0.isSame(prefix, in: 0..<length) }
    }

    /// True if a string ends with a text; no text is copied.
    public func ends(with suffix: StaticString) -> Bool {
        let start = contentLength - suffix.utf8CodeUnitCount
        return start >= 0 && withContents { $0.isSame(suffix, in: start..<$0.count) }
    }

    /// True if both values are the same, ignoring member order and white space; numbers are compared by their text.
    public func isSame(as other: Value) -> Bool {
        let (mine, theirs) = (node.pointee, other.node.pointee)
        // Most compared values are strings without escapes.
        if mine.kind == .string, theirs.kind == .string, !mine.hasEscapes, !theirs.hasEscapes {
            return mine.length == theirs.length && equal(mine.text, theirs.text, mine.length)
        }
        guard mine.kind == theirs.kind else { return false }
        switch mine.kind {
        case .null, .true, .false: return true
        case .number, .opaque: return raw.elementsEqual(other.raw)
        case .string: return hasSameContents(as: other)
        case .array, .object:
            // The most common case: unchanged values have the same text.
            if raw.count == other.raw.count, let left = raw.baseAddress, let right = other.raw.baseAddress,
                equal(left, right, raw.count)
            {
                return true
            }
            // Large values with different numbers of nodes are different; a duplicate key makes a difference, as below.
            guard mine.size == theirs.size || max(mine.size, theirs.size) < Value.manyNodes else { return false }
            guard kind == .object else { return hasSameElements(as: other) }
            if let answer = hasSameMembersInStep(as: other) { return answer }
            return arePaired(uniqueMembers, other.uniqueMembers, key: \.key) { $0.value.isSame(as: $1.value) }
        }
    }

    /// True if the members are the same in the same order; nil if their keys are not in the same order.
    ///
    /// Nothing is collected, since objects nearly always have the same order. A duplicate key makes a difference here even if the
    /// last one is the same: it hardly occurs, and a reported difference leads to the stricter decision.
    private func hasSameMembersInStep(as other: Value) -> Bool? {
        var theirs = other.members
        // Keys first: a value that is compared here and again in another order would take twice the time per level.
        for mine in members {
            guard let its = theirs.next(), mine.key.hasSameContents(as: its.key) else { return nil }
        }
        guard theirs.next() == nil else { return nil }
        theirs = other.members
        for mine in members {
            guard let its = theirs.next(), mine.value.isSame(as: its.value) else { return false }
        }
        return true
    }

    func hasSameContents(as other: Value) -> Bool {
        guard hasEscapes else { return other.hasContents(node.pointee.text, raw.count) }
        guard other.hasEscapes else { return other.hasSameContents(as: self) }
        return hasSameBytes(unescaped, other.unescaped)
    }

    private func hasSameElements(as other: Value) -> Bool {
        var theirs = other.elements
        for mine in elements {
            guard let its = theirs.next(), mine.isSame(as: its) else { return false }
        }
        return theirs.next() == nil
    }
}

/// True if two lists of members without duplicate keys have the same keys with the same values, in any order.
///
/// Each pair of values is compared at most once: twice per level would take time exponential in the depth.
func arePaired<Member>(
    _ mine: [Member], _ theirs: [Member], key: (Member) -> String, _ isSame: (Member, Member) -> Bool
) -> Bool {
    guard mine.count == theirs.count else { return false }
    // Nearly always in the same order; otherwise an index keeps the time linear.
    var index: [Key: Int]?
    for (position, member) in mine.enumerated() {
        var place = position
        if !hasSameBytes(key(member), key(theirs[position])) {
            let places =
                index
                ?? Dictionary(theirs.enumerated().map { (Key(key($1)), $0) }, uniquingKeysWith: { first, _ in first })
            index = places
            guard let found = places[Key(key(member))] else { return false }
            place = found
        }
        guard isSame(member, theirs[place]) else { return false }
    }
    return true
}

/// True if two strings have the same bytes, as required for keys and values in JSON.
///
/// Swift's `==` compares by canonical equivalence instead.
func hasSameBytes(_ left: String, _ right: String) -> Bool {
    guard left.utf8.count == right.utf8.count else { return false }
    let isSame = left.utf8.withContiguousStorageIfAvailable { left in
        right.utf8.withContiguousStorageIfAvailable { right in
            // Both addresses have as many bytes as compared during this closure.
            guard let mine = left.baseAddress, let theirs = right.baseAddress else { return left.isEmpty }
            return equal(mine, theirs, left.count)
        }
    }
    return (isSame ?? nil) ?? left.utf8.elementsEqual(right.utf8)
}

/// A string that is hashed and compared by its bytes.
struct Key: Hashable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (left: Key, right: Key) -> Bool { hasSameBytes(left.text, right.text) }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        // 0xFF does not occur in UTF-8, so that lists of strings have unique hashes.
        hasher.combine(0xFF as UInt8)
    }
}
