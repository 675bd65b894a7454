import JSON
import Kubernetes

/// What tells the findings of a rule apart in two states of an object: the place with names instead of indexes, and what was
/// chosen there.
///
/// It is a hash, made with a key of this process, so that a past state with many findings takes little memory, and nobody can make
/// two findings alike.
struct FindingKey: Equatable {
    fileprivate let hash: UInt64

    fileprivate init(hash: UInt64) { self.hash = hash }

    /// The key of a field of the wrong type, which no finding of another rule at the same place has.
    init(ofType finding: Finding, in subject: Subject) {
        var hash = KeyedHash(subject.places.key)
        hash.combine(subject.path(finding.place))
        hash.combine(finding.clause.name)
        hash.combine("")
        self.hash = hash.value
    }

    /// The key of a finding about a field.
    ///
    /// - Parameters:
    ///   - field: The field.
    ///   - choice: The choice that was made there; nil where the value is none.
    ///   - subject: The object.
    ///   - isSet: Whether the field is set, which is another finding than that it is not.
    init(at field: Field, choice: String?, in subject: Subject, isSet: Bool? = nil) {
        var place = subject.places.hash(of: field.base)
        let key = subject.places.key
        field.forEachAbsentKey { place = place.below($0, key) }
        guard let choice else {
            if isSet ?? field.isPresent {
                var hash = KeyedHash(key, after: place.withIndexes)
                hash.combine(1)
                self.hash = hash.value
            } else {
                hash = place.withIndexes
            }
            return
        }
        var hash = KeyedHash(key, after: place.withoutIndexes)
        hash.combine(choice)
        self.hash = hash.value
    }
}

extension Subject {
    /// The keys of what a field belongs to, the closest first: a container or a volume, and the object itself.
    func ownerKeys(of field: Field) -> [UInt64] { places.ownerHashes(of: field.base) }
}

/// The keys of a rule's findings in a past state.
///
/// Two states of an object have most of their findings in the same order, so a key is compared with the one after the key that was
/// found last. An index of all keys is made for the first one that is not there.
struct FindingKeys {
    private var hashes: [UInt64] = []
    /// How far each number was from what is allowed; empty where no finding is about a number.
    private var excess: [Double?] = []
    /// The place after the key that was found last.
    private var next = 0
    /// The first place of each key, more by one, at the slot that its hash says or at the next free one; 0 in a free slot.
    private var slots: [UInt32] = []

    /// The places of what findings say is not set at all: of the element of a list, or of the object, that it belongs to.
    private var unset: Set<UInt64> = []

    var isEmpty: Bool { hashes.isEmpty }

    /// Notes that something is not set at all, by what it belongs to.
    mutating func insertUnset(in owners: [UInt64]) { owners.first.map { _ = unset.insert($0) } }

    /// True if something was not set at all in what a field belongs to.
    func hadUnset(in owners: [UInt64]) -> Bool { !unset.isEmpty && owners.contains(where: unset.contains) }

    mutating func insert(_ key: FindingKey, _ number: Double?) {
        hashes.append(key.hash)
        guard number != nil || !excess.isEmpty else { return }
        while excess.count < hashes.count - 1 { excess.append(nil) }
        excess.append(number)
    }

    /// Returns true if there is a finding of the key whose number is at least as far from what is allowed.
    mutating func have(_ key: FindingKey, _ number: Double?) -> Bool {
        if next < hashes.count, hashes[next] == key.hash, isCovered(number, at: next) {
            next += 1
            return true
        }
        guard !isEmpty else { return false }
        if slots.isEmpty { makeIndex() }
        let entry = slots[slot(of: key.hash)]
        guard entry > 0 else { return false }
        next = Int(entry)
        return isCovered(number, at: next - 1)
    }

    /// Returns true if the other ones have all of these.
    func isContained(in others: FindingKeys) -> Bool {
        var others = others
        return hashes.indices.allSatisfy { index in
            others.have(FindingKey(hash: hashes[index]), index < excess.count ? excess[index] : nil)
        }
    }

    private func isCovered(_ number: Double?, at place: Int) -> Bool {
        guard let number else { return true }
        return place < excess.count && excess[place].map { number <= $0 } ?? false
    }

    /// Half of the slots stay free, so that each search ends.
    private mutating func makeIndex() {
        slots = Array(repeating: 0, count: 1 << (Int.bitWidth - (2 * hashes.count).leadingZeroBitCount))
        for (place, hash) in hashes.enumerated() {
            let slot = slot(of: hash)
            if slots[slot] == 0 {
                slots[slot] = UInt32(place + 1)
            } else if place < excess.count, let number = excess[place] {
                // Of findings with the same key the first one stands for all.
                let first = Int(slots[slot]) - 1
                excess[first] = max(excess[first] ?? number, number)
            }
        }
    }

    /// The slot of a hash, or the free one that it may be put into.
    private func slot(of hash: UInt64) -> Int {
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0, hashes[Int(slots[slot]) - 1] != hash { slot = (slot + 1) & (slots.count - 1) }
        return slot
    }
}

/// The place of a value as hashes of its path, once with the indexes of elements without a name and once without.
private struct PlaceHash {
    var withIndexes: UInt64
    var withoutIndexes: UInt64

    static func root(_ key: KeyedHash.Key) -> PlaceHash {
        let hash = KeyedHash(key).value
        return PlaceHash(withIndexes: hash, withoutIndexes: hash)
    }

    /// The hash of the place of a member.
    func below(_ name: StaticString, _ key: KeyedHash.Key) -> PlaceHash { below(key) { $0.combine("\(name)") } }

    /// The hash of the place of a member that need not be there.
    func below(_ name: Span<UInt8>, _ key: KeyedHash.Key) -> PlaceHash { below(key) { $0.combine(name) } }

    /// The hash of a place one step below.
    func below(_ step: PathCursor.Step, _ key: KeyedHash.Key) -> PlaceHash {
        if let name = step.key ?? step.value.identity?.value { return below(key) { name.hashContents(into: &$0) } }
        var numbered = KeyedHash(key, after: withIndexes)
        numbered.combine(UInt64(step.index))
        var unnumbered = KeyedHash(key, after: withoutIndexes)
        unnumbered.combine(.max)
        return PlaceHash(withIndexes: numbered.value, withoutIndexes: unnumbered.value)
    }

    @inline(__always)
    private func below(_ key: KeyedHash.Key, _ feed: (inout KeyedHash) -> Void) -> PlaceHash {
        var hash = KeyedHash(key, after: withIndexes)
        feed(&hash)
        // Nearly every element of a long list has a name, and so have the values above it.
        guard withIndexes != withoutIndexes else {
            return PlaceHash(withIndexes: hash.value, withoutIndexes: hash.value)
        }
        var other = KeyedHash(key, after: withoutIndexes)
        feed(&other)
        return PlaceHash(withIndexes: hash.value, withoutIndexes: other.value)
    }
}

/// The hashes of places, one after the other; places in document order take time linear in the document.
struct PlaceHasher {
    let key = KeyedHash.Key.process
    private var cursor: PathCursor
    /// One for each step of the cursor.
    private var hashes: [PlaceHash] = []

    init(_ root: Value) { cursor = PathCursor(root) }

    /// The hashes of the places of the named elements of lists that a value lies in, the closest first, and of the root.
    fileprivate mutating func ownerHashes(of value: Value) -> [UInt64] {
        move(to: value)
        let elements = cursor.steps.indices.filter {
            cursor.steps[$0].key == nil && cursor.steps[$0].value.identity != nil
        }
        return elements.reversed().map { hashes[$0].withoutIndexes } + [PlaceHash.root(key).withoutIndexes]
    }

    /// The hash of a value's place.
    fileprivate mutating func hash(of value: Value) -> PlaceHash {
        move(to: value)
        return hashes.last ?? .root(key)
    }

    /// The place of a value.
    mutating func pointer(to value: Value) -> Pointer {
        move(to: value)
        return cursor.pointer
    }

    private mutating func move(to value: Value) {
        let kept = cursor.move(to: value) ?? 0
        if kept < hashes.count { hashes.removeLast(hashes.count - kept) }
        while hashes.count < cursor.steps.count {
            let step = cursor.steps[hashes.count]
            let number = hashes.count
            if number > 0, cursor.steps[number - 1].key?.equals("initContainers") ?? false,
                step.value["restartPolicy"]?.equals("Always") ?? false
            {
                // A container that becomes a sidecar under the same name, or the other way round, keeps its past.
                let spec = number > 1 ? hashes[number - 2] : .root(key)
                hashes.append(spec.below("containers", key).below(step, key))
            } else {
                hashes.append((hashes.last ?? .root(key)).below(step, key))
            }
        }
    }
}
