import Evaluation
import HTTP
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing
import Webhook

@Suite struct WebhookTests {
    private func send(
        _ request: Request, _ body: [UInt8], _ environment: [String: String] = [:]
    ) throws -> (Response, AdmissionAnswer?) {
        let settings = try Settings(environment: environment)
        let context = Context(settings: settings, now: Timestamp(seconds: 1_795_435_200))
        do throws(Rejection) {
            let answer = try Admission(evaluator: Evaluator(settings)).answer(request, body: body.span, in: context)
            return (answer.response, answer)
        } catch {
            return (error.response, nil)
        }
    }

    private func endpoints(stalled: String? = nil, problem: String? = nil) -> HealthEndpoints {
        HealthEndpoints(
            health: {
                Health(
                    liveness: [.init("loops", problem: stalled)],
                    readiness: [.init("shutdown", problem: problem), .init("certificate")])
            }, metrics: { "a 1\n" })
    }

    private func head(_ method: HTTP.Method, _ path: String, _ query: String = "", type: MediaType = .json)
        -> RequestHead
    {
        RequestHead(method: method, path: path, query: query, mediaType: type)
    }

    private func post(
        _ body: [UInt8], to path: String = "/validate", isTruncated: Bool = false, _ environment: [String: String] = [:]
    ) throws -> (Response, AdmissionAnswer?) {
        try send(Request(head: head(.post, path), isBodyTruncated: isTruncated), body, environment)
    }

    private func response(
        _ body: [UInt8], to path: String = "/validate", isTruncated: Bool = false, _ environment: [String: String] = [:]
    ) throws -> Literal {
        let (response, _) = try post(body, to: path, isTruncated: isTruncated, environment)
        #expect(response.status == 200)
        let review = try Literal(json: response.body)
        #expect(review["kind"] == "AdmissionReview" && review["apiVersion"] == "admission.k8s.io/v1")
        return try #require(review["response"])
    }

    private let catalogue = "reviews/023-create-deployment-catalogue.json"

    @Test func `a Deployment without findings is allowed, without warnings`() throws {
        let review = try Fixtures.bytes("reviews/016-create-deployment-checkout.json")
        let uid = try Literal(json: review)["request"]?["uid"]
        let answer = try response(review)
        #expect(answer["uid"] == uid && uid != nil)
        #expect(answer["allowed"] == true)
        #expect(answer["status"] == nil && answer["warnings"] == nil && answer["patch"] == nil)
    }

    @Test func `a denial has reason Forbidden, a message and causes`() throws {
        let answer = try response(Fixtures.bytes(catalogue))
        #expect(answer["allowed"] == false)
        let status = try #require(answer["status"])
        #expect(status["code"] == 403 && status["reason"] == "Forbidden")
        let headline = status["message"]?.text?.split(separator: "\n").first
        #expect(headline?.hasPrefix("Deployment shop/catalogue violates ") == true)
        #expect(headline?.hasSuffix(" rules:") == true)
        guard case .array(let causes)? = status["details"]?["causes"] else {
            Issue.record("no causes")
            return
        }
        #expect(
            causes.contains([
                "reason": "liveness-probe", "message": "containers[logger].livenessProbe is not set",
                "field": "spec.template.spec.containers[1].livenessProbe",
            ]))
        #expect(answer["patch"] == nil, "API servers reject a patch from a validating webhook")
    }

    @Test func `dry-run mode allows with warnings about would-be denials`() throws {
        let answer = try response(Fixtures.bytes(catalogue), ["PLAYBOOK_MODE": "dry-run"])
        #expect(answer["allowed"] == true)
        #expect(answer["warnings"]?.json.contains("would be denied") == true)
        #expect(
            answer["auditAnnotations"]?["rules-would-deny"]?.text?.hasPrefix("liveness-probe,readiness-probe,") == true)
    }

    @Test func `mutate answers with a patch in base64 and never denies`() throws {
        let answer = try response(Fixtures.bytes(catalogue), to: "/mutate")
        #expect(answer["allowed"] == true && answer["status"] == nil)
        #expect(answer["patchType"] == "JSONPatch")
        #expect(answer["auditAnnotations"]?["fixed"] == "cpu-request,topology-spread")
        #expect(try response(Fixtures.bytes(catalogue), to: "/mutate", ["PLAYBOOK_FIX": "none"])["patchType"] == nil)
        let deletion = try #require(Fixtures.reviews().first { $0.contains("/187-") })
        #expect(
            try response(Fixtures.bytes(deletion), to: "/mutate")["patch"] == nil, "a patch on DELETE fails the request"
        )
    }

    @Test func `a review of v1beta1 is answered in v1beta1`() throws {
        let text = try Fixtures.text(catalogue).replacing("admission.k8s.io/v1\"", with: "admission.k8s.io/v1beta1\"")
        let (answer, _) = try post(Array(text.utf8))
        #expect(try Literal(json: answer.body)["apiVersion"] == "admission.k8s.io/v1beta1")
    }

    @Test(arguments: [
        ("{\"a\": 1,}", "line 1, column 9"), ("", "empty"), ("[]", "not an AdmissionReview"),
        ("{}", "admission.k8s.io/v1 and v1beta1"),
        (
            "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v2\",\"request\":{}}",
            "admission.k8s.io/v2 is not served"
        ),
        ("{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\"}", "no request"),
        (
            "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{\"operation\":\"CREATE\"}}",
            "no uid"
        ),
    ])
    func `a body that is not a review is answered 400 with the reason`(_ body: String, _ part: String) throws {
        let (response, event) = try post(Array(body.utf8))
        #expect(response.status == 400)
        #expect(
            try Literal(json: response.body)["error"]?.text?.contains(part) == true,
            "\(String(decoding: response.body, as: UTF8.self))")
        #expect(event == nil)
    }

    @Test func `a review that is too large is denied with its uid, or allowed with a warning in dry-run mode`() throws {
        let bytes = try Fixtures.bytes(catalogue)
        let beginning = Array(bytes[..<600])
        var answer = try response(beginning, isTruncated: true)
        #expect(answer["uid"] == (try Literal(json: bytes))["request"]?["uid"])
        #expect(answer["allowed"] == false && answer["status"]?["code"] == 413)
        answer = try response(beginning, isTruncated: true, ["PLAYBOOK_MODE": "dry-run"])
        #expect(answer["allowed"] == true && answer["warnings"]?.json.contains("PLAYBOOK_MAX_BODY") == true)
        answer = try response(beginning, to: "/mutate", isTruncated: true)
        #expect(answer["allowed"] == true && answer["patch"] == nil)
        #expect(try post(Array("{\"a\":".utf8), isTruncated: true).0.status == 413)
    }

    @Test func `an object that is nested too deeply is denied with its uid`() throws {
        let junk = String(repeating: "[", count: 20_000) + String(repeating: "]", count: 20_000)
        let review =
            "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{\"uid\":\"u-1\",\"operation\":\"CREATE\",\"object\":{\"junk\":\(junk)}}}"
        let answer = try response(Array(review.utf8))
        #expect(answer["uid"] == "u-1" && answer["allowed"] == false && answer["status"]?["code"] == 422)
    }

    @Test(arguments: [
        (HTTP.Method.get, "/validate", MediaType.absent, 405), (.head, "/mutate", .absent, 405),
        (.other, "/validate", .json, 405), (.post, "/", .json, 404), (.post, "/validate/", .json, 404),
        (.get, "/livez", .absent, 404), (.post, "/validate", .other, 415), (.post, "/validate", .absent, 415),
    ])
    func `paths and methods of reviews`(
        _ method: HTTP.Method, _ path: String, _ type: MediaType, _ status: Int
    ) throws {
        let (response, _) = try send(Request(head: head(method, path, type: type)), [])
        #expect(response.status == status)
        #expect(response.headers.contains { $0.name == "Allow" } == (status == 405))
    }

    @Test(arguments: [
        (HTTP.Method.get, "/livez", 200), (.head, "/readyz", 200), (.get, "/metrics", 200), (.post, "/livez", 405),
        (.post, "/validate", 404), (.get, "/", 404),
    ])
    func `paths and methods of probes`(_ method: HTTP.Method, _ path: String, _ status: Int) {
        let response = endpoints().respond(to: head(method, path, type: .absent))
        #expect(response.status == status)
        #expect(response.headers.contains { $0.name == "Allow" } == (status == 405))
    }

    @Test func `liveness and readiness report their failed checks separately`() {
        func get(_ path: String, _ query: String, stalled: String? = nil, problem: String? = nil) -> (Int, String) {
            let response = endpoints(stalled: stalled, problem: problem).respond(to: head(.get, path, query))
            return (response.status, String(decoding: response.body, as: UTF8.self))
        }
        #expect(get("/readyz", "") == (200, "ok\n"))
        #expect(
            get("/readyz", "verbose") == (
                200, "[+]shutdown ok\n[+]certificate ok\nreadyz check passed\n"
            ))
        #expect(
            get("/readyz", "", problem: "ending") == (
                503, "[-]shutdown failed: ending\n[+]certificate ok\nreadyz check failed\n"
            ))
        #expect(get("/livez", "", problem: "ending") == (200, "ok\n"))
        #expect(get("/readyz", "", stalled: "1 of 2") == (200, "ok\n"))
        #expect(get("/livez", "verbose") == (200, "[+]loops ok\nlivez check passed\n"))
        #expect(get("/livez", "", stalled: "1 of 2") == (503, "[-]loops failed: 1 of 2\nlivez check failed\n"))
    }

    @Test func `a review that cannot be evaluated is counted as an error, not as a denial`() throws {
        let bytes = try Fixtures.bytes(catalogue)
        for environment in [[:], ["PLAYBOOK_MODE": "dry-run"]] as [[String: String]] {
            for path in ["/validate", "/mutate"] {
                let answer = try #require(
                    try post(Array(bytes[..<600]), to: path, isTruncated: true, environment).1)
                #expect(answer.isDenied == (environment.isEmpty && path == "/validate"))
                var metrics = Metrics(of: .playbook)
                metrics.count(answer, nanoseconds: 9_000)
                var text = Exposition()
                metrics.write(to: &text)
                let labels = "endpoint=\"\(path.dropFirst())\",operation=\"unknown\",kind=\"other\""
                #expect(
                    text.text.contains("playbook_admission_requests_total{\(labels),decision=\"error\"} 1\n"))
                #expect(!text.text.contains("decision=\"deny\""))
            }
        }
    }

    @Test(arguments: [("/validate", "{", true), ("/mutate", "{}", true), ("/", "{", false)])
    func `a body that is not a review is counted as an error of its endpoint`(
        _ path: String, _ body: String, _ isCounted: Bool
    ) throws {
        let request = Request(head: head(.post, path))
        let settings = Settings(catalogue: .playbook)
        let context = Context(settings: settings, now: Timestamp(seconds: 1_795_435_200))
        var metrics = Metrics(of: .playbook)
        do throws(Rejection) {
            _ = try Admission(evaluator: Evaluator(settings)).answer(request, body: Array(body.utf8).span, in: context)
            Issue.record("the body was accepted")
        } catch {
            metrics.count(error, of: request.head.path)
        }
        var text = Exposition()
        metrics.write(to: &text)
        let labels = "endpoint=\"\(path.dropFirst())\",operation=\"unknown\",kind=\"other\",decision=\"error\""
        #expect(text.text.contains("playbook_admission_requests_total{\(labels)} 1\n") == isCounted)
        #expect(text.text.contains("playbook_admission_duration_seconds_count 0\n"))
    }

    @Test func `counters of several loops add up`() throws {
        let (_, event) = try post(Fixtures.bytes(catalogue))
        let denial = try #require(event)
        #expect(denial.outcome == .deny && denial.kind == .deployment && denial.requester?.user == "admin")
        var one = Metrics(of: .playbook)
        var other = Metrics(of: .playbook)
        one.count(denial, nanoseconds: 9_000)
        other.count(denial, nanoseconds: 25_000)
        other.count(denial, nanoseconds: 2_000_000_000)
        one += other
        var text = Exposition()
        one.write(to: &text)
        for line in [
            "playbook_admission_requests_total{endpoint=\"validate\",operation=\"CREATE\",kind=\"Deployment\",decision=\"deny\"} 3",
            "playbook_findings_total{rule=\"run-as-non-root\",effect=\"deny\"} 6",
            "playbook_rules_not_evaluated_total{rule=\"pod-disruption-budget\"} 3",
            "playbook_admission_duration_seconds_bucket{le=\"1e-05\"} 1",
            "playbook_admission_duration_seconds_bucket{le=\"3e-05\"} 2",
            "playbook_admission_duration_seconds_bucket{le=\"1\"} 2",
            "playbook_admission_duration_seconds_bucket{le=\"+Inf\"} 3",
            "playbook_admission_duration_seconds_sum 2.000034", "playbook_admission_duration_seconds_count 3",
        ] { #expect(text.text.contains(line + "\n"), "\(line)") }
    }

    @Test func `a field of the wrong type is counted once, under schema`() throws {
        let review = #"""
            {"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u-1","operation":"CREATE",\#
            "kind":{"group":"apps","version":"v1","kind":"Deployment"},"namespace":"shop","name":"web",\#
            "userInfo":{"username":"admin"},"object":{"apiVersion":"apps/v1","kind":"Deployment",\#
            "metadata":{"name":"web","namespace":"shop"},"spec":{"replicas":3,"template":{"spec":{"containers":"oops"}}}}}}
            """#
        let event = try #require(try post(Array(review.utf8)).1)
        var metrics = Metrics(of: .playbook)
        metrics.count(event, nanoseconds: 9_000)
        var text = Exposition()
        metrics.write(to: &text)
        #expect(text.text.contains("playbook_findings_total{rule=\"schema\",effect=\"deny\"} 1\n"))
    }
}

extension String {
    fileprivate func replacing(_ part: String, with other: String) -> String {
        split(separator: part, omittingEmptySubsequences: false).joined(separator: other)
    }
}
