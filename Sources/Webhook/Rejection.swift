public import HTTP
public import JSON

/// The reasons why a request is not answered with an AdmissionReview, with their HTTP status and message.
public enum Rejection: Error, Sendable {
    /// The path is not served.
    case notFound
    /// The path does not allow the method.
    case methodNotAllowed(allow: String)
    /// The Content-Type is not JSON.
    case notJSON
    /// The body is too large, and its beginning is not that of a review.
    case tooLarge
    /// The body is not JSON.
    case malformed(ParseError)
    /// The body is JSON, but not a supported review.
    case notAReview(_ reason: String)
    /// The body exceeds a limit of depth or size, and has no uid to answer with a denial.
    case beyondBounds(_ reason: String)

    /// The message.
    public var message: String {
        switch self {
        case .notFound: "not found; send reviews to /validate or /mutate"
        case .methodNotAllowed(let allow): "method not allowed; use \(allow)"
        case .notJSON: "the Content-Type must be application/json"
        case .tooLarge: "the body is larger than PLAYBOOK_MAX_BODY"
        case .malformed(let error): "the body is not JSON: \(error)"
        case .notAReview(let reason), .beyondBounds(let reason): reason
        }
    }

    /// True if a body was sent that cannot be evaluated.
    var isAboutBody: Bool {
        switch self {
        case .notFound, .methodNotAllowed, .notJSON: false
        case .tooLarge, .malformed, .notAReview, .beyondBounds: true
        }
    }

    /// The response to send.
    public var response: Response {
        switch self {
        case .notFound: Response(HTTPError(status: 404, message: message))
        case .methodNotAllowed(let allow):
            Response(HTTPError(status: 405, message: message), headers: [("Allow", allow)])
        case .notJSON: Response(HTTPError(status: 415, message: message))
        case .tooLarge: Response(HTTPError(status: 413, message: message))
        case .malformed, .notAReview: Response(HTTPError(status: 400, message: message))
        case .beyondBounds: Response(HTTPError(status: 422, message: message))
        }
    }
}
