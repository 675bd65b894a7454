/// A client's request.
public struct OutgoingRequest: Sendable {
    /// The supported methods; raw values are their names in the request line.
    public enum Verb: String, Sendable {
        /// Reads.
        case get = "GET"
        /// Creates.
        case post = "POST"
        /// Replaces.
        case put = "PUT"
        /// Changes a part.
        case patch = "PATCH"
        /// Removes.
        case delete = "DELETE"
    }

    /// The method.
    public var verb: Verb
    /// The escaped path and query: `/api/v1/namespaces?limit=500`.
    public var target: String
    /// The headers other than `Host` and `Content-Length`.
    public var headers: [(name: String, value: String)]
    /// The body; empty for none.
    public var body: [UInt8]

    /// Creates a request.
    public init(_ verb: Verb, _ target: String, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.verb = verb
        self.target = target
        self.headers = headers
        self.body = body
    }
}

/// The error of a request that must not be sent because it would be parsed as something else.
public enum MalformedRequest: Error, Equatable, Sendable, CustomStringConvertible {
    /// The path or query has a character that must be escaped.
    case target
    /// A header's name or value has a character that is not allowed; the value is not reported, since it may be a secret.
    case header(String)

    /// The problem, without the value.
    public var description: String {
        switch self {
        case .target: "the request path has a character that must be escaped"
        case .header(let name): "the request header \(name) has a character that is not allowed"
        }
    }
}

extension Encoder {
    /// Appends the bytes of a request.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - host: The value of `Host`.
    ///   - bytes: The buffer; nothing is appended if an error is thrown.
    /// - Throws: A ``MalformedRequest`` if a line break or another character would change the meaning of the request.
    public static func append(
        _ request: OutgoingRequest, host: String, to bytes: inout [UInt8]
    ) throws(MalformedRequest) {
        guard request.target.utf8.first == UInt8(ascii: "/"), request.target.utf8.allSatisfy({ 0x21...0x7E ~= $0 })
        else { throw .target }
        for (name, value) in [("Host", host)] + request.headers {
            guard !name.isEmpty, name.utf8.allSatisfy(isTokenCharacter),
                value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
            else { throw .header(name.utf8.allSatisfy(isTokenCharacter) ? name : "header") }
        }
        var head = "\(request.verb.rawValue) \(request.target) HTTP/1.1\r\nHost: \(host)\r\n"
        for (name, value) in request.headers { head += "\(name): \(value)\r\n" }
        // RFC 9110, section 8.6: methods for which a body has a meaning send a length even without one.
        if !request.body.isEmpty || request.verb != .get && request.verb != .delete {
            head += "Content-Length: \(request.body.count)\r\n"
        }
        bytes += (head + "\r\n").utf8
        bytes += request.body
    }
}
