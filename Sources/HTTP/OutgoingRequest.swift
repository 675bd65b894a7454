/// A request that we make ourselves.
public struct OutgoingRequest: Sendable {
    /// The methods that are used, by their names in the request line.
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

    /// What to do.
    public var verb: Verb
    /// Path and query, escaped already: `/api/v1/namespaces?limit=500`.
    public var target: String
    /// Headers beside `Host` and `Content-Length`.
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

/// A request that must not be sent, since it would be read as something else than is meant.
public enum MalformedRequest: Error, Equatable, Sendable, CustomStringConvertible {
    /// The path or query has a character that must be escaped there.
    case target
    /// A header's name or value has a character that is not allowed; which one is not told, for it may be a secret.
    case header(String)

    /// What is wrong, without the value.
    public var description: String {
        switch self {
        case .target: "the request's path has a character that is not allowed there"
        case .header(let name): "the request's \(name) has a character that is not allowed there"
        }
    }
}

extension Encoder {
    /// Appends a request, head and body.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - host: The value of `Host`.
    ///   - bytes: Where it goes; nothing is appended when an error is thrown.
    /// - Throws: A ``MalformedRequest`` where a line break or the like would smuggle in another header.
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
        // RFC 9110, section 8.6: methods that mean something by a body say even that there is none.
        if !request.body.isEmpty || request.verb != .get && request.verb != .delete {
            head += "Content-Length: \(request.body.count)\r\n"
        }
        bytes += (head + "\r\n").utf8
        bytes += request.body
    }
}
