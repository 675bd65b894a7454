import Foundation
import Glibc
import JSON
import TestSupport
import Testing

/// `playbook replay` on recordings that are written here, as docs/recordings.md describes them.
@Suite struct ReplayTests {
    /// A recording of a Deployment without a liveness probe.
    private func recording(
        _ name: String, in namespace: String = "shop", at time: String = "2026-11-23T12:00:00Z",
        decision: String = "allow", by user: String = "ci", relatedObjects: String = ""
    ) -> String {
        let review =
            """
            {"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1",\
            "kind":{"group":"apps","version":"v1","kind":"Deployment"},\
            "resource":{"group":"apps","version":"v1","resource":"deployments"},"name":"\(name)","namespace":"\(namespace)",\
            "operation":"CREATE","userInfo":{"username":"\(user)"},"object":{"apiVersion":"apps/v1","kind":"Deployment",\
            "metadata":{"name":"\(name)","namespace":"\(namespace)","labels":{"team":"red"}},"spec":{"template":{"metadata":{"labels":{"app":"\(name)"}},"spec":{"containers":[{"name":"app"}]}}}}}
            """
        let finding =
            #"{"rule":"liveness-probe","clause":"missing","path":"containers[app].livenessProbe","place":"/spec/template/spec/containers/0/livenessProbe","effect":"\#(decision)"}"#
        return review
            + #","recording":{"version":"1.0.0","time":"\#(time)","mode":"enforce","decision":"\#(decision)","findings":["#
            + (decision == "allow" ? "" : finding) + #"],"notEvaluated":[],"companions":[\#(relatedObjects)]}}"# + "\n"
    }

    private func replay(_ lines: String, _ arguments: String...) throws -> Program {
        try Program(
            ["replay"] + arguments, environment: ["PLAYBOOK_RULES_DEFAULT": "off", "PLAYBOOK_COMPANION_GRACE": "0s"],
            input: lines)
    }

    /// The data of the page's script.
    private func data(of page: String) throws -> Literal {
        let start = try #require(page.firstRange(of: #"<script type="application/json" id="data">"#))
        let rest = page[start.upperBound...]
        let end = try #require(rest.firstRange(of: "</script>"))
        return try Literal(json: Array(rest[..<end.lowerBound].utf8))
    }

    @Test func `an input that is not JSON is reported with what replay reads`() throws {
        try Program.withFolder { folder in
            try "kind: Pod\n".write(toFile: "\(folder)/a.yaml", atomically: true, encoding: .utf8)
            try "{\"a\":\n 01}".write(toFile: "\(folder)/b.json", atomically: true, encoding: .utf8)
            let program = try Program(["replay", "\(folder)/a.yaml", "\(folder)/b.json"])
            #expect(program.code == 2)
            let manifest =
                "a.yaml:1:1: not JSON; `replay` reads recordings and AdmissionReviews, use `check` for manifests\n"
            #expect(program.error.contains("playbook: \(folder)/\(manifest)"), "\(program.error)")
            #expect(program.error.contains("playbook: \(folder)/b.json:2:3: not JSON: "), "\(program.error)")
        }
    }

    @Test func `the HTML page shows newly denied reviews with their findings`() throws {
        let lines = recording("web", at: "2026-11-23T12:00:00Z") + recording("api", at: "2026-11-23T12:00:01Z")
        let program = try replay(lines, "--format", "html", "--level", "liveness-probe=deny", "-")
        #expect(program.code == 1, "\(program.error)")
        #expect(program.output.contains("<title>playbook: 2 of 2 reviews newly denied</title>"))
        #expect(program.output.contains("<b>0 %</b> allowed now, 100 % before"))
        let data = try data(of: program.output)
        #expect(data["objects"]?.elements.first == ["Deployment shop/web", "shop", "-", "CREATE by ci", "red"])
        #expect(
            data["findings"]?.elements.first
                == [0, 0, "deny", "none before", "containers[app].livenessProbe is not set", 1, 0, "", ""])
        #expect(program.output.contains("<h2>By team</h2>"))
        let report = try Literal(
            json: Array(replay(lines, "--format", "json", "--level", "liveness-probe=deny", "-").output.utf8))
        #expect(
            report["teams"]?.elements == [
                ["team": "red", "newlyDenied": 2, "newlyAllowed": 0, "newlyWarned": 0, "noLongerWarned": 0]
            ])
        #expect(!program.output.contains("Denied over time"), "one hour is not a trend")
    }

    @Test func `the HTML page shows newly allowed reviews`() throws {
        let lines = recording("web", at: "2026-11-23T12:00:00Z", decision: "deny")
        let page = try replay(lines, "--format", "html", "-")
        #expect(page.code == 0)
        #expect(page.output.contains("<b>100 %</b> allowed now, 0 % before"))
        #expect(try data(of: page.output)["findings"]?.elements.first?.elements[2] == "none")
    }

    @Test func `findings of rules that no longer exist are reported as such`() throws {
        let lines = recording("web", decision: "deny").replacing("liveness-probe", with: "gone-rule")
        let page = try replay(lines, "--format", "html", "-").output
        #expect(page.contains(##"data-filter="rule" data-value="gone-rule""##))
        let data = try data(of: page)
        #expect(data["rules"]?.elements == [["gone-rule", ""]])
        #expect(
            data["findings"]?.elements
                == [
                    [
                        0, 0, "none", "deny before", "containers[app].livenessProbe (this rule no longer exists)", 0,
                        0, "", "",
                    ]
                ])
        let text = try replay(lines, "-").output
        #expect(text.contains("    gone-rule no longer exists, denied before: containers[app].livenessProbe\n"))
    }

    @Test func `denials are shown by day, or by hour for short periods`() throws {
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

    @Test func `a shortened trend has a note`() throws {
        func trend(of days: Int) throws -> String {
            let lines = (0..<days).map { day in
                let date = String(format: "2026-%02d-%02d", 1 + day / 28, 1 + day % 28)
                return recording("web", at: "\(date)T12:00:00Z")
            }
            let page = try replay(lines.joined(), "--format", "html", "-").output
            return page.components(separatedBy: "<h2>Denied over time</h2>")[1].components(separatedBy: "</section>")[0]
        }
        let whole = try trend(of: 60)
        #expect(whole.contains(">2026-01-01<") && !whole.contains("The last"))
        let cut = try trend(of: 62)
        #expect(!cut.contains(">2026-01-02<") && cut.contains(">2026-01-03<"))
        #expect(cut.contains("<p>The last 60 of 62 days with reviews.</p>"))
    }

    @Test(arguments: ["text", "markdown", "html"])
    func `an empty namespace, team or user has the same name in all formats`(_ format: String) throws {
        let lines =
            recording("web", in: "", by: "").replacing(#""team":"red""#, with: "") + recording("api", by: "ann")
        let output = try replay(lines, "--format", format, "--level", "liveness-probe=deny", "-").output
        let shown = output.components(separatedBy: "<script")[0]
        #expect(shown.components(separatedBy: "(none)").count == 4, "\(shown)")
    }

    @Test func `names are escaped in the HTML page`() throws {
        let name = "</script><b onclick=x>"
        let lines = recording(name, at: "2026-11-23T12:00:00Z", by: name)
        let page = try replay(lines, "--format", "html", "--level", "liveness-probe=deny", "-").output
        #expect(!page.contains("<b onclick"))
        #expect(try data(of: page)["objects"]?.elements.first?.elements.first == .string("Deployment shop/\(name)"))
    }

    @Test func `line breaks in user names are replaced`() throws {
        // A line break of two bytes is one character, and becomes two spaces.
        let lines = recording("web", by: "jane\\r\\ndoe")
        let replayed = try replay(lines, "--level", "liveness-probe=deny", "-")
        #expect(replayed.code == 1 && replayed.output.contains("\n  jane  doe  "))
    }

    @Test func `wide characters take two columns in tables`() throws {
        // Two of them are characters of several scalars, with the width of the first.
        let lines = ["日本", "e\u{301}", "👨‍👩‍👧", "각"].map { recording("web", by: $0) }.joined()
        let table = try replay(lines, "--level", "liveness-probe=deny", "-").output
        let counts = "             1              -"
        for name in ["日本", "e\u{301}   ", "👨‍👩‍👧  ", "각  "] {
            #expect(table.contains("\n  \(name)\(counts)\n"), "\(table)")
        }
    }

    @Test func `new and removed warnings are counted by namespace and user, with examples`() throws {
        let lines = recording("web") + recording("api", by: "ann")
        let comes = try replay(lines, "--level", "liveness-probe=warn", "-")
        #expect(comes.code == 0)
        #expect(comes.output.hasPrefix("2 reviews: 0 newly denied, 0 newly allowed, 2 with new warnings, 0 "))
        #expect(
            comes.output.contains(
                """
                New warnings
                  Deployment shop/web · CREATE by ci
                    -:1
                    liveness-probe warns now: containers[app].livenessProbe is not set

                """))
        #expect(
            comes.output.contains(
                """
                  namespace  newly denied  newly allowed  new warnings
                  shop                  -              -             2

                """))
        let goes = try replay(recording("web", decision: "warn", by: "ann"), "--format", "json", "-")
        let report = try Literal(json: Array(goes.output.utf8))
        #expect(report["summary"]?["noLongerWarned"] == 1)
        #expect(
            report["users"]?.elements
                == [["user": "ann", "newlyDenied": 0, "newlyAllowed": 0, "newlyWarned": 0, "noLongerWarned": 1]])
        #expect(report["examples"]?.elements.first?["change"] == "no-longer-warned")
    }

    @Test func `the Markdown comment shows the effect of changed rules`() throws {
        let lines = recording("web", by: "@all") + recording("api", by: "@all")
        let comment = try replay(lines, "--format", "markdown", "--level", "liveness-probe=deny", "-")
        #expect(comment.code == 1)
        #expect(
            comment.output == """
                ### playbook replay: ❌ 2 of 2 reviews newly denied

                | reviews | newly denied | newly allowed | new warnings | warnings gone |
                | --: | --: | --: | --: | --: |
                | 2 | 2 | 0 | 0 | 0 |

                | rule | denies now |
                | --- | --: |
                | `liveness-probe` | 2 |

                | namespace | newly denied | newly allowed |
                | --- | --: | --: |
                | shop | 2 |  |

                | team | newly denied | newly allowed |
                | --- | --: | --: |
                | red | 2 |  |

                | user | newly denied | newly allowed |
                | --- | --: | --: |
                | @<!-- -->all | 2 |  |

                <details><summary>Newly denied: 2 reviews</summary>

                - **Deployment shop/web**, CREATE by @<!-- -->all (`-:1`)
                  - `liveness-probe` denies now: `containers[app].livenessProbe` is not set
                - **Deployment shop/api**, CREATE by @<!-- -->all (`-:2`)
                  - `liveness-probe` denies now: `containers[app].livenessProbe` is not set

                </details>

                """)
        let same = try replay(lines, "--format", "markdown", "-").output
        #expect(same.hasPrefix("### playbook replay: ✅ nothing newly denied\n") && !same.contains("<details>"))
        #expect(
            try replay("", "--format", "markdown", "-").output.hasPrefix("### playbook replay: ⚠️ no reviews found\n"))
    }

    @Test func `review of a manifest names check, also on standard input and for JSON`() throws {
        let manifest = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
        let program = try Program(["review", "-"], input: manifest)
        #expect(
            program.error
                == "playbook: -:1:1: not JSON; `review` reads AdmissionReviews, use `check` for manifests\n")
        let json = try Program(
            ["review", "-"], input: #"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"}}"#)
        #expect(json.error.hasPrefix("playbook: -:"), "\(json.error)")
        #expect(json.error.hasSuffix("this is a Deployment, not an AdmissionReview; use `playbook check`\n"))
        #expect(program.code == 2 && json.code == 2)
    }

    @Test func `a directory without reviews is an error, not a result without denials`() throws {
        try Program.withFolder { folder in
            try recording("web").write(toFile: "\(folder)/server.log", atomically: true, encoding: .utf8)
            for command in ["replay", "review"] {
                let program = try Program([command, folder])
                #expect(program.code == 2 && program.output == "no reviews found\n", "\(program.output)")
                #expect(
                    program.error
                        == "playbook: no reviews found; in directories, only files that end in .json, .jsonl, .ndjson are read\n"
                )
            }
        }
    }

    @Test func `a comment without recorded decisions is not a success report`() throws {
        let review = recording("web").components(separatedBy: #","recording""#)[0] + "}\n"
        let comment = try replay(review + review, "--format", "markdown", "-")
        #expect(comment.code == 0)
        #expect(comment.output.hasPrefix("### playbook replay: ⚠️ no recorded decisions to compare with\n"))
    }

    @Test func `the HTML page limits examples and has no empty tables`() throws {
        let lines = recording("web", decision: "deny")
        let some = try replay(lines, "--format", "html", "-").output
        let note = "<p>At most 3 reviews are shown for each rule and kind of change.</p>"
        #expect(some.contains("<h2>Examples</h2>\n" + note))
        let none = try replay(recording("web"), "--format", "html", "-").output
        #expect(none.contains("<h2>Examples</h2><p>None.</p>") && !none.contains("<table"))
    }

    @Test func `a vertical bar in a rule's name is escaped in Markdown tables`() throws {
        let lines = recording("web", decision: "deny").replacing("liveness-probe", with: "gone|rule")
        let comment = try replay(lines, "--format", "markdown", "-").output
        #expect(comment.contains(#"| `gone\|rule` | 1 |"#), "\(comment)")
        #expect(comment.contains("  - `gone|rule` no longer exists, denied before: "), "\(comment)")
    }

    @Test func `a replay comment is within GitHub's limit and counts omitted examples`() throws {
        let name = String(repeating: "@", count: 5000)
        let lines = recording("web") + recording(name) + recording(name)
        let comment = try replay(lines, "--format", "markdown", "--level", "liveness-probe=deny", "-").output
        #expect(comment.utf16.count <= 65_536 && comment.contains("Deployment shop/web"))
        let end = "\n</details>\n\n1 example not shown: the comment has reached GitHub's size limit.\n"
        #expect(comment.hasSuffix(end))
        // Names that are too long for a cluster do not push the counts out either.
        let users = (0..<50).map { recording("web", by: "\($0)" + String(repeating: "|", count: 3000)) }.joined()
        let crowded = try replay(users, "--format", "markdown", "--level", "liveness-probe=deny", "-").output
        #expect(crowded.utf16.count <= 65_536 && crowded.contains("| shop | 50 |"))
        #expect(crowded.contains("\n| 49 more | 49 |  |\n"))
    }

    @Test(arguments: [
        ("text", "  team-28               1              -\n  5 more                5              -\n"),
        ("markdown", "| team-28 | 1 |  |\n| 5 more | 5 |  |\n"),
    ])
    func `names that are not listed are summed up`(_ format: String, _ end: String) throws {
        // The one with the most denials first, then by name.
        let lines = (10..<35).map { recording("web", in: "team-\($0)") }.joined() + recording("web", in: "team-34")
        let output = try replay(lines, "--format", format, "--level", "liveness-probe=deny", "-").output
        #expect(output.contains(end), "\(output)")
    }

    @Test(arguments: [
        (
            budget:
                #"[{"metadata":{"name":"web"},"spec":{"selector":{"matchLabels":{"app":"web"}},"maxUnavailable":1}}]"#,
            level: "", "allowed"
        ),
        (budget: "[]", level: "", "denied"), (budget: nil, level: "", "not evaluated"),
        (budget: "[]", level: "warn", "warned"),
    ])
    func `replay evaluates with the recorded related objects`(
        _ budgets: String?, _ level: String, _ outcome: String
    ) throws {
        func known(_ kind: String, _ version: String, _ objects: String) -> String {
            #"{"kind":"\#(kind)","apiVersion":"\#(version)","namespace":"shop","objects":\#(objects)}"#
        }
        let annotations = level.isEmpty ? "" : #""playbook.superinc.com/level":"\#(level)""#
        let namespace = known(
            "Namespace", "v1", #"[{"metadata":{"name":"shop","annotations":{\#(annotations)}}}]"#)
        let relatedObjects = [namespace] + (budgets.map { [known("PodDisruptionBudget", "policy/v1", $0)] } ?? [])
        let lines = recording("web", relatedObjects: relatedObjects.joined(separator: ","))
        let program = try replay(lines, "--format", "json", "--level", "pod-disruption-budget=deny", "-")
        let report = try Literal(json: Array(program.output.utf8))
        #expect(program.code == (outcome == "denied" ? 1 : 0))
        #expect(report["summary"]?["newlyDenied"] == (outcome == "denied" ? 1 : 0))
        #expect(report["summary"]?["newlyWarned"] == (outcome == "warned" ? 1 : 0))
        let notEvaluated = report["rules"]?.elements.first?["notEvaluated"]
        #expect(outcome == "not evaluated" ? notEvaluated == 1 : notEvaluated != 1, "\(program.output)")
    }

    @Test func `on a terminal errors replace the progress line`() throws {
        // The steps of posix_openpt(3), unlockpt(3) and ptsname(3), by ioctl_tty(2): TIOCSPTLCK and TIOCGPTN.
        let terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var (lock, number): (Int32, UInt32) = (0, 0)
        try #require(ioctl(terminal, 0x4004_5431, &lock) == 0 && ioctl(terminal, 0x8004_5430, &number) == 0)
        let process = Process()
        process.executableURL = Program.url
        process.arguments = ["replay", "-"]
        process.environment = ["TERM": "xterm"]
        let (input, output) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput) = (input, output)
        process.standardError = FileHandle(forWritingAtPath: "/dev/pts/\(number)")
        try process.run()
        let reader = FileHandle(fileDescriptor: terminal, closeOnDealloc: true)
        var shown = ""
        while !shown.contains("MiB") { shown += String(decoding: reader.availableData, as: UTF8.self) }
        input.fileHandleForWriting.write(Data("{\"kind\":\"Pod\"}\n{\"kind\":\n".utf8))
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
        while shown.components(separatedBy: "playbook: ").count < 3 {
            shown += String(decoding: reader.availableData, as: UTF8.self)
        }
        let lines = shown.components(separatedBy: "\r\n").map { line in
            line.components(separatedBy: "\r\u{1B}[K").last ?? ""
        }
        #expect(lines.allSatisfy { $0.isEmpty || $0.hasPrefix("playbook: -") }, "\(shown.debugDescription)")
    }
}
