import JSON
import Kubernetes

extension RelatedObjects {
    /// What one namespace holds.
    struct Holding: Sendable {
        /// The kinds that it holds, or is known to hold nothing of.
        var kinds = ResourceKinds()
        private(set) var namespace: NamespaceRecord?
        private(set) var budgets = RecordIndex<DisruptionBudget>()
        private(set) var autoscalers = RecordIndex<Autoscaler>()
        private(set) var quotas = RecordIndex<Quota>()
        private(set) var workloads = RecordIndex<Workload>()
        /// Everything else: its ``RelatedKind`` says what is kept of it.
        private(set) var objects: [ResourceKind: RecordIndex<RelatedObject>] = [:]

        /// Whether there is nothing left to keep it for.
        var isEmpty: Bool {
            namespace == nil && budgets.isEmpty && autoscalers.isEmpty && quotas.isEmpty && workloads.isEmpty
                && objects.isEmpty
        }
    }

    /// What is kept of one object.
    enum Record {
        case namespace(NamespaceRecord)
        case budget(DisruptionBudget)
        case autoscaler(Autoscaler)
        case quota(Quota)
        case workload(Workload)
        case object(RelatedObject)

        /// Reads an object of a kind; nil where nothing is kept of it.
        init?(
            _ object: Value, _ kind: ResourceKind, _ name: String, _ namespace: String, _ related: RelatedKinds
        ) throws(CannotJudge) {
            switch kind {
            case .namespace: self = .namespace(NamespaceRecord(object, name, related.annotations))
            case .podDisruptionBudget: self = .budget(try DisruptionBudget(object, name, namespace))
            case .horizontalPodAutoscaler, .scaledObject: self = .autoscaler(try Autoscaler(object, kind, name))
            case .resourceQuota: self = .quota(try Quota(object, name))
            case .deployment, .statefulSet, .rollout:
                self = .workload(try Workload(object, kind, name, related.annotations))
            default:
                guard let related = related[kind], let read = related.read else { return nil }
                var fields = RelatedFields()
                try read(object, &fields)
                self = .object(
                    RelatedObject(related, name, namespace, labels: ObjectMeta(of: object).labels, fields))
            }
        }
    }
}

extension RelatedObjects.Holding {
    /// Takes a record in, in the place of the one with the same kind and name.
    mutating func set(_ record: RelatedObjects.Record) {
        switch record {
        case .namespace(let record): namespace = record
        case .budget(let record): budgets.set(record)
        case .autoscaler(let record): autoscalers.set(record)
        case .quota(let record): quotas.set(record)
        case .workload(let record): workloads.set(record)
        case .object(let record): objects[record.kind, default: RecordIndex()].set(record)
        }
    }

    /// Lets the record of a kind and name go.
    mutating func remove(_ kind: ResourceKind, _ name: String) {
        switch kind {
        case .namespace: namespace = nil
        case .podDisruptionBudget: budgets.remove(kind, name)
        case .horizontalPodAutoscaler, .scaledObject: autoscalers.remove(kind, name)
        case .resourceQuota: quotas.remove(kind, name)
        case .deployment, .statefulSet, .rollout: workloads.remove(kind, name)
        default:
            objects[kind]?.remove(kind, name)
            if objects[kind]?.isEmpty ?? false { objects[kind] = nil }
        }
    }

    /// Lets all of a kind go; whether there are any is no longer known.
    mutating func drop(_ kind: ResourceKind) {
        kinds = kinds.subtracting(ResourceKinds(kind))
        switch kind {
        case .namespace: namespace = nil
        case .podDisruptionBudget: budgets = RecordIndex()
        case .horizontalPodAutoscaler, .scaledObject: autoscalers.removeAll(kind)
        case .resourceQuota: quotas = RecordIndex()
        case .deployment, .statefulSet, .rollout: workloads.removeAll(kind)
        default: objects[kind] = nil
        }
    }

    /// Takes over all of a kind, of which there is nothing here.
    mutating func take(_ kind: ResourceKind, from other: RelatedObjects.Holding) {
        kinds.formUnion(ResourceKinds(kind))
        switch kind {
        case .namespace: namespace = other.namespace
        case .podDisruptionBudget: budgets = other.budgets
        case .horizontalPodAutoscaler, .scaledObject:
            for autoscaler in other.autoscalers.records where autoscaler.kind == kind { autoscalers.set(autoscaler) }
        case .resourceQuota: quotas = other.quotas
        case .deployment, .statefulSet, .rollout:
            for workload in other.workloads.records where workload.kind == kind { workloads.set(workload) }
        default: objects[kind] = other.objects[kind]
        }
    }
}
