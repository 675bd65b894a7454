import Evaluation
import JSON
public import Kubernetes

/// A request as the API server would have sent it to a webhook, with what the log had shown by then.
public struct LoggedRequest: Sendable {
    /// The AdmissionReview.
    public var bytes: [UInt8] { review }
    /// The time of the request.
    public let time: Timestamp
    /// The index of the file, and the line.
    public let place: (file: Int, line: Int)
    /// True if something else had refused the request.
    public internal(set) var isRefused = false
    /// True for an update of an object that the log had not shown before.
    public internal(set) var hasUnknownPast = false
    let related: RelatedObjects
    var hasGivenRelatedObjects = false
    let operators: OperatorEvidence
    var revisions = Revisions.none

    /// Objects with earlier pod templates.
    struct Revisions: Sendable {
        let kind: ResourceKind
        let objects: [[UInt8]]
        /// True if there are no others.
        let isWhole: Bool

        static let none = Revisions(kind: .other, objects: [], isWhole: false)
    }

    private let review: [UInt8]
}

extension LoggedRequest {
    /// Writes the AdmissionReview of an event.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - kind: The group, version and name of the object's kind.
    ///   - object: The new object; nil for DELETE.
    ///   - old: The old object; nil if there is none or it is unknown.
    ///   - operation: The operation.
    ///   - name: The name of the object.
    ///   - options: The options of the request.
    ///   - logged: The time and the location of the event.
    ///   - related: The related objects before the request.
    ///   - operators: The known operators.
    init(
        _ event: AuditEvent, _ kind: (group: String, version: String, name: String), _ object: [UInt8]?, old: [UInt8]?,
        _ operation: Operation, name: String, _ options: RequestOptions, at logged: LoggedEvent,
        _ related: RelatedObjects, _ operators: OperatorEvidence
    ) {
        var requestOptions: [Literal.Member] = []
        if !options.fieldManager.isEmpty { requestOptions.append(.init("fieldManager", .string(options.fieldManager))) }
        if let force = options.isForced { requestOptions.append(.init("force", .bool(force))) }
        let isNamespace = event.resource == "namespaces" && event.group.isEmpty
        let head: Literal = [
            "uid": .string(event.value["auditID"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? "-"),
            "operation": .string("\(operation.name)"),
            "kind": ["group": .string(kind.group), "version": .string(kind.version), "kind": .string(kind.name)],
            "resource": [
                "group": .string(event.group), "version": .string(event.version), "resource": .string(event.resource),
            ],
            "subResource": .string(event.subresource),
            "namespace": .string(isNamespace ? name : event.namespace), "name": .string(name),
            "dryRun": .bool(options.isDryRun), "options": .object(requestOptions),
        ]
        var bytes = Array(#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":"#.utf8)
        bytes.reserveCapacity((object?.count ?? 0) + (old?.count ?? 0) + 2048)
        head.write(to: &bytes)
        bytes.removeLast()
        for (member, value) in [("userInfo", event.user?.source), ("object", object), ("oldObject", old)] {
            guard let value else { continue }
            bytes += ",\"\(member)\":".utf8
            bytes += value
        }
        bytes += "}}".utf8
        review = bytes
        let now = Timestamp(seconds: logged.microseconds / 1_000_000)
        time = now
        place = logged.place
        self.related = related
        self.operators = operators
    }
}
