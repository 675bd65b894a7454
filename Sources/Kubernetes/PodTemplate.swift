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
        case .controllerRevision: "/data/spec/template/spec"
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
    public convenience init?(of object: Value, kind: ResourceKind) throws(CannotJudge) {
        guard let holder = try PodTemplate.holder(in: object, kind) else { return nil }
        try self.init(of: holder)
    }

    /// Reads what has a pod spec, and the metadata that the pods get; nil where it has no spec.
    convenience init?(of holder: Value) throws(CannotJudge) {
        guard let spec = try holder.object("spec") else { return nil }
        let fields = Fields(of: spec)
        var list = ContainerList()
        try list.add(fields.containers) { _ in .main }
        try list.addFurther(fields)
        self.init(spec, try holder.object("metadata"), fields, list)
    }

    /// Reads a template of an Argo Workflow; nil where no container runs in it, as for steps and a DAG.
    ///
    /// - Parameters:
    ///   - step: The template.
    ///   - defaults: What all templates of the workflow have that do not say otherwise.
    ///   - workflow: The workflow's spec, which has some of what a pod spec has elsewhere.
    /// - Throws: ``CannotJudge/malformed(_:expected:)`` where a list or an entry is not as the API has it.
    convenience init?(of step: Value, _ defaults: Value?, in workflow: Value) throws(CannotJudge) {
        var list = ContainerList()
        for key in ["container", "script"] as [StaticString] {
            guard let container = try step.object(key) else { continue }
            list.add(container, over: try defaults?.object(key))
        }
        try list.add(step.object("containerSet")?.present("containers")) { _ in .main }
        guard !list.containers.isEmpty else { return nil }
        try list.add(step.present("sidecars")) { _ in .main }
        var fields = Fields(of: step)
        try list.addFurther(fields)
        for others in [defaults.map { Fields(of: $0) }, Fields(of: workflow)] {
            fields.securityContext = fields.securityContext ?? others?.securityContext
            fields.nodeSelector = fields.nodeSelector ?? others?.nodeSelector
            fields.volumes = fields.volumes ?? others?.volumes
        }
        self.init(step, try step.object("metadata"), fields, list)
    }

    /// Reads what an Argo Workflow says of the pods of all its templates: everything but containers.
    convenience init(ofAllIn spec: Value, metadata: StaticString) throws(CannotJudge) {
        self.init(spec, try spec.object(metadata), Fields(of: spec), ContainerList())
    }

    private init(_ spec: Value, _ metadata: Value?, _ fields: Fields, _ list: ContainerList) {
        self.spec = spec
        self.metadata = metadata
        self.fields = fields
        ownSecurityFields = SecurityFields(of: fields.securityContext)
        containers = list.containers
        mainCount = list.mainCount
        lastingCount = list.lastingCount
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
        // Others than Kubernetes' own controllers keep there what they like.
        case .controllerRevision: object["data"]?["spec"]?["template"].flatMap { $0.kind == .object ? $0 : nil }
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
        private(set) var containers: [Container] = []
        private(set) var mainCount = 0
        private(set) var lastingCount = 0

        init() { containers.reserveCapacity(4) }

        mutating func add(_ array: Value?, _ role: (Value) -> Container.Role) throws(CannotJudge) {
            for value in try Objects(array) {
                guard containers.count < PodTemplate.maximumContainers else {
                    throw .tooLong(value.id, expected: "one of at most 1000 containers")
                }
                containers.append(Container(value, role: role(value)))
            }
        }

        /// Adds a main container over the defaults for it.
        mutating func add(_ value: Value, over defaults: Value?) {
            containers.append(
                defaults.map { Container(value, role: .main, over: $0) } ?? Container(value, role: .main))
        }

        /// Adds those that are no main containers.
        mutating func addFurther(_ fields: Fields) throws(CannotJudge) {
            mainCount = containers.count
            try add(fields.initContainers) {
                $0["restartPolicy"]?.equals("Always") ?? false ? .sidecar : .initial
            }
            lastingCount = containers.count
            try add(fields.ephemeralContainers) { _ in .ephemeral }
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
