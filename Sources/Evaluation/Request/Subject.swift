public import JSON
public import Kubernetes

/// The object that is judged: as it would be, or as it was.
///
/// One object for all rules to look at, and like the values in it not to be kept beyond the request.
public final class Subject {
    /// The request.
    public let review: AdmissionReview
    /// The object.
    public let object: Value
    /// Its metadata.
    public let metadata: ObjectMeta
    /// Whether this is the object as it was before the request.
    public let isOld: Bool
    /// Whether the request changes nothing but metadata, so that there is nothing new to say about the rest.
    package var changesOnlyMetadata = false
    /// What a setting says of the kind, where that says that pods are made of such custom resources.
    let workload: WorkloadKind?
    /// Whether it has any number of pod templates, each of which is evaluated as an object of its own.
    let isSplit: Bool
    /// Whether it is a part of an object whose first part stands for what the object says of itself.
    let isFurtherPart: Bool
    private let podTemplate: PodTemplate?
    private let fault: CannotJudge?

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
        do throws(CannotJudge) {
            podTemplate = try PodTemplate(of: object, kind: review.kind)
            fault = nil
        } catch {
            podTemplate = nil
            fault = error
        }
    }

    /// A part of an object: one of its pod templates.
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

    /// The object once for each of its pod templates, where it is split.
    var parts: [Subject] { split.parts }

    /// What of the pod templates cannot be read, where it is split.
    var partFaults: [CannotJudge] { split.faults }

    private lazy var split: (parts: [Subject], faults: [CannotJudge]) = {
        guard isSplit, let workload else { return ([], []) }
        let found = WorkloadTemplates(of: object, workload)
        let parts = found.templates.enumerated().map { Subject($1, of: self, isFirst: $0 == 0) }
        return (parts, found.faults)
    }()

    /// Whether a rule is about what the controller of such objects fills in itself.
    func isPassed(by rule: Rule) -> Bool { workload.map { rule.filledInKinds.contains($0.title) } ?? false }

    /// The kind whose rules apply.
    var ruledKind: ResourceKind { review.ruledKind(workload) }

    /// The object's kind.
    public var kind: ResourceKind { review.kind }

    /// The namespace; empty for what belongs to the cluster.
    public var namespace: String { review.namespace ?? "" }

    /// The object's name; nil while it is still to be generated.
    public var name: String? { review.name ?? metadata.name }

    /// What it is called, for people: `Deployment shop/catalogue`.
    public var title: String { review.title }

    /// The kind of the workload that a Scale belongs to.
    public var scaledKind: ResourceKind { review.scaledKind }

    /// The children of large values that paths lead through.
    let children = ChildIndex()

    /// The places of values that findings are about.
    // Changed for each finding; no other access is made while it is.
    @exclusivity(unchecked) var places: PlaceHasher

    /// The place of a value of the object.
    func pointer(to value: Value) -> Pointer { places.pointer(to: value) }

    /// The place of a field of the object.
    package func pointer(to field: Field) -> Pointer {
        field.absentKeys.reduce(places.pointer(to: field.base)) { $0 / $1 }
    }

    /// The object as a field.
    public var root: Field { Field(object) }

    /// A member of the object.
    public func field(_ key: StaticString) throws(CannotJudge) -> Field { try root[key] }

    /// Where the pod spec stands, if there is one.
    private(set) lazy var templatePointer: Pointer? = kind.podSpecPointer.flatMap { object[at: $0] == nil ? nil : $0 }

    /// The texts with secrets in them, found once for all rules that ask.
    lazy var foundPlainTexts: Result<PlainTexts, CannotJudge> = Result { () throws(CannotJudge) in try findPlainTexts()
    }

    /// The images of its containers, likewise.
    lazy var foundImages: Result<[ContainerImage], CannotJudge> = Result { () throws(CannotJudge) in try findImages() }

    /// Whether some object in it has more members than anybody writes, which makes each look-up in it dear.
    private(set) lazy var isTooWide = object.hasObject(
        widerThan: 10_000, butIn: ["data", "stringData", "binaryData"])

    /// The object's spec.
    public func spec() throws(CannotJudge) -> Value? { try object.object("spec") }

    /// The pod template; nil where there is none.
    public func template() throws(CannotJudge) -> PodTemplate? {
        if let fault { throw fault }
        return podTemplate
    }

    /// Whether it is to run until somebody stops it.
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

    /// True if an UPDATE only restarts a workload's pods or raises its count.
    private(set) lazy var onlyRestarts = findOnlyRestarts()

    /// The workload's count of replicas; nil where it is not set.
    private(set) lazy var count: NodeID? = object["spec"]?["replicas"]?.id

    /// The object as it was, on UPDATE.
    var oldObject: Value? { review.operation == .update && !isOld ? review.oldObject : nil }

    /// The same, with all that there is to know of it.
    private(set) lazy var before: Subject? = oldObject.map { Subject(review, $0, workload, isOld: true) }
}

extension AdmissionReview {
    /// The kind whose rules apply: each template of a custom resource is evaluated as a PodTemplate is.
    func ruledKind(_ workload: WorkloadKind?) -> ResourceKind { workload == nil ? kind : .podTemplate }
}
