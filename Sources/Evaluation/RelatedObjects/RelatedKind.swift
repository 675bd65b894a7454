public import JSON
public import Kubernetes

/// A kind of related objects, and what is kept of one: fields that rules read, cut out of the object.
public struct RelatedKind: Sendable {
    /// Reads the fields of a whole object.
    package typealias Read = @Sendable (Value, inout RelatedFields) throws(CannotJudge) -> Void

    package let kind: ResourceKind
    /// nil for the kinds that have a record type of their own.
    let read: Read?
    /// The labels of other objects by which an object of the kind selects them; nil where it selects none.
    let selectedLabels: (@Sendable (RelatedFields) -> [RecordKey])?

    /// Declares what is kept of a kind.
    ///
    /// - Parameters:
    ///   - kind: The kind.
    ///   - selector: The labels that it selects other objects by, for an index.
    ///   - read: Reads the fields.
    package init(
        _ kind: ResourceKind, selecting selector: (@Sendable (RelatedFields) -> [RecordKey])? = nil,
        read: @escaping Read
    ) {
        self.kind = kind
        self.read = read
        selectedLabels = selector
    }

    private init(_ kind: ResourceKind) {
        self.kind = kind
        read = nil
        selectedLabels = nil
    }

    package static let namespace = RelatedKind(.namespace)
    package static let podDisruptionBudget = RelatedKind(.podDisruptionBudget)
    package static let horizontalPodAutoscaler = RelatedKind(.horizontalPodAutoscaler)
    package static let scaledObject = RelatedKind(.scaledObject)
    package static let resourceQuota = RelatedKind(.resourceQuota)
    package static let deployment = RelatedKind(.deployment)
    package static let statefulSet = RelatedKind(.statefulSet)
    package static let rollout = RelatedKind(.rollout)

    /// The kinds that are kept whatever the rules.
    static let ofEngine = [
        namespace, podDisruptionBudget, horizontalPodAutoscaler, scaledObject, resourceQuota, deployment, statefulSet,
        rollout,
    ]
}

/// A field that is kept of related objects: its name in recordings, and its type.
package struct RelatedField<Content: RelatedContent>: Sendable {
    let name: String

    package init(_ name: String) { self.name = name }
}

/// What a field of a related object may hold.
package protocol RelatedContent: Sendable {
    /// Reads it from a recording; nil where it is of another type.
    init?(recorded: Literal)
    /// The same as a recording has it.
    var recorded: Literal { get }
}

extension Bool: RelatedContent {
    package init?(recorded: Literal) {
        guard case .bool(let value) = recorded else { return nil }
        self = value
    }

    package var recorded: Literal { .bool(self) }
}

extension String: RelatedContent {
    package init?(recorded: Literal) {
        guard case .string(let text) = recorded else { return nil }
        self = text
    }

    package var recorded: Literal { .string(self) }
}

extension Array: RelatedContent where Element: RelatedContent {
    package init?(recorded: Literal) {
        guard case .array(let elements) = recorded else { return nil }
        self = elements.compactMap { Element(recorded: $0) }
    }

    package var recorded: Literal { .array(map(\.recorded)) }
}

extension Literal: RelatedContent {
    package init?(recorded: Literal) { self = recorded }

    package var recorded: Literal { self }
}

extension LabelSelector: RelatedContent {
    package init?(recorded: Literal) { self.init(recorded) }

    package var recorded: Literal { literal }
}

/// The fields that are kept of a related object.
package struct RelatedFields: Sendable {
    /// The fields as a recording has them.
    private(set) var recorded: Literal

    package init(recorded: Literal = [:]) { self.recorded = recorded }

    package subscript<Content>(_ field: RelatedField<Content>) -> Content? {
        get { recorded[field.name].flatMap { Content(recorded: $0) } }
        set {
            guard let newValue, case .object(var members) = recorded else { return }
            members.append(.init(field.name, newValue.recorded))
            recorded = .object(members)
        }
    }
}

/// The kinds of related objects that a catalogue's rules look up, and what is kept of each.
struct RelatedKinds: Sendable {
    private let byKind: [ResourceKind: RelatedKind]
    /// The kinds.
    let kinds: ResourceKinds
    /// The annotations that are kept of Namespaces and workloads.
    let annotations: AnnotationNames

    init(_ related: [RelatedKind], annotations: AnnotationNames = .standard) {
        self.annotations = annotations
        byKind = Dictionary(related.map { ($0.kind, $0) }, uniquingKeysWith: { first, _ in first })
        kinds = related.reduce(into: ResourceKinds()) { $0.formUnion(ResourceKinds($1.kind)) }
    }

    subscript(kind: ResourceKind) -> RelatedKind? { byKind[kind] }
}
