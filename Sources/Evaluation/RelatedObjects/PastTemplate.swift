public import JSON
public import Kubernetes

/// An earlier pod template of a workload, or the template that a controller creates an object from.
public struct PastTemplate: Sendable {
    /// The source for people: `revision 3`, `CronJob nightly`.
    public let source: String
    /// The pod spec; nil in a recording, which only has the template that equals the new one.
    let spec: Literal?
    /// The number of replicas with this template; nil if it is unknown.
    let replicas: Int?
    /// The exemptions of the object or the template.
    let exemptions: [ExemptionAnnotations]

    init(source: String, spec: Literal?, replicas: Int?, exemptions: [ExemptionAnnotations]) {
        self.source = source
        self.spec = spec
        self.replicas = replicas
        self.exemptions = exemptions
    }

    /// Reads a ReplicaSet, a ControllerRevision or a CronJob; nil if it has no pod template.
    ///
    /// - Parameters:
    ///   - object: The object.
    ///   - kind: The kind of the object.
    ///   - names: The names of the exemption annotations.
    public init?(_ object: Value, _ kind: ResourceKind, _ names: AnnotationNames) {
        let metadata = ObjectMeta(of: object)
        let template: Value?
        switch kind {
        case .replicaSet:
            template = object["spec"]?["template"]
            source =
                "revision \(metadata.annotation("deployment.kubernetes.io/revision") ?? metadata.annotation("rollout.argoproj.io/revision") ?? metadata.name ?? "")"
            replicas = metadata.annotation("deployment.kubernetes.io/desired-replicas").flatMap { Int($0) }
        case .controllerRevision:
            template = object["data"]?["spec"]?["template"]
            source = "revision \(object["revision"]?.text ?? metadata.name ?? "")"
            replicas = nil
        case .cronJob:
            template = object["spec"]?["jobTemplate"]?["spec"]?["template"]
            source = "CronJob \(metadata.name ?? "")"
            replicas = nil
        default: return nil
        }
        guard let template, let spec = template["spec"] else { return nil }
        self.spec = Literal(spec)
        exemptions = [metadata, template["metadata"].map { ObjectMeta(metadata: $0) }].compactMap { metadata in
            metadata.flatMap { ExemptionAnnotations($0, names) }
        }
    }
}

/// A query for earlier pod templates.
public struct TemplateQuery: Sendable, Hashable {
    /// The objects that have the templates.
    public enum Source: Sendable, Hashable {
        /// The ReplicaSets or ControllerRevisions that the workload's uid controls.
        case revisions(uid: String)
        /// The ControllerRevisions without a controller that match the workload's selector.
        case orphans
        /// The CronJob that a Job was created from manually.
        case cronJob(name: String, uid: String)
    }

    /// The kind of the workload.
    public let kind: ResourceKind
    /// The namespace.
    public let namespace: String
    /// The name of the workload.
    public let name: String
    /// The selector of the workload, as the `labelSelector` of a LIST.
    public let selector: String
    /// The objects that have the templates.
    public let source: Source

    /// The kind of the objects that have the templates.
    public var holder: ResourceKind {
        switch (source, kind) {
        case (.cronJob, _): .cronJob
        case (_, .deployment), (_, .rollout): .replicaSet
        default: .controllerRevision
        }
    }
}

extension TemplateQuery {
    /// Creates the query for a request's object; nil if it has no earlier templates.
    init?(_ subject: Subject) {
        let review = subject.review
        guard review.subresource == .none else { return nil }
        kind = subject.kind
        namespace = subject.namespace
        name = subject.name ?? ""
        switch (review.operation, subject.kind) {
        case (.update, .deployment), (.update, .rollout), (.update, .statefulSet), (.update, .daemonSet):
            // An update that keeps the template is not a roll-back.
            if let pointer = subject.templatePointer, let spec = subject.object[at: pointer],
                review.oldObject?[at: pointer]?.isSame(as: spec) ?? false
            {
                return nil
            }
            guard let old = review.oldObject, let uid = old["metadata"]?["uid"]?.string, !uid.isEmpty,
                let selector = TemplateQuery.selector(old)
            else { return nil }
            self.selector = selector
            source = .revisions(uid: uid)
        case (.create, .statefulSet):
            guard let selector = TemplateQuery.selector(subject.object) else { return nil }
            self.selector = selector
            source = .orphans
        case (.create, .job):
            guard let owner = subject.metadata.controller, owner.kind == .cronJob,
                subject.metadata.annotation("cronjob.kubernetes.io/instantiate") == "manual"
            else { return nil }
            selector = ""
            source = .cronJob(name: owner.name, uid: owner.uid)
        default: return nil
        }
    }

    /// Returns a workload's selector as text; nil if it selects all objects or none.
    private static func selector(_ object: Value) -> String? {
        guard let value = object["spec"]?["selector"], let selector = try? LabelSelector(value) else { return nil }
        let query = selector.query
        return query.isEmpty || query.utf8.count > 4096 ? nil : query
    }
}
