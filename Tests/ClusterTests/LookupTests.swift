import Cluster
import Evaluation
import Foundation
import JSON
import Kubernetes
import Rules
import Synchronization
import TestSupport
import Testing

/// Lookups against an API server with the given objects and permissions.
@Suite struct LookupTests {
    private let account = "system:serviceaccount:operators:database"
    private static let group = "/apis/example.com/v1"

    private func server(_ resources: String...) throws -> RightsAPIServer {
        let server = try RightsAPIServer()
        let entries = resources.map { #"{"name":"\#($0)","kind":"Database","namespaced":true}"# }
        server.put(Self.group, #"{"kind":"APIResourceList","resources":[\#(entries.joined(separator: ","))]}"#)
        return server
    }

    private func ask(_ lookup: Lookup, _ server: RightsAPIServer) throws -> LookupAnswer {
        let folder = try TestFolder()
        let feed = try RelatedObjectFeed(
            try folder.access(to: server.port), of: .playbook, kinds: [], publish: { _ in })
        defer { feed.stop() }
        return try ask(lookup, feed)
    }

    private func ask(_ lookup: Lookup, _ feed: RelatedObjectFeed) throws -> LookupAnswer {
        let (answer, semaphore) = (Box(), DispatchSemaphore(value: 0))
        feed.ask([lookup], within: .seconds(8)) { answers in
            answer.value.withLock { $0 = answers.first }
            semaphore.signal()
        }
        _ = semaphore.wait(timeout: .now() + 10)
        return try #require(answer.value.withLock { $0 })
    }

    private final class Box: Sendable {
        let value = Mutex<LookupAnswer?>(nil)
    }

    /// The claim of a service account that created a Pod for a Database.
    private func claim(version: String = "v1") throws -> OperatorClaim {
        let pod = try Literal(
            yaml: """
                apiVersion: v1
                kind: Pod
                metadata:
                  name: db-0
                  namespace: shop
                  ownerReferences: [{apiVersion: example.com/\(version), kind: Database, name: main, uid: u, controller: true}]
                spec: {hostPID: true, containers: [{name: app, image: 'nginx'}]}
                """)
        let decision = try decision(on: pod, user: account)
        for case .claim(let claim) in decision.lookups { return claim }
        throw CancellationError()
    }

    private func decision(on object: Literal, before: Literal? = nil, user: String) throws -> Decision {
        let review: Literal = [
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": [
                "uid": "1", "operation": before == nil ? "CREATE" : "UPDATE", "namespace": "shop",
                "kind": [
                    "group": .string(before == nil ? "" : "apps"), "version": "v1", "kind": object["kind"] ?? nil,
                ],
                "userInfo": [
                    "username": .string(user), "extra": ["authentication.kubernetes.io/pod-uid": ["p"]],
                ],
                "object": object, "oldObject": before ?? nil,
            ],
        ]
        let settings = Settings(catalogue: .playbook)
        let context = Context(settings: settings, now: Timestamp(seconds: 1_795_435_200))
        return try Document().read(Array(review.json.utf8).span, AdmissionReview.options) { root in
            Result { Evaluator(settings).decision(on: try AdmissionReview(root), in: context) }
        }.get()
    }

    @Test(
        arguments: [
            (["update databases/status shop"], true), ([], false), (["update databases/status other"], false),
            // An account with all permissions applies manifests that others wrote.
            (["update databases/status shop", "* * everywhere"], false),
        ] as [([String], Bool)])
    func `an account is an operator if it can update the owner's status but not everything`(
        _ rights: [String], _ isOperator: Bool
    ) throws {
        let server = try server("databases", "databases/status")
        for right in rights { server.grant(right) }
        guard case .claim(_, let answer) = try ask(.claim(try claim()), server) else { throw CancellationError() }
        #expect(answer == isOperator)
    }

    @Test func `for a kind without a status, update on finalizers in all namespaces is required`() throws {
        let server = try server("databases")
        server.grant("update databases/finalizers shop")
        guard case .claim(_, let one) = try ask(.claim(try claim()), server) else { throw CancellationError() }
        #expect(one == false)
        server.grant("update databases/finalizers everywhere")
        guard case .claim(_, let all) = try ask(.claim(try claim()), server) else { throw CancellationError() }
        #expect(all == true)
    }

    @Test func `an account is not an operator if the API server does not serve the owner's kind`() throws {
        let server = try server("databases", "databases/status")
        server.grant("update databases/status shop")
        guard case .claim(_, let answer) = try ask(.claim(try claim(version: "v2")), server) else {
            throw CancellationError()
        }
        #expect(answer == false)
        #expect(!server.requests.contains { $0.hasPrefix("POST") })
    }

    @Test func `a kind is served if its group lists it, and unknown without an answer`() throws {
        let server = try RightsAPIServer()
        let path = "/apis/keda.sh/v1alpha1"
        for (json, expected) in [
            (nil, false), (#"{"resources":[{"name":"scaledjobs","kind":"ScaledJob"}]}"#, false),
            (#"{"resources":[{"name":"scaledobjects","kind":"ScaledObject"}]}"#, true), ("broken", nil),
        ] as [(String?, Bool?)] {
            if let json { server.put(path, json) }
            guard case .served(.scaledObject, let answer) = try ask(.served(.scaledObject), server) else {
                throw CancellationError()
            }
            #expect(answer == expected)
        }
        #expect(Set(server.requests) == ["GET \(path)"])
    }

    @Test func `a kind that is installed later is known at the next lookup`() throws {
        let server = try RightsAPIServer()
        server.grant("update databases/status shop")
        let folder = try TestFolder()
        let feed = try RelatedObjectFeed(
            try folder.access(to: server.port), of: .playbook, kinds: [], publish: { _ in })
        defer { feed.stop() }
        let claim = Lookup.claim(try claim())
        for (resources, expected) in [(nil, false), ("backups", false), ("databases", true)] as [(String?, Bool)] {
            if let resources {
                let kind = resources == "databases" ? "Database" : "Backup"
                server.put(
                    Self.group,
                    #"""
                    {"resources":[{"name":"\#(resources)","kind":"\#(kind)"},{"name":"\#(resources)/status","kind":"\#(kind)"}]}
                    """#)
            }
            guard case .claim(_, let isOperator) = try ask(claim, feed) else { throw CancellationError() }
            #expect(isOperator == expected)
        }
    }

    @Test func `revisions are the ReplicaSets controlled by the workload's uid, newest first`() throws {
        let server = try RightsAPIServer()
        let base = "/apis/apps/v1/namespaces/shop/replicasets"
        func replicaSet(_ name: String, _ uid: String, _ created: String, _ image: String) -> String {
            #"""
            {"kind":"ReplicaSet","metadata":{"name":"\#(name)","namespace":"shop","creationTimestamp":"\#(created)",
            "annotations":{"deployment.kubernetes.io/revision":"\#(name)"},
            "ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"web","uid":"\#(uid)","controller":true}]},
            "spec":{"template":{"spec":{"containers":[{"name":"app","image":"\#(image)"}]}}}}
            """#
        }
        let sets = [
            replicaSet("1", "u", "2026-01-01T00:00:00Z", "nginx"),
            replicaSet("2", "u", "2026-02-01T00:00:00Z", "nginx:1"),
            replicaSet("9", "stranger", "2026-03-01T00:00:00Z", "nginx:9"),
        ]
        server.put(base, #"{"kind":"PartialObjectMetadataList","items":[\#(sets.joined(separator: ","))]}"#)
        for (name, json) in zip(["1", "2", "9"], sets) { server.put("\(base)/\(name)", json) }
        let deployment = try Literal(
            yaml: """
                apiVersion: apps/v1
                kind: Deployment
                metadata: {name: web, namespace: shop, uid: u}
                spec:
                  replicas: 2
                  selector: {matchLabels: {app: web}}
                  template: {spec: {containers: [{name: app, image: 'nginx:latest'}]}}
                """)
        let good = deployment.merging(
            try Literal(yaml: "spec: {template: {spec: {containers: [{name: app, image: 'example.com/a:1.2.3'}]}}}"))
        let decision = try decision(on: deployment, before: good, user: "jane")
        let lookup = try #require(decision.lookups.first { if case .templates = $0 { true } else { false } })
        guard case .templates(_, let found) = try ask(lookup, server) else { throw CancellationError() }
        #expect(found?.map(\.source) == ["revision 2", "revision 1"])
        #expect(!server.requests.contains("GET \(base)/9"))
    }

    @Test func `without an answer from the API server, the result is unknown`() throws {
        let server = try RightsAPIServer()
        server.put(Self.group, "broken")
        guard case .claim(_, let answer) = try ask(.claim(try claim()), server) else { throw CancellationError() }
        #expect(answer == nil)
    }

    // MARK: Kinds that are not watched

    @Test func `cluster-scoped objects are listed for the whole cluster`() throws {
        let server = try server()
        let path = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
        server.put(
            path,
            #"""
            {"kind":"ClusterRoleList","metadata":{"resourceVersion":"1"},"items":[
            {"metadata":{"name":"all"},"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]}]}
            """#)
        let answer = try ask(.absence(Absence(.clusterRole, in: "default")), server)
        guard case .absence(_, let found?) = answer else { throw CancellationError() }
        #expect(try found.object(.clusterRole, named: "all", in: "default") != nil)
        #expect(server.requests == ["GET \(path)"])
    }

    @Test(arguments: ["all", "all,own", "a=b", #"a\b"#])
    func `one object is listed by its name, however many others there are`(_ name: String) throws {
        let server = try server()
        let path = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles"
        server.put(
            // As Kubernetes escapes values in field selectors.
            "\(path)?fieldSelector=metadata.name="
                + ["all": "all", "all,own": #"all\,own"#, "a=b": #"a\=b"#, #"a\b"#: #"a\\b"#][name, default: ""],
            """
            {"kind":"RoleList","metadata":{"resourceVersion":"1"},"items":[
            {"metadata":{"name":\(Literal.string(name).json),"namespace":"shop"},"rules":[]}]}
            """)
        let absence = Absence(.role, in: "shop", named: name)
        guard case .absence(absence, let found?) = try ask(.absence(absence), server) else { throw CancellationError() }
        #expect(try found.object(.role, named: name, in: "shop") != nil)
    }

    @Test func `a kind that is not served has no objects, and an invalid response gives no result`() throws {
        let server = try server()
        let absence = Absence(.securityPolicy, in: "shop")
        let path = "/apis/gateway.envoyproxy.io/v1alpha1/namespaces/shop/securitypolicies"
        guard case .absence(_, let found?) = try ask(.absence(absence), server) else { throw CancellationError() }
        #expect(found.knows(.securityPolicy, in: "shop"))
        #expect(try found.objects(.securityPolicy, in: "shop").isEmpty)
        server.put(path, "broken")
        guard case .absence(_, nil) = try ask(.absence(absence), server) else {
            Issue.record("a broken answer was believed")
            return
        }
    }
}
