import Foundation
import JSON
import TestSupport
import Testing

/// `playbook replay` on recordings that are written here, as docs/recordings.md describes them.
@Suite struct ReplayTests {
    /// A recording of a Deployment without a liveness probe, in the namespace `shop`.
    private func recording(_ name: String, at time: String, decision: String = "allow", by user: String = "ci")
        -> String
    {
        let review =
            """
            {"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1",\
            "kind":{"group":"apps","version":"v1","kind":"Deployment"},\
            "resource":{"group":"apps","version":"v1","resource":"deployments"},"name":"\(name)","namespace":"shop",\
            "operation":"CREATE","userInfo":{"username":"\(user)"},"object":{"apiVersion":"apps/v1","kind":"Deployment",\
            "metadata":{"name":"\(name)","namespace":"shop","labels":{"team":"red"}},"spec":{"template":{"spec":{"containers":[{"name":"app"}]}}}}}
            """
        let finding =
            #"{"rule":"liveness-probe","clause":"missing","path":"containers[app].livenessProbe","place":"/spec/template/spec/containers/0/livenessProbe","effect":"deny"}"#
        return review
            + #","recording":{"version":"1.0.0","time":"\#(time)","mode":"enforce","decision":"\#(decision)","findings":["#
            + (decision == "deny" ? finding : "") + #"],"notEvaluated":[],"companions":[]}}"# + "\n"
    }

    private func replay(_ lines: String, _ arguments: String...) throws -> Program {
        try Program(
            ["replay"] + arguments, environment: ["PLAYBOOK_RULES_DEFAULT": "off"],
            input: lines)
    }

    /// What a page's script is given.
    private func data(of page: String) throws -> Literal {
        let start = try #require(page.firstRange(of: #"<script type="application/json" id="data">"#))
        let rest = page[start.upperBound...]
        let end = try #require(rest.firstRange(of: "</script>"))
        return try Literal(json: Array(rest[..<end.lowerBound].utf8))
    }

    @Test func `a page shows what would be denied, with the review it is about`() throws {
        let lines = recording("web", at: "2026-11-23T12:00:00Z") + recording("api", at: "2026-11-23T12:00:01Z")
        let program = try replay(lines, "--format", "html", "--level", "liveness-probe=deny", "-")
        #expect(program.code == 1, "\(program.error)")
        #expect(program.output.contains("<title>playbook: 2 of 2 reviews newly denied</title>"))
        #expect(program.output.contains("<b>0 %</b> pass now, 100 % then"))
        let data = try data(of: program.output)
        #expect(data["objects"]?.elements.first == ["Deployment shop/web", "shop", "-", "CREATE by ci", "red"])
        #expect(
            data["findings"]?.elements.first
                == [0, 0, "deny", "silent before", "containers[app].livenessProbe is missing", 1, 0, "", ""])
        #expect(program.output.contains("<h2>By team</h2>"))
        let report = try Literal(
            json: Array(replay(lines, "--format", "json", "--level", "liveness-probe=deny", "-").output.utf8))
        #expect(report["teams"]?.elements == [["team": "red", "newlyDenied": 2, "newlyAllowed": 0]])
        #expect(!program.output.contains("Denied over time"), "one hour is no trend")
    }

    @Test func `what was denied and is not any more is told behind it`() throws {
        let lines = recording("web", at: "2026-11-23T12:00:00Z", decision: "deny")
        let page = try replay(lines, "--format", "html", "-")
        #expect(page.code == 0)
        #expect(page.output.contains("<b>100 %</b> pass now, 0 % then"))
        #expect(try data(of: page.output)["findings"]?.elements.first?.elements[2] == "silent")
    }

    @Test func `what was and would be denied is shown by day, by the hour where it is few`() throws {
        let days = (20..<24).map {
            recording("web", at: "2026-11-\($0)T12:00:00Z", decision: $0 == 20 ? "deny" : "allow")
        }
        let page = try replay(days.joined(), "--format", "html", "--level", "liveness-probe=deny", "-").output
        #expect(page.contains("<tr><th scope=\"row\">2026-11-20</th><td>1</td><td>1</td><td>1</td></tr>"))
        #expect(page.contains("<tr><th scope=\"row\">2026-11-23</th><td>1</td><td>0</td><td>1</td></tr>"))
        let hours = recording("web", at: "2026-11-23T12:59:59Z") + recording("web", at: "2026-11-23T14:00:00Z")
        #expect(try replay(hours, "--format", "html", "-").output.contains("<th scope=\"row\">2026-11-23 12:00</th>"))
        let report = try Literal(json: Array(replay(hours, "--format", "json", "-").output.utf8))
        #expect(
            report["trend"]?.elements == [
                ["time": "2026-11-23T12", "reviews": 1, "deniedBefore": 0, "deniedNow": 0],
                ["time": "2026-11-23T14", "reviews": 1, "deniedBefore": 0, "deniedNow": 0],
            ])
    }

    @Test func `a name cannot become markup of the page`() throws {
        let name = "</script><b onclick=x>"
        let lines = recording(name, at: "2026-11-23T12:00:00Z", by: name)
        let page = try replay(lines, "--format", "html", "--level", "liveness-probe=deny", "-").output
        #expect(!page.contains("<b onclick"))
        #expect(try data(of: page)["objects"]?.elements.first?.elements.first == .string("Deployment shop/\(name)"))
    }
}
