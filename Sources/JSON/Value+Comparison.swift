extension Value {
    /// The members of an object that count: of those that share a key, the last, in the place of the first.
    public var uniqueMembers: [(key: String, value: Value)] {
        var result: [(key: String, value: Value)] = []
        // Looked up one by one while there are few, in an index after that: an object of a million keys must not stop us.
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

    /// Whether both values are the same, member order and white space aside; numbers are compared by their text.
    public func isSame(as other: Value) -> Bool {
        let (mine, theirs) = (node.pointee, other.node.pointee)
        // Nearly all that is compared are strings without an escape.
        if mine.kind == .string, theirs.kind == .string, !mine.hasEscapes, !theirs.hasEscapes {
            return mine.length == theirs.length && equal(mine.text, theirs.text, mine.length)
        }
        guard mine.kind == theirs.kind else { return false }
        switch mine.kind {
        case .null, .true, .false: return true
        case .number, .opaque: return raw.elementsEqual(other.raw)
        case .string: return hasSameContents(as: other)
        case .array, .object:
            // The common case by far: what was not touched was written alike.
            if raw.count == other.raw.count, let left = raw.baseAddress, let right = other.raw.baseAddress,
                equal(left, right, raw.count)
            {
                return true
            }
            // Of so many elements or members, as many are the same; a key that is there twice makes a difference, as below.
            guard mine.size == theirs.size || max(mine.size, theirs.size) < Value.manyNodes else { return false }
            guard kind == .object else { return hasSameElements(as: other) }
            if let answer = hasSameMembersInStep(as: other) { return answer }
            return arePaired(uniqueMembers, other.uniqueMembers, key: \.key) { $0.value.isSame(as: $1.value) }
        }
    }

    /// Whether the members are the same, one after the other; nil where their keys are not written in the same order.
    ///
    /// Nothing is collected, since that is how objects nearly always come. A key that is there twice makes a difference here
    /// even where the last one is the same: nobody writes that, and whoever asks takes a difference for the graver answer.
    private func hasSameMembersInStep(as other: Value) -> Bool? {
        var theirs = other.members
        // Keys first: a value that was compared here and again in another order would cost twice a level.
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

/// Whether two lists of members, none with a key twice, hold the same keys with the same values, in any order.
///
/// Each pair of values is compared once at most: compared twice a level, values that nest would take a time exponential in their
/// depth.
func arePaired<Member>(
    _ mine: [Member], _ theirs: [Member], key: (Member) -> String, _ isSame: (Member, Member) -> Bool
) -> Bool {
    guard mine.count == theirs.count else { return false }
    // Written in the same order nearly always; looked up in an index where not, so that no input makes this slow.
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

/// Whether two strings are the same bytes, which is what makes keys and values the same in JSON.
///
/// Swift's `==` compares by canonical equivalence instead.
func hasSameBytes(_ left: String, _ right: String) -> Bool {
    guard left.utf8.count == right.utf8.count else { return false }
    let isSame = left.utf8.withContiguousStorageIfAvailable { left in
        right.utf8.withContiguousStorageIfAvailable { right in
            // Both addresses hold as many bytes as the other one for the length of this closure.
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
        // No byte of UTF-8, so that lists of strings cannot be shifted against each other.
        hasher.combine(0xFF as UInt8)
    }
}
