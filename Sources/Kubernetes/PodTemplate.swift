public import JSON

extension ResourceKind {
    /// The path of the pod spec in objects of this kind; nil if they have none.
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

/// The pod template of an object: a Pod's own metadata and spec, or the template of a workload.
///
/// All rules share one instance; see ``Value`` for how long it can be kept.
public final class PodTemplate {
    /// The metadata of the pods; nil if there is none.
    public let metadata: Value?
    /// The pod spec.
    public let spec: Value
    /// All containers: main containers, then sidecars and init containers in the order written, then ephemeral containers.
    public let containers: [Container]
    private let fields: Fields
    private let ownSecurityFields: SecurityFields
    /// The number of main containers, and the number of containers that are not ephemeral.
    private let mainCount: Int
    private let lastingCount: Int

    /// Finds the template of an object; nil if its kind has none or the object has none (a Rollout with `workloadRef`).
    ///
    /// - Parameters:
    ///   - object: A Pod or an object with a pod template.
    ///   - kind: The kind of the object.
    /// - Throws: ``CannotEvaluate/malformed(_:expected:)`` if a list or an entry has the wrong type.
    public convenience init?(of object: Value, kind: ResourceKind) throws(CannotEvaluate) {
        guard let holder = try PodTemplate.holder(in: object, kind) else { return nil }
        try self.init(of: holder)
    }

    /// Reads a value with a pod spec and the metadata of the pods; nil if it has no spec.
    convenience init?(of holder: Value) throws(CannotEvaluate) {
        guard let spec = try holder.object("spec") else { return nil }
        let fields = Fields(of: spec)
        var list = ContainerList()
        try list.add(fields.containers) { _ in .main }
        try list.addFurther(fields)
        self.init(spec, try holder.object("metadata"), fields, list)
    }

    /// Reads a template of an Argo Workflow; nil if it runs no container, as for steps and a DAG.
    ///
    /// - Parameters:
    ///   - step: The template.
    ///   - defaults: The defaults for all templates of the workflow.
    ///   - workflow: The spec of the workflow, which has some fields of a pod spec.
    /// - Throws: ``CannotEvaluate/malformed(_:expected:)`` if a list or an entry has the wrong type.
    convenience init?(of step: Value, _ defaults: Value?, in workflow: Value) throws(CannotEvaluate) {
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

    /// Reads the fields of an Argo Workflow that apply to the pods of all its templates, without containers.
    convenience init(ofAllIn spec: Value, metadata: StaticString) throws(CannotEvaluate) {
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

    /// Returns the metadata of an object's pods; nil if it has the wrong type.
    public static func metadata(of object: Value, kind: ResourceKind) -> Value? {
        try? holder(in: object, kind)?.object("metadata")
    }

    /// Returns the value with the metadata and the spec.
    private static func holder(in object: Value, _ kind: ResourceKind) throws(CannotEvaluate) -> Value? {
        switch kind {
        case .pod: object
        case .podTemplate: try object.object("template")
        case .cronJob: try object.object("spec")?.object("jobTemplate")?.object("spec")?.object("template")
        case .replicationController, .replicaSet, .deployment, .statefulSet, .daemonSet, .job, .rollout:
            try object.object("spec")?.object("template")
        // Other controllers than those of Kubernetes can store any data there.
        case .controllerRevision: object["data"]?["spec"]?["template"].flatMap { $0.kind == .object ? $0 : nil }
        default: nil
        }
    }

    /// The fields of the pod spec that rules read most often, found in one pass; `null` counts as absent.
    private struct Fields {
        var containers, initContainers, ephemeralContainers: Value?
        var securityContext, resources, restartPolicy, nodeSelector, os, volumes: Value?
        var hostNetwork, hostPID, hostIPC, hostUsers: Value?
        var nodeName, schedulerName, tolerations, affinity, topologySpreadConstraints: Value?
        var terminationGracePeriodSeconds: Value?

        init(of spec: Value) {
            for member in spec.members {
                let value = member.value.isNull ? nil : member.value
                switch member.key.contentLength {
                case 2 where member.key.equals("os"): os = value
                case 7 where member.key.equals("volumes"): volumes = value
                case 7 where member.key.equals("hostPID"): hostPID = value
                case 7 where member.key.equals("hostIPC"): hostIPC = value
                case 8 where member.key.equals("affinity"): affinity = value
                case 8 where member.key.equals("nodeName"): nodeName = value
                case 9 where member.key.equals("resources"): resources = value
                case 9 where member.key.equals("hostUsers"): hostUsers = value
                case 10 where member.key.equals("containers"): containers = value
                case 11 where member.key.equals("tolerations"): tolerations = value
                case 11 where member.key.equals("hostNetwork"): hostNetwork = value
                case 12 where member.key.equals("nodeSelector"): nodeSelector = value
                case 13 where member.key.equals("restartPolicy"): restartPolicy = value
                case 13 where member.key.equals("schedulerName"): schedulerName = value
                case 14 where member.key.equals("initContainers"): initContainers = value
                case 15 where member.key.equals("securityContext"): securityContext = value
                case 19 where member.key.equals("ephemeralContainers"): ephemeralContainers = value
                case 25 where member.key.equals("topologySpreadConstraints"): topologySpreadConstraints = value
                case 29 where member.key.equals("terminationGracePeriodSeconds"):
                    terminationGracePeriodSeconds = value
                default: break
                }
            }
        }
    }

    /// The containers of all lists, in sequence.
    private struct ContainerList {
        private(set) var containers: [Container] = []
        private(set) var mainCount = 0
        private(set) var lastingCount = 0

        init() { containers.reserveCapacity(4) }

        mutating func add(_ array: Value?, _ role: (Value) -> Container.Role) throws(CannotEvaluate) {
            for value in try Objects(array) {
                guard containers.count < PodTemplate.maximumContainers else {
                    throw .tooLong(value.id, expected: "one of at most 1000 containers")
                }
                containers.append(Container(value, role: role(value)))
            }
        }

        /// Adds a main container with its defaults.
        mutating func add(_ value: Value, over defaults: Value?) {
            containers.append(
                defaults.map { Container(value, role: .main, over: $0) } ?? Container(value, role: .main))
        }

        /// Adds sidecar, init and ephemeral containers.
        mutating func addFurther(_ fields: Fields) throws(CannotEvaluate) {
            mainCount = containers.count
            try add(fields.initContainers) {
                $0["restartPolicy"]?.equals("Always") ?? false ? .sidecar : .initial
            }
            lastingCount = containers.count
            try add(fields.ephemeralContainers) { _ in .ephemeral }
        }
    }

    /// The maximum number of containers that are read, which no real pod has.
    static let maximumContainers = 1000

    /// The main containers.
    public var mainContainers: ArraySlice<Container> { containers[..<mainCount] }

    /// All containers without the ephemeral ones, which are last.
    public var nonEphemeralContainers: ArraySlice<Container> { containers[..<lastingCount] }

    /// The pod spec as a field.
    public var field: Field { Field(spec) }

    private func field(_ found: Value?, _ key: StaticString) -> Field {
        found.map { Field($0) } ?? Field(absent: key, of: spec)
    }

    /// The volumes.
    public var volumes: Field { field(fields.volumes, "volumes") }

    /// True if the pods use the network of their node.
    public var hostNetwork: Field { field(fields.hostNetwork, "hostNetwork") }

    /// True if the pods see the processes of their node.
    public var hostPID: Field { field(fields.hostPID, "hostPID") }

    /// True if the pods share memory with processes of their node.
    public var hostIPC: Field { field(fields.hostIPC, "hostIPC") }

    /// The name of the node that the pods run on.
    public var nodeName: Field { field(fields.nodeName, "nodeName") }

    /// The name of the scheduler.
    public var schedulerName: Field { field(fields.schedulerName, "schedulerName") }

    /// The taints that the pods tolerate.
    public var tolerations: Field { field(fields.tolerations, "tolerations") }

    /// The affinity to nodes and to other pods.
    public var affinity: Field { field(fields.affinity, "affinity") }

    /// The constraints on how the pods are spread over zones and nodes.
    public var topologySpreadConstraints: Field {
        field(fields.topologySpreadConstraints, "topologySpreadConstraints")
    }

    /// The time between SIGTERM and SIGKILL.
    public var terminationGracePeriodSeconds: Field {
        field(fields.terminationGracePeriodSeconds, "terminationGracePeriodSeconds")
    }

    /// Returns the labels of the pods.
    public func labels() throws(CannotEvaluate) -> Labels { try foundLabels.get() }

    /// The labels, read once, since rules and related objects look up single labels often.
    private lazy var foundLabels = Result { () throws(CannotEvaluate) in try metadata?.labels("labels").indexed ?? .none
    }

    /// The security context of the pod, which that of a container overrides.
    public var securityContext: Field { field(fields.securityContext, "securityContext") }

    func securityFields() throws(CannotEvaluate) -> SecurityFields {
        _ = try securityContext.object()
        return ownSecurityFields
    }

    /// Returns the resources of the pod (Kubernetes, "Pod-level resource specification").
    public func resources() throws(CannotEvaluate) -> Resources? {
        try fields.resources.map { (value) throws(CannotEvaluate) in Resources(try value.asObject()) }
    }

    /// True if root in the pods has no privileges on the node: they have a user namespace and use no namespace of the node (Pod
    /// Security Standards since 1.35, "User Namespaces").
    public func hasUserNamespace() throws(CannotEvaluate) -> Bool {
        guard try fields.hostUsers?.asBoolean() == false else { return false }
        for flag in [fields.hostNetwork, fields.hostPID, fields.hostIPC] where try flag?.asBoolean() == true {
            return false
        }
        return true
    }

    /// True if the pods run on Windows nodes, by `spec.os.name` or else by the node selector.
    public var isWindows: Bool {
        if let name = fields.os?["name"] { return name.equals("windows") }
        return fields.nodeSelector?["kubernetes.io/os"]?.equals("windows") ?? false
    }

    /// True if the pods run until they are stopped: `restartPolicy` is not Never or OnFailure.
    public var restartsAlways: Bool { fields.restartPolicy?.equals("Always") ?? true }
}
