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
    private let fields: Fields
    private let ownSecurityFields: SecurityFields
    /// How many of the containers are main ones, and how many are not ephemeral.
    private let mainCount: Int
    private let lastingCount: Int

    /// Finds the template of an object; nil where its kind has none, or it has none of its own (a Rollout with `workloadRef`).
    ///
    /// - Parameters:
    ///   - object: A Pod, or something with a template.
    ///   - kind: Its kind.
    /// - Throws: ``CannotJudge/malformed(_:expected:)`` where a list or an entry is not as the API has it.
    public init?(of object: Value, kind: ResourceKind) throws(CannotJudge) {
        guard let holder = try PodTemplate.holder(in: object, kind), let spec = try holder.object("spec") else {
            return nil
        }
        self.kind = kind
        self.spec = spec
        metadata = try holder.object("metadata")
        fields = Fields(of: spec)
        ownSecurityFields = SecurityFields(of: fields.securityContext)
        var list = ContainerList(kind)
        try list.add(fields.containers) { _ in .main }
        mainCount = list.containers.count
        try list.add(fields.initContainers) {
            $0["restartPolicy"]?.equals("Always") ?? false ? .sidecar : .initial
        }
        lastingCount = list.containers.count
        try list.add(fields.ephemeralContainers) { _ in .ephemeral }
        containers = list.containers
    }

    /// The metadata that pods of an object get, where it has the type that the API gives it.
    public static func metadata(of object: Value, kind: ResourceKind) -> Value? {
        try? holder(in: object, kind)?.object("metadata")
    }

    /// What has the metadata and the spec.
    private static func holder(in object: Value, _ kind: ResourceKind) throws(CannotJudge) -> Value? {
        switch kind {
        case .pod: object
        case .podTemplate: try object.object("template")
        case .cronJob: try object.object("spec")?.object("jobTemplate")?.object("spec")?.object("template")
        case .replicationController, .replicaSet, .deployment, .statefulSet, .daemonSet, .job, .rollout:
            try object.object("spec")?.object("template")
        default: nil
        }
    }

    /// What of the pod spec rules ask for again and again, found in one pass; absent and `null` are the same.
    private struct Fields {
        var containers, initContainers, ephemeralContainers: Value?
        var securityContext, resources, restartPolicy, nodeSelector, os, volumes: Value?

        init(of spec: Value) {
            for member in spec.members {
                let value = member.value.isNull ? nil : member.value
                switch member.key.contentLength {
                case 2 where member.key.equals("os"): os = value
                case 7 where member.key.equals("volumes"): volumes = value
                case 9 where member.key.equals("resources"): resources = value
                case 10 where member.key.equals("containers"): containers = value
                case 12 where member.key.equals("nodeSelector"): nodeSelector = value
                case 13 where member.key.equals("restartPolicy"): restartPolicy = value
                case 14 where member.key.equals("initContainers"): initContainers = value
                case 15 where member.key.equals("securityContext"): securityContext = value
                case 19 where member.key.equals("ephemeralContainers"): ephemeralContainers = value
                default: break
                }
            }
        }
    }

    /// The containers of all lists, one list after the other.
    private struct ContainerList {
        private let kind: ResourceKind
        private(set) var containers: [Container] = []

        init(_ kind: ResourceKind) {
            self.kind = kind
            containers.reserveCapacity(4)
        }

        mutating func add(_ array: Value?, _ role: (Value) -> Container.Role) throws(CannotJudge) {
            for (index, value) in try Objects(array).enumerated() {
                guard containers.count < PodTemplate.maximumContainers else {
                    throw .tooLong(value.id, expected: "one of at most 1000 containers")
                }
                containers.append(Container(value, role: role(value), index: index, kind: kind))
            }
        }
    }

    /// More containers than this no pod has; what asks for them wants something else of us.
    static let maximumContainers = 1000

    /// The main containers.
    public var mainContainers: ArraySlice<Container> { containers[..<mainCount] }

    /// All containers but the ephemeral ones, which come last.
    public var nonEphemeralContainers: ArraySlice<Container> { containers[..<lastingCount] }

    /// The pod spec as a field.
    public var field: Field { Field(spec) }

    /// Where the pod spec stands in the object, as in `/spec/template/spec`.
    public var pointer: Pointer { kind.podSpecPointer ?? Pointer() }

    /// Where the metadata that the pods get stands, as in `/spec/template/metadata`.
    public var metadataPointer: Pointer { pointer.parent / "metadata" }

    /// The volumes that containers can mount.
    public var volumes: Field { fields.volumes.map { Field($0) } ?? Field(absent: "volumes", of: spec) }

    /// The labels that the pods get.
    public func labels() throws(CannotJudge) -> Labels { try foundLabels.get() }

    /// The labels, looked for once: rules and related objects ask for single ones again and again.
    private lazy var foundLabels = Result { () throws(CannotJudge) in try metadata?.labels("labels").indexed ?? .none }

    /// The pod's own security settings, which a container's override.
    public var securityContext: Field {
        fields.securityContext.map { Field($0) } ?? Field(absent: "securityContext", of: spec)
    }

    func securityFields() throws(CannotJudge) -> SecurityFields {
        _ = try securityContext.object()
        return ownSecurityFields
    }

    /// The resources of the pod as a whole (Kubernetes, "Pod-level resource specification").
    public func resources() throws(CannotJudge) -> Resources? {
        try fields.resources.map { (value) throws(CannotJudge) in Resources(try value.asObject()) }
    }

    /// True if root in the pods is nobody outside: a user namespace of their own, and no namespace of the node (Pod Security
    /// Standards since 1.35, "User Namespaces").
    public func hasUserNamespace() throws(CannotJudge) -> Bool {
        guard try field["hostUsers"].boolean() == false else { return false }
        for key in ["hostNetwork", "hostPID", "hostIPC"] as [StaticString] where try field[key].boolean() == true {
            return false
        }
        return true
    }

    /// Whether the pods run on Windows nodes: by `spec.os.name`, else by the node selector.
    public var isWindows: Bool {
        if let name = fields.os?["name"] { return name.equals("windows") }
        return fields.nodeSelector?["kubernetes.io/os"]?.equals("windows") ?? false
    }

    /// Whether the pods are to run until somebody stops them: not with `restartPolicy` Never or OnFailure.
    public var restartsAlways: Bool { fields.restartPolicy?.equals("Always") ?? true }
}
