public import JSON
public import Kubernetes

/// The other objects of a cluster, as far as rules need them: an immutable value with look-ups by namespace.
///
/// That something does not exist is an answer; that it is not known whether it does is another one, and is thrown.
public struct RelatedObjects: Sendable {
    /// Of which kinds every object is known.
    public enum Knowledge: Sendable {
        /// Of none: nothing was given.
        case nothing
        /// Of the kinds of which the namespace holds at least one object here; a Namespace is known when it is here itself.
        case kindsHeld
        /// Of these kinds, everywhere: what is not here does not exist.
        case kinds(ResourceKinds)
    }

    // By namespace. Arrays and dictionary are shared with every copy until one of the two changes.
    private(set) var holdings: [String: Holding] = [:]
    /// The namespaces that have budgets, in order.
    private(set) var guardedNamespaces: [String] = []
    /// The monitors of all namespaces that look into others.
    private(set) var crossNamespaceMonitors = RecordIndex<CrossNamespaceMonitor>()
    private var knowledge: Knowledge
    /// What the API server was asked for one evaluation; see ``answering(_:)``.
    var answers: [LookupAnswer] = []
    /// The pod templates that were given as objects: of ReplicaSets and ControllerRevisions, by namespace.
    private(set) var templates: [String: [HeldTemplate]] = [:]
    /// Since when the cluster's server enforces; nil where that is not known.
    public var enforcedSince: Timestamp?
    /// What takes note of look-ups; see ``observed(by:)``.
    private(set) var observer: Lookups?

    /// What is kept of each kind; the others are passed over by ``add(_:in:)``.
    let related: RelatedKinds

    /// Nothing is known, and nothing is kept.
    public static let unknown = RelatedObjects(knowledge: .nothing, RelatedKinds([]))

    /// Creates companions without any object.
    ///
    /// - Parameters:
    ///   - knowledge: Of which kinds every object is known.
    ///   - catalogue: The rules, which say what is kept of each kind.
    public init(knowledge: Knowledge, of catalogue: Catalogue) { self.init(knowledge: knowledge, catalogue.related) }

    private init(knowledge: Knowledge, _ related: RelatedKinds) {
        self.knowledge = knowledge
        self.related = related
    }

    // MARK: Objects that come and go

    /// Takes an object in, as far as its kind is kept.
    ///
    /// - Parameters:
    ///   - object: A whole object, with `kind` and `apiVersion`; a `List` is taken in item by item.
    ///   - namespace: Where it is when it does not say so itself.
    /// - Throws: ``CannotJudge/malformed(_:expected:)`` where a field that is kept is not as the API has it.
    public mutating func add(_ object: Value, in namespace: String = "default") throws(CannotJudge) {
        if let items = object["items"], items.kind == .array, object["kind"]?.text.hasSuffix("List") ?? false {
            for item in items.elements { try add(item, in: namespace) }
            return
        }
        let kind = ResourceKind(kind: object["kind"]?.string ?? "", apiVersion: object["apiVersion"]?.string ?? "")
        if kind == .replicaSet || kind == .controllerRevision { addTemplate(object, kind, in: namespace) }
        guard related.kinds.contains(kind) else { return }
        try set(object, kind, in: namespace)
    }

    /// Takes in the pod template of a workload's revision, as a file has it: a server looks revisions up when they matter.
    private mutating func addTemplate(_ object: Value, _ kind: ResourceKind, in unplaced: String) {
        guard let template = PastTemplate(object, kind, related.annotations) else { return }
        let metadata = ObjectMeta(of: object)
        templates[metadata.namespace ?? unplaced, default: []].append(
            HeldTemplate(
                template: template, kind: kind, owner: metadata.controller?.uid ?? "", labels: metadata.labelTexts))
    }

    /// Takes an object of a kind in, in the place of the one with the same name.
    ///
    /// - Parameters:
    ///   - object: The object; `kind` and `apiVersion` may be missing, as in a list.
    ///   - kind: Its kind, one of the catalogue's ``Catalogue/relatedKinds``.
    ///   - unplaced: The namespace of an object that does not name its own.
    /// - Throws: ``CannotJudge/malformed(_:expected:)`` where a field that is kept is not as the API has it; then the object of
    ///   before is no longer known either.
    public mutating func set(
        _ object: Value, _ kind: ResourceKind, in unplaced: String = "default"
    ) throws(CannotJudge) {
        let (name, namespace) = RelatedObjects.place(of: object, kind, in: unplaced)
        do throws(CannotJudge) {
            try set(object, kind, name, namespace)
        } catch {
            remove(kind, name, in: namespace)
            throw error
        }
    }

    private mutating func set(
        _ object: Value, _ kind: ResourceKind, _ name: String, _ namespace: String
    ) throws(CannotJudge) {
        guard let record = try Record(object, kind, name, namespace, related) else { return }
        set(record, in: namespace)
        holdings[namespace, default: Holding()].kinds.formUnion(ResourceKinds(kind))
        noteBudgets(in: namespace)
    }

    private mutating func set(_ record: Record, in namespace: String) {
        holdings[namespace, default: Holding()].set(record)
        guard case .object(let object) = record, CrossNamespaceMonitor.kinds.contains(object.kind) else { return }
        let far = CrossNamespaceMonitor(monitor: object)
        if object.isCrossNamespaceMonitor {
            crossNamespaceMonitors.set(far)
        } else {
            crossNamespaceMonitors.remove(far.kind, far.name)
        }
    }

    /// Lets an object of a kind go.
    public mutating func remove(_ object: Value, _ kind: ResourceKind) {
        let (name, namespace) = RelatedObjects.place(of: object, kind)
        remove(kind, name, in: namespace)
        if holdings[namespace]?.isEmpty ?? false { holdings[namespace] = nil }
    }

    private static func place(
        of object: Value, _ kind: ResourceKind, in unplaced: String = "default"
    ) -> (name: String, namespace: String) {
        let metadata = ObjectMeta(of: object)
        let name = metadata.name ?? ""
        if kind == .namespace { return (name, name) }
        // What belongs to the cluster is looked up in `default`.
        return (name, metadata.namespace ?? (ResourceKinds.clusterWide.contains(kind) ? "default" : unplaced))
    }

    private mutating func remove(_ kind: ResourceKind, _ name: String, in namespace: String) {
        guard let index = holdings.index(forKey: namespace) else { return }
        // In place: nothing else of the namespace is copied.
        holdings.values[index].remove(kind, name)
        if CrossNamespaceMonitor.kinds.contains(kind) {
            crossNamespaceMonitors.remove(kind, CrossNamespaceMonitor.name(name, namespace))
        }
        noteBudgets(in: namespace)
    }

    /// Keeps the order of the namespaces that have budgets.
    private mutating func noteBudgets(in namespace: String) {
        let hasBudgets = !(holdings[namespace]?.budgets.isEmpty ?? true)
        var (low, high) = (0, guardedNamespaces.count)
        while low < high {
            let middle = (low + high) / 2
            if guardedNamespaces[middle] < namespace { low = middle + 1 } else { high = middle }
        }
        let isNoted = low < guardedNamespaces.count && guardedNamespaces[low] == namespace
        if hasBudgets, !isNoted { guardedNamespaces.insert(namespace, at: low) }
        if !hasBudgets, isNoted { guardedNamespaces.remove(at: low) }
    }

    /// Takes over all objects of a kind from other companions, and lets go of those that are not there.
    public mutating func replace(_ kind: ResourceKind, from other: RelatedObjects) {
        forget(kind)
        for (namespace, theirs) in other.holdings where theirs.kinds.contains(kind) {
            var mine = holdings[namespace] ?? Holding()
            mine.take(kind, from: theirs)
            holdings[namespace] = mine
            noteBudgets(in: namespace)
        }
        for far in other.crossNamespaceMonitors.records where far.kind == kind { crossNamespaceMonitors.set(far) }
        know(kind)
    }

    /// All objects of a kind are known from now on.
    private mutating func know(_ kind: ResourceKind) {
        guard case .kinds(let kinds) = knowledge else { return }
        knowledge = .kinds([kinds, ResourceKinds(kind)])
    }

    /// Nothing is known of a kind any more.
    public mutating func forget(_ kind: ResourceKind) {
        for namespace in Array(holdings.keys) {
            holdings[namespace]?.drop(kind)
            if holdings[namespace]?.isEmpty ?? false { holdings[namespace] = nil }
        }
        if kind == .podDisruptionBudget { guardedNamespaces = [] }
        if CrossNamespaceMonitor.kinds.contains(kind) { crossNamespaceMonitors.removeAll(kind) }
        guard case .kinds(let kinds) = knowledge else { return }
        knowledge = .kinds(kinds.subtracting(ResourceKinds(kind)))
    }

    /// Takes in all that a namespace holds of a kind, as it was recorded; nothing of it is known until then.
    mutating func restore(_ kind: ResourceKind, in namespace: String, _ objects: [Value]) throws(CannotJudge) {
        for object in objects {
            let name = ObjectMeta(of: object).name ?? ""
            if let related = related[kind],
                let record = RelatedObject(recorded: object, related, name, namespace)
            {
                set(.object(record), in: namespace)
            } else {
                try set(object, kind, name, namespace)
            }
        }
        // That there is none is known too.
        holdings[namespace, default: Holding()].kinds.formUnion(ResourceKinds(kind))
    }

    // MARK: What is known

    /// Whether all objects of a kind in a namespace are known.
    public func knows(_ kind: ResourceKind, in namespace: String) -> Bool {
        observer?.note(kind, namespace)
        let isKnown =
            switch knowledge {
            case .nothing: false
            case .kindsHeld: holdings[namespace]?.kinds.contains(kind) ?? false
            case .kinds(let kinds): kinds.contains(kind)
            }
        if isKnown || answers.isEmpty { return isKnown }
        if case .some(_?) = answer(kind, namespace) { return true }
        return false
    }

    /// The same companions, telling somebody which kinds are looked up in which namespaces.
    func observed(by observer: Lookups) -> RelatedObjects {
        var copy = self
        copy.observer = observer
        return copy
    }
}
