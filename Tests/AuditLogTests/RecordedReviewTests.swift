import AuditLog
import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// Events that are made of recorded reviews lead to the decisions of the reviews.
@Suite struct RecordedReviewTests {
    /// A finding of a rule that reads no other objects, which a log shows only in part.
    private struct Found: Hashable {
        let rule: String
        let path: String
        let effect: DecidedFinding.Effect

        init?(_ decided: DecidedFinding, _ effect: DecidedFinding.Effect) {
            guard decided.rule.relatedObjects.isEmpty else { return nil }
            (rule, path, self.effect) = (decided.rule.id, decided.path, effect)
        }
    }

    private func text(_ value: Value?) -> String {
        value.map { String(decoding: $0.source, as: UTF8.self) } ?? "null"
    }

    /// Returns an event with the request of a review.
    private func event(
        _ request: Value, _ verb: String, _ second: Int, subresource: String, code: Int, object: String
    ) -> String {

        let resource = request["resource"]
        let options = request["options"]?["fieldManager"]?.string.map { "?fieldManager=\($0)" } ?? ""
        let dryRun = request["dryRun"]?.bool ?? false ? "?dryRun=All" : options
        return """
            {"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"a-\(second)",\
            "stage":"ResponseComplete","requestURI":"/apis\(dryRun)","verb":"\(verb)","user":\(text(request["userInfo"])),\
            "objectRef":{"resource":\(text(resource?["resource"])),"apiGroup":\(text(resource?["group"])),\
            "apiVersion":\(text(resource?["version"])),"subresource":"\(subresource)",\
            "namespace":\(text(request["namespace"])),"name":\(text(request["name"]))},\
            "responseStatus":{"code":\(code)},"responseObject":\(object),\
            "stageTimestamp":"2026-11-23T10:00:0\(second).000000Z","annotations":{}}
            """
    }

    /// Returns the events of a review, after one that shows its old object.
    private func events(of request: Value) -> [String] {
        let subresource = request["subResource"]?.string ?? ""
        let old = request["oldObject"].flatMap { $0.isNull ? nil : $0 }
        var lines: [String] = []
        if let old {
            let object: String =
                subresource == "scale"
                ? """
                {"kind":"Deployment","apiVersion":"apps/v1","metadata":\(text(old["metadata"])),"spec":\(text(old["spec"]))}
                """ : text(old)
            lines.append(event(request, "create", 1, subresource: "", code: 201, object: object))
        }
        switch request["operation"]?.string {
        case "CREATE":
            lines.append(
                event(request, "create", 2, subresource: subresource, code: 201, object: text(request["object"])))
        case "UPDATE":
            lines.append(
                event(request, "update", 2, subresource: subresource, code: 200, object: text(request["object"])))
        default:
            lines.append(
                event(request, "delete", 2, subresource: subresource, code: 200, object: #"{"kind":"Status"}"#))
        }
        return lines
    }

    @Test func `all recorded reviews`() throws {
        // A field that a fix would set gives a warning, because the log has the object without it.
        let settings = try Settings(environment: ["PLAYBOOK_COMPANION_GRACE": "0s", "PLAYBOOK_FIX": "none"])
        let (emptyIntake, emptyHistory) = (LogIntake(settings), LogHistory(settings))
        var logEvaluator = LogEvaluator(settings)
        let evaluator = Evaluator(settings)
        let now = try #require(Timestamp("2026-11-23T10:00:02Z"))
        var compared = 0
        for name in try Fixtures.reviews() {
            let document = try Document(parsing: try Fixtures.bytes(name), AdmissionReview.options)
            let review = try AdmissionReview(document.root)
            let request = try #require(document.root["request"])
            let direct = evaluator.decision(
                on: review,
                in: Context(
                    settings: settings,
                    relatedObjects: RelatedObjects(knowledge: .kindsHeld, of: settings.catalogue), now: now,
                    source: .recording))
            var (intake, history, lines) = (emptyIntake, emptyHistory, LogLines())
            var last: (found: Set<Found>, doubted: [String])?
            for line in events(of: request) {
                last = nil
                _ = intake.read(Array(line.utf8).span, at: (0, 1), in: &lines) { event in
                    guard let logged = history.take(event) else { return }
                    logEvaluator.evaluate(logged) { result in
                        last = (
                            Set(result.certain.compactMap { Found($0.decided, $0.effect) }), result.doubted
                        )
                    }
                }
            }
            let expected = Set(direct.findings.compactMap { Found($0, $0.effect) })
            let (found, doubted) = last ?? ([], [])
            let surplus = found.subtracting(expected)
            let missing = expected.subtracting(found).filter { !doubted.contains($0.rule) }
            #expect(surplus.isEmpty, "\(name)")
            #expect(missing.isEmpty, "\(name)")
            if !expected.isEmpty { compared += 1 }
        }
        #expect(compared >= 20)
    }
}
