import Foundation
import JSON
import TestSupport
import Testing

@Suite struct CommandTests {
    private let good = Fixtures.path("reviews/016-create-deployment-checkout.json")
    private let bad = Fixtures.path("reviews/023-create-deployment-catalogue.json")
    private let relatedObjects = [
        "--companions", Fixtures.path("manifests/0-namespace.yaml"), "--companions",
        Fixtures.path("manifests/1-checkout-good.yaml"),
    ]

    @Test func `a review that cannot be evaluated is an error, and --format response denies it`() throws {
        let review = #"""
            {"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u-1","operation":"CREATE",\#
            "kind":{"group":"","version":"v1","kind":"ConfigMap"},"object":null}}
            """#
        let text = try Program(["review", "-"], input: review)
        #expect(text.code == 2)
        #expect(text.error.contains("cannot be evaluated: request.object is missing; CREATE needs an object"))
        let response = try Program(["review", "--format", "response", "-"], input: review)
        #expect(response.code == 1)
        #expect(response.output.contains(#""uid":"u-1","allowed":false"#) && response.output.contains(#""code":422"#))
        let large = try Program(["review", bad], environment: ["PLAYBOOK_MAX_BODY": "1Ki"])
        #expect(large.code == 2)
        #expect(large.error.contains("it is larger than PLAYBOOK_MAX_BODY"))
    }

    // MARK: Help and mistakes

    @Test func `help lists every command, and each command's help lists its flags`() throws {
        let overview = try Program(["--help"])
        #expect(overview.code == 0)
        for command in [
            "serve", "review", "check", "fix", "audit", "rules", "explain", "config", "certs", "completion", "man",
            "version",
        ] {
            #expect(overview.output.contains("\n  \(command)"))
            let page = try Program([command, "--help"])
            #expect(page.code == 0 && page.output.hasPrefix("usage: playbook \(command)"))
        }
        let review = try Program(["review", "--help"]).output
        for flag in ["--format", "--companions", "--level", "--mode", "--verbose", "--quiet", "--no-color"] {
            #expect(review.contains(flag))
        }
        #expect(try Program([]).code == 2)
    }

    @Test(arguments: [
        (["reveiw"], #"unknown command "reveiw"; did you mean "review"?"#),
        (["rules", "--fromat", "json"], #"unknown flag "--fromat"; did you mean "--format"?"#),
        (["explain", "livenes-probe"], #"unknown rule "livenes-probe"; did you mean "liveness-probe"?"#),
        (["explain"], "explain needs one rule"),
        // "man" is as near, but nothing of the word.
        (["scan"], #"unknown command "scan"; see playbook --help"#),
        (["certs", "--days", "30"], "--days needs --directory DIR, which creates certificates"),
        (["check", "--baseline", "none.json"], "No such file or directory; create it with --write-baseline none.json"),
        (["review", "--level", "replica=warn"], #"did you mean "replicas"?"#),
        (
            ["review", "--level", "replicas=maybe"],
            #"unsupported --level "replicas=maybe"; use RULE=deny, RULE=warn or RULE=off"#
        ),
        (["review", "--mode", "strict"], #"unsupported --mode "strict"; use enforce or dry-run"#),
        (["review", "--format", "yaml"], #"unsupported --format "yaml"; use one of text, json, response"#),
        (["review", "--format"], "needs a value"),
        (["version", "now"], #"unexpected argument "now"; playbook version takes no arguments"#),
        (["review", "--quiet=1"], "--quiet does not take a value"),
        (["check", "-", "-"], "standard input is named more than once"),
        (["check", "--companions", "-"], "standard input is named more than once"),
        (["replay", "--companions", "-", "-"], "standard input is named more than once"),
        (["check", "--baseline", "-", "--companions", "-", "a"], "standard input is named more than once"),
        (["explain", "--review", "-", "--companions", "-"], "standard input is named more than once"),
        (["certs", "--directory", "/nowhere/at/all"], "/nowhere/at/all"), (["frobnicate"], "see playbook --help"),
        (["completion"], "completion needs one shell: bash, zsh, fish"),
        (["completion", "fishy"], #"unsupported shell "fishy"; use one of bash, zsh, fish"#),
    ])
    func `a usage error names the mistake and the nearest valid word`(_ arguments: [String], _ part: String) throws {
        let program = try Program(arguments)
        #expect(program.code == 2)
        #expect(program.error.hasPrefix("playbook: ") && program.error.contains(part), "\(program.error)")
        #expect(program.output.isEmpty)
    }

    @Test(arguments: [
        (["PLAYBOOK_MOD": "dry-run"], "unknown setting PLAYBOOK_MOD; did you mean PLAYBOOK_MODE?"),
        (["PLAYBOOK_MODE": "dry"], #"PLAYBOOK_MODE: unsupported value "dry"; use enforce or dry-run"#),
        (["PLAYBOOK_RULE_REPLICAS": "no"], "deny, warn or off"), (["PLAYBOOK_MAX_BODY": "8MB"], "a size such as"),
        (["PLAYBOOK_REQUEST_TIMEOUT": "10"], "a duration such as"),
        (["PLAYBOOK_ENFORCED_SINCE": "today"], "a date such as"),
        (["PLAYBOOK_LOOPS": "0"], "from 1 to 256"), (["PLAYBOOK_FIX": "replicas"], "rules that have a fix"),
        (["PLAYBOOK_HEALTH_PORT": "http"], "a whole number"),
    ])
    func `an unknown or malformed variable stops the start`(_ environment: [String: String], _ part: String) throws {
        for command in ["serve", "review", "config"] {
            let program = try Program([command], environment: environment)
            #expect(program.code == 2)
            #expect(program.error.contains(part), "\(program.error)")
        }
    }

    @Test func `all errors of the environment are reported together`() throws {
        let error = try Program(["config"], environment: ["PLAYBOOK_MODE": "x", "PLAYBOOK_LOOPS": "x"]).error
        #expect(error.contains("PLAYBOOK_MODE") && error.contains("PLAYBOOK_LOOPS"))
    }

    @Test func `Kubernetes service links are not settings`() throws {
        let links = [
            "PLAYBOOK_SERVICE_HOST", "PLAYBOOK_SERVICE_PORT", "PLAYBOOK_SERVICE_PORT_HTTPS", "PLAYBOOK_PORT",
            "PLAYBOOK_PORT_443_TCP",
            "PLAYBOOK_PORT_443_TCP_ADDR", "PLAYBOOK_PORT_443_TCP_PROTO", "PLAYBOOK_METRICS_SERVICE_HOST",
            "PLAYBOOK_METRICS_PORT_8080_TCP",
        ]
        let program = try Program(
            ["config"], environment: Dictionary(uniqueKeysWithValues: links.map { ($0, "tcp://10.0.0.1:443") }))
        #expect(program.code == 0, "\(program.error)")
    }

    @Test(arguments: ["tcp://10.0.0.1:9090", "udp://10.0.0.1:53", "sctp://[fd00::1]:9090"])
    func `a service link with the name of a setting is ignored`(link: String) throws {
        let links = ["PLAYBOOK_METRICS_PORT": link, "PLAYBOOK_HEALTH_PORT": link, "PLAYBOOK_OTHER_PORT": link]
        let program = try Program(["config"], environment: links)
        #expect(program.code == 0, "\(program.error)")
        let lines = program.output.split(separator: "\n").filter { $0.contains("_PORT ") }
        #expect(lines.count == 2 && lines.allSatisfy { $0.hasSuffix("(ignored: service link)") }, "\(lines)")
        let shown = try Program(["config", "--format", "json"], environment: links).output
        let json = try Literal(json: Array(shown.utf8))
        guard case .array(let settings) = json else { return #expect(Bool(false)) }
        for name in ["PLAYBOOK_METRICS_PORT", "PLAYBOOK_HEALTH_PORT"] {
            let setting = try #require(settings.first { $0["name"] == .string(name) })
            #expect(setting["isSet"] == false && setting["value"] == setting["default"])
        }
    }

    @Test func `a misspelled setting that ends in PORT is not a service link`() throws {
        let program = try Program(["config"], environment: ["PLAYBOOK_METRIC_PORT": "9090"])
        #expect(program.code == 2)
        #expect(program.error.contains("unknown setting PLAYBOOK_METRIC_PORT; did you mean PLAYBOOK_METRICS_PORT?"))
    }

    @Test func `the server logs the service links that it ignores`() throws {
        try Program.withFolder { folder in
            let program = try ServedProgram(in: folder, ["PLAYBOOK_METRICS_PORT": "tcp://10.0.0.1:9090"])
            let lines = program.lines.filter { $0.contains("PLAYBOOK_METRICS_PORT") }
            #expect(lines.count == 1)
            #expect(lines.first?.contains("ignored service links that have the names of settings") == true)
        }
    }

    @Test func `the manual page has every command with its flags, and every setting`() throws {
        let page = try Program(["man"]).output
        for command in try Program(["--help"]).output.split(separator: "\n").filter({ $0.hasPrefix("  ") }) {
            let name = command.split(separator: " ")[0]
            #expect(page.contains(".SS \"playbook \(name)"), "\(name)")
        }
        #expect(page.contains("\\fB\\-\\-companions\\fR \\fIPATH\\fR\n"))
        for name in ["PLAYBOOK_LISTEN", "PLAYBOOK_MODE", "PLAYBOOK_RULE_REPLICAS"] {
            #expect(page.contains(".TP\n.B \(name)\n"), "\(name)")
        }
    }

    // scripts/completion-check runs the shells.
    @Test(arguments: ["bash", "zsh", "fish"])
    func `completion scripts contain every command and rule`(_ shell: String) throws {
        let script = try Program(["completion", shell]).output
        for word in ["review", "explain", "companions", "liveness-probe", "cluster-access"] {
            #expect(script.contains(word), "\(word)")
        }
    }

    // MARK: review

    @Test func `exit codes of review`() throws {
        #expect(try Program(["review", good]).code == 0)
        #expect(try Program(["review", bad]).code == 1)
        #expect(try Program(["review", good, bad]).code == 1)
        #expect(try Program(["review", "--mode", "dry-run", bad]).code == 0)
        #expect(try Program(["review", bad], environment: ["PLAYBOOK_MODE": "dry-run"]).code == 0)
        #expect(try Program(["review", "/no/such/file", bad]).code == 2)
    }

    @Test func `unreadable inputs are reported, and the others are evaluated`() throws {
        try Program.withFolder { folder in
            try "{\"a\":\n 01}".write(toFile: "\(folder)/a.json", atomically: true, encoding: .utf8)
            try "[]".write(toFile: "\(folder)/b.json", atomically: true, encoding: .utf8)
            try FileManager.default.copyItem(atPath: bad, toPath: "\(folder)/c.json")
            try "not looked at".write(toFile: "\(folder)/d.txt", atomically: true, encoding: .utf8)
            let program = try Program(["review", folder, "/no/such/file"])
            #expect(program.code == 2)
            #expect(program.error.contains("\(folder)/a.json:2:3: not JSON: "))
            #expect(program.error.contains("\(folder)/b.json: the body is not an AdmissionReview"))
            #expect(program.error.contains("/no/such/file: No such file or directory"))
            #expect(program.output.contains("Deployment shop/catalogue · CREATE by admin · DENIED"))
            #expect(
                program.output.contains("1 review: 1 denied, 0 with warnings, 0 allowed; 3 inputs could not be read"))
        }
    }

    @Test func `reviews come from standard input and from JSON lines`() throws {
        let one = try Fixtures.text("reviews/023-create-deployment-catalogue.json")
        #expect(try Program(["review", "-"], input: one).code == 1)
        #expect(try Program(["review"], input: one).code == 1)
        let lines = try [good, bad, good].map {
            try String(contentsOfFile: $0, encoding: .utf8).trimmingCharacters(in: .newlines)
        }
        let program = try Program(["review", "--format", "response"], input: lines.joined(separator: "\n") + "\n")
        #expect(program.code == 1)
        let answers = try program.output.split(separator: "\n").map {
            try Literal(json: Array($0.utf8))["response"]?["allowed"]
        }
        #expect(answers == [true, false, true])
    }

    @Test func `rules that need related objects are evaluated with --companions only`() throws {
        #expect(
            try Program(["review", good]).output.contains(
                "not evaluated because related objects are not known: "
                    + "pod-disruption-budget (1), disruption-allowed (1)"))
        let known = try Program(["review", bad] + relatedObjects).output
        #expect(known.contains("are not selected by any PodDisruptionBudget") && !known.contains("not evaluated"))
        let broken = try Program(["review", good, "--companions", Fixtures.path("expected/recordings.tsv")])
        #expect(broken.code == 2)
    }

    @Test func `a malformed related object is reported with its location`() throws {
        try Program.withFolder { folder in
            try """
            apiVersion: v1
            kind: Namespace
            metadata: {name: shop}
            ---
            apiVersion: policy/v1
            kind: PodDisruptionBudget
            metadata: {name: web, namespace: shop}
            spec:
              maxUnavailable: some
            """.write(toFile: "\(folder)/a.yaml", atomically: true, encoding: .utf8)
            let program = try Program(["review", good, "--companions", "\(folder)/a.yaml"])
            #expect(program.code == 2)
            let part = "a.yaml:9:3: /spec/maxUnavailable is not a whole number or a percentage"
            #expect(program.error.contains(part), "\(program.error)")
        }
    }

    @Test func `the JSON report has the fields that scripts read`() throws {
        let report = try Literal(json: Array(Program(["review", "--format", "json", bad]).output.utf8))
        #expect(report["summary"]?["denied"] == 1 && report["summary"]?["reviews"] == 1)
        guard case .array(let findings)? = report["findings"] else {
            Issue.record("no findings")
            return
        }
        let first = try #require(findings.first)
        for key in ["rule", "level", "effective", "file", "line", "column", "object", "path", "message", "remedy"] {
            #expect(first[key] != nil, "\(key)")
        }
        #expect(
            first["rule"] == "liveness-probe" && first["effective"] == "deny"
                && first["object"] == "Deployment shop/catalogue")
    }

    @Test func `--level overrides the environment`() throws {
        let environment = ["PLAYBOOK_RULE_REPLICAS": "off"]
        #expect(try !Program(["review", bad], environment: environment).output.contains("replicas "))
        let program = try Program(["review", bad, "--level", "replicas=warn"], environment: environment)
        #expect(program.output.contains("warn    replicas "))
    }

    @Test func `--quiet prints no text, --verbose prints passed rules`() throws {
        let quiet = try Program(["review", "--quiet", bad])
        #expect(quiet.code == 1 && quiet.output.isEmpty && quiet.error.isEmpty)
        let report = try Program(["review", "--quiet", "--format", "json", bad])
        #expect(report.code == 1 && report.output.hasPrefix("{"), "--quiet does not suppress a named format")
        let verbose = try Program(["review", "--verbose", good]).output
        #expect(verbose.contains("Deployment shop/checkout · CREATE by admin · allowed"))
        #expect(verbose.contains("\n  passed         replicas\n"))
    }

    @Test func `a closed standard output does not change the exit code`() throws {
        try Program.withFolder { folder in
            let (bad, all) = (Fixtures.path("manifests/2-catalogue-bad.yaml"), Fixtures.path("manifests"))
            for (arguments, code): ([String], Int32) in [
                (["check", bad], 1), (["check", "--exit-zero", bad], 0), (["check", bad, "nowhere"], 2),
                (["check", "--write-baseline", "known.json", all], 0), (["review", self.bad], 1),
            ] {
                let process = Process()
                process.executableURL = Program.url
                process.arguments = arguments
                process.currentDirectoryURL = URL(filePath: folder)
                process.environment = [:]
                let (output, error) = (Pipe(), Pipe())
                try output.fileHandleForReading.close()
                process.standardOutput = output
                process.standardError = error
                try process.run()
                let complaints = error.fileHandleForReading.readDataToEndOfFile()
                process.waitUntilExit()
                #expect(process.terminationStatus == code, "\(arguments)")
                #expect(!String(decoding: complaints, as: UTF8.self).contains("standard output"))
            }
            // Files are written nevertheless.
            #expect(FileManager.default.fileExists(atPath: "\(folder)/known.json"))
        }
    }

    // MARK: The other commands

    @Test func `rules and config print text, JSON and Markdown`() throws {
        let rules = try Literal(json: Array(Program(["rules", "--format", "json"]).output.utf8))
        guard case .array(let list) = rules else {
            Issue.record("no array")
            return
        }
        // The number of rules is not checked here.
        let ids = list.compactMap { $0["id"]?.text }
        #expect(Set(ids).count == list.count && ids.first == "liveness-probe")
        for rule in list {
            for key in ["id", "group", "title", "level", "fixable", "companions", "source"] {
                #expect(rule[key] != nil, "\(key)")
            }
        }
        let levels = try Program(["rules"], environment: ["PLAYBOOK_RULE_REPLICAS": "off"]).output.split(
            separator: "\n")
        #expect(levels.contains { $0.split(separator: " ").starts(with: ["replicas", "off"]) })
        #expect(try Program(["rules", "--format", "markdown"]).output.hasPrefix("# The rules\n"))
        #expect(try Program(["rules", "--format", "coverage"]).output.hasPrefix("# Coverage of the playbook\n"))
        #expect(try Program(["config", "--format", "markdown"]).output.hasPrefix("# Configuration\n"))
        #expect(try Program(["config"], environment: ["PLAYBOOK_MODE": "dry-run"]).output.contains("dry-run  (set)"))
        let page = try Program(["explain", "replicas"]).output
        #expect(page.contains("PLAYBOOK_RULE_REPLICAS"))
        // The requirements come first, and a few examples fit on a screen.
        let parts = ["replicas: Workloads run", "\nRequirements\n", "\nLevel ", "\nBad (", "\nGood (", "\nAll "]
        let places = parts.compactMap { page.firstRange(of: $0)?.lowerBound }
        #expect(places.count == parts.count && places == places.sorted())
        #expect(page.components(separatedBy: "\n  # ").count - 1 == 6)
        #expect(page.hasSuffix(" examples: playbook explain --format markdown replicas\n"))
        let version = try Program(["version"]).output
        #expect(version.hasPrefix("playbook ") && version.contains(" (commit ") && version.contains(", Swift "))
    }

    @Test func `certs creates and shows certificates`() throws {
        try Program.withFolder { folder in
            let made = try Program([
                "certs", "--directory", "\(folder)/certs", "--host", "playbook.playbook.svc", "--host", "10.0.0.1",
                "--days", "7",
            ])
            #expect(made.code == 0, "\(made.error)")
            let shown = try Program(["certs", "\(folder)/certs/tls.crt"]).output
            #expect(shown.contains("playbook.playbook.svc, 10.0.0.1") && shown.contains("days left)"))
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/certs/tls.key")
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            #expect(try Program(["certs", "\(folder)/certs/tls.key"]).code == 2)
            #expect(try Program(["certs", "--directory", folder, "--days", "0"]).code == 2)
        }
    }

    @Test func `serve reports a missing certificate and a malformed address`() throws {
        let program = try Program(["serve"], environment: ["PLAYBOOK_TLS_CERT_FILE": "/no/tls.crt"])
        #expect(program.code == 2)
        #expect(program.error.contains("/no/tls.crt") && program.error.contains("playbook certs"))
        try Program.withFolder { folder in
            _ = try Program(["certs", "--directory", folder])
            let listen = try Program(
                ["serve"],
                environment: [
                    "PLAYBOOK_TLS_CERT_FILE": "\(folder)/tls.crt", "PLAYBOOK_TLS_KEY_FILE": "\(folder)/tls.key",
                    "PLAYBOOK_LISTEN": "localhost",
                ])
            #expect(listen.code == 2 && listen.error.contains(#"PLAYBOOK_LISTEN: unsupported value "localhost""#))
        }
    }
}
