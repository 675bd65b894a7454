import Foundation
import JSON
import TestSupport
import Testing

/// Directories as repositories have them: files of other tools, patches, kustomizations and charts.
@Suite struct RepositoryTests {
    /// A Deployment that only `replicas` denies.
    private static func deployment(_ name: String = "web", replicas: Int = 1) -> String {
        """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: \(name), namespace: shop}
        spec:
          replicas: \(replicas)
          selector: {matchLabels: {app: \(name)}}
          template:
            metadata: {labels: {app: \(name)}}
            spec: {containers: [{name: app, image: web, resources: {requests: {memory: 64Mi}, limits: {memory: 128Mi}}}]}

        """
    }

    private static let onlyReplicas = environment(onlyWith: ["replicas": "deny", "schema": "deny"])

    /// Writes files into a temporary directory and calls a function with it.
    private func withFiles<Result>(_ files: [String: String], _ body: (String) throws -> Result) throws -> Result {
        try Program.withFolder { folder in
            for (name, text) in files {
                let url = URL(filePath: "\(folder)/\(name)")
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try text.write(to: url, atomically: false, encoding: .utf8)
                if name.hasPrefix("bin/") {
                    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: url.path)
                }
            }
            return try body(folder)
        }
    }

    /// Runs `check` in a directory, with the programs in its `bin` on `PATH`.
    private func check(
        _ arguments: String..., in folder: String, command: String = "check",
        environment: [String: String] = onlyReplicas
    ) throws -> Program {
        var variables = environment
        variables["PATH"] = "\(folder)/bin"
        variables["TOKEN_OF_THE_PIPELINE"] = "t"
        return try Program([command] + arguments, environment: variables, in: URL(filePath: folder))
    }

    private func report(_ program: Program) throws -> Literal { try Literal(json: Array(program.output.utf8)) }

    /// The findings, each with its file and line.
    private func findings(_ program: Program) throws -> [String] {
        try report(program)["findings"]?.elements.map {
            "\($0["rule"]?.text ?? "") \($0["file"]?.text ?? ""):\($0["line"]?.json ?? "")"
        } ?? []
    }

    // MARK: Files that are not manifests

    private let others = [
        "docker-compose.yml": "services:\n  web: {image: 'nginx:latest'}\n",
        "stack.yaml": "Resources:\n  Queue:\n    Properties: {QueueName: !Ref Name}\n",
        "tsconfig.json": "{\n  // comments\n  \"compilerOptions\": {\"kind\": 1},\n}\n",
        "values.json": "{\"$schema\": \"x\", \"type\": \"object\", \"kind\": \"y\"}",
        "templates/a.yaml": "kind: {{ .Values.kind }}\n{{- if .Values.a }}\n",
        ".github/workflows/ci.yml": "kind: [\n", "node_modules/dep/pod.yaml": deployment("dep"),
        "vendor/a.yaml": deployment("vendor"), "build/a.yaml": deployment("build"), "k8s/old.yaml": deployment("old"),
        "k8s/.hidden.yaml": deployment("hidden"), ".gitignore": "build/\n", "k8s/.playbookignore": "/old.yaml\n",
    ]

    @Test func `files of other tools and ignored files are skipped and counted`() throws {
        try withFiles(others) { folder in
            let program = try check("--format", "json", ".", in: folder)
            #expect(program.code == 1 && program.error.isEmpty, "\(program.error)")
            #expect(try findings(program) == ["replicas k8s/.hidden.yaml:5"])
            #expect(try report(program)["summary"]?["skippedFiles"] == 5)
            let text = try check(".", in: folder).output
            #expect(text.contains("\nskipped 5 files without Kubernetes objects\n"), "\(text)")
        }
    }

    @Test func `--exclude skips files, also if they are named`() throws {
        try withFiles(["a/web.yaml": Self.deployment(), "b/web.yaml": Self.deployment()]) { folder in
            let program = try check("--exclude", "/a", "--format", "json", ".", in: folder)
            #expect(try findings(program) == ["replicas b/web.yaml:5"])
            let long = try check("--exclude", String(repeating: "a", count: 1025), ".", in: folder)
            #expect(
                long.code == 2
                    && long.error.contains("--exclude: the pattern aaaaaaaaaaaaaaaaaaaa… has more than 1024 bytes"))
            let named = try check("--exclude", "a/*.yaml", "--allow-empty", "a/web.yaml", in: folder)
            #expect(named.code == 0, "\(named.error)")
        }
    }

    @Test func `ignore files of the directories above count up to the repository's root`() throws {
        let files = [
            ".gitignore": "*.yaml\n", "repository/.git/HEAD": "", "repository/.gitignore": "/k8s/web.yaml\n",
            "repository/k8s/web.yaml": Self.deployment(), "repository/k8s/api.yaml": Self.deployment("api"),
        ]
        try withFiles(files) { folder in
            let program = try check("--format", "json", "repository/k8s", in: folder)
            #expect(try findings(program) == ["replicas repository/k8s/api.yaml:5"])
        }
    }

    @Test func `--strict makes a skipped file an error`() throws {
        try withFiles(["values.yaml": "kind: a\n", "web.yaml": Self.deployment(replicas: 2)]) { folder in
            #expect(try check(".", in: folder).code == 0)
            let program = try check("--strict", ".", in: folder)
            #expect(program.code == 2)
            #expect(program.error == "playbook: values.yaml: no Kubernetes object\n")
        }
    }

    @Test func `a manifest that cannot be parsed is an error, unless --skip-unreadable is given`() throws {
        let broken = "apiVersion: v1\nkind: Pod\nmetadata: {name: [}\n"
        try withFiles(["broken.yaml": broken, "web.yaml": Self.deployment(replicas: 2), "a.yaml": "a: ["]) { folder in
            let program = try check(".", in: folder)
            #expect(program.code == 2 && program.error.hasPrefix("playbook: broken.yaml:3:"), "\(program.error)")
            let skipping = try check("--skip-unreadable", ".", in: folder)
            #expect(skipping.code == 0 && skipping.error.contains("broken.yaml: skipped: "), "\(skipping.error)")
            #expect(try check("a.yaml", "web.yaml", in: folder).code == 2)
            let named = try check("--skip-unreadable", "a.yaml", "web.yaml", in: folder)
            #expect(named.code == 0 && named.error.contains("a.yaml: skipped: "), "\(named.error)")
        }
    }

    @Test func `an ignore file that is too long is used as far as possible, and reported`() throws {
        let lines = (1...60_000).map { "/generated-\($0)/\n" }.joined()
        let web = Self.deployment()
        let files = [".gitignore": lines, "web.yaml": web, "generated-1/a.yaml": web, "generated-60000/b.yaml": web]
        try withFiles(files) { folder in
            let program = try check(".", in: folder)
            let note =
                "playbook: .gitignore: 40000 patterns are not used; a file can have 20000 patterns of at most 1024 bytes\n"
            #expect(program.error == note, "\(program.error)")
            #expect(program.output.contains("2 objects in 2 files: 2 denied"), "\(program.output)")
            try Data(repeating: UInt8(ascii: "a"), count: 5 << 20).write(to: URL(filePath: "\(folder)/.gitignore"))
            let skipped = try check(".", in: folder)
            #expect(skipped.code == 1 && skipped.error.hasPrefix("playbook: .gitignore: skipped: "), "\(skipped.error)")
        }
    }

    // MARK: No false green

    @Test func `an input without objects ends with 2, unless --allow-empty is given`() throws {
        try withFiles(["a/values.yaml": "a: 1\n", "b/.keep": ""]) { folder in
            for path in ["a", "b", "a/values.yaml"] {
                for command in ["check", "fix"] {
                    let program = try check(path, in: folder, command: command)
                    #expect(program.code == 2, "\(command) \(path)")
                    let error = "playbook: nothing was evaluated; use --allow-empty to exit with 0\n"
                    #expect(program.error.hasSuffix(error), "\(program.error)")
                    #expect(try check("--allow-empty", path, in: folder, command: command).code == 0)
                }
            }
            #expect(try Program(["check", "-"], input: "").code == 2)
            #expect(try Program(["check", "--quiet", "-"], input: "").error.contains("--allow-empty"))
        }
    }

    @Test func `objects of kinds that no rule reads are not covered, and system namespaces are skipped`() throws {
        let text = """
            apiVersion: kustomize.toolkit.fluxcd.io/v1
            kind: Kustomization
            metadata: {name: apps}
            ---
            \(Self.deployment().replacing("namespace: shop", with: "namespace: kube-system"))
            """
        let program = try Program(["check"], environment: Self.onlyReplicas, input: text)
        #expect(program.code == 0)
        #expect(
            program.output == """
                2 objects in 1 file: 0 denied, 0 with warnings, 0 allowed
                not covered: 1 object of kinds that no rule reads: Kustomization 1
                skipped 1 object: kube-system is a system namespace

                """)
        let included = try Program(["check", "--include-system"], environment: Self.onlyReplicas, input: text)
        #expect(included.code == 1)
    }

    @Test(arguments: [
        ("apps/v1", "Deploymnet", "kind \"Deploymnet\" does not exist in apps/v1; did you mean \"Deployment\"?"),
        ("extensions/v1beta1", "Deployment", "which Kubernetes 1.16 removed; use apps/v1"),
        ("policy/v1beta1", "PodDisruptionBudget", "which Kubernetes 1.25 removed; use policy/v1"),
        ("v1", "Deployment", "apiVersion is \"v1\", which has no kind \"Deployment\"; use apps/v1"),
        ("app/v1", "Deployment", "this API group does not exist; use apps/v1"),
    ])
    func `a kind or version that does not exist is denied`(_ version: String, _ kind: String, _ part: String) throws {
        let text = "apiVersion: \(version)\nkind: \(kind)\nmetadata: {name: a}\n"
        let program = try Program(["check"], environment: Self.onlyReplicas, input: text)
        #expect(program.code == 1 && program.output.contains(part), "\(program.output)")
        #expect(try Program(["check", "--level", "schema=off"], environment: Self.onlyReplicas, input: text).code == 0)
    }

    @Test func `an object without apiVersion is denied`() throws {
        let program = try Program(
            ["check"], environment: Self.onlyReplicas, input: "kind: Deployment\nmetadata: {name: a}\n")
        #expect(program.code == 1 && program.output.contains("apiVersion is not set; use apps/v1"), "\(program.output)")
    }

    @Test(arguments: [
        ("example.com/v1", "Deploymnet"), ("v1", "Config"), ("resource.k8s.io/v1alpha9", "ResourceThing"),
        ("autoscaling/v1", "HorizontalPodAutoscaler"),
    ])
    func `custom kinds and files of tools are not reported`(_ version: String, _ kind: String) throws {
        let text = "apiVersion: \(version)\nkind: \(kind)\nmetadata: {name: a}\n"
        let program = try Program(["check", "--allow-empty"], environment: Self.onlyReplicas, input: text)
        #expect(program.code == 0, "\(program.output)")
    }

    @Test func `check of an AdmissionReview names the other command`() throws {
        let review = "{\"kind\": \"AdmissionReview\", \"apiVersion\": \"admission.k8s.io/v1\", \"request\": {}}"
        let program = try Program(["check", "-"], input: review)
        #expect(program.code == 2 && program.error.contains("use `playbook review`"), "\(program.error)")
    }

    // MARK: Kustomizations

    private let shop = [
        "base/kustomization.yaml": "resources:\n- web.yaml\n- pdb.yaml\n",
        "base/web.yaml": deployment(),
        "base/pdb.yaml": """
        apiVersion: policy/v1
        kind: PodDisruptionBudget
        metadata: {name: web, namespace: shop}
        spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}

        """,
        "prod/kustomization.yaml":
            "resources:\n- ../base/web.yaml\npatches:\n  - path: more.yaml\n  - path: gone.yaml\n",
        "prod/more.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 0}\n",
        "prod/gone.yaml": "$patch: delete\napiVersion: v1\nkind: Pod\nmetadata: {name: x}\n",
        "prod/unnamed.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1}\n",
    ]

    /// Prints the resources of the kustomization that the given one names, with their origins, and with other replicas.
    private func kubectl(_ edit: String = "") -> String {
        """
        #!/bin/sh
        PATH=/usr/bin:/bin
        [ "$1" = kustomize ] && [ "$KUBECONFIG" = /dev/null ] && [ "$HTTPS_PROXY$GIT_ALLOW_PROTOCOL" = http://127.0.0.1:1file ] || exit 3
        [ -z "$TOKEN_OF_THE_PIPELINE" ] || exit 4
        root=$(sed -n 's/.*"resources": *\\["\\([^"]*\\)"\\].*/\\1/p' "$2/kustomization.yaml")
        for file in $(sed -n 's/^- //p' "$2/$root/kustomization.yaml"); do
            echo ---
            sed "s|^metadata: {|metadata: {annotations: {config.kubernetes.io/origin: 'path: $root/$file'}, |\(edit)" "$2/$root/$file"
        done
        """
    }

    @Test func `without a renderer, patches are skipped with one note, and resources are evaluated`() throws {
        try withFiles(shop) { folder in
            for flags in [[], ["--render", "never"]] {
                var variables = Self.onlyReplicas
                variables["PATH"] = "\(folder)/bin"
                let program = try Program(
                    ["check", "--format", "json"] + flags + ["."], environment: variables, in: URL(filePath: folder))
                #expect(try findings(program) == ["replicas base/web.yaml:5"])
                #expect(
                    program.error
                        == (flags.isEmpty
                            ? "playbook: base/kustomization.yaml and 1 more: not rendered: neither kubectl nor kustomize is on PATH; its patches are skipped\n"
                            : ""))
            }
            // A hook gets the names of changed files only.
            let named = try check("--allow-empty", "prod/more.yaml", in: folder)
            #expect(named.code == 0, "\(named.output)")
        }
    }

    @Test func `a kustomization is rendered, and findings name the source`() throws {
        try withFiles(shop.merging(["bin/kubectl": kubectl()]) { $1 }) { folder in
            let program = try check("--format", "json", ".", in: folder)
            #expect(program.error.isEmpty, "\(program.error)")
            // Two roots render the same object in the same way.
            #expect(try findings(program) == ["replicas base/web.yaml:5"])
            #expect(try report(program)["findings"]?.elements.first?["root"] == "base")
            #expect(try report(program)["summary"]?["objects"] == 2)
            let annotated = shop["base/web.yaml"]?.replacing(
                "replicas: 1", with: "replicas: 1 # playbook:ignore replicas one")
            try annotated?.write(toFile: "\(folder)/base/web.yaml", atomically: true, encoding: .utf8)
            #expect(try check(".", in: folder).code == 0)
        }
    }

    @Test func `a value that does not come from the source has the line of the object`() throws {
        let edit = "; s/replicas: 2/replicas: 1/"
        let files = [
            "kustomization.yaml": "resources:\n- web.yaml\n",
            "web.yaml": "# a comment\n" + Self.deployment(replicas: 2),
            "bin/kubectl": kubectl(edit),
        ]
        try withFiles(files) { folder in
            let program = try check("--format", "json", ".", in: folder)
            #expect(try findings(program) == ["replicas web.yaml:2"])
            #expect(try report(program)["findings"]?.elements.first?["column"] == .null)
        }
    }

    @Test func `a fault in a source of several overlays is listed once, and each object is denied`() throws {
        let overlay = "resources:\n- ../base/web.yaml\n"
        let files = [
            "dev/kustomization.yaml": overlay, "prod/kustomization.yaml": overlay, "base/web.yaml": Self.deployment(),
            "bin/kubectl": kubectl("; s/namespace: shop/namespace: $(basename $root)/"),
        ]
        var environment = Self.onlyReplicas
        environment["PLAYBOOK_RULE_NAMESPACE_QUOTA"] = "warn"
        try withFiles(files) { folder in
            let program = try check("--format", "json", ".", in: folder, environment: environment)
            let report = try report(program)
            #expect(try findings(program).filter { $0.hasPrefix("replicas") } == ["replicas base/web.yaml:5"])
            // Findings about a namespace differ between namespaces.
            #expect(try findings(program).filter { $0.hasPrefix("namespace-quota") }.count == 4)
            #expect(report["summary"]?["objects"] == 2 && report["summary"]?["denied"] == 2)
            let text = try check(".", in: folder, environment: environment).output
            #expect(
                text.contains("Deployment dev/web · DENIED\n")
                    && text.contains("Deployment prod/web · DENIED · base/web.yaml:1\n"),
                "\(text)")
            #expect(text.contains("  1 finding as above, also in prod\n"), "\(text)")
            #expect(
                text.contains("\nnot listed again: 1 finding in sources that several kustomizations render\n"),
                "\(text)")
        }
    }

    @Test func `objects of one kustomization with the same name in two namespaces are both listed`() throws {
        let files = [
            "kustomization.yaml": "resources:\n- web.yaml\n",
            "web.yaml": Self.deployment() + "---\n"
                + Self.deployment().replacing("namespace: shop", with: "namespace: bar"),
            "bin/kubectl": kubectl("; s/replicas: 1/replicas:  1/"),
        ]
        try withFiles(files) { folder in
            let text = try check(".", in: folder).output
            #expect(
                text.contains("Deployment shop/web · DENIED") && text.contains("Deployment bar/web · DENIED"), "\(text)"
            )
            #expect(!text.contains("not listed again"))
        }
    }

    @Test func `kustomizations with the same object are evaluated without each other`() throws {
        let files = [
            "dev/kustomization.yaml": "resources:\n- web.yaml\n", "dev/web.yaml": Self.deployment(),
            "prod/kustomization.yaml": "resources:\n- web.yaml\n- pdb.yaml\n", "prod/web.yaml": Self.deployment(),
            "prod/pdb.yaml": shop["base/pdb.yaml"] ?? "", "bin/kubectl": kubectl(),
        ]
        try withFiles(files) { folder in
            let program = try check("--format", "json", ".", in: folder, environment: Self.memory)
            let missing = try findings(program).filter { $0.hasPrefix("pod-disruption-budget") }
            #expect(missing == ["pod-disruption-budget dev/web.yaml:8"], "\(missing)")
        }
    }

    @Test func `nothing is read from the network`() throws {
        let files = [
            "kustomization.yaml": "resources:\n- https://example.com/a.yaml\n- web.yaml\n",
            "web.yaml": Self.deployment(),
            "bin/kubectl": "#!/bin/sh\necho called >&2; exit 1\n",
        ]
        try withFiles(files) { folder in
            let program = try check("--format", "json", ".", in: folder)
            #expect(try findings(program) == ["replicas web.yaml:5"])
            #expect(
                program.error
                    == "playbook: kustomization.yaml: not rendered: remote base https://example.com/a.yaml; use --allow-remote to render it\n"
            )
            let allowed = try check("--allow-remote", ".", in: folder)
            #expect(allowed.error.contains("kubectl failed (1): called"), "\(allowed.error)")
            #expect(try check("--strict", ".", in: folder).code == 2)
        }
    }

    @Test(arguments: [
        ("echo 'Error: no such field' >&2; exit 1", "kubectl failed (1): Error: no such field"),
        ("echo 'a: ['", "its output cannot be read: "), ("kill -9 $$", "kubectl failed (137)"),
    ])
    func `if the program fails, the resources are evaluated as they are`(_ script: String, _ note: String) throws {
        let files = [
            "kustomization.yaml": "resources:\n- web.yaml\n", "web.yaml": Self.deployment(),
            "bin/kubectl": "#!/bin/sh\n\(script)\n",
        ]
        try withFiles(files) { folder in
            let program = try check("--format", "json", ".", in: folder)
            #expect(program.code == 1 && program.error.contains("not rendered: \(note)"), "\(program.error)")
            #expect(try findings(program) == ["replicas web.yaml:5"])
        }
    }

    // MARK: Charts

    private let chart = [
        "chart/Chart.yaml": "apiVersion: v2\nname: Orders\nversion: 1.0.0\n", "chart/values.yaml": "kind: a\n",
        "chart/templates/web.yaml": "kind: {{ .Values.kind }}\n", "chart/crds/crd.yaml": deployment("crd"),
    ]

    @Test func `a chart is rendered with its values, and findings name the template`() throws {
        let helm = """
            #!/bin/sh
            PATH=/usr/bin:/bin
            [ "$*" = "template orders ./chart --namespace=shop --values=more.yaml --set=a=b" ] || { echo "$*" >&2; exit 3; }
            echo '---'
            echo '# Source: Orders/templates/web.yaml'
            cat output.yaml
            """
        let more = ["bin/helm": helm, "output.yaml": Self.deployment(), "more.yaml": "a: 1\n"]
        try withFiles(chart.merging(more) { $1 }) { folder in
            let program = try check(
                "--format", "json", "--namespace", "shop", "--values", "more.yaml", "--set", "a=b", "chart", in: folder)
            #expect(program.error.isEmpty, "\(program.error)")
            #expect(try findings(program) == ["replicas chart/templates/web.yaml:null"])
            #expect(try report(program)["summary"]?["skippedFiles"] == nil)
            let missing = try check("--values", "https://example.com/v.yaml", "chart", in: folder)
            #expect(missing.code == 2 && missing.error.contains("https://example.com/v.yaml: No such file"))
        }
    }

    @Test func `a chart that is not rendered is skipped with a note`() throws {
        let dependent = chart.merging(["chart/Chart.yaml": "name: orders\ndependencies: [{name: redis}]\n"]) { $1 }
        for (files, note) in [
            (chart, "helm is not on PATH; its templates are skipped"),
            (dependent, "dependency redis is missing in charts/ (helm dependency build)"),
        ] {
            try withFiles(files) { folder in
                let program = try check("--allow-empty", ".", in: folder)
                #expect(program.code == 0 && program.error == "playbook: chart/Chart.yaml: not rendered: \(note)\n")
            }
        }
    }

    // MARK: Fixes

    private static let memory = environment(onlyWith: [
        "memory-request-equals-limit": "deny", "pod-disruption-budget": "deny",
    ])

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test func `fix changes the source of a rendered object and adds a PodDisruptionBudget as a resource`() throws {
        let files = [
            "base/kustomization.yaml": "resources:\n- web.yaml\n", "base/web.yaml": Self.deployment(),
            "bin/kubectl": kubectl(),
        ]
        try withFiles(files) { folder in
            let program = try check(
                "--write", "--add-companions", ".", in: folder, command: "fix", environment: Self.memory)
            #expect(program.code == 0, "\(program.error)")
            #expect(
                program.error.contains("base/web-pdb.yaml: added PodDisruptionBudget shop/web\n"), "\(program.error)")
            #expect(try text("\(folder)/base/web.yaml").contains("requests: {memory: 128Mi}"))
            #expect(try text("\(folder)/base/kustomization.yaml") == "resources:\n- web.yaml\n- web-pdb.yaml\n")
            #expect(try text("\(folder)/base/web-pdb.yaml").contains("kind: PodDisruptionBudget"))
            let again = try check(
                "--write", "--add-companions", ".", in: folder, command: "fix", environment: Self.memory)
            #expect(again.code == 0 && again.error == "nothing fixed; no findings remaining\n", "\(again.error)")
        }
    }

    @Test func `fix writes no label of an overlay into the base`() throws {
        // The overlay adds a label to the selectors.
        let edit =
            "; s/{app: web}/{app: web, env: dev}/; s/^\\( *\\)app: web\\$/\\1app: web\\n\\1env: dev/"
        let files = [
            "base/kustomization.yaml": "resources:\n- web.yaml\n", "base/web.yaml": Self.deployment(replicas: 2),
            "dev/kustomization.yaml": "resources:\n- ../base/web.yaml\n", "bin/kubectl": kubectl(edit),
        ]
        try withFiles(files) { folder in
            let spread = environment(onlyWith: ["topology-spread": "deny"])
            let program = try check("--write", "base", "dev", in: folder, command: "fix", environment: spread)
            #expect(program.error.contains("fixed 1 finding in 1 file"), "\(program.error)")
            let base = try text("\(folder)/base/web.yaml")
            #expect(base.contains("topologySpreadConstraints") && !base.contains("env"), "\(base)")
        }
    }

    /// `resources` is given twice: kustomize builds it, but another reader can understand it in another way.
    private static let twice = "resources:\n- web.yaml\nresources:\n- ../base\npatches: [{path: memory.yaml}]\n"

    @Test func `a kustomization that cannot be read is not rendered, and its patches are skipped`() throws {
        let patch = Self.deployment().components(separatedBy: "  selector")[0]
        let files = [
            "base/kustomization.yaml": "resources:\n- web.yaml\n", "base/web.yaml": Self.deployment(replicas: 2),
            "prod/kustomization.yaml": Self.twice, "prod/memory.yaml": patch, "bin/kubectl": kubectl(),
            ".git/HEAD": "",
        ]
        try withFiles(files) { folder in
            let program = try check(".", in: folder)
            #expect(
                program.error.hasPrefix("playbook: prod/kustomization.yaml: not rendered: it cannot be read: "),
                "\(program.error)")
            #expect(program.error.contains("duplicate key \"resources\""))
            #expect(program.code == 0 && program.output.hasPrefix("1 object in "), "\(program.output)")
            // It can read the base, so the base is not changed.
            let fix = try check("--write", ".", in: folder, command: "fix", environment: Self.memory)
            #expect(
                fix.error.contains("prod/kustomization.yaml cannot be read, and can refer to base/web.yaml"),
                "\(fix.error)")
            #expect(try text("\(folder)/base/web.yaml") == files["base/web.yaml"])
        }
    }

    @Test(arguments: [("name: [a\n", "it cannot be read: "), ("version: 1.0.0\n", "name is not set")])
    func `a chart that cannot be read is not rendered, and that is reported`(_ text: String, _ reason: String) throws {
        try withFiles(["chart/Chart.yaml": text, "web.yaml": Self.deployment(replicas: 2)]) { folder in
            let program = try check(".", in: folder)
            #expect(program.error.hasPrefix("playbook: chart/Chart.yaml: not rendered: \(reason)"), "\(program.error)")
            #expect(program.code == 0)
        }
    }

    @Test func `fix leaves a source if the rendered result would change in another way`() throws {
        // With the change, a CPU request is rendered too.
        let edit = "; s/requests: {memory: 128Mi}/requests: {memory: 128Mi, cpu: 1}/"
        let files = [
            "kustomization.yaml": "resources:\n- web.yaml\n", "web.yaml": Self.deployment(),
            "bin/kubectl": kubectl(edit),
        ]
        try withFiles(files) { folder in
            let program = try check("--write", ".", in: folder, command: "fix", environment: Self.memory)
            #expect(
                program.error.contains("memory-request-equals-limit: kustomization.yaml would render another "),
                "\(program.error)")
            #expect(try text("\(folder)/web.yaml") == Self.deployment())
        }
    }

    @Test func `fix does not change patches and templates`() throws {
        let files = shop.merging(chart) { $1 }
        try withFiles(files) { folder in
            _ = try check("--write", "--add-companions", ".", in: folder, command: "fix", environment: Self.memory)
            for name in [
                "prod/more.yaml", "prod/gone.yaml", "prod/unnamed.yaml", "chart/templates/web.yaml",
                "chart/crds/crd.yaml",
            ] {
                #expect(try text("\(folder)/\(name)") == files[name], "\(name)")
            }
        }
    }

    @Test func `only PodDisruptionBudgets are added`() throws {
        let text = Self.deployment(replicas: 3)
        let program = try Program(["fix", "--add-companions", "--namespace", "shop"], input: text)
        let kinds = program.output.split(separator: "\n").filter { $0.hasPrefix("kind:") }
        #expect(kinds == ["kind: Deployment", "kind: PodDisruptionBudget"], "\(program.output)")
        #expect(program.error.contains("-: would add PodDisruptionBudget shop/web\n"), "\(program.error)")
    }

    // MARK: Hostile and odd repositories

    @Test(arguments: [
        "resources:\n- ../base\n- https://example.com/a.yaml\n", "resources:\n- ../base\n- missing.yaml\n",
        "kind: Component\nresources:\n- ../base\n",
    ])
    func `a kustomization that is not rendered does not hide its base`(_ overlay: String) throws {
        // As a patch would, the program renders fewer replicas than the file has.
        let files = [
            "base/kustomization.yaml": "resources:\n- web.yaml\n", "base/web.yaml": Self.deployment(replicas: 2),
            "overlay/kustomization.yaml": overlay, "bin/kubectl": kubectl("; s/replicas: 2/replicas: 1/"),
        ]
        try withFiles(files) { folder in
            let program = try check("--format", "json", ".", in: folder)
            #expect(try findings(program) == ["replicas base/web.yaml:1"], "\(program.error)")
            #expect(program.error.contains("overlay/kustomization.yaml: not rendered: "), "\(program.error)")
        }
    }

    @Test func `kustomizations that refer to each other are not rendered`() throws {
        let files = [
            "a/kustomization.yaml": "resources:\n- ../b\n- web.yaml\n", "a/web.yaml": Self.deployment(),
            "b/kustomization.yaml": "resources:\n- ../a\n", "bin/kubectl": kubectl(),
        ]
        try withFiles(files) { folder in
            let program = try check("--format", "json", ".", in: folder)
            #expect(try findings(program) == ["replicas a/web.yaml:5"])
            #expect(program.error.contains("not rendered: "), "\(program.error)")
        }
    }

    @Test func `fix changes no source that was not given, or that another kustomization reads`() throws {
        let files = [
            ".git/HEAD": "", "base/kustomization.yaml": "resources:\n- web.yaml\n", "base/web.yaml": Self.deployment(),
            "prod/kustomization.yaml": "resources:\n- ../base/web.yaml\n",
            "dev/kustomization.yaml": "resources:\n- ../base\n- https://example.com/a.yaml\n", "bin/kubectl": kubectl(),
        ]
        try withFiles(files) { folder in
            for (operand, reason) in [
                ("prod", "base/web.yaml is not among the files that were given"),
                ("base", "is read by the kustomization in dev"),
                (".", "base/web.yaml is read by the kustomization in dev"),
            ] {
                let program = try check(
                    "--write", "--add-companions", operand, in: folder, command: "fix", environment: Self.memory)
                #expect(program.error.contains(reason), "\(operand): \(program.error)")
                #expect(try text("\(folder)/base/web.yaml") == Self.deployment())
                #expect(try text("\(folder)/base/kustomization.yaml") == files["base/kustomization.yaml"])
            }
        }
    }

    @Test func `fix does not change the target of a link that is not named`() throws {
        let files = ["web.yaml": Self.deployment(), "in/api.yaml": Self.deployment("api", replicas: 2)]
        try withFiles(files) { folder in
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/in/web.yaml", withDestinationPath: "\(folder)/web.yaml")
            let program = try check("--write", "in", in: folder, command: "fix", environment: Self.memory)
            #expect(program.error.contains("in/web.yaml: not changed: it is a symbolic link"), "\(program.error)")
            #expect(try text("\(folder)/web.yaml") == Self.deployment())
            _ = try check("--write", "in/web.yaml", in: folder, command: "fix", environment: Self.memory)
            #expect(try text("\(folder)/web.yaml") != Self.deployment())
        }
    }

    @Test func `a chart with a link that leaves the repository is not rendered`() throws {
        let files = chart.merging(["secret.txt": "s", "bin/helm": "#!/bin/sh\necho called >&2; exit 1\n"]) { $1 }
        try withFiles(files) { folder in
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/chart/link", withDestinationPath: "\(folder)/secret.txt")
            let program = try check("--allow-empty", ".", in: folder)
            #expect(
                program.error.contains("chart/link is a symbolic link that leaves the repository"), "\(program.error)")
            #expect(!program.error.contains("called"))
        }
    }

    @Test func `an object whose key is escaped is evaluated`() throws {
        let pod = #"{"apiVersion": "v1", "\x6bind": "Pod", "metadata": {"name": "a"}, "spec": {"hostPID": true}}"#
        try withFiles(["a.yaml": pod, "ok.yaml": Self.deployment(replicas: 2)]) { folder in
            let program = try check(".", in: folder, environment: environment(onlyWith: ["host-isolation": "deny"]))
            #expect(program.code == 1, "\(program.output)\(program.error)")
        }
    }

    @Test func `--output does not overwrite an input`() throws {
        try withFiles(["web.yaml": Self.deployment()]) { folder in
            let program = try check("web.yaml", "--output", "json=./web.yaml", in: folder)
            #expect(program.code == 2 && program.error.contains("--output would overwrite a manifest: ./web.yaml"))
            #expect(try text("\(folder)/web.yaml") == Self.deployment())
        }
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT])
    func `a signal ends the programs that render, and removes their files`(_ signal: Int32) throws {
        var files = [
            "tmp/a": "",
            "bin/kubectl": "#!/bin/sh\necho $$ >>\"$TMPDIR/../../pids\"\nPATH=/usr/bin:/bin\nexec sleep 60\n",
        ]
        // More than are rendered at a time.
        for number in 0..<12 {
            files["shop\(number)/kustomization.yaml"] = "resources:\n- web.yaml\n"
            files["shop\(number)/web.yaml"] = Self.deployment()
        }
        try withFiles(files) { folder in
            let process = Process()
            process.executableURL = Program.url
            process.arguments = ["check", "."]
            process.currentDirectoryURL = URL(filePath: folder)
            process.environment = ["PATH": "\(folder)/bin", "TMPDIR": "\(folder)/tmp"]
            process.standardError = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            func started() -> [pid_t] {
                ((try? text("\(folder)/pids")) ?? "").split(separator: "\n").compactMap { pid_t($0) }
            }
            for _ in 0..<1500 where started().count < 4 { usleep(20_000) }
            #expect(started().count == 4)
            kill(process.processIdentifier, signal)
            process.waitUntilExit()
            #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == signal)
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/tmp") == ["a"])
            for _ in 0..<250 where started().contains(where: { kill($0, 0) == 0 }) { usleep(20_000) }
            #expect(started().count == 4 && started().allSatisfy { kill($0, 0) != 0 })
        }
    }

    @Test func `fix does not change the resources of a kustomization that is not rendered`() throws {
        let files = [
            "kustomization.yaml": "resources:\n- web.yaml\n", "web.yaml": Self.deployment(),
            "alone/api.yaml": Self.deployment("api"),
        ]
        try withFiles(files) { folder in
            let program = try check(
                "--write", "--add-companions", ".", in: folder, command: "fix", environment: Self.memory)
            #expect(program.error.contains("web.yaml is read by the kustomization in ., which is not rendered here"))
            #expect(try text("\(folder)/web.yaml") == Self.deployment())
            // A file without a kustomization is fixed.
            #expect(try text("\(folder)/alone/api.yaml").contains("requests: {memory: 128Mi}"))
        }
    }

    @Test func `a PodDisruptionBudget is added beside the closest kustomization`() throws {
        let files = [
            "kustomization.yaml": "resources:\n- base/web.yaml\n",
            "base/kustomization.yaml": "resources:\n- web.yaml\n", "base/web.yaml": Self.deployment(),
            "bin/kubectl": kubectl(),
        ]
        try withFiles(files) { folder in
            for _ in 0..<6 {
                let program = try check(
                    "--add-companions", "--diff", ".", in: folder, command: "fix", environment: Self.memory)
                #expect(
                    program.error.contains("base/web-pdb.yaml: would add PodDisruptionBudget shop/web\n"),
                    "\(program.error)")
            }
        }
    }

    @Test func `a program that fails is not taken for one that succeeds while SIGCHLD is ignored`() throws {
        let files = [
            "kustomization.yaml": "resources:\n- web.yaml\n", "web.yaml": Self.deployment(),
            "bin/kubectl": "#!/bin/sh\necho 'Error: broken' >&2; exit 1\n",
        ]
        try withFiles(files) { folder in
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = ["--ignore-signal=CHLD", Program.url.path, "check", "."]
            process.currentDirectoryURL = URL(filePath: folder)
            process.environment = ["PATH": "\(folder)/bin"].merging(Self.onlyReplicas) { first, _ in first }
            let errors = Pipe()
            process.standardError = errors
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(text.contains("kubectl failed (1): Error: broken") && process.terminationStatus == 1, "\(text)")
        }
    }
}
