public import HTTP
public import Kubernetes

/// An API resource, as named in the API server's paths.
public struct APIResource: Hashable, Sendable, CustomStringConvertible {
    /// The API group; empty for the core group.
    public let group: String
    /// The API version.
    public let version: String
    /// The plural name in lower case, such as `poddisruptionbudgets`.
    public let plural: String

    /// Creates a resource.
    public init(group: String, version: String, plural: String) {
        self.group = group
        self.version = version
        self.plural = plural
    }

    /// Creates the resource of a kind, in the version that rules read.
    public init(_ kind: ResourceKind) {
        self.init(group: "\(kind.group)", version: "\(kind.version)", plural: kind.plural)
    }

    /// The name with its group, as in kubectl: `poddisruptionbudgets.policy`.
    public var description: String { group.isEmpty ? plural : "\(plural).\(group)" }

    /// The group and the version: `policy/v1`.
    public var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

    /// The path of one object, of the objects of a namespace, or of all objects.
    ///
    /// - Parameters:
    ///   - namespace: The namespace; nil for all namespaces and for cluster-scoped resources.
    ///   - name: The object's name; nil for all objects.
    /// - Returns: The escaped path.
    public func path(in namespace: String? = nil, name: String? = nil) -> String {
        var path = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
        if let namespace { path += "/namespaces/\(percentEncoded(namespace))" }
        path += "/\(plural)"
        if let name { path += "/\(percentEncoded(name))" }
        return path
    }
}

/// An API server request.
public struct APIRequest: Sendable {
    /// The verb.
    public var verb: OutgoingRequest.Verb
    /// The escaped path: ``APIResource/path(in:name:)``.
    public var path: String
    /// The query, not escaped.
    public var query: [(name: String, value: String)]
    /// The JSON body; empty for none.
    public var body: [UInt8]
    /// The body's media type, such as `application/json-patch+json`.
    public var contentType: String
    /// The accepted media type.
    public var accept = "application/json"
    /// The media type of a metadata-only list.
    static let metadataList = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    /// The media type of a metadata-only watch.
    static let metadata = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
    /// The maximum number of attempts.
    ///
    /// A GET is retried after any transient failure; other verbs only after a 429, or a 503 with `Retry-After`, because then the
    /// server has not processed the request.
    public var attempts: Int
    /// The time limit, including the waits between attempts.
    public var limit: Duration
    /// The maximum response size, in bytes.
    public var maximumResponse: Int

    /// Creates a request.
    public init(
        _ verb: OutgoingRequest.Verb, _ path: String, query: [(name: String, value: String)] = [], body: [UInt8] = [],
        contentType: String = "application/json", attempts: Int = 4, limit: Duration = .seconds(60),
        maximumResponse: Int = 64 << 20
    ) {
        self.verb = verb
        self.path = path
        self.query = query
        self.body = body
        self.contentType = contentType
        self.attempts = attempts
        self.limit = limit
        self.maximumResponse = maximumResponse
    }

    var target: String {
        var target = path
        for (index, (name, value)) in query.enumerated() {
            target += "\(index == 0 ? "?" : "&")\(percentEncoded(name))=\(percentEncoded(value))"
        }
        return target
    }
}

/// Percent-encodes a text for a path segment or a query (RFC 3986, section 2.3).
func percentEncoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".unicodeScalars)
    var encoded = ""
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            encoded.unicodeScalars.append(Unicode.Scalar(byte))
        default:
            encoded += "%"
            encoded.unicodeScalars.append(digits[Int(byte >> 4)])
            encoded.unicodeScalars.append(digits[Int(byte & 15)])
        }
    }
    return encoded
}
