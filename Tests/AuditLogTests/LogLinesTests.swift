import AuditLog
import Evaluation
import JSON
import Rules
import Testing

/// Documents that are printed over many lines.
@Suite struct LogLinesTests {
    /// An event that matters, over many lines as `jq .` prints it.
    private static func pretty(_ id: String, indent: String = "") -> String {
        """
        {
          "kind": "Event",
          "apiVersion": "audit.k8s.io/v1",
          "auditID": "\(id)",
          "stage": "ResponseComplete",
          "verb": "create",
          "objectRef": {
            "resource": "deployments",
            "apiGroup": "apps",
            "name": "a \\"[quoted]\\" {name"
          },
          "annotations": {},
          "code": -1.5e3
        }
        """.split(separator: "\n").map { indent + $0 }.joined(separator: "\n")
    }

    private static func compact(_ id: String) -> String { pretty(id).replacing("\n", with: "") }

    /// Returns the audit ids of the events with their lines, the damaged lines, and the counts.
    private func read(_ text: String) throws -> (found: [String], damaged: [Int], summary: LogSummary) {
        var intake = LogIntake(try Settings(environment: [:]))
        var lines = LogLines()
        var found: [String] = []
        var damaged: [Int] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            damaged += intake.read(Array(line.utf8).span, at: (0, index + 1), in: &lines) { event in
                guard !event.isCut else { return }
                let id = (try? Literal(parsing: event.bytes))?["auditID"]?.text ?? ""
                found.append("\(id):\(event.place.line)")
            }
        }
        if let cut = intake.end(&lines, of: 0) { damaged.append(cut.place.line) }
        return (found, damaged, intake.summary)
    }

    @Test func `a list of strings over many lines`() throws {
        let event = Self.compact("a").replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        let (found, damaged, summary) = try read("[\n    \"\(event)\",\n    \"I1123 started\"\n]\n")
        #expect(found == ["a:2"])
        #expect(damaged.isEmpty && summary.foreignLines == 1)
    }

    @Test func `events over many lines, one after the other`() throws {
        let (found, damaged, summary) = try read(
            Self.pretty("a") + "\n" + Self.pretty("b") + "\n" + Self.compact("c") + "\n")
        #expect(found == ["a:1", "b:15", "c:29"])
        #expect(damaged.isEmpty && summary.foreignLines == 0)
    }

    @Test func `an EventList over many lines, whose events have no kind`() throws {
        let kindless = Self.pretty("b", indent: "    ").replacing("      \"kind\": \"Event\",\n", with: "")
            .replacing("      \"apiVersion\": \"audit.k8s.io/v1\",\n", with: "")
        let text = """
            {
              "kind": "EventList",
              "apiVersion": "audit.k8s.io/v1",
              "metadata": {},
              "items": [
            \(Self.pretty("a", indent: "    ")),
            \(kindless)
              ],
              "searched": [{"kind": "Event"}]
            }
            \(Self.compact("c"))
            """
        let (found, damaged, summary) = try read(text)
        #expect(found.map { $0.split(separator: ":")[0] } == ["a", "b", "c"])
        #expect(found.first == "a:6")
        #expect(damaged.isEmpty && summary.foreignLines == 0)
    }

    @Test(arguments: [
        "[\n%a,\n%b\n]", "[\n%a\n, %b ]\n", "[%a,\n%b]", "{\"kind\":\"EventList\",\"items\":[\n%a,%b\n]}",
        "[\n  %a,\n\n  %b\n]",
    ])
    func `arrays with events in one line each`(_ form: String) throws {
        let text = form.replacing("%a", with: Self.compact("a")).replacing("%b", with: Self.compact("b"))
        let (found, damaged, summary) = try read(text + "\n" + Self.compact("c"))
        #expect(found.map { $0.split(separator: ":")[0] } == ["a", "b", "c"])
        #expect(damaged.isEmpty && summary.foreignLines == 0)
    }

    @Test func `results of CloudWatch Logs over many lines`() throws {
        let escaped = Self.compact("a").replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        let filtered = """
            {
                "events": [
                    {
                        "logStreamName": "s",
                        "message": "\(escaped)",
                        "timestamp": 1
                    }
                ],
                "searchedLogStreams": []
            }
            """
        let insights = """
            {
                "results": [
                    [
                        {
                            "field": "@timestamp",
                            "value": "2026-11-23 10:00:00.000"
                        },
                        {
                            "field": "@message",
                            "value": "\(escaped)"
                        }
                    ]
                ],
                "status": "Complete"
            }
            """
        let exported = "[\n  {\n    \"@timestamp\": \"2026\",\n    \"@message\": \(Self.pretty("a"))\n  }\n]"
        for text in [filtered, insights, exported] {
            let (found, damaged, summary) = try read(text)
            #expect(found.map { $0.split(separator: ":")[0] } == ["a"])
            #expect(damaged.isEmpty && summary.foreignLines == 0)
        }
    }

    @Test func `a document that is cut off does not affect the next one`() throws {
        let cut = Self.pretty("a").split(separator: "\n").prefix(9).joined(separator: "\n")
        let (found, damaged, summary) = try read(cut + "\n" + Self.compact("b") + "\n" + Self.pretty("c") + "\n" + cut)
        #expect(found == ["b:10", "c:11"])
        #expect(damaged == [1, 25])
        #expect(summary.damagedLines == 2 && summary.foreignLines == 0)
    }

    @Test func `a cut inside a string or after a bracket is not continued on the next line`() throws {
        let torn = #"{"kind":"Event","apiVersion":"audit.k8s.io/v1","user":{"groups":["#
        let long = torn.replacing("groups", with: String(repeating: "g", count: 1024))
        let (found, damaged, _) = try read(
            long + "\n" + Self.compact("b") + "\n{\n  \"kind\": \"Ev\n" + Self.compact("c"))
        #expect(found == ["b:2", "c:5"])
        #expect(damaged == [1, 3])
    }

    @Test func `an object that is not an event is counted`() throws {
        let (found, damaged, summary) = try read("{\n  \"kind\": \"Pod\"\n}\n[INFO] started\n[2026-11-23] started\n\n")
        #expect(found.isEmpty && damaged.isEmpty)
        #expect(summary.foreignLines == 3)
    }
}
