public import JSON
public import Kubernetes

/// The related objects of a cluster: an immutable value with lookups by namespace.
///
/// A lookup distinguishes between objects that do not exist and objects that are unknown, for which it throws an error.
public struct RelatedObjects: Sendable {
    /// The kinds of which all objects are known.
    public enum Knowledge: Sendable {
        /// None.
        case nothing
        /// In each namespace the kinds with at least one object; a Namespace is known if it is present.
        case kindsHeld
        /// These kinds in all namespaces: an object that is not present does not exist.
        case kinds(ResourceKinds)
    }

    // By namespace. Copies share the arrays and the dictionary until one of them changes.
    private(set) var holdings: [String: Holding] = [:]
    /// The namespaces with PDBs, in order.
    private(set) var guardedNamespaces: [String] = []
    /// The monitors of all namespaces that select objects in other namespaces.
    private(set) var crossNamespaceMonitors = RecordIndex<CrossNamespaceMonitor>()
    private var knowledge: Knowledge
    /// The answers of the API server for one evaluation (see ``answering(_:)``).
    var answers: [LookupAnswer] = []
    /// The pod templates of ReplicaSets, ControllerRevisions and CronJobs in files, by namespace.
    private(set) var templates: [String: [HeldTemplate]] = [:]
    /// The time since when the cluster's server enforces; nil if it is unknown.
    public var enforcedSince: Timestamp?
    /// Records lookups (see ``observed(by:)``).
    private(set) var observer: Lookups?

    /// The stored fields of each kind; ``add(_:in:)`` ignores other kinds.
    let related: RelatedKinds

    /// No objects and no known kinds.
    public static let unknown = RelatedObjects(knowledge: .nothing, RelatedKinds([]))

    /// Creates related objects without any object.
    ///
    /// - Parameters:
    ///   - knowledge: The kinds of which all objects are known.
    ///   - catalogue: The rules, which declare the stored fields of each kind.
    public init(knowledge: Knowledge, of catalogue: Catalogue) { self.init(knowledge: knowledge, catalogue.related) }

    private init(knowledge: Knowledge, _ related: RelatedKinds) {
        self.knowledge = knowledge
        self.related = related
    }

    // MARK: Changes

    /// Adds an object if its kind is stored.
    ///
    /// - Parameters:
    ///   - object: An object with `kind` and `apiVersion`; all items of a `List` are added.
    ///   - namespace: The namespace if the object has none.
    /// - Throws: ``CannotJudge/malformed(_:expected:)`` if a stored field has the wrong type.
    public mutating func add(_ object: Value, in namespace: String = "default") throws(CannotJudge) {
        if let items = object["items"], items.kind == .array, object["kind"]?.text.hasSuffix("List") ?? false {
            for item in items.elements { try add(item, in: namespace) }
            return
        }
        let kind = ResourceKind(kind: object["kind"]?.string ?? "", apiVersion: object["apiVersion"]?.string ?? "")
        if RelatedObjects.templateKinds.contains(kind) { addTemplate(object, kind, in: namespace) }
        guard related.kinds.contains(kind) else { return }
        try set(object, kind, in: namespace)
    }

    /// The kinds in files whose pod templates are kept: the violations of an object with the same template are existing.
    public static let templateKinds = ResourceKinds(.replicaSet, .controllerRevision, .cronJob)

    /// Adds the pod template of a revision or a CronJob from a file; a server reads it from the API server when needed.
    private mutating func addTemplate(_ object: Value, _ kind: ResourceKind, in unplaced: String) {
        guard let template = PastTemplate(object, kind, related.annotations) else { return }
        let metadata = ObjectMeta(of: object)
        let owner = kind == .cronJob ? metadata.value?["uid"]?.string : metadata.controller?.uid
        // A Job refers to its CronJob by uid, which only objects from a cluster have.
        guard kind != .cronJob || owner != nil else { return }
        templates[metadata.namespace ?? unplaced, default: []].append(
            HeldTemplate(
                template: template, kind: kind, owner: owner ?? "", labels: metadata.labelTexts))
    }

    /// Adds an object of a kind, or replaces the one with the same name.
    ///
    /// - Parameters:
    ///   - object: The object; `kind` and `apiVersion` can be missing, as in a list.
    ///   - kind: The kind, one of ``Catalogue/relatedKinds``.
    ///   - unplaced: The namespace if the object has none.
    /// - Throws: ``CannotJudge/malformed(_:expected:)`` if a stored field has the wrong type; the earlier object is removed as
    ///   well.
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

    /// Removes an object of a kind.
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
        // Cluster-scoped objects are looked up in `default`.
        return (name, metadata.namespace ?? (ResourceKinds.clusterWide.contains(kind) ? "default" : unplaced))
    }

    private mutating func remove(_ kind: ResourceKind, _ name: String, in namespace: String) {
        guard let index = holdings.index(forKey: namespace) else { return }
        // In place, so that other objects of the namespace are not copied.
        holdings.values[index].remove(kind, name)
        if CrossNamespaceMonitor.kinds.contains(kind) {
            crossNamespaceMonitors.remove(kind, CrossNamespaceMonitor.name(name, namespace))
        }
        noteBudgets(in: namespace)
    }

    /// Updates the list of namespaces with PDBs.
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

    /// Replaces all objects of a kind by those of other related objects.
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

    /// Marks a kind as known in all namespaces.
    private mutating func know(_ kind: ResourceKind) {
        guard case .kinds(let kinds) = knowledge else { return }
        knowledge = .kinds([kinds, ResourceKinds(kind)])
    }

    /// Removes all objects of a kind, which is then unknown.
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

    /// Adds all objects of a kind in a namespace from a recording; the kind becomes known in this namespace.
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
        // The kind is known even if it has no objects.
        holdings[namespace, default: Holding()].kinds.formUnion(ResourceKinds(kind))
    }

    // MARK: Known kinds

    /// True if all objects of a kind in a namespace are known.
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

    /// Returns the related objects with an observer that records the kinds and namespaces of lookups.
    func observed(by observer: Lookups) -> RelatedObjects {
        var copy = self
        copy.observer = observer
        return copy
    }
}
