public import JSON

extension ResourceKind {
    /// Where objects of this kind have their pod spec; nil where they have none.
    public var podSpecPointer: Pointer? {
        switch self {
        case .pod: "/spec"
        case .podTemplate: "/template/spec"
        case .cronJob: "/spec/jobTemplate/spec/template/spec"
        case .replicationController, .replicaSet, .deployment, .statefulSet, .daemonSet, .job, .rollout:
            "/spec/template/spec"
        default: nil
        }
    }
}

/// What pods are made of: a Pod's own metadata and spec, or the template of whatever makes pods.
///
/// One object for all rules to look at; see ``Value`` for how long it may be kept.
public final class PodTemplate {
    /// The metadata that the pods get; nil when there is none.
    public let metadata: Value?
    /// The pod spec.
    public let spec: Value
    /// All containers: main ones, then sidecars and init containers in the order written, then ephemeral ones.
    public let containers: [Container]
    /// The kind of the object that it is part of.
    let kind: ResourceKind
    private let ownSecurityContext: Value?
    private let ownSecurityFields: SecurityFields

    /// Finds the template of an object; nil where its kind has none, or it has none of its own (a Rollout with `workloadRef`).
    ///
    /// - Parameters:
    ///   - object: A Pod, or something with a template.
    ///   - kind: Its kind.
    /// - Throws: ``CannotJudge/malformed(_:expected:)`` where a list or an entry is not as the API has it.
    public init?(of object: Value, kind: ResourceKind) throws(CannotJudge) {
        let holder: Value?
        switch kind {
        case .pod: holder = object
        case .podTemplate: holder = try object.object("template")
        case .cronJob:
            holder = try object.object("spec")?.object("jobTemplate")?.object("spec")?.object("template")
        case .replicationController, .replicaSet, .deployment, .statefulSet, .daemonSet, .job, .rollout:
            holder = try object.object("spec")?.object("template")
        default: return nil
        }
        guard let holder, let spec = try holder.object("spec") else { return nil }
        self.kind = kind
        self.spec = spec
        metadata = try holder.object("metadata")
        ownSecurityContext = spec.present("securityContext")
        ownSecurityFields = SecurityFields(of: ownSecurityContext)
        containers = try PodTemplate.containers(of: spec, kind)
    }

    private static func containers(of spec: Value, _ kind: ResourceKind) throws(CannotJudge) -> [Container] {
        var result: [Container] = []
        result.reserveCapacity(4)
        func add(_ list: StaticString, _ role: (Value) -> Container.Role) throws(CannotJudge) {
            for (index, value) in try spec.objects(list).enumerated() {
                guard result.count < PodTemplate.maximumContainers else {
                    throw .malformed(value.id, expected: "one of at most 1000 containers")
                }
                result.append(Container(value, role: role(value), list: list, index: index, kind: kind))
            }
        }
        try add("containers") { _ in .main }
        try add("initContainers") { $0["restartPolicy"]?.equals("Always") ?? false ? .sidecar : .initial }
        try add("ephemeralContainers") { _ in .ephemeral }
        return result
    }

    /// More containers than this no pod has; what asks for them wants something else of us.
    static let maximumContainers = 1000

    /// The main containers.
    public var mainContainers: ArraySlice<Container> { containers.prefix { $0.role == .main } }

    /// All containers but the ephemeral ones, which come last.
    public var lastingContainers: ArraySlice<Container> { containers.prefix { $0.role != .ephemeral } }

    /// Where the pod spec stands in the object, as in `/spec/template/spec`.
    public var pointer: Pointer { kind.podSpecPointer ?? Pointer() }

    /// The labels that the pods get.
    public func labels() throws(CannotJudge) -> Labels { try metadata?.labels("labels") ?? .none }

    /// The pod's own security settings, which a container's override.
    public func securityContext() throws(CannotJudge) -> Value? { try ownSecurityContext?.asObject() }

    func securityFields() throws(CannotJudge) -> SecurityFields {
        _ = try securityContext()
        return ownSecurityFields
    }

    /// The resources of the pod as a whole (Kubernetes, "Pod-level resource specification").
    public func resources() throws(CannotJudge) -> Resources? { try spec.object("resources").map { Resources($0) } }

    /// Whether the pods run on Windows nodes: by `spec.os.name`, else by the node selector.
    public var isWindows: Bool {
        if let name = spec["os"]?["name"] { return name.equals("windows") }
        return spec["nodeSelector"]?["kubernetes.io/os"]?.equals("windows") ?? false
    }

    /// Whether the pods are to run until somebody stops them: not with `restartPolicy` Never or OnFailure.
    public var restartsAlways: Bool { spec.present("restartPolicy")?.equals("Always") ?? true }
}
