import Foundation
import JSON
import TestSupport
import Testing

/// The text that people read: one line per finding, by object, the most severe first, and the counts.
@Suite struct TextReportTests {
    private let manifests = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web, namespace: shop}
        spec:
          replicas: 2
          strategy: {type: Recreate}
          template: {spec: {}}
        ---
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: api, namespace: shop}
        spec:
          strategy: {type: Recreate}
          replicas: 1
          template: {spec: {}}

        """
    private let rules = TestSupport.environment(onlyWith: ["replicas": "deny", "rolling-update": "warn"])

    private func check(
        _ text: String, _ flags: [String] = [], _ environment: [String: String]? = nil
    ) throws -> Program {
        try Program.withFolder { folder in
            let url = URL(filePath: folder)
            try text.write(to: url.appending(path: "a.yaml"), atomically: true, encoding: .utf8)
            return try Program(["check", "a.yaml"] + flags, environment: environment ?? rules, in: url)
        }
    }

    @Test func `each finding is one line, and the most severe objects and findings come first`() throws {
        let program = try check(manifests)
        #expect(program.code == 1 && program.error.isEmpty)
        #expect(
            program.output == """
                Deployment shop/api · DENIED
                  a.yaml:14:3   deny    replicas        spec.replicas is 1; at least 2 are required
                  a.yaml:13:14  warn    rolling-update  spec.strategy.type is "Recreate"; all pods stop before new ones start
                Deployment shop/web · allowed with warnings
                  a.yaml:6:14  warn    rolling-update  spec.strategy.type is "Recreate"; all pods stop before new ones start

                rule              deny    warn
                replicas             1       -
                rolling-update       -       2
                total                1       2

                2 objects in 1 file: 1 denied, 1 with warnings, 0 allowed

                A cluster that enforces the rules rejects denied objects. Next steps:
                  playbook check --verbose PATH              show source lines and suggested changes
                  playbook explain replicas                  describe a rule
                  playbook check --write-baseline FILE PATH  accept these findings, to report only new ones

                """, "\(program.output)")
    }

    @Test func `--verbose adds source lines, suggestions and objects without findings`() throws {
        let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n"
        let program = try check(manifests + service, ["--verbose"])
        #expect(
            program.output.hasPrefix(
                """
                Deployment shop/api · DENIED
                  a.yaml:14:3   deny    replicas        spec.replicas is 1; at least 2 are required
                      14 |   replicas: 1
                         |   ^^^^^^^^^^^
                      # set 2 if several replicas can run at once; if not, exempt the workload with a reason
                  a.yaml:13:14  warn    rolling-update  spec.strategy.type is "Recreate"; all pods stop before new ones start
                      13 |   strategy: {type: Recreate}
                         |              ^^^^^^^^^^^^^^
                """), "\(program.output)")
        #expect(program.output.contains("\n\nService shop/web · allowed · a.yaml:17\n"), "\(program.output)")
        #expect(
            program.output.hasSuffix(
                """
                3 objects in 1 file: 1 denied, 1 with warnings, 0 allowed
                not covered: 1 object of kinds that no rule reads: Service 1

                A cluster that enforces the rules rejects denied objects. Next steps:
                  playbook explain replicas                  describe a rule
                  playbook check --write-baseline FILE PATH  accept these findings, to report only new ones

                """), "\(program.output)")
        #expect(try check(manifests, ["-v"]).output.contains("14 |   replicas: 1"))
    }

    @Test func `the next steps name the safe fixes, and a baseline only for denials that are not in one`() throws {
        let text = manifests.replacingOccurrences(
            of: "spec: {}",
            with: "spec: {containers: [{name: app, resources: {requests: {memory: 1Mi}, limits: {memory: 2Mi}}}]}")
        let denied = TestSupport.environment(onlyWith: ["memory-request-equals-limit": "deny"])
        let output = try check(text, [], denied).output
        #expect(
            output.hasSuffix(
                """

                A cluster that enforces the rules rejects denied objects. Next steps:
                  playbook check --verbose PATH                 show source lines and suggested changes
                  playbook explain memory-request-equals-limit  describe a rule
                  playbook fix --diff PATH                      show safe fixes: memory-request-equals-limit
                  playbook check --write-baseline FILE PATH     accept these findings, to report only new ones

                """), "\(output)")
        let warned = try check(text, [], TestSupport.environment(onlyWith: ["memory-request-equals-limit": "warn"]))
            .output
        #expect(warned.contains("\n\nNext steps:\n") && !warned.contains("--write-baseline"), "\(warned)")
        #expect(try !check(text, [], TestSupport.environment(onlyWith: [:])).output.contains("Next steps"))
    }

    @Test func `the next steps name the command that adds PodDisruptionBudgets, if one is missing`() throws {
        let text = manifests.replacing(
            "template: {spec: {}}", with: "template: {metadata: {labels: {app: web}}, spec: {}}")
        let missing = try check(text, [], TestSupport.environment(onlyWith: ["pod-disruption-budget": "deny"])).output
        #expect(missing.contains("\n  playbook fix --diff --add-companions PATH "), "\(missing)")
        #expect(try !check(text).output.contains("--add-companions"))
    }

    @Test func `a hint is explained below the findings`() throws {
        let program = try check(
            manifests.replacingOccurrences(of: "  replicas: 1\n", with: ""), [],
            TestSupport.environment(onlyWith: ["replicas": "deny"]))
        #expect(program.output.contains("  warn    replicas  "), "\(program.output)")
        #expect(
            program.output.contains(" (hint)\n")
                && program.output.contains("\n(hint) marks a warning that never denies\n"))
    }

    @Test func `an exempt finding is shown with its reason and counted apart`() throws {
        let text = manifests.replacingOccurrences(
            of: "  replicas: 1", with: "  replicas: 1  # playbook:ignore replicas a cache that is warmed by hand")
        let program = try check(text)
        #expect(
            program.output.contains(
                "  a.yaml:14:3   exempt  replicas        spec.replicas is 1; at least 2 are required (a cache that is warmed by hand)\n"
            ), "\(program.output)")
        #expect(program.output.contains("rule              deny    warn  exempt\n"))
        #expect(program.output.contains("replicas             -       -       1\n"))
    }

    @Test func `objects in platform namespaces are in a separate group`() throws {
        let text = manifests.replacingOccurrences(
            of: "name: api, namespace: shop", with: "name: api, namespace: ingress-nginx")
        let output = try check(text).output
        #expect(
            output.hasPrefix(
                """
                Deployment shop/web · allowed with warnings
                  a.yaml:6:14  warn    rolling-update  spec.strategy.type is "Recreate"; all pods stop before new ones start

                Operator-made and third-party objects: change the resource or the chart that they come from
                Deployment ingress-nginx/api · allowed with warnings
                  a.yaml:14:3   warn    replicas        spec.replicas is 1; at least 2 are required (platform namespace)
                """), "\(output)")
    }

    @Test func `objects that a controller manages are grouped apart in text, Markdown and JSON`() throws {
        let owner =
            "name: web, namespace: shop, ownerReferences: [{apiVersion: a.example.com/v1, kind: Thing, name: t, uid: u, controller: true}]"
        let text = manifests.replacingOccurrences(of: "name: web, namespace: shop", with: owner)
        #expect(text != manifests)
        let title = "Operator-made and third-party objects: change the resource or the chart that they come from"
        for format in ["text", "markdown"] {
            let parts = try check(text, ["--format", format]).output.components(separatedBy: title)
            #expect(parts.count == 2 && parts[0].contains("shop/api") && parts[1].contains("shop/web"), "\(parts)")
        }
        let report = try Literal(json: Array(check(text, ["--format", "json"]).output.utf8))
        let marks = report["findings"]?.elements.map { "\($0["object"]?.text ?? "") \($0["thirdParty"]?.json ?? "-")" }
        #expect(Set(marks ?? []) == ["Deployment shop/web true", "Deployment shop/api -"])
    }

    @Test func `operator-made objects name the resource to change`() throws {
        let review = """
            {"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u","operation":"CREATE",\
            "kind":{"group":"apps","version":"v1","kind":"Deployment"},"namespace":"shop","name":"web",\
            "userInfo":{"username":"system:serviceaccount:ops:kafka"},"object":{"apiVersion":"apps/v1","kind":"Deployment",\
            "metadata":{"name":"web","namespace":"shop","ownerReferences":[{"apiVersion":"kafka.example.com/v1",\
            "kind":"Kafka","name":"events","uid":"k","controller":true}]},\
            "spec":{"template":{"spec":{"containers":[{"name":"app","image":"a:latest"}]}}}}}}
            """
        let environment = TestSupport.environment(onlyWith: ["image-tag": "deny"]).merging([
            "PLAYBOOK_OPERATOR_ACCOUNTS": "system:serviceaccount:ops:kafka"
        ]) { $1 }
        let program = try Program(["review"], environment: environment, input: review)
        #expect(
            program.output.hasPrefix(
                """
                Operator-made and third-party objects: change the resource or the chart that they come from
                Deployment shop/web · CREATE by system:serviceaccount:ops:kafka · allowed with warnings · -
                  warn    image-tag  containers[app].image uses the mutable tag "latest" (operator-made: change Kafka events)

                """), "\(program.output)\(program.error)")
    }

    @Test func `a fault that two rules report is one line, and a namespace's finding is one line in a run`() throws {
        let text = manifests.replacingOccurrences(
            of: "spec: {}", with: #"spec: {containers: [{name: app, image: "docker.io/shop/app:latest"}]}"#)
        let environment = TestSupport.environment(
            onlyWith: ["image-registry": "deny", "image-tag": "deny", "namespace-quota": "warn"])
        let lines = try check(text, [], environment).output.split(separator: "\n")
        let also = "(also image-tag: uses the mutable tag "
        #expect(lines.count { $0.contains("image-registry") && $0.contains(also) } == 2, "\(lines)")
        #expect(!lines.contains { $0.contains("  deny    image-tag  ") })
        #expect(lines.count { $0.contains("  warn    namespace-quota  ") } == 2, "\(lines)")
        // So do a comment on a pull request and annotations.
        let comment = try check(text, ["-o", "markdown"], environment).output
        #expect(comment.components(separatedBy: "`namespace-quota`").count - 1 == 2, "\(comment)")
        #expect(comment.components(separatedBy: also).count - 1 == 2, "\(comment)")
        let annotations = try check(text, ["-o", "github"], environment).output
        #expect(annotations.components(separatedBy: "title=namespace-quota").count - 1 == 2, "\(annotations)")
        #expect(
            annotations.components(separatedBy: also).count - 1 == 2,
            "\(annotations)")
        let json = try check(text, ["-o", "json"], environment).output
        #expect(json.components(separatedBy: #""rule":"namespace-quota""#).count == 5)
        #expect(json.components(separatedBy: #""rule":"image-tag""#).count == 3)
    }

    @Test func `104 findings fit in 150 lines`() throws {
        let text = (0..<14).map { number in
            """
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: web-\(number), namespace: shop}
            spec:
              selector: {matchLabels: {app: web-\(number)}}
              template:
                metadata: {labels: {app: web-\(number)}}
                spec: {containers: [{name: app, image: "example.com/app:latest"}]}

            """
        }.joined(separator: "---\n")
        let rules = [
            "liveness-probe", "readiness-probe", "cpu-request", "memory-request-equals-limit", "run-as-non-root",
            "image-tag", "run-as-identity", "pod-disruption-budget",
        ]
        let environment = TestSupport.environment(
            onlyWith: Dictionary(uniqueKeysWithValues: rules.map { ($0, "deny") }))
        let json = try Literal(json: Array(check(text, ["-o", "json"], environment).output.utf8))
        #expect((json["findings"]?.elements.count ?? 0) >= 104)
        let lines = try check(text, [], environment).output.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count <= 150, "\(lines.count)")
    }

    /// The output of a command on a terminal, which `script` provides.
    private func terminal(_ flags: String, _ environment: [String: String]) throws -> String {
        try Program.withFolder { folder in
            try manifests.write(toFile: "\(folder)/a.yaml", atomically: true, encoding: .utf8)
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/script")
            process.arguments = ["-qec", "\(Program.url.path) check a.yaml \(flags)", "/dev/null"]
            process.currentDirectoryURL = URL(filePath: folder)
            process.environment = environment.merging(["TERM": "xterm", "PATH": "/usr/bin:/bin"]) { first, _ in first }
            let output = Pipe()
            process.standardOutput = output
            process.standardInput = FileHandle.nullDevice
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return text
        }
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script")))
    func `colors and links to rules are printed on a terminal only`() throws {
        let environment = rules.merging(["PLAYBOOK_DOCS_URL": "https://docs.example/rules.md"]) { first, _ in first }
        let shown = try terminal("", environment)
        let link = "\u{1B}]8;;https://docs.example/rules.md#replicas\u{1B}\\replicas\u{1B}]8;;\u{1B}\\"
        #expect(
            shown.contains("\u{1B}[31mdeny  \u{1B}[0m  \(link)        spec.replicas is 1"), "\(shown.debugDescription)")
        for plain in [
            try terminal("--no-color", environment), try terminal("", environment.merging(["NO_COLOR": "1"]) { $1 }),
            try check(manifests, [], environment).output,
        ] {
            #expect(!plain.contains("\u{1B}") && plain.contains("deny    replicas "), "\(plain.debugDescription)")
        }
        #expect(try !terminal("", rules).contains("\u{1B}]8"))
    }
}
