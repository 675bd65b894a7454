public import JSON
public import Kubernetes

/// A kind of related objects and the fields of them that are stored because rules read them.
public struct RelatedKind: Sendable {
    /// Reads the fields of an object.
    package typealias Read = @Sendable (Value, inout RelatedFields) throws(CannotEvaluate) -> Void

    package let kind: ResourceKind
    /// Reads the fields; nil for kinds with their own record type.
    let read: Read?
    /// The labels by which an object of the kind selects other objects; nil if it selects none.
    let selectedLabels: (@Sendable (RelatedFields) -> [RecordKey])?

    /// Declares the fields that are stored of a kind.
    ///
    /// - Parameters:
    ///   - kind: The kind.
    ///   - selector: The labels by which it selects other objects, for an index.
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

    /// The kinds that are always stored.
    static let ofEngine = [
        namespace, podDisruptionBudget, horizontalPodAutoscaler, scaledObject, resourceQuota, deployment, statefulSet,
        rollout,
    ]
}

/// A stored field of related objects, with its name in recordings and its type.
package struct RelatedField<Content: RelatedContent>: Sendable {
    let name: String

    package init(_ name: String) { self.name = name }
}

/// A type of stored fields.
package protocol RelatedContent: Sendable {
    /// Reads the value from a recording; nil if it has another type.
    init?(recorded: Literal)
    /// The value in a recording.
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

/// The stored fields of a related object.
package struct RelatedFields: Sendable {
    /// The fields in a recording.
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

/// The kinds of related objects that a catalogue's rules read, and the stored fields of each.
struct RelatedKinds: Sendable {
    private let byKind: [ResourceKind: RelatedKind]
    /// The kinds.
    let kinds: ResourceKinds
    /// The names of the annotations of Namespaces and workloads.
    let annotations: AnnotationNames

    init(_ related: [RelatedKind], annotations: AnnotationNames = .standard) {
        self.annotations = annotations
        byKind = Dictionary(related.map { ($0.kind, $0) }, uniquingKeysWith: { first, _ in first })
        kinds = related.reduce(into: ResourceKinds()) { $0.formUnion(ResourceKinds($1.kind)) }
    }

    subscript(kind: ResourceKind) -> RelatedKind? { byKind[kind] }
}
