import Evaluation
import JSON
import Kubernetes

/// A VerticalPodAutoscaler, as far as it matters beside other autoscalers: whose requests it changes, and which.
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
    /// How it applies what it recommends; nil where nothing is said, which is to pods that run.
    let mode: String?
    /// The resources that it sets, by container; `*` is every container without an entry of its own.
    private let policies: [(container: String, resources: [String])]

    /// What is kept of one.
    fileprivate static func read(_ object: Value, _ fields: inout RelatedFields) throws(CannotJudge) {
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

    /// One that is known beside the object that is judged.
    init(_ record: RelatedObject) { self.init(named: record.name, record.fields) }

    /// The one that a request is about.
    init(_ subject: Subject) throws(CannotJudge) {
        var fields = RelatedFields()
        try VerticalScaling.read(subject.object, &fields)
        self.init(named: subject.name ?? "", fields)
    }

    private init(named name: String, _ fields: RelatedFields) {
        self.name = name
        targetKindName = fields[.targetKind] ?? ""
        targetName = fields[.targetName] ?? ""
        let version = fields[.targetVersion] ?? ""
        // Without a group the well-known kinds are meant.
        let guess = targetKindName.hasSuffix("Job") ? "batch/v1" : "apps/v1"
        targetVersion = version.isEmpty ? guess : version
        targetKind = ResourceKind(kind: targetKindName, apiVersion: targetVersion)
        mode = fields[.mode]
        policies = (fields[.policies]?.members ?? []).map { ($0.key, [String](recorded: $0.value) ?? []) }
    }

    /// What it is for, as people say it: `Deployment web`.
    var target: String { "\(targetKindName) \(targetName)" }

    /// Whether it changes the requests of pods that run, not only of those that start.
    var isActive: Bool { mode != "Off" && mode != "Initial" }

    /// Whether it sets requests for a resource by whose use another autoscaler scales.
    ///
    /// - Parameters:
    ///   - resource: The resource.
    ///   - containers: The containers of the target; nil where they are not known, and only what is certain counts.
    /// - Returns: Whether both pull at the same requests.
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
