public import HTTP

/// The state of the process, as named checks.
public struct Health: Sendable {
    /// One condition that must hold.
    public struct Check: Sendable {
        /// Its name, as in `certificate`.
        public let name: String
        /// What is wrong; nil when nothing is.
        public let problem: String?
        /// What an administrator should know although the check passes.
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

    /// Combines checks.
    ///
    /// - Parameters:
    ///   - liveness: The conditions without which the process must be restarted; nothing outside the process is among them.
    ///   - readiness: The conditions without which no review may be sent here.
    public init(liveness: [Check], readiness: [Check]) {
        self.liveness = liveness
        self.readiness = readiness
    }

    /// Whether the process must be restarted.
    fileprivate func live(isVerbose: Bool) -> Response { Health.response("livez", liveness, isVerbose: isVerbose) }

    /// Whether reviews may be sent.
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

/// The server of probes and metrics without a socket: one function from request to response, for one thread.
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
    /// - Parameter head: The request; its body does not matter.
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
