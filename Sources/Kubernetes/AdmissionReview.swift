public import JSON

/// The operation of a request.
public enum Operation: UInt8, Sendable, CaseIterable {
    case create, update, delete, connect

    /// The name in the API.
    public var name: StaticString {
        switch self {
        case .create: "CREATE"
        case .update: "UPDATE"
        case .delete: "DELETE"
        case .connect: "CONNECT"
        }
    }
}

extension Operation {
    init?(_ verb: Value?) {
        guard let verb else { return nil }
        if verb.equals("CREATE") {
            self = .create
        } else if verb.equals("UPDATE") {
            self = .update
        } else if verb.equals("DELETE") {
            self = .delete
        } else if verb.equals("CONNECT") {
            self = .connect
        } else {
            return nil
        }
    }
}

/// The subresource of a request.
public enum Subresource: Sendable, CaseIterable {
    /// The resource itself.
    case none
    /// `…/scale`: the object is a Scale instead of the workload.
    case scale
    /// `pods/ephemeralcontainers`: the object is the whole Pod.
    case ephemeralContainers
    /// `pods/resize`: the object is the whole Pod.
    case resize
    /// `serviceaccounts/token`: the object is a TokenRequest.
    case token
    /// `…/status`
    case status
    /// Any other subresource.
    case other

    init(_ value: Value?) {
        switch value {
        case nil: self = .none
        case let value?:
            if value.equals("") {
                self = .none
            } else if value.equals("status") {
                self = .status
            } else if value.equals("scale") {
                self = .scale
            } else if value.equals("ephemeralcontainers") {
                self = .ephemeralContainers
            } else if value.equals("resize") {
                self = .resize
            } else if value.equals("token") {
                self = .token
            } else {
                self = .other
            }
        }
    }
}

/// An admission request (`admission.k8s.io/v1`, AdmissionReview), read in place.
///
/// All users share one instance. Like the values in it, it must not be kept after the request. Its texts are copied out of the
/// document on demand, since most requests have no findings.
public final class AdmissionReview {
    /// The API version of the review and its response.
    public let apiVersion: String
    /// The operation of the request.
    public let operation: Operation
    /// The kind of the object from the request; the object itself may have none.
    public let kind: ResourceKind
    /// The subresource of the request.
    public let subresource: Subresource
    /// The requester.
    public let user: User
    /// True for a server-side dry run.
    public let isDryRun: Bool
    /// The new object; nil on DELETE.
    public let object: Value?
    /// The old object; nil on CREATE.
    public let oldObject: Value?

    /// The uid of the request, which the response repeats.
    public var uid: String { uidValue.text }
    /// The name of the object's kind, for people.
    public var kindName: String { kindNameValue.text }
    /// The API group of the kind; empty for the core group.
    public var group: String { fields.kind?["group"]?.string ?? "" }
    /// True if the API group of the kind ends with a suffix.
    public func isOfGroup(endingWith suffix: StaticString) -> Bool {
        fields.kind?["group"]?.ends(with: suffix) ?? false
    }
    /// The API group and version of the kind, as in `apps/v1`.
    public var groupVersion: String {
        let version = fields.kind?["version"]?.string ?? ""
        return group.isEmpty ? version : "\(group)/\(version)"
    }
    /// The resource of the request, as in `deployments`.
    public var resource: String { fields.resource?["resource"]?.string ?? "" }
    /// The name of the subresource; empty for the resource itself.
    public var subresourceName: String { fields.subResource?.string ?? "" }
    /// The field manager of the client (`options.fieldManager`); empty if it is not set.
    public var fieldManager: String { fields.options?["fieldManager"]?.string ?? "" }
    /// The namespace; nil for cluster-scoped objects.
    public let namespace: String?
    /// The name; nil before it is generated.
    public private(set) lazy var name: String? =
        AdmissionReview.text(fields.name) ?? (object ?? oldObject).flatMap { ObjectMeta(of: $0).name }

    private let fields: Fields
    private let uidValue: Value
    private let kindNameValue: Value

    /// The members of the request, found in one pass.
    private struct Fields {
        var uid, kind, operation, namespace, name, resource, subResource, userInfo, object, oldObject, dryRun,
            options: Value?

        init(of request: Value) {
            for member in request.members {
                let (key, value) = (member.key, member.value)
                switch key.contentLength {
                case 3 where key.equals("uid"): uid = value
                case 4 where key.equals("kind"): kind = value
                case 4 where key.equals("name"): name = value
                case 6 where key.equals("object"): object = value
                case 6 where key.equals("dryRun"): dryRun = value
                case 7 where key.equals("options"): options = value
                case 8 where key.equals("resource"): resource = value
                case 8 where key.equals("userInfo"): userInfo = value
                case 9 where key.equals("operation"): operation = value
                case 9 where key.equals("namespace"): namespace = value
                case 9 where key.equals("oldObject"): oldObject = value
                case 11 where key.equals("subResource"): subResource = value.isNull ? nil : value
                default: break
                }
            }
        }

        /// Checks the types of the members that are read; `null` counts as absent.
        func checkTypes() throws(WrongType) {
            try check("name", name, .string)
            try check("namespace", namespace, .string)
            try check("subResource", subResource, .string)
            try check("resource", resource, .object)
            try check("resource.resource", resource?["resource"], .string)
            try check("kind.group", kind?["group"], .string)
            try check("userInfo", userInfo, .object)
            try check("userInfo.username", userInfo?["username"], .string)
            try check("userInfo.groups", userInfo?["groups"], .array)
            if dryRun?.kind != .false { try check("dryRun", dryRun, .true) }
            try check("object", object, .object)
            try check("oldObject", oldObject, .object)
        }

        private func check(_ name: StaticString, _ value: Value?, _ kind: JSON.Kind) throws(WrongType) {
            guard let value, value.kind != kind, !value.isNull else { return }
            throw WrongType(reason: "request.\(name) is \(value.kind.name); it must be \(kind.name)")
        }
    }

    private struct WrongType: Error {
        let reason: String
    }

    /// The members that are skipped: they are large, written by the API server, and rarely read by rules.
    public static let skipped: SkipTree = {
        let object: [SkipTree.Member] = [.init("status"), .init("metadata", [.init("managedFields")])]
        return SkipTree([.init("request", [.init("object", object), .init("oldObject", object)])])
    }()

    /// The options for parsing a review from an API server.
    public static let options = ParseOptions(skipped: skipped, toleratesDepth: true)

    /// Reads a review.
    ///
    /// - Parameter root: The root value of the document.
    /// - Throws: ``ReviewError`` if it is not a review or its request is not valid.
    public init(_ root: Value) throws(ReviewError) {
        guard root.kind == .object, root["kind"]?.equals("AdmissionReview") ?? false else {
            throw .notAReview("the body is not an AdmissionReview; \(AdmissionReview.served)")
        }
        let apiVersion = try AdmissionReview.version(of: root)
        guard let request = root["request"], request.kind == .object else {
            throw .notAReview("the AdmissionReview has no request")
        }
        let fields = Fields(of: request)
        guard let uid = fields.uid, uid.kind == .string, !uid.equals("") else {
            throw .notAReview("the AdmissionReview's request has no uid")
        }
        func cannotBeEvaluated(_ reason: String) -> ReviewError {
            .cannotBeEvaluated(Envelope(apiVersion: apiVersion, uid: uid.text), reason: reason)
        }
        guard let operation = Operation(fields.operation) else {
            throw cannotBeEvaluated("request.operation is not CREATE, UPDATE, DELETE or CONNECT")
        }
        guard let kindObject = fields.kind, let kindName = kindObject["kind"], kindName.kind == .string else {
            throw cannotBeEvaluated("request.kind.kind is missing or not a string")
        }
        do throws(WrongType) { try fields.checkTypes() } catch { throw cannotBeEvaluated(error.reason) }
        // DELETE is never denied, and API servers before 1.15 sent no object with it. CONNECT can have no object. An UPDATE
        // without the old object is evaluated as if the object were new.
        if operation == .create || operation == .update, fields.object?.kind != .object {
            throw cannotBeEvaluated("request.object is missing; \(operation.name) needs an object")
        }
        self.apiVersion = apiVersion
        self.fields = fields
        self.operation = operation
        uidValue = uid
        kindNameValue = kindName
        kind = ResourceKind(name: kindName, group: kindObject.present("group"))
        subresource = Subresource(fields.subResource)
        object = fields.object?.kind == .object ? fields.object : nil
        oldObject = fields.oldObject?.kind == .object ? fields.oldObject : nil
        namespace = AdmissionReview.text(fields.namespace)
        user = User(fields.userInfo)
        isDryRun = fields.dryRun?.bool ?? false
    }

    private init(_ other: AdmissionReview, object: Value) {
        apiVersion = other.apiVersion
        operation = other.operation
        kind = other.kind
        subresource = other.subresource
        user = other.user
        isDryRun = other.isDryRun
        namespace = other.namespace
        self.object = object
        oldObject = other.oldObject
        fields = other.fields
        uidValue = other.uidValue
        kindNameValue = other.kindNameValue
    }

    /// True if the object's kind has a name and a group.
    func isAbout(kindNamed name: String, of group: String) -> Bool {
        kindNameValue.equals(string: name) && fields.kind?["group"]?.equals(string: group) ?? group.isEmpty
    }

    /// Returns the request with another object.
    public func replacingObject(with other: Value) -> AdmissionReview {
        AdmissionReview(self, object: other)
    }

    /// The supported versions, for errors.
    public static let served = "admission.k8s.io/v1 and v1beta1 AdmissionReviews are served"

    static let versions = ["admission.k8s.io/v1", "admission.k8s.io/v1beta1"]

    private static func version(of root: Value) throws(ReviewError) -> String {
        if root["apiVersion"]?.equals("admission.k8s.io/v1") ?? false { return "admission.k8s.io/v1" }
        if root["apiVersion"]?.equals("admission.k8s.io/v1beta1") ?? false { return "admission.k8s.io/v1beta1" }
        throw .notAReview("apiVersion \(root["apiVersion"]?.text ?? "is missing and") is not served; \(served)")
    }

    private static func text(_ value: Value?) -> String? {
        guard let text = value?.string, !text.isEmpty else { return nil }
        return text
    }

    /// The name for people: `web`, or `web-… (generated)` before the API server generates it.
    public var displayName: String {
        if let name { return name }
        guard let prefix = (object ?? oldObject).flatMap({ ObjectMeta(of: $0).generateName }) else {
            return "(no name)"
        }
        return "\(prefix)… (generated)"
    }
}

extension AdmissionReview {
    /// The object of the request, for people: `Deployment shop/catalogue`.
    public var title: String {
        let place = namespace.map { kind == .namespace ? displayName : "\($0)/\(displayName)" } ?? displayName
        return subresource == .scale ? "the scale of \(scaledKind.name) \(place)" : "\(kindName) \(place)"
    }

    /// The kind of the workload of a Scale.
    public var scaledKind: ResourceKind {
        switch resource {
        case "deployments": .deployment
        case "statefulsets": .statefulSet
        case "rollouts": .rollout
        case "replicasets": .replicaSet
        case "replicationcontrollers": .replicationController
        default: .other
        }
    }
}
