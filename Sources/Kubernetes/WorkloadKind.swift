public import JSON

/// A custom resource kind with pod templates, and the paths of these templates.
public final class WorkloadKind: Sendable {
    /// The API group.
    public let group: String
    /// The name.
    public let name: String
    /// The paths of the templates.
    public let paths: [TemplatePath]
    /// True if the pods run until they are stopped; nil if the restart policy of each template decides.
    public let isLongRunning: Bool?

    /// Creates a kind.
    public init(
        _ group: String, _ name: String, paths: [TemplatePath], isLongRunning: Bool? = nil
    ) {
        self.group = group
        self.name = name
        self.paths = paths
        self.isLongRunning = isLongRunning
    }

    /// Returns the kind with further paths of templates.
    public func adding(_ further: [TemplatePath]) -> WorkloadKind {
        WorkloadKind(
            group, name, paths: paths + further.filter { !paths.contains($0) }, isLongRunning: isLongRunning)
    }

    /// The group and the name: `keda.sh/ScaledJob`.
    public var title: String { "\(group)/\(name)" }

    /// The name in URLs and webhook configurations, as in `scaledjobs`.
    public var plural: String { Kubernetes.plural(of: name).lowercased() }
}

/// The path of pod templates in an object: `spec.replicatedJobs[].template.spec.template`.
public struct TemplatePath: Sendable, Hashable, CustomStringConvertible {
    enum Step: Sendable, Hashable {
        case member(String)
        /// All elements of a list: `[]`.
        case elements
        /// All values of a map: `*`.
        case values
    }

    let steps: [Step]

    /// The maximum number of steps.
    private static let mostSteps = 32

    /// Reads a path; nil if it is not valid.
    public init?(_ text: String) {
        var steps: [Step] = []
        for part in text.split(separator: ".", omittingEmptySubsequences: false) {
            if part == "*", !steps.isEmpty {
                steps.append(.values)
                continue
            }
            let isList = part.hasSuffix("[]")
            let key = isList ? part.dropLast(2) : part
            let isKey = key.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
            guard !key.isEmpty, isKey else { return nil }
            steps.append(.member(String(key)))
            if isList { steps.append(.elements) }
        }
        guard steps.count <= TemplatePath.mostSteps else { return nil }
        self.steps = steps
    }

    /// The path as text.
    public var description: String {
        steps.reduce("") { text, step in
            switch step {
            case .member(let key): text.isEmpty ? key : "\(text).\(key)"
            case .elements: "\(text)[]"
            case .values: "\(text).*"
            }
        }
    }

    /// True for the templates of an Argo Workflow, which have one container each and no pod spec.
    var isOfSteps: Bool { steps.suffix(2) == [.member("templates"), .elements] }
}

extension AdmissionReview {
    /// True if the request is about an object of a kind.
    public func isAbout(_ kind: WorkloadKind) -> Bool { isAbout(kindNamed: kind.name, of: kind.group) }
}

/// The pod templates of a custom resource, in the order of its kind's paths.
public struct WorkloadTemplates {
    /// The templates.
    public private(set) var templates: [PodTemplate] = []
    /// The errors in templates that cannot be read.
    public private(set) var faults: [CannotEvaluate] = []
    private let isWorkflow: Bool
    private var count = 0

    /// The maximum number of templates.
    static let most = 100

    /// Finds the templates of an object.
    public init(of object: Value, _ kind: WorkloadKind) {
        isWorkflow = kind.group == "argoproj.io"
        for path in kind.paths {
            let hasSteps = isWorkflow && path.isOfSteps
            find(path.steps.dropLast(hasSteps ? 2 : 0), in: object, hasSteps: hasSteps)
        }
    }

    private var isFull: Bool { count > WorkloadTemplates.most }

    /// Follows the rest of a path.
    private mutating func find(_ path: ArraySlice<TemplatePath.Step>, in value: Value, hasSteps: Bool) {
        if isFull { return }
        let rest = path.dropFirst()
        do throws(CannotEvaluate) {
            switch path.first {
            case nil where hasSteps: try findSteps(in: value.asObject())
            case nil: add(value) { (value) throws(CannotEvaluate) in try PodTemplate(of: value) }
            case .member(let key):
                if let next = try value.asObject()[name: key], !next.isNull { find(rest, in: next, hasSteps: hasSteps) }
            case .elements:
                for element in try value.asArray().elements { find(rest, in: element, hasSteps: hasSteps) }
            case .values:
                for member in try value.asObject().members { find(rest, in: member.value, hasSteps: hasSteps) }
            }
        } catch {
            addFault(error, at: value)
        }
    }

    /// Adds the templates of a workflow, with the fields that apply to all of its pods.
    private mutating func findSteps(in workflow: Value) throws(CannotEvaluate) {
        let defaults = try workflow.object("templateDefaults")
        templates.append(try PodTemplate(ofAllIn: workflow, metadata: "podMetadata"))
        if let defaults { templates.append(try PodTemplate(ofAllIn: defaults, metadata: "metadata")) }
        guard let steps = try workflow.array("templates") else { return }
        for step in steps.elements where !isFull {
            add(step) { (step) throws(CannotEvaluate) in try PodTemplate(of: step, defaults, in: workflow) }
        }
    }

    private mutating func add(_ value: Value, _ read: (Value) throws(CannotEvaluate) -> PodTemplate?) {
        do throws(CannotEvaluate) {
            guard let template = try read(try value.asObject()), hasRoom(for: value) else { return }
            templates.append(template)
        } catch {
            addFault(error, at: value)
        }
    }

    private mutating func addFault(_ fault: CannotEvaluate, at value: Value) {
        if hasRoom(for: value) { faults.append(fault) }
    }

    private mutating func hasRoom(for value: Value) -> Bool {
        count += 1
        guard isFull else { return true }
        if count == WorkloadTemplates.most + 1 {
            faults.append(.tooLong(value.id, expected: "one of at most 100 pod templates"))
        }
        return false
    }
}
