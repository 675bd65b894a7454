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

    /// The objects by namespace.
    private(set) var holdings = SharedMap<String, Holding>()
    /// The namespaces with PDBs.
    private(set) var guardedNamespaces = SharedMap<String, Void>()
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
    /// - Throws: ``CannotEvaluate/malformed(_:expected:)`` if a stored field has the wrong type.
    public mutating func add(_ object: Value, in namespace: String = "default") throws(CannotEvaluate) {
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
    /// - Throws: ``CannotEvaluate/malformed(_:expected:)`` if a stored field has the wrong type; the earlier object is removed as
    ///   well.
    public mutating func set(
        _ object: Value, _ kind: ResourceKind, in unplaced: String = "default"
    ) throws(CannotEvaluate) {
        let metadata = ObjectMeta(of: object)
        let name = metadata.name ?? ""
        let namespace = RelatedObjects.place(of: kind, name, in: metadata.namespace, or: unplaced)
        do throws(CannotEvaluate) {
            try set(object, kind, name, namespace)
        } catch {
            remove(kind, name, in: namespace)
            throw error
        }
    }

    private mutating func set(
        _ object: Value, _ kind: ResourceKind, _ name: String, _ namespace: String
    ) throws(CannotEvaluate) {
        guard let record = try Record(object, kind, name, namespace, related) else { return }
        set(record, kind, in: namespace)
        noteBudgets(in: namespace)
    }

    private mutating func set(_ record: Record, _ kind: ResourceKind, in namespace: String) {
        holdings.update(namespace, default: Holding()) {
            $0.set(record)
            $0.kinds.formUnion(ResourceKinds(kind))
        }
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
        let metadata = ObjectMeta(of: object)
        remove(kind, named: metadata.name ?? "", in: metadata.namespace)
    }

    /// Removes the object of a kind with a name; the namespace of cluster-scoped objects is nil.
    public mutating func remove(_ kind: ResourceKind, named name: String, in namespace: String?) {
        let namespace = RelatedObjects.place(of: kind, name, in: namespace)
        remove(kind, name, in: namespace)
        if holdings[namespace]?.isEmpty ?? false { holdings.remove(namespace) }
    }

    /// Returns the namespace in which an object is looked up.
    private static func place(
        of kind: ResourceKind, _ name: String, in namespace: String?, or unplaced: String = "default"
    ) -> String {
        if kind == .namespace { return name }
        // Cluster-scoped objects are looked up in `default`.
        return namespace ?? (ResourceKinds.clusterWide.contains(kind) ? "default" : unplaced)
    }

    private mutating func remove(_ kind: ResourceKind, _ name: String, in namespace: String) {
        guard holdings.contains(namespace) else { return }
        holdings.update(namespace, default: Holding()) { $0.remove(kind, name) }
        if CrossNamespaceMonitor.kinds.contains(kind) {
            crossNamespaceMonitors.remove(kind, CrossNamespaceMonitor.name(name, namespace))
        }
        noteBudgets(in: namespace)
    }

    /// Updates the list of namespaces with PDBs.
    private mutating func noteBudgets(in namespace: String) {
        let hasBudgets = !(holdings[namespace]?.budgets.isEmpty ?? true)
        guard hasBudgets != guardedNamespaces.contains(namespace) else { return }
        if hasBudgets { guardedNamespaces.set(namespace, ()) } else { guardedNamespaces.remove(namespace) }
    }

    /// Replaces all objects of a kind with those of other related objects.
    public mutating func replace(_ kind: ResourceKind, from other: RelatedObjects) {
        forget(kind)
        for namespace in other.holdings.keys() {
            guard let theirs = other.holdings[namespace], theirs.kinds.contains(kind) else { continue }
            holdings.update(namespace, default: Holding()) { $0.take(kind, from: theirs) }
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
        for namespace in holdings.keys() {
            holdings.update(namespace, default: Holding()) { $0.drop(kind) }
            if holdings[namespace]?.isEmpty ?? false { holdings.remove(namespace) }
        }
        if kind == .podDisruptionBudget { guardedNamespaces = SharedMap() }
        if CrossNamespaceMonitor.kinds.contains(kind) { crossNamespaceMonitors.removeAll(kind) }
        guard case .kinds(let kinds) = knowledge else { return }
        knowledge = .kinds(kinds.subtracting(ResourceKinds(kind)))
    }

    /// Adds all objects of a kind in a namespace from a recording; the kind becomes known in this namespace.
    mutating func restore(_ kind: ResourceKind, in namespace: String, _ objects: [Value]) throws(CannotEvaluate) {
        for object in objects {
            let name = ObjectMeta(of: object).name ?? ""
            if let related = related[kind],
                let record = RelatedObject(recorded: object, related, name, namespace)
            {
                set(.object(record), kind, in: namespace)
            } else {
                try set(object, kind, name, namespace)
            }
        }
        // The kind is known even if it has no objects.
        holdings.update(namespace, default: Holding()) { $0.kinds.formUnion(ResourceKinds(kind)) }
    }

    // MARK: Known kinds

    /// True if all objects of a kind in a namespace are known, or the one with a name.
    public func knows(_ kind: ResourceKind, in namespace: String, named name: String? = nil) -> Bool {
        observer?.note(kind, namespace, name)
        let isKnown =
            switch knowledge {
            case .nothing: false
            case .kindsHeld: holdings[namespace]?.kinds.contains(kind) ?? false
            case .kinds(let kinds): kinds.contains(kind)
            }
        if isKnown || answers.isEmpty { return isKnown }
        if case .some(_?) = answer(kind, namespace, named: name) { return true }
        return false
    }

    /// True if the API server serves a kind: its objects are known, or the API server said so; nil if it was not asked.
    ///
    /// Without a cluster, nothing can be asked, and every kind counts as served.
    package func serves(_ kind: ResourceKind) -> Bool? {
        for case .served(kind, let answer) in answers { return answer }
        guard case .kinds(let kinds) = knowledge, !kinds.contains(kind) else { return true }
        return nil
    }

    /// Returns the related objects with an observer that records the kinds and namespaces of lookups.
    func observed(by observer: Lookups) -> RelatedObjects {
        var copy = self
        copy.observer = observer
        return copy
    }
}
