public import JSON
public import Kubernetes

/// The stored fields of a Namespace.
public struct NamespaceRecord: Sendable {
    /// The name.
    public let name: String
    /// The exemption annotations.
    let annotations: ExemptionAnnotations?
    /// True if the Namespace has level warn, so that denials in it become warnings.
    let onlyWarns: Bool
    /// True if Pod Security Admission allows privileged pods in it.
    let isPrivileged: Bool
    /// True if ACK by default keeps the KMS keys of deleted objects in it.
    package let keepsKeys: Bool

    /// The annotation for that, with the service's name as prefix, as ACK's controllers read it.
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

/// The level of all rules that a Namespace sets.
enum NamespaceLevel: Equatable {
    /// Denials become warnings.
    case warn
    /// The rules' levels apply, also if the annotation is not valid.
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

/// The stored fields of a PodDisruptionBudget (`policy/v1`).
public struct DisruptionBudget: Sendable, RelatedRecord {
    var kind: ResourceKind { .podDisruptionBudget }
    /// The name.
    public let name: String
    /// The namespace.
    public let namespace: String
    /// The pods that it selects: an empty selector selects all pods, nil none.
    public var selector: LabelSelector? { isOfRemovedVersion ? nil : writtenSelector }
    /// The selector as it is written, in any version.
    public let writtenSelector: LabelSelector?
    /// True if its version is no longer served by Kubernetes (`policy/v1beta1`, removed in 1.25): it selects no pods.
    public let isOfRemovedVersion: Bool
    /// The minimum number of available pods.
    public let minAvailable: IntOrPercent?
    /// The maximum number of unavailable pods.
    public let maxUnavailable: IntOrPercent?

    init(_ object: Value, _ name: String, _ namespace: String) throws(CannotEvaluate) {
        self.name = name
        self.namespace = namespace
        let spec = try object.object("spec")
        isOfRemovedVersion = object["apiVersion"]?.equals("policy/v1beta1") ?? false
        writtenSelector =
            try spec?.object("selector").map { (value) throws(CannotEvaluate) in try LabelSelector(value) }
        minAvailable = try spec?.intOrPercent("minAvailable")
        maxUnavailable = try spec?.intOrPercent("maxUnavailable")
    }

    /// Reads the PDB of a request.
    package init(_ subject: Subject) throws(CannotEvaluate) {
        try self.init(subject.object, subject.name ?? "", subject.namespace)
    }

    /// Reads a PDB.
    ///
    /// - Parameters:
    ///   - object: The object.
    ///   - namespace: The namespace if the object has none.
    /// - Throws: ``CannotEvaluate/malformed(_:expected:)`` if a field has the wrong type.
    public init(of object: Value, in namespace: String) throws(CannotEvaluate) {
        let metadata = ObjectMeta(of: object)
        try self.init(object, metadata.name ?? "", metadata.namespace ?? namespace)
    }

    var indexKeys: IndexKeys { selector.map { .rarest([RecordKey]($0.labels)) } ?? .each([]) }

    /// True if it selects pods with these labels.
    public func selects(_ labels: Labels) -> Bool { selector?.matches(labels) ?? false }
}

/// The stored fields of a HorizontalPodAutoscaler or a ScaledObject of KEDA.
public struct Autoscaler: Sendable, RelatedRecord {
    /// The kind of the autoscaler.
    public let kind: ResourceKind
    /// The name.
    public let name: String
    /// The kind of its target.
    public let targetKind: ResourceKind
    /// The name of its target.
    public let targetName: String
    /// The minimum number of replicas; the default is 1 for an HPA and 0 for a ScaledObject.
    public let minimum: Int
    /// The maximum number of replicas; the default is 100 for a ScaledObject.
    public let maximum: Int
    /// The CPU and memory metrics that it uses.
    package let resources: [ScaledResource]

    init(_ object: Value, _ kind: ResourceKind, _ name: String) throws(CannotEvaluate) {
        self.kind = kind
        self.name = name
        let spec = try object.object("spec")
        let target = try spec?.object("scaleTargetRef")
        // The default target of KEDA is a Deployment; an HPA always sets the kind.
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

    /// Returns the index key of autoscalers for a target's name.
    static func key(_ target: String) -> RecordKey { RecordKey(key: "", value: target) }

    /// Reads the autoscaler of a request.
    package init(_ subject: Subject) throws(CannotEvaluate) {
        try self.init(subject.object, subject.kind, subject.name ?? "")
    }
}

/// The stored fields of a ResourceQuota.
public struct Quota: Sendable, RelatedRecord {
    var kind: ResourceKind { .resourceQuota }
    /// The name.
    public let name: String
    /// True if it limits `limits.cpu`.
    public let countsCPULimits: Bool
    /// The limit of memory requests, in bytes; nil if there is none.
    public let requestedMemory: Double?
    /// The used memory requests, in bytes; nil if the status does not have them.
    public let usedMemory: Double?

    init(_ object: Value, _ name: String) throws(CannotEvaluate) {
        self.name = name
        let hard = try object.object("spec")?.object("hard")
        countsCPULimits = hard?.present("limits.cpu") != nil
        requestedMemory = try Quota.memory(hard)
        usedMemory = try Quota.memory(object.object("status")?.object("used"))
    }

    var indexKeys: IndexKeys { .each([]) }

    /// Returns the amount of `requests.memory`, which the API also calls `memory`.
    private static func memory(_ amounts: Value?) throws(CannotEvaluate) -> Double? {
        if let amount = try amounts?.quantity("requests.memory") { return amount.approximate }
        return try amounts?.quantity("memory")?.approximate
    }
}

/// The stored fields of a Deployment, StatefulSet or Rollout.
public struct Workload: Sendable, RelatedRecord {
    /// The kind.
    public let kind: ResourceKind
    /// The name.
    public let name: String
    /// The labels of the pods.
    public let labels: [String: String]
    /// The number of replicas; the default is 1.
    public let replicas: Int
    /// The Deployment that a Rollout references for its template.
    package let deployment: String?
    /// The main and sidecar containers, with true for those with a CPU request.
    package let containers: [(name: String, asksForCPU: Bool)]
    /// True if several replicas can run at once, as far as the template shows; false if there is no template.
    package let canRunTwice: Bool
    /// The application that the workload is part of.
    package let application: String?
    /// The custom resource that the workload was created for, from its owner reference.
    let operatingOwner: Owner?
    /// The exemption annotations of the workload.
    package let annotations: ExemptionAnnotations?
    /// The exemption annotations of its pod template.
    package let templateAnnotations: ExemptionAnnotations?

    init(
        _ object: Value, _ kind: ResourceKind, _ name: String, _ names: AnnotationNames
    ) throws(CannotEvaluate) {
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
        canRunTwice = (try? PodTemplate(of: object, kind: kind)?.canRunTwice(in: object, kind)) ?? false
        application = Workload.application(ObjectMeta(of: object).labels, Labels(labels))
        let metadata = ObjectMeta(of: object)
        annotations = ExemptionAnnotations(metadata, names)
        operatingOwner = metadata.operatingOwner.flatMap { $0.isCustom ? $0 : nil }
    }

    var indexKeys: IndexKeys {
        .each([RecordKey](labels.lazy.map { ($0.key, $0.value) }) + (deployment.map { [Workload.key($0)] } ?? []))
    }

    /// Returns the index key of Rollouts that run the pods of a Deployment; no label has an empty key.
    static func key(_ deployment: String) -> RecordKey { RecordKey(key: "", value: deployment) }

    /// Returns the application of an object, from its label or else from that of its pods.
    package static func application(_ own: Labels, _ pods: Labels) -> String? {
        own["app.kubernetes.io/part-of"] ?? pods["app.kubernetes.io/part-of"]
    }

    private static func containers(of pod: Value?) -> [(name: String, asksForCPU: Bool)] {
        guard let pod else { return [] }
        // A pod-level request counts for all containers; a limit without a request sets the request.
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

/// The stored fields of an object of any other kind.
package struct RelatedObject: Sendable, RelatedRecord {
    let kind: ResourceKind
    package let name: String
    let namespace: String
    package let labels: [String: String]
    /// The fields that rules read (see ``RelatedKind``).
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
