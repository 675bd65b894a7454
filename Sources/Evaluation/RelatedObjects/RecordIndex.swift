import Kubernetes

/// The stored fields of an object with a name that is unique in its namespace.
protocol RelatedRecord: Sendable {
    var kind: ResourceKind { get }
    var name: String { get }
    /// The keys for lookups when there are many records.
    var indexKeys: IndexKeys { get }
}

/// A label or another key for lookups.
package struct RecordKey: Comparable, Sendable {
    let key: String
    let value: String

    package init(key: String, value: String) {
        self.key = key
        self.value = value
    }

    package static func < (left: RecordKey, right: RecordKey) -> Bool {
        (left.value, left.key) < (right.value, right.key)
    }
}

/// The keys under which a record is indexed.
enum IndexKeys {
    /// All of these keys: a lookup knows at least one of them.
    case each([RecordKey])
    /// The key with the fewest records: a lookup knows all of these keys, and more.
    case rarest([RecordKey])
}

/// The records of one type in a namespace, by name and kind, in an order that does not depend on their arrival.
///
/// A short list is searched. A long one is also indexed by keys: in a namespace with thousands of workloads with a PDB each,
/// every workload looks up the PDBs of its pods, and every PDB looks up its workloads.
struct RecordIndex<Record: RelatedRecord>: Sendable {
    private typealias IDs = SharedMap<RecordID, Void>

    private var all = SharedMap<RecordID, Record>()
    private var isFiled = false
    private var files = SharedMap<RecordKey, IDs>()
    /// The records whose list of `rarest` keys is empty.
    private var unfiled = IDs()

    /// All records, in order.
    var records: [Record] { all.values }

    /// Returns the first records, at most this number.
    func records(atMost limit: Int) -> [Record] { all.values(atMost: limit) }

    var isEmpty: Bool { all.isEmpty }

    /// The record with a kind and name.
    subscript(_ kind: ResourceKind, _ name: String) -> Record? { all[RecordID(name: name, kind: kind)] }

    // MARK: Changes

    /// Adds a record, or replaces the one with the same kind and name.
    mutating func set(_ record: Record) {
        let id = RecordID(record)
        if isFiled, let old = all[id] { unfile(old) }
        all.set(id, record)
        if isFiled {
            file(record)
        } else if all.count > RecordIndex.few {
            isFiled = true
            for record in records { file(record) }
        }
    }

    /// Removes a record.
    mutating func remove(_ kind: ResourceKind, _ name: String) {
        let id = RecordID(name: name, kind: kind)
        if isFiled, let old = all[id] { unfile(old) }
        all.remove(id)
    }

    /// Removes all records of a kind.
    mutating func removeAll(_ kind: ResourceKind) {
        let rest = records.filter { $0.kind != kind }
        self = RecordIndex()
        for record in rest { set(record) }
    }

    // MARK: Lookups

    /// Returns the records that can have one of the keys, in order; others can be among them.
    func candidates(underAnyOf keys: @autoclosure () -> [RecordKey]) -> [Record] {
        guard isFiled else { return records }
        return found(keys().reduce(into: unfiled.keys()) { $0 += files[$1]?.keys() ?? [] })
    }

    /// Returns the records that can have all of the keys, in order; others can be among them.
    func candidates(underAllOf keys: @autoclosure () -> [RecordKey]) -> [Record] {
        guard isFiled, let rarest = keys().map({ files[$0] ?? IDs() }).min(by: { $0.count < $1.count }) else {
            return records
        }
        return rarest.keys().compactMap { all[$0] }
    }

    private func found(_ ids: [RecordID]) -> [Record] { ids.sorted().compactMap { all[$0] } }

    // MARK: Index

    private static var few: Int { 32 }

    private mutating func file(_ record: Record) {
        let id = RecordID(record)
        switch record.indexKeys {
        case .each(let keys): for key in keys { file(id, under: key) }
        case .rarest(let keys):
            if let rarest = keys.min(by: { files[$0]?.count ?? 0 < files[$1]?.count ?? 0 }) {
                file(id, under: rarest)
            } else {
                unfiled.set(id, ())
            }
        }
    }

    private mutating func file(_ id: RecordID, under key: RecordKey) {
        files.update(key, default: IDs()) { $0.set(id, ()) }
    }

    private mutating func unfile(_ record: Record) {
        let id = RecordID(record)
        let keys =
            switch record.indexKeys {
            case .each(let keys), .rarest(let keys): keys
            }
        for key in keys {
            guard files[key]?.contains(id) ?? false else { continue }
            files.update(key, default: IDs()) { $0.remove(id) }
            if files[key]?.isEmpty ?? false { files.remove(key) }
        }
        unfiled.remove(id)
    }
}

/// The identity of a record, for its place in the order.
private struct RecordID: Comparable, Sendable {
    let name: String
    let kind: ResourceKind

    init(name: String, kind: ResourceKind) { (self.name, self.kind) = (name, kind) }

    init(_ record: some RelatedRecord) { self.init(name: record.name, kind: record.kind) }

    static func < (left: RecordID, right: RecordID) -> Bool {
        (left.name, left.kind.rawValue) < (right.name, right.kind.rawValue)
    }
}

extension [RecordKey] {
    /// Creates keys for labels.
    package init(_ labels: some Sequence<(key: String, value: String)>) {
        self = labels.map { RecordKey(key: $0.key, value: $0.value) }
    }
}
