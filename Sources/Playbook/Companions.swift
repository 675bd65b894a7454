public import JSON
public import Kubernetes

/// The other objects of a cluster, as far as rules need them: an immutable value with look-ups by namespace.
///
/// That something does not exist is an answer; that it is not known whether it does is another one, and is thrown.
public struct Companions: Sendable {
    /// Of which kinds every object is known.
    public enum Knowledge: Sendable {
        /// Of none: nothing was given.
        case nothing
        /// Of the kinds of which the namespace holds at least one object here; a Namespace is known when it is here itself.
        case kindsHeld
        /// Of these kinds, everywhere: what is not here does not exist.
        case kinds(ResourceKinds)
    }

    /// What one namespace holds.
    struct Holding: Sendable {
        var kinds = ResourceKinds()
        var namespace: NamespaceRecord?
        var budgets: [DisruptionBudget] = []
        var autoscalers: [Autoscaler] = []
        var quotas: [Quota] = []
        var workloads: [Workload] = []
        /// Everything else: ``Companions/projections`` says what is kept of it.
        var objects: [CompanionObject] = []

        /// Whether there is nothing left to keep it for.
        var isEmpty: Bool {
            namespace == nil && budgets.isEmpty && autoscalers.isEmpty && quotas.isEmpty && workloads.isEmpty
                && objects.isEmpty
        }
    }

    // By namespace. Arrays and dictionary are shared with every copy until one of the two changes.
    private var holdings: [String: Holding] = [:]
    private var knowledge: Knowledge
    /// What was asked for anew, for one judgement; see ``confirming(_:)``.
    private var confirmations: [Confirmation] = []
    /// What takes note of look-ups; see ``observed(by:)``.
    private var observer: Lookups?

    /// Nothing is known.
    public static let unknown = Companions(knowledge: .nothing)

    /// The kinds that are kept; others are passed over by ``add(_:)``.
    public static let kinds: ResourceKinds = [
        ResourceKinds(.namespace, .podDisruptionBudget, .horizontalPodAutoscaler, .scaledObject, .resourceQuota),
        .replicated,
        projections.keys.reduce(into: ResourceKinds()) { $0.formUnion(ResourceKinds($1)) },
    ]

    /// The kinds that a server follows: all of them but Secrets, which it shall have no right to read.
    public static let followed = kinds.subtracting(ResourceKinds(.secret))

    /// What is kept of the kinds that have no record type of their own: the fields that rules read, cut out of the object.
    static let projections: [ResourceKind: Projection] = [:]
        .merging(placementProjections) { $1 }.merging(trafficProjections) { $1 }.merging(secretProjections) { $1 }
        .merging(cloudProjections) { $1 }.merging(monitorProjections) { $1 }

    /// Creates companions without any object.
    public init(knowledge: Knowledge) { self.knowledge = knowledge }

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
        guard Companions.kinds.contains(kind) else { return }
        try set(object, kind, in: namespace)
    }

    /// Takes an object of a kind in, in the place of the one with the same name.
    ///
    /// - Parameters:
    ///   - object: The object; `kind` and `apiVersion` may be missing, as in a list.
    ///   - kind: Its kind, one of ``kinds``.
    ///   - unplaced: The namespace of an object that does not name its own.
    /// - Throws: ``CannotJudge/malformed(_:expected:)`` where a field that is kept is not as the API has it; then the object of
    ///   before is no longer known either.
    public mutating func set(
        _ object: Value, _ kind: ResourceKind, in unplaced: String = "default"
    ) throws(CannotJudge) {
        let (name, namespace) = Companions.place(of: object, kind, in: unplaced)
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
        switch kind {
        case .namespace:
            holdings[namespace, default: Holding()].namespace = NamespaceRecord(object, name)
        case .podDisruptionBudget:
            let budget = try DisruptionBudget(object, name, namespace)
            holdings[namespace, default: Holding()].budgets.set(budget)
        case .horizontalPodAutoscaler, .scaledObject:
            let autoscaler = try Autoscaler(object, kind, name)
            holdings[namespace, default: Holding()].autoscalers.set(autoscaler)
        case .resourceQuota:
            let quota = try Quota(object, name)
            holdings[namespace, default: Holding()].quotas.set(quota)
        case .deployment, .statefulSet, .rollout:
            let workload = try Workload(object, kind, name)
            holdings[namespace, default: Holding()].workloads.set(workload)
        default:
            guard let project = Companions.projections[kind] else { break }
            let labels = ObjectMeta(of: object).labels.pairs
            let record = CompanionObject(
                kind: kind, name: name, namespace: namespace,
                labels: Dictionary(labels.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 }),
                fields: try project(object))
            holdings[namespace, default: Holding()].objects.set(record)
        }
        holdings[namespace, default: Holding()].kinds.formUnion(ResourceKinds(kind))
    }

    /// Lets an object of a kind go.
    public mutating func remove(_ object: Value, _ kind: ResourceKind) {
        let (name, namespace) = Companions.place(of: object, kind)
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
        switch kind {
        case .namespace: holdings.values[index].namespace = nil
        case .podDisruptionBudget: holdings.values[index].budgets.remove(kind, name)
        case .horizontalPodAutoscaler, .scaledObject: holdings.values[index].autoscalers.remove(kind, name)
        case .resourceQuota: holdings.values[index].quotas.remove(kind, name)
        case .deployment, .statefulSet, .rollout: holdings.values[index].workloads.remove(kind, name)
        default: holdings.values[index].objects.remove(kind, name)
        }
    }

    /// Takes over all objects of a kind from other companions, and lets go of those that are not there.
    public mutating func replace(_ kind: ResourceKind, from other: Companions) {
        forget(kind)
        for (namespace, theirs) in other.holdings where theirs.kinds.contains(kind) {
            var mine = holdings[namespace] ?? Holding()
            mine.take(kind, from: theirs)
            holdings[namespace] = mine
        }
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
        guard case .kinds(let kinds) = knowledge else { return }
        knowledge = .kinds(kinds.subtracting(ResourceKinds(kind)))
    }

    /// Takes in all that a namespace holds of a kind, as it was recorded; nothing of it is known until then.
    mutating func restore(_ kind: ResourceKind, in namespace: String, _ objects: [Value]) throws(CannotJudge) {
        for object in objects {
            let name = ObjectMeta(of: object).name ?? ""
            if let record = CompanionObject(recorded: object, kind, name, namespace) {
                holdings[namespace, default: Holding()].objects.set(record)
            } else {
                try set(object, kind, name, namespace)
            }
        }
        // That there is none is known too.
        holdings[namespace, default: Holding()].kinds.formUnion(ResourceKinds(kind))
    }

    // MARK: Confirmations

    /// The same companions with what was asked for anew, where the absence of one would have denied a request.
    public func confirming(_ confirmations: [Confirmation]) -> Companions {
        var copy = self
        copy.confirmations = confirmations
        return copy
    }

    private func confirmation(_ kind: ResourceKind, _ namespace: String) -> Confirmation? {
        confirmations.first { $0.absence.kind == kind && $0.absence.namespace == namespace }
    }

    /// Whether somebody has looked again for what is absent, or tried to.
    func hasAsked(_ absence: Absence) -> Bool { confirmations.contains { $0.absence == absence } }

    /// Whether what is absent could not be looked for.
    func isInDoubt(_ absence: Absence) -> Bool {
        confirmation(absence.kind, absence.namespace).map { $0.found == nil } ?? false
    }

    // MARK: Look-ups

    /// Whether all objects of a kind in a namespace are known.
    public func knows(_ kind: ResourceKind, in namespace: String) -> Bool {
        observer?.note(kind, namespace)
        return switch knowledge {
        case .nothing: false
        case .kindsHeld: holdings[namespace]?.kinds.contains(kind) ?? false
        case .kinds(let kinds): kinds.contains(kind)
        }
    }

    /// The same companions, telling somebody which kinds are looked up in which namespaces.
    func observed(by observer: Lookups) -> Companions {
        var copy = self
        copy.observer = observer
        return copy
    }

    /// What a namespace holds of a kind: what was asked for anew, before what was known.
    func holding(of kind: ResourceKind, _ namespace: String) -> Holding? {
        observer?.note(kind, namespace)
        if !confirmations.isEmpty, let found = confirmation(kind, namespace)?.found { return found.holdings[namespace] }
        return holdings[namespace]
    }

    private func holding(_ kind: ResourceKind, _ namespace: String, _ words: String) throws(CannotJudge) -> Holding? {
        guard knows(kind, in: namespace) else { throw .unknown(companion: words) }
        return holding(of: kind, namespace)
    }

    /// A Namespace; nil when there is none.
    public func namespace(_ name: String) throws(CannotJudge) -> NamespaceRecord? {
        try holding(.namespace, name, "the Namespace")?.namespace
    }

    /// The PodDisruptionBudgets of a namespace.
    public func budgets(in namespace: String) throws(CannotJudge) -> [DisruptionBudget] {
        try holding(.podDisruptionBudget, namespace, "PodDisruptionBudgets")?.budgets ?? []
    }

    /// A PodDisruptionBudget of another namespace, for messages: not more than a few hundred namespaces are looked at.
    func budget(outside namespace: String, where isMeant: (DisruptionBudget) -> Bool) -> DisruptionBudget? {
        for name in holdings.keys.lazy.filter({ $0 != namespace }).prefix(500).sorted() {
            if let budget = holdings[name]?.budgets.first(where: isMeant) { return budget }
        }
        return nil
    }

    /// The autoscaler that owns a workload's scale, or that of the Rollout which runs its pods; nil when there is none.
    public func autoscaler(
        of kind: ResourceKind, _ name: String, in namespace: String
    ) throws(CannotJudge) -> Autoscaler? {
        if let rollout = rollout(inPlaceOf: kind, name, in: namespace),
            let known = try autoscaler(of: .rollout, rollout.name, in: namespace)
        {
            return known
        }
        for source in [ResourceKind.horizontalPodAutoscaler, .scaledObject] {
            let known = holding(of: source, namespace)?.autoscalers.first {
                $0.kind == source && $0.targetKind == kind && $0.targetName == name
            }
            if let known { return known }
        }
        // KEDA's objects need not be watched: most clusters have none, and KEDA makes an HPA of each.
        guard knows(.horizontalPodAutoscaler, in: namespace) || knows(.scaledObject, in: namespace) else {
            throw .unknown(companion: "HorizontalPodAutoscalers")
        }
        return nil
    }

    /// The ResourceQuotas of a namespace.
    public func quotas(in namespace: String) throws(CannotJudge) -> [Quota] {
        try holding(.resourceQuota, namespace, "ResourceQuotas")?.quotas ?? []
    }

    /// The objects of one of the other kinds in a namespace; for kinds that have none, the namespace is `default`.
    func objects(_ kind: ResourceKind, in namespace: String) throws(CannotJudge) -> [CompanionObject] {
        let objects = try holding(kind, namespace, "\(kind.name)s")?.objects ?? []
        return objects.filter { $0.kind == kind }
    }

    /// The objects of one of the other kinds in all namespaces, as far as they are known.
    func objectsEverywhere(_ kind: ResourceKind) -> some Sequence<CompanionObject> {
        if let observer {
            for namespace in holdings.keys.sorted() where holdings[namespace]?.kinds.contains(kind) ?? false {
                observer.note(kind, namespace)
            }
        }
        return holdings.values.lazy.filter { $0.kinds.contains(kind) }.flatMap {
            $0.objects.lazy.filter { $0.kind == kind }
        }
    }

    /// The Deployments, StatefulSets and Rollouts of a namespace, as far as they are known.
    public func workloads(in namespace: String) -> [Workload] {
        if let observer { for kind in ResourceKinds.replicated.kinds { observer.note(kind, namespace) } }
        return holdings[namespace]?.workloads ?? []
    }

    /// The Rollout that takes a workload's template by reference and runs its pods; nil where none is known to.
    func rollout(inPlaceOf kind: ResourceKind, _ name: String, in namespace: String) -> Workload? {
        guard kind == .deployment else { return nil }
        return holding(of: .rollout, namespace)?.workloads.first { $0.kind == .rollout && $0.deployment == name }
    }

    /// A workload by its name.
    public func workload(
        _ kind: ResourceKind, _ name: String, in namespace: String
    ) throws(CannotJudge) -> Workload? {
        try holding(kind, namespace, "the \(kind.name)")?.workloads.first { $0.kind == kind && $0.name == name }
    }

    /// The workload that has the template of a workload's pods: itself, or the Deployment that a Rollout takes it from.
    func template(
        of kind: ResourceKind, _ name: String, in namespace: String
    ) throws(CannotJudge) -> Workload? {
        let workload = try workload(kind, name, in: namespace)
        guard let deployment = workload?.deployment else { return workload }
        return try self.workload(.deployment, deployment, in: namespace)
    }
}

extension Companions.Holding {
    fileprivate mutating func drop(_ kind: ResourceKind) {
        kinds = kinds.subtracting(ResourceKinds(kind))
        switch kind {
        case .namespace: namespace = nil
        case .podDisruptionBudget: budgets = []
        case .horizontalPodAutoscaler, .scaledObject: autoscalers.removeAll { $0.kind == kind }
        case .resourceQuota: quotas = []
        case .deployment, .statefulSet, .rollout: workloads.removeAll { $0.kind == kind }
        default: objects.removeAll { $0.kind == kind }
        }
    }

    fileprivate mutating func take(_ kind: ResourceKind, from other: Companions.Holding) {
        kinds.formUnion(ResourceKinds(kind))
        switch kind {
        case .namespace: namespace = other.namespace
        case .podDisruptionBudget: budgets = other.budgets
        case .horizontalPodAutoscaler, .scaledObject:
            for autoscaler in other.autoscalers where autoscaler.kind == kind { autoscalers.set(autoscaler) }
        case .resourceQuota: quotas = other.quotas
        case .deployment, .statefulSet, .rollout:
            for workload in other.workloads where workload.kind == kind { workloads.set(workload) }
        default: for object in other.objects where object.kind == kind { objects.set(object) }
        }
    }
}

/// What is kept of an object that has a name of its own in its namespace.
protocol CompanionRecord {
    var kind: ResourceKind { get }
    var name: String { get }
}

// By name and kind, so that what is said of several objects does not depend on which of them came first.
extension Array where Element: CompanionRecord {
    private func place(of kind: ResourceKind, _ name: String) -> (index: Int, isTaken: Bool) {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            let other = self[middle]
            if (other.name, other.kind.rawValue) < (name, kind.rawValue) { low = middle + 1 } else { high = middle }
        }
        return (low, low < count && self[low].name == name && self[low].kind == kind)
    }

    fileprivate mutating func set(_ record: Element) {
        let (index, isTaken) = place(of: record.kind, record.name)
        if isTaken { self[index] = record } else { insert(record, at: index) }
    }

    fileprivate mutating func remove(_ kind: ResourceKind, _ name: String) {
        let (index, isTaken) = place(of: kind, name)
        if isTaken { remove(at: index) }
    }
}
