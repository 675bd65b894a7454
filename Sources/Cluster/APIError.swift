internal import JSON
public import Net

/// What the API server says when it does not do what it was asked.
public struct APIStatus: Error, Equatable, Sendable, CustomStringConvertible {
    /// The HTTP status code.
    public let code: Int
    /// A word for programs, such as `NotFound` or `Forbidden`; empty when there is none.
    public let reason: String
    /// A sentence for people.
    public let message: String
    /// How long to wait before asking again, when the server says so.
    public let retryAfter: Duration?
    /// Whether the namespace is being deleted, and takes nothing new.
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

    /// Reads a response's body: a `Status` object, or what a proxy on the way wrote instead.
    init(code: Int, retryAfter: Duration?, body: [UInt8], _ document: Document) {
        let parsed = try? document.read(body.span, .strict) { APIStatus($0, code: code, retryAfter: retryAfter) }
        self =
            parsed
            ?? APIStatus(
                code: code, message: printable(String(decoding: body.prefix(400), as: UTF8.self)),
                retryAfter: retryAfter)
    }

    /// Reads a `Status` object; nil when the value is none.
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

/// Why a call of the API server came to nothing.
public enum APIError: Error, Equatable, Sendable, CustomStringConvertible {
    /// There is nothing to show that would let us in.
    case credentials(CredentialsError)
    /// No whole response came.
    case transport(CallError)
    /// The API server refused.
    case status(APIStatus)
    /// The response is larger than allowed.
    case tooLarge(maximum: Int)
    /// The response is not what such a call is answered with.
    case malformed(String)

    /// What happened.
    public var description: String {
        switch self {
        case .credentials(let error): "\(error)"
        case .transport(let error): "\(error)"
        case .status(let status): "the API server answers \(status)"
        case .tooLarge(let maximum): "the API server's answer is larger than \(maximum) bytes"
        case .malformed(let reason): "the API server's answer cannot be read: \(reason)"
        }
    }

    /// How long the API server wants to be left alone; nil where it has not said so.
    ///
    /// A 429 without a time is one as well.
    var throttling: Duration? {
        guard case .status(let status) = self else { return nil }
        return status.retryAfter ?? (status.code == 429 ? .zero : nil)
    }

    /// Whether it may be otherwise a moment later.
    var isTransient: Bool {
        switch self {
        case .transport(.untrusted), .transport(.malformedRequest), .transport(.cancelled): false
        case .transport, .malformed: true
        case .status(let status): status.code == 429 || status.code >= 500 && status.code != 501
        case .credentials, .tooLarge: false
        }
    }
}
