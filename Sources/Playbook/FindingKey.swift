import JSON
import Kubernetes

/// What tells the findings of a rule apart in two states of an object: the place with names instead of indexes, and what was
/// chosen there.
///
/// It is a hash, made with a key of this process, so that a past state with many findings takes little memory, and nobody can make
/// two findings alike.
struct FindingKey: Equatable {
    fileprivate let hash: UInt64

    /// The key of a finding that is described.
    init(_ finding: Finding, in subject: Subject) {
        var hash = KeyedHash()
        if let choice = finding.chosen {
            // An element without a name is known by the choice, wherever it has moved to.
            hash.combine(subject.pathWithoutIndexes(finding.place))
            hash.combine(choice)
        } else {
            hash.combine(subject.path(finding.place))
        }
        self.hash = hash.value
    }

    /// The key of a finding about a value, or a member below it.
    init(at value: Value, below keys: [StaticString], choice: String?, in subject: Subject) {
        var place = subject.placeHash(of: value)
        for key in keys { place = place.below(key) }
        guard let choice else {
            hash = place.withIndexes
            return
        }
        var hash = KeyedHash(after: place.withoutIndexes)
        hash.combine(choice)
        self.hash = hash.value
    }
}

/// The keys of a rule's findings in a past state.
///
/// Each key lies at the slot that its hash says, or at the next free one; half of the slots are free, so that each search ends.
struct FindingKeys {
    private struct Slot {
        /// 0 where there is no key.
        var hash: UInt64 = 0
        /// How far the number was from what is allowed; nil where the finding is about no number.
        var excess: Double?
    }

    private var slots: [Slot] = []
    private var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func insert(_ key: FindingKey, _ number: Double?) {
        if 2 * count >= slots.count { grow() }
        let place = slot(of: key.hash)
        if slots[place].hash == key.hash {
            slots[place].excess = slots[place].excess.map { known in number.map { max(known, $0) } ?? known } ?? number
        } else {
            slots[place] = Slot(hash: key.hash, excess: number)
            count += 1
        }
    }

    /// Whether there is a finding of the key, and a number was at least as far from what is allowed.
    func have(_ key: FindingKey, _ number: Double?) -> Bool {
        guard !isEmpty else { return false }
        let found = slots[slot(of: key.hash)]
        guard found.hash == key.hash else { return false }
        guard let number else { return true }
        return found.excess.map { number <= $0 } ?? false
    }

    /// The slot of a hash, or the free one that it may be put into.
    private func slot(of hash: UInt64) -> Int {
        var place = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[place].hash != 0, slots[place].hash != hash { place = (place + 1) & (slots.count - 1) }
        return place
    }

    private mutating func grow() {
        let full = slots
        slots = Array(repeating: Slot(), count: max(16, 2 * full.count))
        for entry in full where entry.hash != 0 { slots[slot(of: entry.hash)] = entry }
    }
}

/// The place of a value as hashes of its path, once with the indexes of elements without a name and once without.
struct PlaceHash {
    var withIndexes: UInt64
    var withoutIndexes: UInt64

    static let root = PlaceHash(withIndexes: KeyedHash().value, withoutIndexes: KeyedHash().value)

    /// The hash of the place of a member that need not be there.
    func below(_ key: StaticString) -> PlaceHash {
        var numbered = KeyedHash(after: withIndexes)
        numbered.combine(key)
        var named = KeyedHash(after: withoutIndexes)
        named.combine(key)
        return PlaceHash(withIndexes: numbered.value, withoutIndexes: named.value)
    }

    /// The hash of a place one step below.
    func below(_ step: PathCursor.Step) -> PlaceHash {
        var numbered = KeyedHash(after: withIndexes)
        let name = step.key ?? step.value.identity?.value
        if let name { name.hashContents(into: &numbered) } else { numbered.combine(UInt64(step.index)) }
        // Nearly every element of a long list has a name, and so have the values above it.
        if name != nil, withIndexes == withoutIndexes {
            return PlaceHash(withIndexes: numbered.value, withoutIndexes: numbered.value)
        }
        var named = KeyedHash(after: withoutIndexes)
        if let name { name.hashContents(into: &named) } else { named.combine(UInt64.max) }
        return PlaceHash(withIndexes: numbered.value, withoutIndexes: named.value)
    }
}

/// The hashes of places, one after the other; places in document order take time linear in the document.
struct PlaceHasher {
    private var cursor: PathCursor
    /// One for each step of the cursor.
    private var hashes: [PlaceHash] = []

    init(_ root: Value) { cursor = PathCursor(root) }

    /// The hash of a value's place.
    mutating func hash(of value: Value) -> PlaceHash {
        move(to: value)
        return hashes.last ?? .root
    }

    /// The place of a value.
    mutating func pointer(to value: Value) -> Pointer {
        move(to: value)
        return cursor.pointer
    }

    private mutating func move(to value: Value) {
        let kept = cursor.move(to: value) ?? 0
        hashes.removeSubrange(min(kept, hashes.count)...)
        for step in cursor.steps[hashes.count...] { hashes.append((hashes.last ?? .root).below(step)) }
    }
}
