import Cluster
import Foundation
import HTTP
import JSON
import Kubernetes
import Net
import Synchronization
import Testing

/// An API client on a separate thread; calls block until they have a result.
final class APICaller: Sendable {
    typealias Outcome = Result<APIResponse, APIError>

    private let thread: ClientThread<APIClient>

    init(_ access: ClusterAccess, _ options: APIOptions = Follower.apiOptions) throws {
        thread = try ClientThread { loop in APIClient(loop: loop, access: access, options: options) }
    }

    deinit { thread.stop() }

    func send(_ request: APIRequest) throws -> Outcome {
        let answer = Answer()
        thread.perform { client in client.send(request) { answer.put($0) } }
        return try #require(answer.wait())
    }

    func perform(_ job: @escaping @Sendable (APIClient) -> Void) { thread.perform(job) }

    private final class Answer: Sendable {
        private let outcome = Mutex<Outcome?>(nil)
        private let came = DispatchSemaphore(value: 0)

        func put(_ outcome: Outcome) {
            self.outcome.withLock { $0 = outcome }
            came.signal()
        }

        func wait() -> Outcome? {
            _ = came.wait(timeout: .now() + 20)
            return outcome.withLock { $0 }
        }
    }
}

extension Result where Success == APIResponse, Failure == APIError {
    var text: String? {
        if case .success(let response) = self { String(decoding: response.body, as: UTF8.self) } else { nil }
    }
    var error: APIError? { if case .failure(let error) = self { error } else { nil } }
}

@Suite struct APIClientTests {
    private func caller(
        _ server: ScriptedAPIServer, _ adjust: (inout APIOptions) -> Void = { _ in }
    ) throws -> (caller: APICaller, folder: TestFolder) {
        let folder = try TestFolder()
        let access = try folder.access(to: server.port)
        var options = Follower.apiOptions
        adjust(&options)
        return (try APICaller(access, options), folder)
    }

    @Test(arguments: [OutgoingRequest.Verb.get, .post, .put, .patch, .delete])
    func `requests carry the token, and the content type of a body`(verb: OutgoingRequest.Verb) throws {
        let server = try ScriptedAPIServer()
        let (caller, folder) = try caller(server)
        defer { withExtendedLifetime(folder) {} }
        let body = verb == .get ? [] : Array(#"{"a":1}"#.utf8)
        let outcome = try caller.send(
            APIRequest(verb, "/api/v1/x", body: body, contentType: "application/json-patch+json"))
        #expect(outcome.text == #"{"kind":"Echo","verb":"\#(verb.rawValue)","length":\#(body.count)}"#)
        let request = try #require(server.requests.first)
        #expect(request.headers["authorization"] == "Bearer token-1")
        #expect(request.headers["accept"] == "application/json")
        #expect(request.headers["content-type"] == (verb == .get ? nil : "application/json-patch+json"))
    }

    @Test func `paths and queries are escaped`() throws {
        #expect(
            APIResource(.podDisruptionBudget).path(in: "a/b", name: "c?d")
                == "/apis/policy/v1/namespaces/a%2Fb/poddisruptionbudgets/c%3Fd")
        #expect(APIResource(.namespace).path() == "/api/v1/namespaces")
        #expect(APIResource(.horizontalPodAutoscaler).path() == "/apis/autoscaling/v2/horizontalpodautoscalers")
        #expect("\(APIResource(.scaledObject))" == "scaledobjects.keda.sh")
        let server = try ScriptedAPIServer()
        let (caller, folder) = try caller(server)
        defer { withExtendedLifetime(folder) {} }
        _ = try caller.send(APIRequest(.get, "/api", query: [("labelSelector", "a=b,c in (d)"), ("e", "&f")]))
        #expect(server.requests.first?.query == ["labelSelector": "a=b,c in (d)", "e": "&f"])
    }

    @Test func `an error status includes the API server's message`() throws {
        let server = try ScriptedAPIServer()
        let (caller, folder) = try caller(server)
        defer { withExtendedLifetime(folder) {} }
        server.cueOther(.status(409, body: ScriptedAPIServer.status(409, "Conflict", "the object has been modified")))
        #expect(
            try caller.send(APIRequest(.put, "/x", body: [0x7B, 0x7D])).error?.description
                == "the API server returned 409 Conflict: the object has been modified")
        server.cueOther(.status(404, body: "page\nnot found"))
        #expect(
            try caller.send(APIRequest(.get, "/x")).error == .status(APIStatus(code: 404, message: "page not found")))
        server.cueOther(.status(204))
        #expect(try caller.send(APIRequest(.delete, "/x")).text == "")
    }

    @Test(arguments: [
        // A GET is retried after every temporary error.
        (OutgoingRequest.Verb.get, 500, "", true), (.get, 503, "", true), (.get, 429, "", true), (.get, 404, "", false),
        (.get, 501, "", false), (.get, 400, "", false),
        // A write is retried only if the server states that it did not process the request.
        (.post, 500, "", false), (.patch, 503, "", false), (.post, 429, "", true),
        (.put, 429, "Retry-After: 1\r\n", true),
        (.post, 503, "Retry-After: 1\r\n", true),
    ])
    func `requests are retried only when a retry is safe`(
        verb: OutgoingRequest.Verb, code: Int, headers: String, isRepeated: Bool
    ) throws {
        let server = try ScriptedAPIServer()
        let (caller, folder) = try caller(server)
        defer { withExtendedLifetime(folder) {} }
        server.cueOther(.status(code, headers: headers), .status(code, headers: headers))
        let outcome = try caller.send(APIRequest(verb, "/x"))
        #expect((outcome.text != nil) == isRepeated)
        #expect(server.requests.count == (isRepeated ? 3 : 1))
    }

    @Test func `retries are limited in number and in time`() throws {
        let server = try ScriptedAPIServer()
        let (caller, folder) = try caller(server)
        defer { withExtendedLifetime(folder) {} }
        let failure = ScriptedAPIServer.Cue.status(500, body: "broken")
        server.cueOther(failure, failure, failure)
        #expect(
            try caller.send(APIRequest(.get, "/x", attempts: 3)).error
                == .status(APIStatus(code: 500, message: "broken")))
        #expect(server.requests.count == 3)
        server.cueOther(.status(429, headers: "Retry-After: 30\r\n"))
        let (patient, other) = try self.caller(server) { $0.longestRetryAfter = .seconds(60) }
        defer { withExtendedLifetime(other) {} }
        // The server asks for a wait of 30 seconds, longer than the call's limit: the call fails immediately.
        let outcome = try patient.send(APIRequest(.get, "/x", limit: .seconds(10)))
        #expect(outcome.error == .status(APIStatus(code: 429, message: "", retryAfter: .seconds(30))))
    }

    @Test func `a call to a stalled server ends at its time limit`() throws {
        let server = try ScriptedAPIServer()
        let (caller, folder) = try caller(server)
        defer { withExtendedLifetime(folder) {} }
        server.cueOther(.stall)
        let outcome = try caller.send(APIRequest(.get, "/x", attempts: 1, limit: .milliseconds(100)))
        #expect(outcome.error == .transport(.timedOut(Endpoint(host: "127.0.0.1", port: server.port), .whole)))
    }

    @Test func `a response that is too large is rejected`() throws {
        let server = try ScriptedAPIServer()
        let (caller, folder) = try caller(server)
        defer { withExtendedLifetime(folder) {} }
        server.cueOther(.status(200, body: String(repeating: "x", count: 1001)))
        #expect(try caller.send(APIRequest(.get, "/x", maximumResponse: 1000)).error == .tooLarge(maximum: 1000))
        server.cueOther(.status(200, body: String(repeating: "x", count: 1000)))
        #expect(try caller.send(APIRequest(.get, "/x", maximumResponse: 1000)).text?.count == 1000)
    }

    @Test func `a rejected token is read again and the call is retried`() throws {
        let server = try ScriptedAPIServer()
        server.allow(tokens: ["token-1"])
        let (caller, folder) = try caller(server) { $0.credentialsInterval = .seconds(3600) }
        #expect(try caller.send(APIRequest(.get, "/x")).text != nil)
        server.allow(tokens: ["token-2"])
        try folder.write("token", "token-2")
        #expect(try caller.send(APIRequest(.post, "/x")).text != nil)
        #expect(
            server.requests.map { $0.headers["authorization"] }
                == ["token-1", "token-1", "token-2"].map { "Bearer \($0)" })
        server.allow(tokens: ["token-3"])
        #expect(
            try caller.send(APIRequest(.get, "/x")).error
                == .status(APIStatus(code: 401, reason: "Unauthorized", message: "Unauthorized")))
    }

    @Test func `if the token cannot be read, the previous token stays in use`() throws {
        let server = try ScriptedAPIServer()
        let (caller, folder) = try caller(server) { $0.credentialsInterval = .zero }
        #expect(try caller.send(APIRequest(.get, "/x")).text != nil)
        try FileManager.default.removeItem(atPath: "\(folder.path)/token")
        try folder.write("ca.crt", "no PEM")
        #expect(try caller.send(APIRequest(.get, "/x")).text != nil)
        #expect(server.requests.map { $0.headers["authorization"] } == ["Bearer token-1", "Bearer token-1"])
    }

    @Test func `a token with a line break is neither sent nor shown in the error`() throws {
        let server = try ScriptedAPIServer()
        let (caller, folder) = try caller(server)
        try folder.write("token", "s3cret\r\nX-Remote-User: root")
        let error = try #require(try caller.send(APIRequest(.get, "/x")).error)
        #expect(error == .transport(.malformedRequest(.header("Authorization"))))
        #expect(!"\(error)".contains("s3cret"))
        #expect(server.requests.isEmpty)
    }

    @Test func `the objects of one namespace are listed`() throws {
        let server = try ScriptedAPIServer()
        let (caller, folder) = try caller(server)
        defer { withExtendedLifetime(folder) {} }
        let observed = Observed()
        server.cueOther(
            .status(
                200,
                body:
                    #"{"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}"#
            ),
            .status(200, body: #"{"metadata":{},"items":[]}"#), .status(200, body: "[1"))
        for count in 1...3 {
            caller.perform { client in
                client.list(
                    APIResource(.podDisruptionBudget), in: "ns",
                    each: { object in
                        let name = object["metadata"]?["name"]?.string ?? ""
                        observed.change { $0.objects[name] = "here" }
                    },
                    { result in
                        observed.change {
                            switch result {
                            case .success(let page): $0.unavailable.append(page.resourceVersion)
                            case .failure(let error): $0.unavailable.append("\(error)")
                            }
                        }
                    })
            }
            #expect(eventually { observed.unavailable.count == count })
        }
        #expect(observed.objects == ["a": "here", "b": "here"])
        #expect(server.requests.first?.path == "/apis/policy/v1/namespaces/ns/poddisruptionbudgets")
        #expect(
            observed.unavailable.prefix(2) == [
                "7", "cannot read the API server's response: not a list: resourceVersion is missing",
            ])
        let cut = "cannot read the API server's response: line 1, column 3"
        #expect(observed.unavailable.last?.hasPrefix(cut) == true)
    }

    @Test func `a canceled call reports no result`() throws {
        let server = try ScriptedAPIServer()
        let (caller, folder) = try caller(server)
        defer { withExtendedLifetime(folder) {} }
        let observed = Observed()
        caller.perform { client in
            client.send(APIRequest(.get, "/x")) { _ in observed.change { $0.syncs += 1 } }.cancel()
        }
        #expect(try caller.send(APIRequest(.get, "/y")).text != nil)
        #expect(observed.syncs == 0)
        #expect(server.requests.map(\.path) == ["/y"])
    }
}
