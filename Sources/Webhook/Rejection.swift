public import HTTP
public import JSON

/// Why a request gets no AdmissionReview for an answer; each has its status and text here.
public enum Rejection: Error, Sendable {
    /// There is nothing at the path.
    case notFound
    /// The path does not take the method.
    case methodNotAllowed(allow: String)
    /// The body is not called JSON.
    case notJSON
    /// The body is larger than allowed, and not the beginning of a review.
    case tooLarge
    /// The body is not JSON.
    case malformed(ParseError)
    /// The body is JSON, but no review that is served.
    case notAReview(_ reason: String)
    /// The body has more in it than is evaluated, and no uid to deny it with.
    case beyondBounds(_ reason: String)

    /// What is wrong, in words.
    public var message: String {
        switch self {
        case .notFound: "nothing is served here; reviews go to /validate and /mutate"
        case .methodNotAllowed(let allow): "the method is not allowed here; use \(allow)"
        case .notJSON: "the Content-Type must be application/json"
        case .tooLarge: "the body is larger than PLAYBOOK_MAX_BODY"
        case .malformed(let error): "the body is not JSON: \(error)"
        case .notAReview(let reason), .beyondBounds(let reason): reason
        }
    }

    /// The answer.
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
