public import JSON
public import Kubernetes

/// The object that is evaluated, in its new or its old state.
///
/// All rules share one instance. Like the values in it, it must not be kept after the request.
public final class Subject {
    /// The request.
    public let review: AdmissionReview
    /// The object.
    public let object: Value
    /// The metadata of the object.
    public let metadata: ObjectMeta
    /// True for the object's state before the request.
    public let isOld: Bool
    /// True if the request changes only metadata, so that there are no new findings about other fields.
    // Set once, before the first rule.
    @exclusivity(unchecked) package var changesOnlyMetadata = false
    /// The workload kind of the settings, if the object is a custom resource with pod templates.
    let workload: WorkloadKind?
    /// True if the object can have several pod templates, each of which is evaluated like a separate object.
    let isSplit: Bool
    /// True for all parts but the first; findings about the object itself are reported for the first part only.
    let isFurtherPart: Bool
    @usableFromInline let podTemplate: PodTemplate?
    @usableFromInline let fault: CannotEvaluate?

    convenience init(_ review: AdmissionReview, _ object: Value, in context: Context) {
        self.init(review, object, context.workload(of: review))
    }

    init(_ review: AdmissionReview, _ object: Value, _ workload: WorkloadKind?, isOld: Bool = false) {
        self.review = review
        self.object = object
        self.isOld = isOld
        self.workload = workload
        isSplit = workload != nil
        isFurtherPart = false
        metadata = ObjectMeta(of: object)
        places = PlaceHasher(object)
        do throws(CannotEvaluate) {
            podTemplate = try PodTemplate(of: object, kind: review.kind)
            fault = nil
        } catch {
            podTemplate = nil
            fault = error
        }
    }

    /// Creates the part of an object that has one of its pod templates.
    private init(_ template: PodTemplate, of whole: Subject, isFirst: Bool) {
        review = whole.review
        object = whole.object
        isOld = whole.isOld
        workload = whole.workload
        isSplit = false
        isFurtherPart = !isFirst
        metadata = whole.metadata
        changesOnlyMetadata = whole.changesOnlyMetadata
        places = PlaceHasher(object)
        podTemplate = template
        fault = nil
    }

    /// The parts of a split object, one per pod template.
    var parts: [Subject] { split.parts }

    /// The errors in pod templates of a split object.
    var partFaults: [CannotEvaluate] { split.faults }

    private lazy var split: (parts: [Subject], faults: [CannotEvaluate]) = {
        guard isSplit, let workload else { return ([], []) }
        let found = WorkloadTemplates(of: object, workload)
        let parts = found.templates.enumerated().map { Subject($1, of: self, isFirst: $0 == 0) }
        return (parts, found.faults)
    }()

    /// True if the controller of the object's kind sets the fields that a rule requires.
    func isPassed(by rule: Rule) -> Bool { workload.map { rule.filledInKinds.contains($0.title) } ?? false }

    /// The kind whose rules apply.
    var ruledKind: ResourceKind { review.ruledKind(workload) }

    /// The kind of the object.
    @inlinable public var kind: ResourceKind { review.kind }

    /// The namespace; empty for cluster-scoped objects.
    public var namespace: String { review.namespace ?? "" }

    /// The name of the object; nil before it is generated.
    public var name: String? { review.name ?? metadata.name }

    /// The kind, namespace and name, for people: `Deployment shop/catalogue`.
    public var title: String { review.title }

    /// The kind of the workload of a Scale.
    public var scaledKind: ResourceKind { review.scaledKind }

    /// An index of the children of large values on paths.
    private(set) lazy var children = ChildIndex()

    /// The paths of values with findings.
    // Modified for each finding, with no other access at the same time.
    @exclusivity(unchecked) var places: PlaceHasher
    /// The same paths, with init containers as main containers.
    lazy var promotedPlaces = PlaceHasher(object, promotesInitContainers: true)

    /// Returns the path of a value of the object.
    func pointer(to value: Value) -> Pointer { places.pointer(to: value) }

    /// Returns the path of a field of the object.
    package func pointer(to field: Field) -> Pointer {
        field.absentKeys.reduce(places.pointer(to: field.base)) { $0 / $1 }
    }

    /// The object as a field.
    public var root: Field { Field(object) }

    /// A member of the object.
    public func field(_ key: StaticString) throws(CannotEvaluate) -> Field { try root[key] }

    /// The path of the pod spec; nil if there is none.
    private(set) lazy var templatePointer: Pointer? = kind.podSpecPointer.flatMap { object[at: $0] == nil ? nil : $0 }

    /// The texts that contain secrets, found once for all rules.
    lazy var foundPlainTexts: Result<PlainTexts, CannotEvaluate> = Result { () throws(CannotEvaluate) in
        try findPlainTexts()
    }

    /// The images of the containers, found once for all rules.
    lazy var foundImages: Result<[ContainerImage], CannotEvaluate> = Result { () throws(CannotEvaluate) in
        try findImages()
    }

    /// True if an object in it has so many members that lookups are expensive.
    private(set) lazy var isTooWide = object.hasObject(
        widerThan: 10_000, butIn: ["data", "stringData", "binaryData"])

    /// The spec of the object.
    public func spec() throws(CannotEvaluate) -> Value? { try object.object("spec") }

    /// The pod template; nil if there is none.
    @inlinable
    @inline(__always)
    public func template() throws(CannotEvaluate) -> PodTemplate? {
        if let fault { throw fault }
        return podTemplate
    }

    /// True if the workload runs until it is stopped.
    public var isLongRunning: Bool {
        if let workload {
            return workload.isLongRunning ?? podTemplate?.restartsAlways ?? parts.contains { $0.isLongRunning }
        }
        return switch kind {
        case .job, .cronJob: false
        case .pod: podTemplate?.restartsAlways ?? true
        default: true
        }
    }

    /// True if an UPDATE only restarts a workload's pods, or raises its number of replicas.
    private(set) lazy var onlyRestarts = findOnlyRestarts()

    /// The node of `spec.replicas`; nil if it is not set.
    private lazy var count: NodeID? = object["spec"]?["replicas"]?.id

    /// True if a field is `spec.replicas`, even if it is not set.
    func isCount(_ field: Field) -> Bool {
        if let count { return field.base.id == count }
        return !field.isPresent && field.base.id == object["spec"]?.id && field.absentKeys == ["replicas"]
    }

    /// The object before an UPDATE.
    var oldObject: Value? { review.operation == .update && !isOld ? review.oldObject : nil }

    /// The object before an UPDATE, as a subject.
    private(set) lazy var before: Subject? = oldObject.map { Subject(review, $0, workload, isOld: true) }
}

extension AdmissionReview {
    /// Returns the kind whose rules apply: a template of a custom resource is evaluated like a PodTemplate.
    func ruledKind(_ workload: WorkloadKind?) -> ResourceKind { workload == nil ? kind : .podTemplate }
}
