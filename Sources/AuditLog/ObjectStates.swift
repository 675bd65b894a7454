import JSON
import Kubernetes

/// The last state of each object that a log has shown, within a limit in bytes: the states written longest ago are dropped.
struct ObjectStates {
    /// The resource, namespace and name of an object.
    struct Key: Hashable {
        let group: String
        let resource: String
        let namespace: String
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

        init(bytes: [UInt8], uid: String, version: UInt64, owner: String = "") {
            self.bytes = bytes
            self.uid = uid
            self.version = version
            self.owner = owner
        }
    }

    private var states: [Key: State] = [:]
    /// The keys of the objects of each controller.
    private var owned: [String: Set<Key>] = [:]
    /// The keys in the order in which their states were set; a state that was set again has a newer entry.
    private var order: [(key: Key, serial: UInt64)] = []
    private var first = 0
    private var serial: UInt64 = 0
    private var size = 0
    private let limit: Int
    /// The number of states that were dropped because of the limit.
    private(set) var dropped = 0

    /// The memory of a state besides its bytes, about.
    private static let overhead = 400

    init(limit: Int) { self.limit = limit }

    subscript(key: Key) -> State? { states[key] }

    /// Returns the objects that a controller owns, the newest first.
    func objects(ofController uid: String, resource: String) -> [[UInt8]] {
        let keys = (owned[uid] ?? []).filter { $0.resource == resource }
        return keys.compactMap { states[$0] }.sorted { $0.version > $1.version }.map(\.bytes)
    }

    mutating func set(_ key: Key, _ state: State) {
        remove(key)
        serial += 1
        var state = state
        state.serial = serial
        states[key] = state
        if !state.owner.isEmpty { owned[state.owner, default: []].insert(key) }
        size += state.bytes.count + ObjectStates.overhead
        order.append((key, serial))
        while size > limit, first < order.count {
            let oldest = order[first]
            first += 1
            guard states[oldest.key]?.serial == oldest.serial else { continue }
            remove(oldest.key)
            dropped += 1
        }
        if order.count > 2 * states.count + 4096 {
            order = order[first...].filter { states[$0.key]?.serial == $0.serial }
            first = 0
        }
    }

    mutating func remove(_ key: Key) {
        guard let state = states.removeValue(forKey: key) else { return }
        size -= state.bytes.count + ObjectStates.overhead
        guard !state.owner.isEmpty else { return }
        owned[state.owner]?.remove(key)
        if owned[state.owner]?.isEmpty ?? false { owned[state.owner] = nil }
    }

    /// Returns the keys of all objects of a resource in a namespace; in all namespaces if it is empty.
    func keys(_ group: String, _ resource: String, in namespace: String) -> [Key] {
        states.keys.filter {
            $0.resource == resource && $0.group == group && (namespace.isEmpty || $0.namespace == namespace)
        }
    }
}

extension Value {
    /// The object without `status` and `managedFields`, which rules do not compare.
    var reduced: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
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
