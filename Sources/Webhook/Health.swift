import HTTP

/// How the process is, by named checks.
public struct Health: Sendable {
    /// One thing that must hold before requests may come.
    public struct Check: Sendable {
        /// Its name, as in `certificate`.
        public let name: String
        /// What is wrong; nil when nothing is.
        public let problem: String?

        /// Creates a check.
        public init(_ name: String, problem: String? = nil) {
            self.name = name
            self.problem = problem
        }
    }

    private let checks: [Check]

    /// Combines checks.
    public init(_ checks: [Check]) { self.checks = checks }

    /// The process runs, or it could not say so; nothing outside it counts.
    var liveness: Response { Response(status: 200, contentType: "text/plain; charset=utf-8", body: Array("ok\n".utf8)) }

    /// Whether requests may come.
    func readiness(isVerbose: Bool) -> Response {
        let isReady = checks.allSatisfy { $0.problem == nil }
        var lines = ""
        if isVerbose || !isReady {
            for check in checks {
                lines += check.problem.map { "[-]\(check.name) failed: \($0)\n" } ?? "[+]\(check.name) ok\n"
            }
            lines += isReady ? "readyz check passed\n" : "readyz check failed\n"
        } else {
            lines = "ok\n"
        }
        return Response(
            status: isReady ? 200 : 503, contentType: "text/plain; charset=utf-8", body: Array(lines.utf8))
    }
}
