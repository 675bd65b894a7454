public import JSON

/// What happens to an object.
public enum Operation: Sendable, CaseIterable {
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
public struct AdmissionReview {
    /// The version that it was asked in, and is answered in.
    public let apiVersion: String
    /// What the answer must repeat.
    public let uid: String
    /// What happens.
    public let operation: Operation
    /// The object's kind as we asked for it; the object's own may be missing.
    public let kind: ResourceKind
    /// The object's kind by name, for people.
    public let kindName: String
    /// The resource that the request names, as in `deployments`.
    public let resource: String
    /// What of the resource.
    public let subresource: Subresource
    /// The same by name; empty for the resource itself.
    public let subresourceName: String
    /// The namespace; nil for what belongs to the cluster.
    public let namespace: String?
    /// The name; nil while it is still to be generated.
    public let name: String?
    /// Who asks.
    public let user: User
    /// Whether nothing will come of it.
    public let isDryRun: Bool
    /// The object as it would be; nil on DELETE.
    public private(set) var object: Value?
    /// The object as it is; nil on CREATE.
    public let oldObject: Value?

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
        guard let uid = request["uid"]?.string, !uid.isEmpty else {
            throw NotAReview(description: "the AdmissionReview's request has no uid")
        }
        self.uid = uid
        guard let operation = Operation(request["operation"]) else {
            throw NotAReview(description: "request.operation is none of CREATE, UPDATE, DELETE, CONNECT")
        }
        self.operation = operation
        guard let kindObject = request["kind"], let kindName = kindObject["kind"], kindName.kind == .string else {
            throw NotAReview(description: "the AdmissionReview's request has no kind")
        }
        kind = ResourceKind(name: kindName, group: kindObject.present("group"))
        self.kindName = kindName.text
        resource = request["resource"]?["resource"]?.string ?? ""
        subresource = Subresource(request.present("subResource"))
        subresourceName = request["subResource"]?.string ?? ""
        object = AdmissionReview.object(request["object"])
        oldObject = AdmissionReview.object(request["oldObject"])
        let metadata = (object ?? oldObject).map { ObjectMeta(of: $0) }
        namespace = AdmissionReview.text(request["namespace"])
        name = AdmissionReview.text(request["name"]) ?? metadata?.name
        user = User(request["userInfo"])
        isDryRun = request["dryRun"]?.bool ?? false
    }

    /// The same request for another object.
    public func replacingObject(with other: Value) -> AdmissionReview {
        var copy = self
        copy.object = other
        return copy
    }

    /// What is served, for those who sent something else.
    public static let served = "admission.k8s.io/v1 and v1beta1 AdmissionReviews are served"

    private static func version(of root: Value) throws(NotAReview) -> String {
        if root["apiVersion"]?.equals("admission.k8s.io/v1") ?? false { return "admission.k8s.io/v1" }
        if root["apiVersion"]?.equals("admission.k8s.io/v1beta1") ?? false { return "admission.k8s.io/v1beta1" }
        throw NotAReview(
            description: "apiVersion \(root["apiVersion"]?.text ?? "is missing and") is not served; \(served)")
    }

    private static func object(_ value: Value?) -> Value? {
        guard let value, value.kind == .object else { return nil }
        return value
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
    /// The name, as in `system:serviceaccount:shop:deployer`.
    public let name: String
    private let groups: Value?

    init(_ value: Value?) {
        name = value?["username"]?.string ?? ""
        groups = value?["groups"]
    }

    /// Whether the user is in a group.
    public func isIn(_ group: StaticString) -> Bool { groups?.elements.contains { $0.equals(group) } ?? false }

    /// Whether the user is in a group.
    public func isIn(_ group: String) -> Bool { groups?.elements.contains { $0.equals(group) } ?? false }

    /// The namespace and name of a service account.
    public var serviceAccount: (namespace: Substring, name: Substring)? {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "system", parts[1] == "serviceaccount" else { return nil }
        return (parts[2], parts[3])
    }
}
