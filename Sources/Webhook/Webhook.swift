public import Evaluation
public import HTTP

/// The server of reviews without a socket: one function from request to response, for one thread.
public final class Webhook {
    /// Bodies to verdicts to bodies.
    public let admission: Admission

    /// Creates a webhook.
    ///
    /// - Parameter admission: What answers reviews.
    public init(admission: Admission) { self.admission = admission }

    /// A response, and what came of it.
    public struct Reply {
        /// What to send.
        public let response: Response
        /// What came of the review; nil when it was none.
        public let event: AdmissionEvent?
        /// What a denial rests on the absence of; see ``respond(again:to:with:)``.
        public var absences: [Absence] = []
        /// What is to be recorded; nil when nothing is.
        public var verdict: Verdict?
    }

    /// Answers a request.
    ///
    /// - Parameters:
    ///   - request: The request without its body.
    ///   - body: The body.
    /// - Returns: The response, and what came of it.
    public func respond(to request: Request, body: Span<UInt8>) -> Reply {
        do throws(Rejection) {
            let endpoint: Endpoint
            switch request.head.path {
            case "/validate": endpoint = .validate
            case "/mutate": endpoint = .mutate
            default: throw .notFound
            }
            guard request.head.method == .post else { throw .methodNotAllowed(allow: "POST") }
            return try answer(request, body, endpoint)
        } catch {
            return Reply(response: error.response, event: nil)
        }
    }

    private func answer(
        _ request: Request, _ body: Span<UInt8>, _ endpoint: Endpoint
    ) throws(Rejection) -> Reply {
        guard request.head.mediaType == .json else { throw .notJSON }
        let answer = try admission.answer(body, isTruncated: request.isBodyTruncated, to: endpoint)
        return Reply(
            response: Response(status: 200, body: answer.body), event: answer.event, absences: answer.absences,
            verdict: answer.verdict)
    }

    /// Answers a review once more, now that somebody has looked again for what was absent.
    public func respond(
        again request: Request, to body: Span<UInt8>, with confirmations: [Confirmation]
    ) -> Reply {
        let context = admission.context
        defer { admission.context = context }
        admission.context = context.confirming(confirmations)
        return respond(to: request, body: body)
    }
}
