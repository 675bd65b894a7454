public import JSON

/// What happens to an object.
public enum Operation: UInt8, Sendable, CaseIterable {
    case create, update, delete, connect

    /// The API's word for it.
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

/// The part of a resource that a request is about.
public enum Subresource: Sendable, CaseIterable {
    /// The resource itself.
    case none
    /// `…/scale`: a Scale is sent instead of the workload.
    case scale
    /// `pods/ephemeralcontainers`: a whole Pod is sent.
    case ephemeralContainers
    /// `pods/resize`: a whole Pod is sent.
    case resize
    /// `serviceaccounts/token`: a TokenRequest is sent.
    case token
    /// `…/status`
    case status
    /// Any other one.
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

/// Why a document is no review that can be answered.
public struct NotAReview: Error, Equatable, CustomStringConvertible {
    /// What is wrong, and what is served.
    public let description: String
}

/// A request for admission (`admission.k8s.io/v1`, AdmissionReview), read in place.
///
/// One object for everybody to look at, and like the values in it not to be kept beyond the request. Its texts are copied out of
/// the document only when someone asks for them: most requests are about nothing that anyone has to say.
public final class AdmissionReview {
    /// The version that it was asked in, and is answered in.
    public let apiVersion: String
    /// What happens.
    public let operation: Operation
    /// The object's kind as we asked for it; the object's own may be missing.
    public let kind: ResourceKind
    /// What of the resource.
    public let subresource: Subresource
    /// Who asks.
    public let user: User
    /// Whether nothing will come of it.
    public let isDryRun: Bool
    /// The object as it would be; nil on DELETE.
    public let object: Value?
    /// The object as it is; nil on CREATE.
    public let oldObject: Value?

    /// What the answer must repeat.
    public var uid: String { uidValue.text }
    /// The object's kind by name, for people.
    public var kindName: String { kindNameValue.text }
    /// The resource that the request names, as in `deployments`.
    public var resource: String { fields.resource?["resource"]?.string ?? "" }
    /// What of the resource, by name; empty for the resource itself.
    public var subresourceName: String { fields.subResource?.string ?? "" }
    /// The name that the client gives itself (`options.fieldManager`); empty where it gives none.
    public var fieldManager: String { fields.options?["fieldManager"]?.string ?? "" }
    /// The namespace; nil for what belongs to the cluster.
    public private(set) lazy var namespace: String? = AdmissionReview.text(fields.namespace)
    /// The name; nil while it is still to be generated.
    public private(set) lazy var name: String? =
        AdmissionReview.text(fields.name) ?? (object ?? oldObject).flatMap { ObjectMeta(of: $0).name }

    private let fields: Fields
    private let uidValue: Value
    private let kindNameValue: Value

    /// The request's members, found in one pass.
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
    }

    /// The members that are not looked into: large, written by the API server itself, and read by no rule in passing.
    public static let skipped: SkipTree = {
        let object: [SkipTree.Member] = [.init("status"), .init("metadata", [.init("managedFields")])]
        return SkipTree([.init("request", [.init("object", object), .init("oldObject", object)])])
    }()

    /// How a review from an API server is read.
    public static let options = ParseOptions(skipped: skipped, toleratesDepth: true)

    /// Reads a review.
    ///
    /// - Parameter root: The outermost value of the document.
    /// - Throws: ``NotAReview`` when it is something else, or in a version that is not served.
    public init(_ root: Value) throws(NotAReview) {
        guard root.kind == .object, root["kind"]?.equals("AdmissionReview") ?? false else {
            throw NotAReview(description: "the body is not an AdmissionReview; \(AdmissionReview.served)")
        }
        apiVersion = try AdmissionReview.version(of: root)
        guard let request = root["request"], request.kind == .object else {
            throw NotAReview(description: "the AdmissionReview has no request")
        }
        let fields = Fields(of: request)
        guard let uid = fields.uid, uid.kind == .string, !uid.equals("") else {
            throw NotAReview(description: "the AdmissionReview's request has no uid")
        }
        guard let operation = Operation(fields.operation) else {
            throw NotAReview(description: "request.operation is none of CREATE, UPDATE, DELETE, CONNECT")
        }
        guard let kindObject = fields.kind, let kindName = kindObject["kind"], kindName.kind == .string else {
            throw NotAReview(description: "the AdmissionReview's request has no kind")
        }
        self.fields = fields
        self.operation = operation
        uidValue = uid
        kindNameValue = kindName
        kind = ResourceKind(name: kindName, group: kindObject.present("group"))
        subresource = Subresource(fields.subResource)
        object = fields.object?.kind == .object ? fields.object : nil
        oldObject = fields.oldObject?.kind == .object ? fields.oldObject : nil
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
        self.object = object
        oldObject = other.oldObject
        fields = other.fields
        uidValue = other.uidValue
        kindNameValue = other.kindNameValue
    }

    /// The same request for another object.
    public func replacingObject(with other: Value) -> AdmissionReview {
        AdmissionReview(self, object: other)
    }

    /// What is served, for those who sent something else.
    public static let served = "admission.k8s.io/v1 and v1beta1 AdmissionReviews are served"

    private static func version(of root: Value) throws(NotAReview) -> String {
        if root["apiVersion"]?.equals("admission.k8s.io/v1") ?? false { return "admission.k8s.io/v1" }
        if root["apiVersion"]?.equals("admission.k8s.io/v1beta1") ?? false { return "admission.k8s.io/v1beta1" }
        throw NotAReview(
            description: "apiVersion \(root["apiVersion"]?.text ?? "is missing and") is not served; \(served)")
    }

    private static func text(_ value: Value?) -> String? {
        guard let text = value?.string, !text.isEmpty else { return nil }
        return text
    }

    /// The name for people: `web`, or `web-… (generated)` while the API server has still to make it up.
    public var displayName: String {
        if let name { return name }
        guard let prefix = (object ?? oldObject).flatMap({ ObjectMeta(of: $0).generateName }) else {
            return "(no name)"
        }
        return "\(prefix)… (generated)"
    }
}

extension AdmissionReview {
    /// What the request is about, for people: `Deployment shop/catalogue`.
    public var title: String {
        let place = namespace.map { kind == .namespace ? displayName : "\($0)/\(displayName)" } ?? displayName
        return subresource == .scale ? "the scale of \(scaledKind.name) \(place)" : "\(kindName) \(place)"
    }

    /// The kind of the workload that a Scale belongs to.
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

/// Who asks (`authentication.k8s.io/v1`, UserInfo).
public struct User {
    private let username: Value?
    private let groups: Value?

    init(_ value: Value?) {
        username = value?["username"]
        groups = value?["groups"]
    }

    /// The name, as in `system:serviceaccount:shop:deployer`.
    public var name: String { username?.string ?? "" }

    /// Whether this is the user's name.
    public func isNamed(_ name: StaticString) -> Bool { username?.equals(name) ?? false }

    /// Whether the user is in a group.
    public func isIn(_ group: StaticString) -> Bool { groups?.elements.contains { $0.equals(group) } ?? false }

    /// Whether the user is in a group.
    public func isIn(group: String) -> Bool { groups?.elements.contains { $0.equals(string: group) } ?? false }

    /// The namespace and name of a service account.
    public var serviceAccount: (namespace: Substring, name: Substring)? {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "system", parts[1] == "serviceaccount" else { return nil }
        return (parts[2], parts[3])
    }
}
