public import HTTP
public import Kubernetes

/// A kind of objects as the API server's paths name it.
public struct APIResource: Hashable, Sendable, CustomStringConvertible {
    /// The API group; empty for the core group.
    public let group: String
    /// The version of the group.
    public let version: String
    /// The kind in the plural, in lower case: `poddisruptionbudgets`.
    public let plural: String

    /// Names a resource.
    public init(group: String, version: String, plural: String) {
        self.group = group
        self.version = version
        self.plural = plural
    }

    /// The resource of a kind, in the version that we read.
    public init(_ kind: ResourceKind) {
        self.init(group: "\(kind.group)", version: "\(kind.version)", plural: kind.plural)
    }

    /// The name with its group, as kubectl writes it: `poddisruptionbudgets.policy`.
    public var description: String { group.isEmpty ? plural : "\(plural).\(group)" }

    /// The path of one object, of a namespace's objects, or of all.
    ///
    /// - Parameters:
    ///   - namespace: The namespace; nil for all of them, and for kinds without.
    ///   - name: The object; nil for all of them.
    /// - Returns: The path, escaped.
    public func path(in namespace: String? = nil, name: String? = nil) -> String {
        var path = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
        if let namespace { path += "/namespaces/\(percentEncoded(namespace))" }
        path += "/\(plural)"
        if let name { path += "/\(percentEncoded(name))" }
        return path
    }
}

/// One call of the API server.
public struct APIRequest: Sendable {
    /// What to do.
    public var verb: OutgoingRequest.Verb
    /// The path, escaped: ``APIResource/path(in:name:)``.
    public var path: String
    /// The query, not escaped yet.
    public var query: [(name: String, value: String)]
    /// JSON; empty for none.
    public var body: [UInt8]
    /// What the body is: a patch's kind, such as `application/json-patch+json`.
    public var contentType: String
    /// The form in which the response is wanted.
    public var accept = "application/json"
    /// The media type of a list of metadata.
    static let metadataList = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    /// The same in a watch.
    static let metadata = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
    /// How often it may be sent in all.
    ///
    /// A GET is sent again after any failure that may pass; anything else only when the server says that it did nothing (429),
    /// or asks for it (503 with `Retry-After`).
    public var attempts: Int
    /// How long all of it may take, waiting in between included.
    public var limit: Duration
    /// How large the response may be, in bytes.
    public var maximumResponse: Int

    /// Describes a call.
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

/// A text as it may stand in a path's segment or a query (RFC 3986, section 2.3).
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
