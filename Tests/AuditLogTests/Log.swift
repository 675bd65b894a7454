import AuditLog
import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport

/// A log that is written line by line, as an API server writes it, and evaluated.
struct Log {
    var lines: [String] = []
    private var count = 0

    /// A decision on a write.
    struct Decision: Equatable, CustomStringConvertible {
        let object: String
        let user: String
        /// The rules that deny and warn for certain.
        let denied: [String]
        let warned: [String]
        let doubted: [String]

        var description: String { "\(object) by \(user): denied \(denied), warned \(warned), doubted \(doubted)" }
    }

    /// A Deployment; without a probe, it violates `liveness-probe`.
    static func deployment(
        _ name: String = "web", version: Int = 1, replicas: Int = 2, image: String = "a:1", uid: String = "u1",
        labels: String = "web"
    ) -> String {
        """
        {"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"\(name)","namespace":"shop","uid":"\(uid)",\
        "resourceVersion":"\(version)","managedFields":[{"manager":"kubectl"}]},"spec":{"replicas":\(replicas),\
        "selector":{"matchLabels":{"app":"\(labels)"}},"template":{"metadata":{"labels":{"app":"\(labels)"}},\
        "spec":{"containers":[{"name":"app","image":"\(image)"}]}}},"status":{"replicas":1}}
        """
    }

    /// Appends an event.
    mutating func add(
        _ verb: String, _ resource: String = "deployments", _ name: String = "web", group: String = "apps",
        subresource: String = "", user: String = "dana", extra: String = "{}", code: Int = 200, request: String? = nil,
        response: String? = nil, level: String = "RequestResponse", query: String = "", annotations: String = "{}",
        stage: String = "ResponseComplete", id: String? = nil, second: Int? = nil, message: String = ""
    ) {
        count += 1
        let second = second ?? count
        let time = "2026-11-23T10:\(second / 600)\(second / 60 % 10):\(second % 60 / 10)\(second % 10).000000Z"
        var event = """
            {"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"\(level)","auditID":"\(id ?? "id-\(count)")",\
            "stage":"\(stage)","requestURI":"/apis/apps/v1/namespaces/shop/\(resource)\(query)","verb":"\(verb)",\
            "user":{"username":"\(user)","groups":["system:authenticated"],"extra":\(extra)},\
            "objectRef":{"resource":"\(resource)","namespace":"shop","name":"\(name)","apiGroup":"\(group)",\
            "apiVersion":"v1","subresource":"\(subresource)"},"responseStatus":{"metadata":{},"code":\(code),"message":"\(message)"}
            """
        if let request { event += #","requestObject":\#(request)"# }
        if let response { event += #","responseObject":\#(response)"# }
        event += #","requestReceivedTimestamp":"\#(time)","stageTimestamp":"\#(time)","annotations":\#(annotations)}"#
        lines.append(event)
    }

    /// Evaluates the log and returns the decisions and the counts.
    ///
    /// All events are taken before the first request is evaluated: a request must not see later events.
    func evaluate(
        _ levels: [String: String] = ["liveness-probe": "deny"], _ further: [String: String] = [:],
        limit: Int = LogHistory.defaultLimit, operatorLimit: Int = LogIntake.defaultOperatorLimit
    ) throws -> (decisions: [Decision], summary: LogSummary) {
        let settings = try Settings(environment: environment(onlyWith: levels, further))
        var intake = LogIntake(settings, operatorLimit: operatorLimit)
        var history = LogHistory(settings, limit: limit)
        var evaluator = LogEvaluator(settings)
        var events: [LoggedEvent] = []
        var state = LogLines()
        for (number, line) in lines.enumerated() {
            _ = intake.read(Array(line.utf8).span, at: (0, number + 1), in: &state) { events.append($0) }
        }
        var decisions: [Decision] = []
        var requests: [LoggedRequest] = []
        for event in events.sorted(by: { $0.microseconds < $1.microseconds }) {
            if let request = history.take(event) { requests.append(request) }
        }
        for request in requests {
            evaluator.evaluate(request) { result in
                func rules(_ effect: DecidedFinding.Effect) -> [String] {
                    result.certain.filter { $0.effect == effect }.map(\.decided.rule.id)
                }
                decisions.append(
                    Decision(
                        object: result.review.title, user: result.review.user.name, denied: rules(.deny),
                        warned: rules(.warn), doubted: result.doubted))
            }
        }
        return (decisions, intake.summary + history.summary + evaluator.summary)
    }
}
