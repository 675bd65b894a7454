import Foundation
import JSON
import TestSupport
import Testing

@Suite struct FormatTests {
    private let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized

    /// A Deployment that `replicas` denies.
    private func deployment(_ name: String, annotations: String = "{}") -> String {
        """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: "\(name)", namespace: shop, annotations: \(annotations)}
        spec:
          replicas: 1
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec: {}

        """
    }

    /// The report of a text in a format, with the rule `replicas` only.
    private func report(_ format: String, _ text: String, file: String = "a.yaml") throws -> String {
        try Program.withFolder { folder in
            let url = URL(filePath: folder)
            try text.write(to: url.appending(path: file), atomically: true, encoding: .utf8)
            return try Program(
                ["check", "--format", format, "--level", "replicas=deny", file],
                environment: ["PLAYBOOK_RULES_DEFAULT": "off"], in: url
            ).output
        }
    }

    private func results(_ text: String, file: String = "a.yaml") throws -> [Literal] {
        let log = try Literal(json: Array(try report("sarif", text, file: file).utf8))
        return log["runs"]?.elements.first?["results"]?.elements ?? []
    }

    // MARK: The page about formats

    private struct Sample: CustomTestStringConvertible {
        let command: String
        let output: String
        var testDescription: String { command }
    }

    private func samples() throws -> [Sample] {
        let page = try String(contentsOf: root.appending(path: "docs/formats.md"), encoding: .utf8)
        return page.components(separatedBy: "````console\n$ ").dropFirst().map { part in
            let block = part.components(separatedBy: "\n````\n")[0].split(separator: "\n", maxSplits: 1)
            return Sample(command: String(block[0]), output: String(block[1]))
        }
    }

    @Test func `docs formats.md shows the program's output`() throws {
        let samples = try samples()
        #expect(samples.count >= 5)
        for sample in samples {
            var words = sample.command.split(separator: " ").map(String.init)
            var environment: [String: String] = [:]
            while let word = words.first, word.hasPrefix("PLAYBOOK_") {
                let parts = word.split(separator: "=").map(String.init)
                environment[parts[0]] = parts[1]
                words.removeFirst()
            }
            let output = try Program(Array(words.dropFirst()), environment: environment, in: root).output
            // JSON is printed on one line, and shown on several.
            if sample.output.hasPrefix("{") || sample.output.hasPrefix("[") {
                let printed = try Literal(json: Array(output.utf8))
                let shown = try Literal(json: Array(sample.output.utf8))
                #expect(printed == shown, "\(sample.command)")
            } else {
                #expect(output == sample.output + "\n", "\(sample.command)")
            }
        }
    }

    // MARK: Teams

    @Test func `findings are counted by the team label of the object or its pods`() throws {
        func owned(_ name: String, _ labels: String, pods: String) -> String {
            """
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: \(name), namespace: shop, labels: \(labels)}
            spec: {replicas: 1, template: {metadata: {labels: \(pods)}, spec: {}}}

            """
        }
        let text =
            owned("a", "{team: red, squad: x}", pods: "{team: blue}") + "---\n" + owned("b", "{}", pods: "{team: blue}")
            + "---\n" + owned("c", "{}", pods: "{}")
        let page = try report("html", text)
        for team in ["red", "blue", ""] {
            #expect(page.contains(#"data-filter="team" data-value="\#(team)""#), "\(team)")
        }
        #expect(page.contains(#"["Deployment shop/b","shop","a.yaml","","blue"]"#))
        let findings = try Literal(json: Array(report("json", text).utf8))["findings"]?.elements ?? []
        #expect(findings.map { $0["team"] } == ["red", "blue", nil])
        #expect(try !report("html", deployment("a")).contains(#"data-filter="team""#))
    }

    @Test func `the team of a CronJob is read from its pod template`() throws {
        let text = """
            apiVersion: batch/v1
            kind: CronJob
            metadata: {name: night, namespace: default}
            spec: {jobTemplate: {spec: {template: {metadata: {labels: {team: green}}, spec: {}}}}}

            """
        let program = try Program(
            ["check", "--format", "json", "-"],
            environment: TestSupport.environment(onlyWith: ["default-namespace": "deny"]), input: text)
        let findings = try Literal(json: Array(program.output.utf8))["findings"]?.elements ?? []
        #expect(findings.map { $0["team"] } == ["green"])
    }

    // MARK: Unreadable inputs

    @Test(arguments: ["json", "sarif", "junit", "github", "gitlab", "markdown", "html"])
    func `every format lists unreadable inputs with the reason`(_ format: String) throws {
        try Program.withFolder { folder in
            let url = URL(filePath: folder)
            try "a: 1\na: 2\n".write(to: url.appending(path: "a,b.yaml"), atomically: true, encoding: .utf8)
            let program = try Program(["check", "--format", format, "a,b.yaml", "c.yaml"], in: url)
            #expect(program.code == 2)
            let reason = "duplicate key \"a\" (first defined on line 1)"
            let quoted = reason.replacingOccurrences(of: "\"", with: "\\\"")
            let parts: [String] =
                switch format {
                case "json":
                    [
                        #""unreadable":2"#,
                        #"{"file":"a,b.yaml","line":2,"column":1,"reason":"\#(quoted)"}"#,
                        #"{"file":"c.yaml","line":null,"column":null,"reason":"No such file or directory"}"#,
                    ]
                case "sarif":
                    [
                        "a,b.yaml could not be read: \(quoted)", #""uri":"a%2Cb.yaml""#,
                        #""region":{"startLine":2,"startColumn":1}"#, "c.yaml could not be read: No such file",
                        #""executionSuccessful":false"#,
                    ]
                case "junit":
                    [
                        #"<testsuite name="inputs" tests="2" failures="0" errors="2""#,
                        #"<testcase classname="a,b.yaml" name="can be read" file="a,b.yaml" line="2""#,
                        "<error type=\"unreadable\" message=\"c.yaml: No such file or directory\"/>",
                    ]
                case "github":
                    [
                        "::error file=a%2Cb.yaml,line=2,col=1,title=a%2Cb.yaml could not be read::\(reason)\n",
                        "::error file=c.yaml,title=c.yaml could not be read::No such file or directory\n",
                    ]
                case "gitlab":
                    [
                        #""description":"could not be read: \#(quoted)","check_name":"unreadable-input""#,
                        #""severity":"blocker","location":{"path":"a,b.yaml","lines":{"begin":2}}"#,
                        #""location":{"path":"c.yaml","lines":{"begin":1}}"#,
                    ]
                case "markdown": ["- `a,b.yaml:2:1`: duplicate key", "- `c.yaml`: No such file or directory\n"]
                default: ["<li>a,b.yaml:2:1: duplicate key", "<li>c.yaml: No such file or directory</li>"]
                }
            for part in parts { #expect(program.output.contains(part), "\(part)\n\(program.output.prefix(3000))") }
        }
    }

    // MARK: SARIF

    @Test func `a SARIF result points at the field, in UTF-16 code units`() throws {
        let text =
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a😀b, namespace: shop}, spec: {replicas: 1}}\n"
        let results = try results(text, file: "a b#é.yaml")
        let place = results.first?["locations"]?.elements.first?["physicalLocation"]
        #expect(place?["artifactLocation"]?["uri"] == "a%20b%23%C3%A9.yaml")
        let prefix = text.components(separatedBy: "replicas")[0].utf16.count
        #expect(
            place?["region"]
                == [
                    "startLine": 1, "startColumn": .number("\(prefix + 1)"), "endLine": 1,
                    "endColumn": .number("\(prefix + 1 + "replicas: 1".utf16.count)"),
                ])
        #expect(results.first?["level"] == "error" && results.first?["ruleIndex"] == 0)
    }

    @Test func `fingerprints do not depend on lines and files, and differ between findings`() throws {
        func prints(_ text: String, _ file: String = "a.yaml") throws -> [Literal?] {
            try results(text, file: file).map { $0["partialFingerprints"]?["playbookFinding/v1"] }
        }
        let before = try prints(deployment("web"))
        #expect(try before.count == 1 && before == prints("# moved\n\n" + deployment("web"), "b.yaml"))
        let several = try prints(deployment("web") + "---\n" + deployment("api") + "---\n" + deployment("web"))
        #expect(Set(several).count == 3 && several.first == before.first)
    }

    @Test func `exempt findings are suppressed results with the reason`() throws {
        let exempt = """
            {playbook.superinc.com/exempt: replicas, playbook.superinc.com/exempt-reason: "one licence"}
            """
        let found = try results(deployment("web", annotations: exempt))
        #expect(
            found.first?["suppressions"]?.elements
                == [["kind": "inSource", "status": "accepted", "justification": "one licence"]])
        let junit = try report("junit", deployment("web", annotations: exempt))
        #expect(junit.contains("failures=\"0\"") && junit.contains("<skipped message=\"exempt: one licence\"/>"))
        let github = try report("github", deployment("web", annotations: exempt))
        #expect(github.hasPrefix("::notice file=a.yaml,line=5,endLine=5,col=3,endColumn=14,title=replicas%3A"))
    }

    @Test func `a SARIF message does not contain links`() throws {
        let message = try results(deployment("[x](https://evil.example)")).first?["message"]?["text"]?.text ?? ""
        #expect(message.hasPrefix("Deployment shop/[x] (https://evil.example): spec.replicas is 1"))
    }

    // MARK: GitLab

    @Test func `a Code Quality report has the members that GitLab reads`() throws {
        let exempt = "{playbook.superinc.com/exempt: replicas, playbook.superinc.com/exempt-reason: one licence}"
        let text = deployment("web") + "---\n" + deployment("web") + "---\n" + deployment("api", annotations: exempt)
        let issues = try Literal(json: Array(try report("gitlab", text, file: "./a.yaml").utf8)).elements
        #expect(issues.count == 2, "exempt findings are left out")
        let first = try #require(issues.first)
        #expect(first["description"] == "Deployment shop/web: spec.replicas is 1; at least 2 are required")
        #expect(first["check_name"] == "replicas" && first["severity"] == "critical")
        #expect(first["location"] == ["path": "a.yaml", "lines": ["begin": 5]])
        #expect(Set(issues.map { $0["fingerprint"] }).count == 2)
        #expect(try report("gitlab", "a: 1\n") == "[]\n")
    }

    @Test func `paths in annotations have no dot at the beginning`() throws {
        #expect(try report("github", deployment("web"), file: "./a.yaml").hasPrefix("::error file=a.yaml,line=5"))
    }

    @Test func `the HTML page shows the version, the time and the command line`() throws {
        let page = try report("html", deployment("web"))
        let footer = page.components(separatedBy: "<footer>").last?.components(separatedBy: "</footer>").first ?? ""
        let version = try Program(["version"]).output.split(separator: " ")[1]
        #expect(footer.hasPrefix("playbook \(version) · <time>20"), "\(footer)")
        #expect(
            footer.hasSuffix("Z</time> · <code>playbook check --format html --level replicas=deny a.yaml</code>"),
            "\(footer)")
        let masked = try Program(
            ["check", "--output", "html=/dev/stdout", "-q", "-n", "postgres://u:hunter2secret@db/a b"], input: "a: 1\n")
        #expect(!masked.output.contains("hunter2secret"))
    }

    // MARK: Escaping of the input

    @Test(arguments: ["text", "markdown", "github", "junit", "html"])
    func `control and bidirectional characters in names are not printed`(_ format: String) throws {
        let name = #"a\e[31m\u009Bb\u2028c\u202Ed"#
        let exempt = "{playbook.superinc.com/exempt: replicas, playbook.superinc.com/exempt-reason: \"\(name)\"}"
        let text = try report(format, deployment(name) + "---\n" + deployment("\(name)e", annotations: exempt))
        // Unescaped, or as in JSON.
        for part in ["\u{1B}", #"\u001b"#, "\u{9B}", "\u{2028}", "\u{202E}"] {
            #expect(!text.contains(part), "\(part.debugDescription)")
        }
        #expect(text.contains("[31m"))
    }

    @Test func `names are escaped in JUnit XML`() throws {
        let text = try report("junit", deployment("a\\u0001\\\"<b>&]]>\\n'"))
        let name = "Deployment shop/a\u{FFFD}&quot;&lt;b&gt;&amp;]]&gt;&#10;&#39;"
        #expect(
            text.contains("    <testcase classname=\"\(name)\" name=\"replicas\" file=\"a.yaml\" line=\"5\""), "\(text)"
        )
    }

    @Test func `names are escaped in the HTML page and its data`() throws {
        let name = "</script><img src=x>\"'&<!--"
        let text = try report("html", deployment(name.replacing("\"", with: "\\\"")))
        #expect(text.components(separatedBy: "</script>").count == 3 && !text.contains("<img"))
        let data = text.components(separatedBy: "id=\"data\">")[1].components(separatedBy: "</script>")[0]
        let object = try Literal(json: Array(data.utf8))["objects"]?.elements.first
        #expect(object?.elements.first == .string("Deployment shop/\(name)"))
        #expect(text.contains("<b>0 %</b> 0 of 1 object allowed<"))
    }

    @Test func `the HTML page lists findings that will be denied later`() throws {
        let program = try Program(
            ["check", "--format", "html", "--mode", "dry-run", "--level", "replicas=deny"],
            environment: ["PLAYBOOK_RULES_DEFAULT": "off"], input: deployment("web"))
        #expect(program.code == 0)
        #expect(program.output.contains("<b>100 %</b> 1 of 1 object allowed<"))
        #expect(program.output.contains(#"aria-label="Show the 1 finding in 1 object when dry-run mode ends""#))
        #expect(program.output.contains("<b>1 finding</b> in 1 object when dry-run mode ends"))
    }

    @Test func `an HTML page without findings has no empty tables`() throws {
        for text in ["a: 1\n", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"] {
            let page = try report("html", text)
            #expect(page.contains("<h2>Findings</h2><p>None.</p>"))
            #expect(!page.contains("<table") && !page.contains("<form"))
        }
    }

    @Test func `the HTML page counts allowed objects`() throws {
        func deployment(_ name: Int, _ replicas: Int) -> String {
            self.deployment("\(name)").replacing("replicas: 1", with: "replicas: \(replicas)") + "---\n"
        }
        let (bad, good) = (deployment(1, 1), deployment(2, 2))
        #expect(try report("html", bad + bad).contains("0 of 2 objects allowed<"))
        #expect(try report("html", bad + good).contains("1 of 2 objects allowed<"))
        #expect(try report("html", good + good).contains("2 of 2 objects allowed<"))
    }

    @Test func `the HTML page has team counts only if a finding has a team, and no score without objects`() throws {
        // The ConfigMap has a team but no findings.
        let owned = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop, labels: {team: red}}\n"
        #expect(try !report("html", deployment("web") + owned).contains("<h2>By team</h2>"))
        #expect(try report("html", "a: 1\n").contains("<b>–</b> no Kubernetes objects found"))
    }

    @Test func `names are escaped in workflow commands`() throws {
        let text = try report("github", deployment("a,line=1::\\r\\n::error::x%0A"), file: "a,b.yaml")
        #expect(
            text.hasPrefix(
                "::error file=a%2Cb.yaml,line=5,endLine=5,col=3,endColumn=14,"
                    + "title=replicas%3A Deployment shop/a%2Cline=1%3A%3A%0D%0A%3A%3Aerror%3A%3Ax%250A::spec.replicas is 1"
            ),
            "\(text)")
        #expect(text.split(separator: "\n").count == 2)
    }

    @Test func `names are escaped in the Markdown comment`() throws {
        let text = try report("markdown", deployment("</summary><img src=x>\\n@team #12 `x`"))
        #expect(
            text.contains(
                "<details><summary>Deployment shop/&lt;/summary&gt;&lt;img src=x&gt; @<!-- -->team #<!-- -->12 `x`: 1 denial"
            ),
            "\(text)")
    }

    @Test func `a Markdown comment is within GitHub's limit and counts omitted findings`() throws {
        let text = (0..<2000).map { deployment("web-\($0)") }.joined(separator: "---\n")
        let comment = try report("markdown", text)
        #expect(comment.utf16.count <= 65_536 && comment.utf16.count > 60_000)
        let shown = comment.components(separatedBy: "<details>").count - 1
        #expect(comment.components(separatedBy: "</details>").count - 1 == shown)
        #expect(
            comment.hasSuffix(
                "\n\(2000 - shown) findings in \(2000 - shown) objects not shown: the comment has reached GitHub's size limit.\n"
            ))
    }
}
