public import JSON
public import Kubernetes

/// What is kept of a Namespace.
public struct NamespaceRecord: Sendable {
    /// Its name.
    public let name: String
    /// What it exempts.
    let annotations: ExemptionAnnotations?
    /// Whether its teams are not aboard yet: what denies elsewhere only warns there.
    let onlyWarns: Bool
    /// True if Pod Security Admission lets privileged pods into it.
    let isPrivileged: Bool
    /// Whether ACK keeps KMS keys whose objects go, where an object says nothing of its own.
    package let keepsKeys: Bool

    /// What says so; ACK's controllers read it with the service's name alone.
    package static let keyDeletionPolicy: StaticString = "kms.services.k8s.aws/deletion-policy"

    init(_ object: Value, _ name: String, _ names: AnnotationNames) {
        let metadata = ObjectMeta(of: object)
        self.name = name
        annotations = ExemptionAnnotations(metadata, names)
        onlyWarns = NamespaceLevel(metadata, names) == .warn
        isPrivileged = metadata.value?["labels"]?["pod-security.kubernetes.io/enforce"]?.equals("privileged") ?? false
        keepsKeys = metadata.annotation(NamespaceRecord.keyDeletionPolicy) == "retain"
    }
}

/// What a Namespace says about the level of all rules in it.
enum NamespaceLevel: Equatable {
    /// Denials are warnings there.
    case warn
    /// The rules' own levels hold; so does what is not understood.
    case own
    case malformed(String)

    init(_ metadata: ObjectMeta, _ names: AnnotationNames) {
        switch metadata.value?["annotations"]?[name: names.level]?.string {
        case nil, "deny": self = .own
        case "warn": self = .warn
        case let other?: self = .malformed(other)
        }
    }
}

/// What is kept of a PodDisruptionBudget (`policy/v1`).
public struct DisruptionBudget: Sendable, RelatedRecord {
    var kind: ResourceKind { .podDisruptionBudget }
    /// Its name.
    public let name: String
    /// Its namespace.
    public let namespace: String
    /// Which pods it guards: the empty selector all, nil none.
    public let selector: LabelSelector?
    /// True if it is of a version that Kubernetes no longer serves (`policy/v1beta1`, removed in 1.25): it guards no pods.
    public let isOfRemovedVersion: Bool
    /// How many must stay.
    public let minAvailable: IntOrPercent?
    /// How many may go.
    public let maxUnavailable: IntOrPercent?

    init(_ object: Value, _ name: String, _ namespace: String) throws(CannotJudge) {
        self.name = name
        self.namespace = namespace
        let spec = try object.object("spec")
        isOfRemovedVersion = object["apiVersion"]?.equals("policy/v1beta1") ?? false
        selector =
            try isOfRemovedVersion
            ? nil : spec?.object("selector").map { (value) throws(CannotJudge) in try LabelSelector(value) }
        minAvailable = try spec?.intOrPercent("minAvailable")
        maxUnavailable = try spec?.intOrPercent("maxUnavailable")
    }

    /// The budget that a request is about.
    package init(_ subject: Subject) throws(CannotJudge) {
        try self.init(subject.object, subject.name ?? "", subject.namespace)
    }

    /// Reads a budget.
    ///
    /// - Parameters:
    ///   - object: The whole object.
    ///   - namespace: Where it is when it does not say so itself.
    /// - Throws: ``CannotJudge/malformed(_:expected:)`` where a field is not as the API has it.
    public init(of object: Value, in namespace: String) throws(CannotJudge) {
        let metadata = ObjectMeta(of: object)
        try self.init(object, metadata.name ?? "", metadata.namespace ?? namespace)
    }

    var indexKeys: IndexKeys { selector.map { .rarest([RecordKey]($0.labels)) } ?? .each([]) }

    /// Whether it guards pods with these labels.
    public func selects(_ labels: Labels) -> Bool { selector?.matches(labels) ?? false }
}

/// What is kept of a HorizontalPodAutoscaler, or of KEDA's ScaledObject.
public struct Autoscaler: Sendable, RelatedRecord {
    /// Which of the two.
    public let kind: ResourceKind
    /// Its name.
    public let name: String
    /// The kind of the workload that it scales.
    public let targetKind: ResourceKind
    /// The name of the workload that it scales.
    public let targetName: String
    /// The fewest replicas; 1 where nothing is said (an HPA), 0 (a ScaledObject).
    public let minimum: Int
    /// The most replicas; 100 where a ScaledObject says nothing.
    public let maximum: Int
    /// The CPU and memory that it scales by.
    package let resources: [ScaledResource]

    init(_ object: Value, _ kind: ResourceKind, _ name: String) throws(CannotJudge) {
        self.kind = kind
        self.name = name
        let spec = try object.object("spec")
        let target = try spec?.object("scaleTargetRef")
        // KEDA's default target is a Deployment; an HPA always names its own.
        targetKind = ResourceKind(
            kind: try target?.string("kind") ?? "Deployment", apiVersion: try target?.string("apiVersion") ?? "apps/v1")
        targetName = try target?.string("name") ?? ""
        if kind == .scaledObject {
            minimum = try spec?.integer("minReplicaCount") ?? 0
            maximum = try spec?.integer("maxReplicaCount") ?? 100
        } else {
            minimum = try spec?.integer("minReplicas") ?? 1
            maximum = try spec?.integer("maxReplicas") ?? .max
        }
        resources = try ScaledResource.all(in: spec, kind)
    }

    var indexKeys: IndexKeys { .each([Autoscaler.key(targetName)]) }

    /// What the autoscalers of workloads with a name are filed under.
    static func key(_ target: String) -> RecordKey { RecordKey(key: "", value: target) }

    /// The autoscaler that a request is about.
    package init(_ subject: Subject) throws(CannotJudge) {
        try self.init(subject.object, subject.kind, subject.name ?? "")
    }
}

/// What is kept of a ResourceQuota.
public struct Quota: Sendable, RelatedRecord {
    var kind: ResourceKind { .resourceQuota }
    /// Its name.
    public let name: String
    /// Whether it counts `limits.cpu`.
    public let countsCPULimits: Bool
    /// The memory that may be requested in all, in bytes; nil when it does not count.
    public let requestedMemory: Double?
    /// The memory that is requested already, in bytes; nil when the object does not say.
    public let usedMemory: Double?

    init(_ object: Value, _ name: String) throws(CannotJudge) {
        self.name = name
        let hard = try object.object("spec")?.object("hard")
        countsCPULimits = hard?.present("limits.cpu") != nil
        requestedMemory = try Quota.memory(hard)
        usedMemory = try Quota.memory(object.object("status")?.object("used"))
    }

    var indexKeys: IndexKeys { .each([]) }

    /// What an amount of `requests.memory` comes to; `memory` is the API's other name for it.
    private static func memory(_ amounts: Value?) throws(CannotJudge) -> Double? {
        if let amount = try amounts?.quantity("requests.memory") { return amount.approximate }
        return try amounts?.quantity("memory")?.approximate
    }
}

/// What is kept of a Deployment, StatefulSet or Rollout.
public struct Workload: Sendable, RelatedRecord {
    /// Its kind.
    public let kind: ResourceKind
    /// Its name.
    public let name: String
    /// The labels of its pods.
    public let labels: [String: String]
    /// How many there shall be; 1 where nothing is said.
    public let replicas: Int
    /// The Deployment whose template a Rollout takes in place of one of its own.
    package let deployment: String?
    /// The containers that keep running, and whether each asks for CPU.
    package let containers: [(name: String, asksForCPU: Bool)]
    /// The application that it is part of.
    package let application: String?
    /// The custom resource that it was made for, as its owner reference names it.
    let operatingOwner: Owner?
    /// What it exempts itself from.
    package let annotations: ExemptionAnnotations?
    /// What its template exempts it from.
    package let templateAnnotations: ExemptionAnnotations?

    init(
        _ object: Value, _ kind: ResourceKind, _ name: String, _ names: AnnotationNames
    ) throws(CannotJudge) {
        self.kind = kind
        self.name = name
        let spec = try object.object("spec")
        let template = try spec?.object("template")?.object("metadata")
        templateAnnotations = template.flatMap { ExemptionAnnotations(ObjectMeta(metadata: $0), names) }
        let pairs = try template?.labels("labels").pairs ?? []
        labels = Dictionary(pairs.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
        replicas = try spec?.integer("replicas") ?? 1
        let reference = try kind == .rollout ? spec?.object("workloadRef") : nil
        deployment = reference?["kind"]?.equals("Deployment") ?? false ? try reference?.string("name") : nil
        containers = Workload.containers(of: spec?["template"]?["spec"])
        application = Workload.application(ObjectMeta(of: object).labels, Labels(labels))
        let metadata = ObjectMeta(of: object)
        annotations = ExemptionAnnotations(metadata, names)
        operatingOwner = metadata.operatingOwner.flatMap { $0.isCustom ? $0 : nil }
    }

    var indexKeys: IndexKeys {
        .each([RecordKey](labels.lazy.map { ($0.key, $0.value) }) + (deployment.map { [Workload.key($0)] } ?? []))
    }

    /// What the Rollouts that run the pods of a Deployment are filed under; no label has an empty key.
    static func key(_ deployment: String) -> RecordKey { RecordKey(key: "", value: deployment) }

    /// The application that something is part of: by its own label, else by that of its pods.
    package static func application(_ own: Labels, _ pods: Labels) -> String? {
        own["app.kubernetes.io/part-of"] ?? pods["app.kubernetes.io/part-of"]
    }

    private static func containers(of pod: Value?) -> [(name: String, asksForCPU: Bool)] {
        guard let pod else { return [] }
        // A request for the whole pod counts for each; a limit alone becomes the request.
        func asks(_ value: Value) -> Bool {
            let resources = value["resources"]
            return resources?["requests"]?.present("cpu") != nil || resources?["limits"]?.present("cpu") != nil
        }
        let main = pod["containers"].map { Array($0.elements) } ?? []
        let sidecars = pod["initContainers"].map {
            $0.elements.filter { $0["restartPolicy"]?.equals("Always") ?? false }
        }
        let asksAsAWhole = asks(pod)
        return (main + (sidecars ?? [])).map { ($0["name"]?.string ?? "", asksAsAWhole || asks($0)) }
    }
}

/// What is kept of an object of any other kind.
package struct RelatedObject: Sendable, RelatedRecord {
    let kind: ResourceKind
    package let name: String
    let namespace: String
    package let labels: [String: String]
    /// The fields that rules read; see ``RelatedKind``.
    package let fields: RelatedFields
    let indexKeys: IndexKeys

    init(
        _ related: RelatedKind, _ name: String, _ namespace: String, labels: Labels, _ fields: RelatedFields
    ) {
        kind = related.kind
        self.name = name
        self.namespace = namespace
        self.labels = Dictionary(labels.pairs.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
        self.fields = fields
        indexKeys = related.selectedLabels.map { .rarest($0(fields)) } ?? .each([])
    }

    package subscript<Content>(_ field: RelatedField<Content>) -> Content? { fields[field] }
}
