import Kubernetes

/// What is kept of an object that has a name of its own in its namespace.
protocol RelatedRecord: Sendable {
    var kind: ResourceKind { get }
    var name: String { get }
    /// What it is looked up by where there are many.
    var indexKeys: IndexKeys { get }
}

/// A label, or whatever else records are looked up by.
package struct RecordKey: Hashable {
    let key: String
    let value: String

    package init(key: String, value: String) {
        self.key = key
        self.value = value
    }
}

/// Under which keys a record is filed.
enum IndexKeys {
    /// Under each of them: who looks for it knows some.
    case each([RecordKey])
    /// Under the one that the fewest others are under: who looks for it knows all of them, and more.
    case rarest([RecordKey])
}

/// The records of one type in a namespace, by name and kind, so that what is said of several does not depend on which came first.
///
/// Few are simply looked through. Many are filed under keys too: in a namespace of thousands of workloads with a budget each,
/// every workload asks for the budgets of its pods, and every budget for its workloads.
struct RecordIndex<Record: RelatedRecord>: Sendable {
    /// All of them, in order.
    private(set) var records: [Record] = []
    private var isFiled = false
    private var files: [RecordKey: [RecordID]] = [:]
    /// Those that are filed under the rarest of no keys.
    private var unfiled: [RecordID] = []

    var isEmpty: Bool { records.isEmpty }

    /// The record of a kind and name.
    subscript(_ kind: ResourceKind, _ name: String) -> Record? {
        let (index, isThere) = place(of: RecordID(name: name, kind: kind))
        return isThere ? records[index] : nil
    }

    // MARK: Records that come and go

    /// Takes a record in, in the place of the one with the same kind and name.
    mutating func set(_ record: Record) {
        let id = RecordID(record)
        let (index, isThere) = place(of: id)
        if isThere {
            unfile(records[index])
            records[index] = record
        } else {
            records.insert(record, at: index)
        }
        if isFiled {
            file(record)
        } else if records.count > RecordIndex.few {
            isFiled = true
            for record in records { file(record) }
        }
    }

    /// Lets a record go.
    mutating func remove(_ kind: ResourceKind, _ name: String) {
        let (index, isThere) = place(of: RecordID(name: name, kind: kind))
        guard isThere else { return }
        unfile(records[index])
        records.remove(at: index)
    }

    /// Lets all of a kind go.
    mutating func removeAll(_ kind: ResourceKind) {
        let rest = records.filter { $0.kind != kind }
        self = RecordIndex()
        for record in rest { set(record) }
    }

    // MARK: Look-ups

    /// The records that may be filed under one of the keys, in order; others may be among them.
    func candidates(underAnyOf keys: @autoclosure () -> [RecordKey]) -> [Record] {
        guard isFiled else { return records }
        return found(keys().reduce(into: unfiled) { $0 += files[$1] ?? [] })
    }

    /// The records that may be filed under all the keys, in order; others may be among them.
    func candidates(underAllOf keys: @autoclosure () -> [RecordKey]) -> [Record] {
        guard isFiled, let rarest = keys().map({ files[$0] ?? [] }).min(by: { $0.count < $1.count }) else {
            return records
        }
        return found(rarest)
    }

    private func found(_ ids: [RecordID]) -> [Record] { ids.sorted().map { records[place(of: $0).index] } }

    private func place(of id: RecordID) -> (index: Int, isThere: Bool) {
        var (low, high) = (0, records.count)
        while low < high {
            let middle = (low + high) / 2
            if RecordID(records[middle]) < id { low = middle + 1 } else { high = middle }
        }
        return (low, low < records.count && RecordID(records[low]) == id)
    }

    // MARK: Files

    private static var few: Int { 32 }

    private mutating func file(_ record: Record) {
        let id = RecordID(record)
        switch record.indexKeys {
        case .each(let keys): for key in keys { files[key, default: []].append(id) }
        case .rarest(let keys):
            if let rarest = keys.min(by: { files[$0]?.count ?? 0 < files[$1]?.count ?? 0 }) {
                files[rarest, default: []].append(id)
            } else {
                unfiled.append(id)
            }
        }
    }

    private mutating func unfile(_ record: Record) {
        guard isFiled else { return }
        let id = RecordID(record)
        let keys =
            switch record.indexKeys {
            case .each(let keys), .rarest(let keys): keys
            }
        for key in keys {
            files[key]?.removeAll { $0 == id }
            if files[key]?.isEmpty ?? false { files[key] = nil }
        }
        unfiled.removeAll { $0 == id }
    }
}

/// A record's place in the order.
private struct RecordID: Comparable {
    let name: String
    let kind: ResourceKind

    init(name: String, kind: ResourceKind) { (self.name, self.kind) = (name, kind) }

    init(_ record: some RelatedRecord) { self.init(name: record.name, kind: record.kind) }

    static func < (left: RecordID, right: RecordID) -> Bool {
        (left.name, left.kind.rawValue) < (right.name, right.kind.rawValue)
    }
}

extension [RecordKey] {
    /// Labels as keys.
    package init(_ labels: some Sequence<(key: String, value: String)>) {
        self = labels.map { RecordKey(key: $0.key, value: $0.value) }
    }
}
