import JSON
import Kubernetes

/// What tells the findings of a rule apart in two states of an object: the place with names instead of indexes, and what was
/// chosen there.
///
/// It is a hash, made with a key of this process, so that a past state with many findings takes little memory, and nobody can make
/// two findings alike.
struct FindingKey: Hashable {
    private let hash: Int

    /// The key of a finding that is described.
    init(_ finding: Finding, in subject: Subject) {
        var hasher = Hasher()
        if let choice = finding.chosen {
            // An element without a name is known by the choice, wherever it has moved to.
            hasher.combine(subject.pathWithoutIndexes(finding.place))
            hasher.combine(choice)
        } else {
            hasher.combine(subject.path(finding.place))
        }
        hash = hasher.finalize()
    }

    /// The key of a finding about a value, or a member below it.
    init(at value: Value, below keys: [StaticString], choice: String?, in subject: Subject) {
        let place = keys.reduce(subject.placeHash(of: value)) { $0.below($1) }
        guard let choice else {
            hash = place.withIndexes
            return
        }
        var hasher = Hasher()
        hasher.combine(place.withoutIndexes)
        hasher.combine(choice)
        hash = hasher.finalize()
    }
}

/// The keys of a rule's findings in a past state.
struct FindingKeys {
    /// How far each number was from what is allowed; nil where the finding is about no number.
    private var excess: [FindingKey: Double?] = [:]

    var isEmpty: Bool { excess.isEmpty }

    mutating func insert(_ key: FindingKey, _ number: Double?) {
        guard let known = excess[key] else {
            excess[key] = .some(number)
            return
        }
        if let known, let number {
            excess[key] = .some(max(known, number))
        } else {
            excess[key] = .some(known ?? number)
        }
    }

    /// Whether there is a finding of the key, and a number was at least as far from what is allowed.
    func have(_ key: FindingKey, _ number: Double?) -> Bool {
        guard let furthest = excess[key] else { return false }
        guard let number else { return true }
        return furthest.map { number <= $0 } ?? false
    }
}

/// The place of a value as hashes of its path, once with the indexes of elements without a name and once without.
struct PlaceHash {
    var withIndexes: Int
    var withoutIndexes: Int

    static let root = PlaceHash(withIndexes: 0, withoutIndexes: 0)

    /// The hash of the place of a member that need not be there.
    func below(_ key: StaticString) -> PlaceHash {
        var named = Hasher()
        var numbered = Hasher()
        named.combine(withoutIndexes)
        numbered.combine(withIndexes)
        named.combine(text: key)
        numbered.combine(text: key)
        return PlaceHash(withIndexes: numbered.finalize(), withoutIndexes: named.finalize())
    }

    /// The hash of a place one step below.
    func below(_ step: PathCursor.Step) -> PlaceHash {
        var numbered = Hasher()
        numbered.combine(withIndexes)
        let name = step.key ?? step.value.identity?.value
        if let name { name.hashContents(into: &numbered) } else { numbered.combine(step.index) }
        let hash = numbered.finalize()
        // Nearly every element of a long list has a name, and so have the values above it.
        if name != nil, withIndexes == withoutIndexes { return PlaceHash(withIndexes: hash, withoutIndexes: hash) }
        var named = Hasher()
        named.combine(withoutIndexes)
        name?.hashContents(into: &named)
        return PlaceHash(withIndexes: hash, withoutIndexes: named.finalize())
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
