public import HTTP
public import Playbook

/// Which of the two ports a request came to.
public enum Port: Sendable {
    /// Where reviews are served, over TLS.
    case admission
    /// Where probes and metrics are served.
    case health
}

/// The server without a socket: one function from request to response, for one thread.
public final class Webhook {
    /// Bodies to verdicts to bodies.
    public let admission: Admission
    private let health: () -> Health
    private let metrics: () -> String

    /// Creates a webhook.
    ///
    /// - Parameters:
    ///   - admission: What answers reviews.
    ///   - health: How the process is.
    ///   - metrics: The metrics of all threads, as text.
    public init(admission: Admission, health: @escaping () -> Health, metrics: @escaping () -> String) {
        self.admission = admission
        self.health = health
        self.metrics = metrics
    }

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
    ///   - port: Where it came to.
    /// - Returns: The response, and what came of it.
    public func respond(to request: Request, body: Span<UInt8>, on port: Port) -> Reply {
        do throws(Rejection) {
            switch try Route(request.head, on: port) {
            case .validate: return try answer(request, body, .validate)
            case .mutate: return try answer(request, body, .mutate)
            case .live: return Reply(response: health().liveness, event: nil)
            case .ready:
                return Reply(
                    response: health().readiness(isVerbose: request.head.parameter("verbose") != nil), event: nil)
            case .metrics:
                return Reply(
                    response: Response(
                        status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8",
                        body: Array(metrics().utf8)),
                    event: nil)
            }
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
        return respond(to: request, body: body, on: .admission)
    }
}

/// What a method and path mean.
enum Route {
    case validate, mutate, live, ready, metrics

    init(_ head: RequestHead, on port: Port) throws(Rejection) {
        let route: Route? =
            switch (port, head.path) {
            case (.admission, "/validate"): .validate
            case (.admission, "/mutate"): .mutate
            case (.health, "/livez"): .live
            case (.health, "/readyz"): .ready
            case (.health, "/metrics"): .metrics
            default: nil
            }
        guard let route else { throw .notFound }
        switch port {
        case .admission: guard head.method == .post else { throw .methodNotAllowed(allow: "POST") }
        case .health:
            guard head.method == .get || head.method == .head else { throw .methodNotAllowed(allow: "GET, HEAD") }
        }
        self = route
    }
}
