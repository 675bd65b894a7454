public import JSON
public import Kubernetes

/// A pod template that a workload had before, or that a controller makes an object from.
public struct PastTemplate: Sendable {
    /// Its source for people: `revision 3`, `CronJob nightly`.
    public let source: String
    /// The pod spec; nil in a recording, which keeps only the template that equals the new one.
    let spec: Literal?
    /// The count that the workload had with it, where that is known.
    let replicas: Int?
    /// The exemptions that its object, or the template, was annotated with.
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
    ///   - object: The whole object.
    ///   - kind: Its kind.
    ///   - names: The annotations by which objects exempt themselves.
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

/// A question for pod templates of the past.
public struct TemplateQuery: Sendable, Hashable {
    /// The objects that hold the templates.
    public enum Source: Sendable, Hashable {
        /// The ReplicaSets or ControllerRevisions that the workload's uid controls.
        case revisions(uid: String)
        /// The ControllerRevisions without a controller that the workload's selector matches.
        case orphans
        /// The CronJob that a Job was made from by hand.
        case cronJob(name: String, uid: String)
    }

    /// The workload's kind.
    public let kind: ResourceKind
    /// The namespace.
    public let namespace: String
    /// The workload's name.
    public let name: String
    /// The workload's selector, as in the `labelSelector` of a LIST.
    public let selector: String
    /// The objects that hold the templates.
    public let source: Source

    /// The kind of the objects that hold the templates.
    public var holder: ResourceKind {
        switch (source, kind) {
        case (.cronJob, _): .cronJob
        case (_, .deployment), (_, .rollout): .replicaSet
        default: .controllerRevision
        }
    }
}

extension TemplateQuery {
    /// The question for the past of a request's object; nil where it has none.
    init?(_ subject: Subject) {
        let review = subject.review
        guard review.subresource == .none else { return nil }
        kind = subject.kind
        namespace = subject.namespace
        name = subject.name ?? ""
        switch (review.operation, subject.kind) {
        case (.update, .deployment), (.update, .rollout), (.update, .statefulSet), (.update, .daemonSet):
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

    /// The selector of a workload as one text; nil where it selects nothing in particular.
    private static func selector(_ object: Value) -> String? {
        guard let value = object["spec"]?["selector"], let selector = try? LabelSelector(value) else { return nil }
        let query = selector.query
        return query.isEmpty || query.utf8.count > 4096 ? nil : query
    }
}
