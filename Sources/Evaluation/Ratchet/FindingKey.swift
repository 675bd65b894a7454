import JSON
import Kubernetes

/// The identity of a rule's finding in two states of an object: its path with names instead of indexes, and its choice.
///
/// It is a hash with a key of the process, so that a past state with many findings needs little memory, and collisions cannot
/// be constructed.
struct FindingKey: Equatable {
    fileprivate let hash: UInt64

    fileprivate init(hash: UInt64) { self.hash = hash }

    /// Creates the key of a field of the wrong type, which differs from the keys of other findings about the field.
    init(ofType finding: Finding, in subject: Subject) {
        var hash = KeyedHash(subject.places.key)
        hash.combine(subject.path(finding.place))
        hash.combine(finding.clause.name)
        hash.combine("")
        self.hash = hash.value
    }

    /// Creates the key of a finding about a field.
    ///
    /// - Parameters:
    ///   - field: The field.
    ///   - choice: The violating choice; nil if the value is not a choice.
    ///   - subject: The object.
    ///   - isSet: True if the field is set, which is another finding than an unset field.
    ///   - isPromoted: True for the key that the finding has after its init container became a main container.
    init(
        at field: Field, choice: String?, in subject: Subject, isSet: Bool? = nil, isPromoted: Bool = false
    ) {
        var place = isPromoted ? subject.promotedPlaces.hash(of: field.base) : subject.places.hash(of: field.base)
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
    /// The keys of a field's path and of the paths above it, the closest first.
    func pathKeys(of field: Field, isPromoted: Bool = false) -> [UInt64] {
        isPromoted ? promotedPlaces.pathHashes(of: field) : places.pathHashes(of: field)
    }

    /// True if a field is in an init container that is not a sidecar.
    func isInInitContainer(_ field: Field) -> Bool { places.isInInitContainer(field.base) }
}

/// The keys of a rule's findings in a past state.
///
/// Two states of an object have most of their findings in the same order, so a key is first compared with the key after the
/// last match. An index of all keys is created for the first key that is not there.
struct FindingKeys {
    private var hashes: [UInt64] = []
    /// The distance of each number from the allowed range; empty if no finding is about a number.
    private var excess: [Double?] = []
    /// The index after the last match.
    private var next = 0
    /// The first index of each key, plus 1, at the slot of its hash or the next free slot; 0 in a free slot.
    private var slots: [UInt32] = []

    /// The paths of the unset fields that findings report.
    private var unset: Set<UInt64> = []

    var isEmpty: Bool { hashes.isEmpty }

    /// Adds a finding about an unset field, by its path and the paths above it.
    mutating func insertUnset(in paths: [UInt64]) { paths.first.map { _ = unset.insert($0) } }

    /// True if the field with this path, or one that contains it, was unset.
    func hadUnset(in paths: [UInt64]) -> Bool { !unset.isEmpty && paths.contains(where: unset.contains) }

    mutating func insert(_ key: FindingKey, _ number: Double?) {
        hashes.append(key.hash)
        guard number != nil || !excess.isEmpty else { return }
        while excess.count < hashes.count - 1 { excess.append(nil) }
        excess.append(number)
    }

    /// Returns true if there is a finding with the key whose number is at least as far from the allowed range.
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

    /// Returns true if the other keys include all of these.
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
                // The first of several findings with the same key represents them.
                let first = Int(slots[slot]) - 1
                excess[first] = max(excess[first] ?? number, number)
            }
        }
    }

    /// Returns the slot of a hash, or the free slot for it.
    private func slot(of hash: UInt64) -> Int {
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0, hashes[Int(slots[slot]) - 1] != hash { slot = (slot + 1) & (slots.count - 1) }
        return slot
    }
}

/// Hashes of a value's path: with and without the indexes of elements that have no name.
private struct PlaceHash {
    var withIndexes: UInt64
    var withoutIndexes: UInt64

    static func root(_ key: KeyedHash.Key) -> PlaceHash {
        let hash = KeyedHash(key).value
        return PlaceHash(withIndexes: hash, withoutIndexes: hash)
    }

    /// Returns the hash of a member's path.
    func below(_ name: StaticString, _ key: KeyedHash.Key) -> PlaceHash { below(key) { $0.combine("\(name)") } }

    /// Returns the hash of a member's path; the member can be absent.
    func below(_ name: Span<UInt8>, _ key: KeyedHash.Key) -> PlaceHash { below(key) { $0.combine(name) } }

    /// Returns the hash of a path that is one step longer.
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
        // Nearly all elements of long lists have names, and so do the values that contain them.
        guard withIndexes != withoutIndexes else {
            return PlaceHash(withIndexes: hash.value, withoutIndexes: hash.value)
        }
        var other = KeyedHash(key, after: withoutIndexes)
        feed(&other)
        return PlaceHash(withIndexes: hash.value, withoutIndexes: other.value)
    }
}

/// Hashes paths in sequence; paths in document order take time linear in the document.
struct PlaceHasher {
    let key = KeyedHash.Key.process
    private var cursor: PathCursor
    /// One hash for each step of the cursor.
    private var hashes: [PlaceHash] = []
    /// True if init containers have the paths of main containers, as sidecars do.
    private let promotesInitContainers: Bool

    init(_ root: Value, promotesInitContainers: Bool = false) {
        cursor = PathCursor(root)
        self.promotesInitContainers = promotesInitContainers
    }

    /// True if a value is in an init container that is not a sidecar.
    fileprivate mutating func isInInitContainer(_ value: Value) -> Bool {
        move(to: value)
        return cursor.steps.indices.contains { isInitContainer($0) && !cursor.steps[$0].value.isSidecar }
    }

    /// True if a step leads to an element of `initContainers`.
    private func isInitContainer(_ number: Int) -> Bool {
        number > 0 && cursor.steps[number - 1].key?.equals("initContainers") ?? false
    }

    /// Returns the hashes of a field's path and of the paths above it, the closest first.
    fileprivate mutating func pathHashes(of field: Field) -> [UInt64] {
        var place = hash(of: field.base)
        field.forEachAbsentKey { place = place.below($0, key) }
        return [place.withoutIndexes] + hashes.reversed().map(\.withoutIndexes)
    }

    /// Returns the hash of a value's path.
    fileprivate mutating func hash(of value: Value) -> PlaceHash {
        move(to: value)
        return hashes.last ?? .root(key)
    }

    /// Returns the path of a value.
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
            if isInitContainer(number), promotesInitContainers || step.value.isSidecar {
                // A container that becomes a sidecar with the same name, or the reverse, keeps its existing violations.
                let spec = number > 1 ? hashes[number - 2] : .root(key)
                hashes.append(spec.below("containers", key).below(step, key))
            } else {
                hashes.append((hashes.last ?? .root(key)).below(step, key))
            }
        }
    }
}

extension Value {
    /// True for a container that runs as long as the main containers.
    fileprivate var isSidecar: Bool { self["restartPolicy"]?.equals("Always") ?? false }
}
