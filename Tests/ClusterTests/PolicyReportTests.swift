import Cluster
import Evaluation
import Foundation
import JSON
import Kubernetes
import Net
import Rules
import TestSupport
import Testing

/// The reports that an audit writes, and those that it leaves unchanged.
@Suite struct PolicyReportTests {
    private static let reports = "/apis/wgpolicyk8s.io/v1alpha2"
    private static let now = Timestamp(seconds: 1_795_435_200)

    /// Audits a cluster with one Deployment per name, and writes the reports.
    private func write(
        _ names: [String], to server: ObjectAPIServer, replicas: Int = 1, unreadable: Int = 0
    ) throws -> PolicyReports.Outcome {
        let folder = try TestFolder()
        let client = try BlockingClient(
            try folder.access(to: server.port))
        defer { client.stop() }
        let items = names.map { name in
            """
            {"metadata":{"name":"\(name)","namespace":"shop","uid":"u-\(name)"},"spec":{"replicas":\(replicas),
            "template":{"metadata":{"labels":{"app":"\(name)"}},"spec":{"containers":[{"name":"app","image":"app"}]}}}}
            """
        }
        server.put("/apis/apps/v1/deployments", #"{"metadata":{},"items":[\#(items.joined(separator: ","))]}"#)
        let settings = try Settings(
            environment: environment(onlyWith: ["replicas": "deny"]))
        var (reports, problems) = (PolicyReports(), 0)
        Audit(client, settings).run(
            at: Self.now, each: { reports.add($0) },
            problem: { _, _ in
                problems += 1
                reports.addUnreadable()
            })
        #expect(problems == unreadable)
        return reports.write(with: client, in: nil, at: Self.now)
    }

    private func server(existing: String = "") throws -> ObjectAPIServer {
        let server = try ObjectAPIServer()
        server.put(Self.reports, #"{"metadata":{},"kind":"APIResourceList"}"#)
        server.put("\(Self.reports)/policyreports", #"{"metadata":{},"items":[\#(existing)]}"#)
        server.put("\(Self.reports)/clusterpolicyreports", #"{"metadata":{},"items":[]}"#)
        return server
    }

    private func report(_ server: ObjectAPIServer) throws -> Literal {
        let object = try #require(server.object("\(Self.reports)/namespaces/shop/policyreports/playbook"))
        return try Literal(parsing: Array(JSONSerialization.data(withJSONObject: object)))
    }

    @Test func `each namespace has one report with all findings and their objects`() throws {
        let server = try server()
        let outcome = try write(["one", "two"], to: server)
        #expect(outcome.written == 1 && outcome.unchanged == 0 && outcome.problems == [])
        let report = try report(server)
        #expect(report["kind"] == "PolicyReport" && report["apiVersion"] == "wgpolicyk8s.io/v1alpha2")
        #expect(report["summary"]?["fail"] == 2 && report["summary"]?["pass"] == 0)
        let results = report["results"]?.elements ?? []
        #expect(results.map { $0["rule"] } == ["replicas", "replicas"] && results[0]["result"] == "fail")
        #expect(results[0]["resources"]?.elements.first?["uid"] == "u-one")
        #expect(results[0]["resources"]?.elements.first?["apiVersion"] == "apps/v1")
        #expect(results[0]["message"]?.text?.hasPrefix("spec.replicas is 1") == true)
        #expect(results[0]["timestamp"]?["seconds"] == 1_795_435_200)
    }

    @Test func `only reports that changed are written`() throws {
        let first = try server()
        _ = try write(["one"], to: first)
        let mark = try #require(try report(first)["metadata"]?["annotations"]?["playbook.superinc.com/report"]?.text)
        let path = "\(Self.reports)/namespaces/shop/policyreports/playbook"
        let second = try server()
        second.put(path, try report(first).json)
        // The object as it is in a list: a PUT must include the resource version.
        second.put(
            "\(Self.reports)/policyreports",
            """
            {"metadata":{},"items":[{"metadata":{"name":"playbook","namespace":"shop",
            "resourceVersion":"\(second.version(of: path))","annotations":{"playbook.superinc.com/report":"\(mark)"}}}]}
            """)
        let same = try write(["one"], to: second)
        #expect(same.unchanged == 1 && same.written == 0 && same.problems == [])
        let changed = try write(["one", "two"], to: second)
        #expect(changed.written == 1 && changed.unchanged == 0 && changed.problems == [])
        #expect(try report(second)["summary"]?["fail"] == 2)
    }

    @Test func `an object without findings is counted under pass`() throws {
        let server = try server()
        #expect(try write(["one"], to: server, replicas: 2).written == 1)
        #expect(try report(server)["summary"]?["pass"] == 1)
    }

    @Test func `a report has at most 500 results and states how many findings it omits`() throws {
        let server = try server()
        #expect(try write((0..<600).map { "web-\($0)" }, to: server).problems == [])
        let report = try report(server)
        #expect(report["results"]?.elements.count == 500 && report["summary"]?["fail"] == 600)
        #expect(report["metadata"]?["annotations"]?["playbook.superinc.com/left-out"] == "100")
    }

    @Test func `a report of a namespace without objects is deleted`() throws {
        let server = try server(
            existing: #"{"metadata":{"name":"playbook","namespace":"gone","resourceVersion":"7"}}"#)
        // This server answers DELETE with 405; the error shows that the request was sent.
        let outcome = try write(["one"], to: server)
        #expect(outcome.problems.count == 1 && outcome.problems[0].hasPrefix("report for namespace gone: "))
    }

    @Test func `unreadable kinds are counted as errors, and no report is deleted because of them`() throws {
        let server = try server(
            existing: #"{"metadata":{"name":"playbook","namespace":"elsewhere","resourceVersion":"7"}}"#)
        server.refuse("GET", "/apis/apps/v1/statefulsets", 403)
        let outcome = try write(["one"], to: server, unreadable: 1)
        #expect(outcome.written == 1 && outcome.deleted == 0 && outcome.problems == [])
        #expect(try report(server)["summary"]?["error"] == 1)
    }

    @Test func `a namespace that is being deleted gets no report and causes no problem`() throws {
        let server = try server()
        server.refuse(
            "POST", "\(Self.reports)/namespaces/shop/policyreports", 403,
            """
            {"kind":"Status","apiVersion":"v1","status":"Failure","code":403,"reason":"Forbidden","message":"policyreports.wgpolicyk8s.io
            playbook is forbidden: unable to create new content in namespace shop because it is being terminated",
            "details":{"causes":[{"reason":"NamespaceTerminating","message":"namespace shop is being terminated"}]}}
            """.replacingOccurrences(of: "\n", with: " "))
        let outcome = try write(["one"], to: server)
        #expect(outcome.problems == [])
        #expect(outcome.written == 0)
    }

    @Test func `a report that cannot be written is a problem`() throws {
        let server = try server()
        server.refuse("POST", "\(Self.reports)/namespaces/shop/policyreports", 403)
        let outcome = try write(["one"], to: server)
        #expect(outcome.problems.count == 1 && outcome.problems[0].hasPrefix("report for namespace shop: "))
    }

    @Test func `the error for a cluster without report resources names the missing API version`() throws {
        let outcome = try write(["one"], to: try ObjectAPIServer())
        #expect(outcome.problems.count == 1 && outcome.problems[0].contains("wgpolicyk8s.io/v1alpha2"))
    }
}
