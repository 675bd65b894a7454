import Evaluation
import JSON
import Kubernetes

/// The parts of a VerticalPodAutoscaler that can conflict with other autoscalers: its target, and the requests that it changes.
struct VerticalScaling {
    /// Its name.
    let name: String
    /// The kind of its target, as written.
    let targetKindName: String
    /// The kind of its target.
    let targetKind: ResourceKind
    /// The name of its target.
    let targetName: String
    /// The API group and version of its target, as written.
    let targetVersion: String
    /// The update mode; nil if it is not set (the default changes running pods).
    let mode: String?
    /// The resources that it sets, by container; `*` is every container without an entry.
    private let policies: [(container: String, resources: [String])]

    /// Reads the fields that are kept of a related object.
    fileprivate static func read(_ object: Value, _ fields: inout RelatedFields) throws(CannotEvaluate) {
        let spec = try object.object("spec")
        let target = try spec?.object("targetRef")
        fields[.targetKind] = try target?.string("kind") ?? ""
        fields[.targetName] = try target?.string("name") ?? ""
        fields[.targetVersion] = try target?.string("apiVersion") ?? ""
        fields[.mode] = try spec?.object("updatePolicy")?.string("updateMode")
        var policies: [Literal.Member] = []
        if let list = try spec?.object("resourcePolicy")?.objects("containerPolicies") {
            for policy in list {
                let isOff = try policy.text("mode")?.equals("Off") ?? false
                let resources = try policy.array("controlledResources")?.elements.map { Literal($0) }
                let all: [Literal] = [.string("cpu"), .string("memory")]
                policies.append(
                    .init(try policy.string("containerName") ?? "*", .array(isOff ? [] : resources ?? all)))
            }
        }
        fields[.policies] = .object(policies)
    }

    /// Creates one from a related object.
    init(_ record: RelatedObject) { self.init(named: record.name, record.fields) }

    /// Creates one from the object of a request.
    init(_ subject: Subject) throws(CannotEvaluate) {
        var fields = RelatedFields()
        try VerticalScaling.read(subject.object, &fields)
        self.init(named: subject.name ?? "", fields)
    }

    private init(named name: String, _ fields: RelatedFields) {
        self.name = name
        targetKindName = fields[.targetKind] ?? ""
        targetName = fields[.targetName] ?? ""
        let version = fields[.targetVersion] ?? ""
        // Without a group, a well-known kind is assumed.
        let guess = targetKindName.hasSuffix("Job") ? "batch/v1" : "apps/v1"
        targetVersion = version.isEmpty ? guess : version
        targetKind = ResourceKind(kind: targetKindName, apiVersion: targetVersion)
        mode = fields[.mode]
        policies = (fields[.policies]?.members ?? []).map { ($0.key, [String](recorded: $0.value) ?? []) }
    }

    /// The kind and the name of the target: `Deployment web`.
    var target: String { "\(targetKindName) \(targetName)" }

    /// True if it changes the requests of running pods, not only of new ones.
    var isActive: Bool { mode != "Off" && mode != "Initial" }

    /// Returns true if it sets requests for a resource that another autoscaler measures.
    ///
    /// - Parameters:
    ///   - resource: The resource.
    ///   - containers: The containers of the target; nil if they are unknown, and only certain conflicts count.
    /// - Returns: True if both autoscalers manage the same requests.
    func sets(_ resource: ScaledResource, in containers: [String]?) -> Bool {
        if let container = resource.container { return sets(resource.name, in: container) }
        if let containers { return containers.contains { sets(resource.name, in: $0) } }
        return policies.isEmpty || policies.contains { $0.resources.contains(resource.name.rawValue) }
    }

    private func sets(_ resource: ScaledResource.Name, in container: String) -> Bool {
        guard
            let policy = policies.first(where: { $0.container == container })
                ?? policies.first(where: { $0.container == "*" })
        else { return true }
        return policy.resources.contains(resource.rawValue)
    }
}

extension RelatedKind {
    static let verticalPodAutoscaler = RelatedKind(.verticalPodAutoscaler, read: VerticalScaling.read)
}

extension RelatedField<String> {
    fileprivate static let targetKind = Self("kind")
    fileprivate static let targetName = Self("name")
    fileprivate static let targetVersion = Self("version")
    fileprivate static let mode = Self("mode")
}

extension RelatedField<Literal> {
    /// The resources by container.
    fileprivate static let policies = Self("policies")
}
