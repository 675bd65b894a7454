import JSON
import Kubernetes

/// The last state of each object that a log has shown, within a limit in bytes: the states written longest ago are dropped.
struct ObjectStates {
    /// The objects of a resource in a namespace; the namespace is empty for cluster-scoped objects.
    struct Collection: Hashable {
        let group: String
        let resource: String
        let namespace: String
    }

    /// The identity of an object.
    struct Key: Hashable {
        let collection: Collection
        let name: String
    }

    /// The state of an object.
    struct State {
        /// The object, without `status` and `managedFields`.
        let bytes: [UInt8]
        let uid: String
        let version: UInt64
        /// The uid of the controller; empty if there is none.
        let owner: String
        fileprivate var serial: UInt64 = 0
        /// The serial number of the state that the log has shown first, if it has shown the creation.
        fileprivate var creation: UInt64?

        init(bytes: [UInt8], uid: String, version: UInt64, owner: String = "") {
            self.bytes = bytes
            self.uid = uid
            self.version = version
            self.owner = owner
        }
    }

    private struct Owner: Hashable {
        let uid: String
        let collection: Collection
    }

    private var collections: [Collection: [String: State]] = [:]
    /// The names of the revisions of each controller, and of those without one.
    private var revisions: [Owner: Set<String>] = [:]
    /// The keys in the order in which their states were set; a state that was set again has a newer entry.
    private var order: [(key: Key, serial: UInt64)] = []
    private var first = 0
    private var serial: UInt64 = 0
    /// The serial number after the last change of a revision that the log does not show, and the last state that was dropped.
    private var loss: UInt64 = 0
    private var count = 0
    private var size = 0
    private let limit: Int
    /// The number of states that were dropped because of the limit.
    private(set) var dropped = 0

    /// The memory of a state besides its bytes, with its related object, about.
    private static let overhead = 1024
    /// The largest number of revisions of a workload; Kubernetes keeps 10.
    private static let mostRevisions = 64

    init(limit: Int) { self.limit = limit }

    subscript(key: Key) -> State? { collections[key.collection]?[key.name] }

    /// Sets the state of an object.
    ///
    /// - Parameters:
    ///   - key: The object.
    ///   - state: The state.
    ///   - isCreated: True if the object was created.
    /// - Returns: The objects whose states were dropped.
    mutating func set(_ key: Key, _ state: State, isCreated: Bool = false) -> [Key] {
        let old = remove(key)
        serial += 1
        var state = state
        state.serial = serial
        state.creation = isCreated ? serial : old?.uid == state.uid ? old?.creation : nil
        collections[key.collection, default: [:]][key.name] = state
        count += 1
        size += state.bytes.capacity + ObjectStates.overhead
        if key.collection.isOfRevisions { noteRevision(key, of: state.owner) }
        order.append((key, serial))
        var dropped: [Key] = []
        while size > limit, first < order.count {
            let oldest = order[first]
            first += 1
            guard self[oldest.key]?.serial == oldest.serial else { continue }
            remove(oldest.key)
            loss = max(loss, oldest.serial)
            dropped.append(oldest.key)
        }
        self.dropped += dropped.count
        if order.count > 2 * count + 4096 {
            order = order[first...].filter { self[$0.key]?.serial == $0.serial }
            first = 0
        }
        return dropped
    }

    @discardableResult
    mutating func remove(_ key: Key) -> State? {
        guard let state = collections[key.collection]?.removeValue(forKey: key.name) else { return nil }
        if collections[key.collection]?.isEmpty ?? false { collections[key.collection] = nil }
        count -= 1
        size -= state.bytes.capacity + ObjectStates.overhead
        if key.collection.isOfRevisions {
            let owner = Owner(uid: state.owner, collection: key.collection)
            revisions[owner]?.remove(key.name)
            if revisions[owner]?.isEmpty ?? false { revisions[owner] = nil }
        }
        return state
    }

    /// Forgets an object that was changed in a way that the log does not show.
    mutating func forget(_ key: Key) {
        remove(key)
        if key.collection.isOfRevisions { loseRevisions() }
    }

    /// Notes that any revision can have changed in a way that the log does not show.
    mutating func loseRevisions() {
        serial += 1
        loss = serial
    }

    /// Returns the names of all objects of a collection.
    func names(in collection: Collection) -> [String] { collections[collection].map { Array($0.keys) } ?? [] }

    // MARK: Revisions

    /// Returns the objects that a controller owns, or that have no controller if the uid is empty, the newest first.
    func revisions(ofController uid: String, in collection: Collection) -> [[UInt8]] {
        let names = revisions[Owner(uid: uid, collection: collection)] ?? []
        return names.compactMap { collections[collection]?[$0] }.sorted { $0.version > $1.version }.map(\.bytes)
    }

    /// True if the log has shown the creation of an object and all revisions since then.
    func isWhole(since key: Key) -> Bool { self[key]?.creation.map { $0 > loss } ?? false }

    private mutating func noteRevision(_ key: Key, of owner: String) {
        let owner = Owner(uid: owner, collection: key.collection)
        if revisions[owner, default: []].count < ObjectStates.mostRevisions {
            revisions[owner, default: []].insert(key.name)
        } else {
            loss = serial
        }
    }
}

extension ObjectStates.Collection {
    /// True for the resources that keep the pod templates of workloads.
    var isOfRevisions: Bool { group == "apps" && (resource == "replicasets" || resource == "controllerrevisions") }
}

extension Value {
    /// The object without `status` and `managedFields`, which rules do not compare.
    var reduced: [UInt8] {
        var bytes: [UInt8] = []
        // The omitted members can be most of the object, and the copy is kept.
        let omitted = (self["status"]?.byteCount ?? 0) + (self["metadata"]?["managedFields"]?.byteCount ?? 0)
        bytes.reserveCapacity(byteCount - omitted)
        append(to: &bytes, without: "status") { member, bytes in
            guard member.key.equals("metadata"), member.value.kind == .object else { return false }
            member.value.append(to: &bytes, without: "managedFields") { _, _ in false }
            return true
        }
        return bytes
    }

    private func append(
        to bytes: inout [UInt8], without omitted: StaticString, _ write: (Member, inout [UInt8]) -> Bool
    ) {
        bytes.append(UInt8(ascii: "{"))
        var isFirst = true
        for member in members where !member.key.equals(omitted) {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            bytes += member.key.source
            bytes.append(UInt8(ascii: ":"))
            if !write(member, &bytes) { bytes += member.value.source }
        }
        bytes.append(UInt8(ascii: "}"))
    }
}
