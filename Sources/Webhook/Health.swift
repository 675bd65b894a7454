public import HTTP

/// The state of the process, as named checks.
public struct Health: Sendable {
    /// One condition that must hold.
    public struct Check: Sendable {
        /// The name, such as `certificate`.
        public let name: String
        /// The problem; nil if the check passes.
        public let problem: String?
        /// A note for operators although the check passes.
        public let notice: String?

        /// Creates a check.
        public init(_ name: String, problem: String? = nil, notice: String? = nil) {
            self.name = name
            self.problem = problem
            self.notice = notice
        }
    }

    private let liveness: [Check]
    private let readiness: [Check]

    /// Creates the state.
    ///
    /// - Parameters:
    ///   - liveness: The process must be restarted if one of these fails; they do not depend on anything outside the process.
    ///   - readiness: Reviews must not be sent to this replica if one of these fails.
    public init(liveness: [Check], readiness: [Check]) {
        self.liveness = liveness
        self.readiness = readiness
    }

    /// The response of `/livez`.
    fileprivate func live(isVerbose: Bool) -> Response { Health.response("livez", liveness, isVerbose: isVerbose) }

    /// The response of `/readyz`.
    fileprivate func ready(isVerbose: Bool) -> Response { Health.response("readyz", readiness, isVerbose: isVerbose) }

    private static func response(_ name: String, _ checks: [Check], isVerbose: Bool) -> Response {
        let passes = checks.allSatisfy { $0.problem == nil }
        var lines = ""
        if isVerbose || !passes {
            for check in checks {
                lines +=
                    check.problem.map { "[-]\(check.name) failed: \($0)\n" }
                    ?? "[+]\(check.name) ok\(check.notice.map { ": \($0)" } ?? "")\n"
            }
            lines += "\(name) check \(passes ? "passed" : "failed")\n"
        } else {
            lines = "ok\n"
        }
        return Response(status: passes ? 200 : 503, contentType: "text/plain; charset=utf-8", body: Array(lines.utf8))
    }
}

/// The endpoints for probes and metrics, without network access; for one thread.
public struct HealthEndpoints {
    private let health: () -> Health
    private let metrics: () -> String

    /// Creates the endpoints.
    ///
    /// - Parameters:
    ///   - health: The state of the process.
    ///   - metrics: The metrics of all threads, in Prometheus' text format.
    public init(health: @escaping () -> Health, metrics: @escaping () -> String) {
        self.health = health
        self.metrics = metrics
    }

    /// Answers a request.
    ///
    /// - Parameter head: The request without its body.
    /// - Returns: The response.
    public func respond(to head: RequestHead) -> Response {
        do throws(Rejection) {
            let isVerbose = head.parameter("verbose") != nil
            let answer: () -> Response
            switch head.path {
            case "/livez": answer = { health().live(isVerbose: isVerbose) }
            case "/readyz": answer = { health().ready(isVerbose: isVerbose) }
            case "/metrics":
                answer = {
                    Response(
                        status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8",
                        body: Array(metrics().utf8))
                }
            default: throw .notFound
            }
            guard head.method == .get || head.method == .head else { throw .methodNotAllowed(allow: "GET, HEAD") }
            return answer()
        } catch {
            return error.response
        }
    }
}
