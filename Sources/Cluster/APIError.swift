internal import JSON
public import Net

/// An error status from the API server.
public struct APIStatus: Error, Equatable, Sendable, CustomStringConvertible {
    /// The HTTP status code.
    public let code: Int
    /// The machine-readable reason, such as `NotFound` or `Forbidden`; empty if there is none.
    public let reason: String
    /// The message.
    public let message: String
    /// The server's Retry-After, if any.
    public let retryAfter: Duration?
    /// True if the namespace is being deleted and accepts no new objects.
    public let isForTermination: Bool

    /// Creates a status.
    public init(
        code: Int, reason: String = "", message: String, retryAfter: Duration? = nil, isForTermination: Bool = false
    ) {
        self.code = code
        self.reason = reason
        self.message = message
        self.retryAfter = retryAfter
        self.isForTermination = isForTermination
    }

    /// The code, the reason and the message.
    public var description: String {
        "\(code)\(reason.isEmpty ? "" : " \(reason)")\(message.isEmpty ? "" : ": \(message)")"
    }

    /// Reads a response body: a `Status` object, or the text of a proxy.
    init(code: Int, retryAfter: Duration?, body: [UInt8], _ document: Document) {
        let parsed = try? document.read(body.span, .strict) { APIStatus($0, code: code, retryAfter: retryAfter) }
        self =
            parsed
            ?? APIStatus(
                code: code, message: printable(String(decoding: body.prefix(400), as: UTF8.self)),
                retryAfter: retryAfter)
    }

    /// Reads a `Status` object; nil if the value is not one.
    init?(_ value: Value, code: Int? = nil, retryAfter: Duration? = nil) {
        guard value["kind"]?.equals("Status") ?? false else { return nil }
        let seconds = value["details"]?["retryAfterSeconds"]?.int
        let causes = value["details"]?["causes"]?.elements
        self.init(
            code: code ?? value["code"]?.int ?? 0, reason: printable(value["reason"]?.string ?? ""),
            message: printable(value["message"]?.string ?? "", atMost: 1000),
            retryAfter: retryAfter ?? seconds.map { .seconds(max(0, $0)) },
            isForTermination: causes?.contains { $0["reason"]?.equals("NamespaceTerminating") ?? false } ?? false)
    }
}

/// The reason that an API server call failed.
public enum APIError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No usable credentials.
    case credentials(CredentialsError)
    /// No complete response.
    case transport(CallError)
    /// The API server returned an error status.
    case status(APIStatus)
    /// The response is larger than allowed.
    case tooLarge(maximum: Int)
    /// The response does not have the expected form.
    case malformed(String)

    /// The error message.
    public var description: String {
        switch self {
        case .credentials(let error): "\(error)"
        case .transport(let error): "\(error)"
        case .status(let status): "the API server returned \(status)"
        case .tooLarge(let maximum): "the API server's response is larger than \(maximum) bytes"
        case .malformed(let reason): "cannot read the API server's response: \(reason)"
        }
    }

    /// The time that the API server asks clients to wait; nil if it does not ask.
    ///
    /// A 429 without Retry-After counts too.
    var throttling: Duration? {
        guard case .status(let status) = self else { return nil }
        return status.retryAfter ?? (status.code == 429 ? .zero : nil)
    }

    /// True if a retry may succeed.
    var isTransient: Bool {
        switch self {
        case .transport(.untrusted), .transport(.malformedRequest), .transport(.cancelled): false
        case .transport, .malformed: true
        case .status(let status): status.code == 429 || status.code >= 500 && status.code != 501
        case .credentials, .tooLarge: false
        }
    }
}
