import Manifests
import Testing

/// Files as values.
private struct Files: FileTree {
    var texts: [String: String]
    var outside: Set<String> = []

    func type(of path: String) -> FileType {
        if outside.contains(path) { return .outside }
        if texts[path] != nil { return .file }
        return texts.keys.contains { $0.hasPrefix(path + "/") } ? .directory : .none
    }

    func file(_ path: String) -> ManifestFile? {
        texts[path].map { ManifestFile(path: path, bytes: Array($0.utf8)) }
    }
}

@Suite struct KustomizationTests {
    private let shop = Files(texts: [
        "base/kustomization.yaml":
            "resources: [web.yaml, ../shared/pdb.yaml]\nconfigMapGenerator: [{name: a, files: [k=a.json]}]\n",
        "base/web.yaml": "", "base/a.json": "", "shared/pdb.yaml": "",
        "overlays/prod/kustomization.yaml": """
        resources: [../../base]
        components: [../../debug]
        patches:
        - path: memory.yaml
        - patch: "- {op: remove, path: /a}"
        patchesStrategicMerge:
        - |
          kind: Deployment
        - no-cache.yaml
        patchesJson6902: [{target: {kind: Job}, path: job.json}]
        replacements: [{path: r.yaml}]
        """,
        "overlays/prod/memory.yaml": "", "overlays/prod/no-cache.yaml": "", "overlays/prod/job.json": "",
        "overlays/prod/r.yaml": "",
        "debug/kustomization.yml":
            "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\npatches: [{path: debug.yaml}]\n",
        "debug/debug.yaml": "",
    ])

    @Test func `all files that a kustomization reads are known, with their use`() throws {
        var shop = shop
        let files = try #require(KustomizationFiles(of: "overlays/prod", in: &shop))
        #expect(files.resources == ["base/web.yaml", "shared/pdb.yaml"])
        #expect(
            files.patches == [
                "overlays/prod/memory.yaml", "overlays/prod/no-cache.yaml", "overlays/prod/job.json",
                "debug/debug.yaml",
            ])
        #expect(files.data == ["base/a.json", "overlays/prod/r.yaml"])
        #expect(Set(files.kustomizations.keys) == ["overlays/prod", "base", "debug"])
        #expect(files.remote == nil && files.obstacle == nil && !files.isComponent)
        #expect(try #require(KustomizationFiles(of: "debug", in: &shop)).isComponent)
        #expect(KustomizationFiles(of: "shared", in: &shop) == nil)
    }

    @Test(arguments: [
        "https://example.com/a.yaml", "github.com/example/repo//base?ref=v1", "git@example.com:a/b", "git::https://x/y",
        "ssh://git@example.com/a", "example.com/a/b.git", "file:///srv/repo", "dir?ref=main", "gh:example/repo",
    ])
    func `a URL or git address is remote`(_ target: String) throws {
        var files = Files(texts: ["a/kustomization.yaml": "resources: ['\(target)']\n"])
        #expect(try #require(KustomizationFiles(of: "a", in: &files)).remote == target)
    }

    @Test(arguments: [
        "resources: ['http://127.0.0.1/a{b}.yaml']", "bases: ['http://127.0.0.1/a{b}.yaml']",
        "components: ['http://127.0.0.1/a{b}.yaml']", "patches: [{path: 'http://127.0.0.1/a{b}.yaml'}]",
        "patchesJson6902: [{path: 'http://127.0.0.1/a{b}.yaml'}]",
        "patchesStrategicMerge: ['http://127.0.0.1/a{b}.yaml']", "transformers: ['http://127.0.0.1/a{b}.yaml']",
        "crds: ['http://127.0.0.1/a{b}.yaml']", "replacements: [{path: 'http://127.0.0.1/a{b}.yaml'}]",
        "configMapGenerator: [{name: a, files: ['k=http://127.0.0.1/a{b}.yaml']}]",
        "Resources: ['http://127.0.0.1/a{b}.yaml']", "PATCHES: [{Path: 'http://127.0.0.1/a{b}.yaml'}]",
        "resources: []\nRESOURCES: ['http://127.0.0.1/a{b}.yaml']", "re\u{17F}ources: ['http://127.0.0.1/a{b}.yaml']",
        "secretGenerator: [{name: a, Envs: ['http://127.0.0.1/a{b}.yaml']}]",
        "openapi: {path: 'http://127.0.0.1/a{b}.yaml'}",
    ])
    func `an address is found in every field, in any case and with braces`(_ text: String) throws {
        var files = Files(texts: ["a/kustomization.yaml": text])
        #expect(try #require(KustomizationFiles(of: "a", in: &files)).remote == "http://127.0.0.1/a{b}.yaml")
    }

    @Test func `a text that begins with an address is not an inline patch`() throws {
        let target = "http://127.0.0.1/a: {kind: b}"
        var files = Files(texts: ["a/kustomization.yaml": "patchesStrategicMerge: ['\(target)']"])
        #expect(try #require(KustomizationFiles(of: "a", in: &files)).remote == target)
    }

    @Test(arguments: [
        "patchesStrategicMerge: ['{kind: Deployment, metadata: {name: a, annotations: {u: \"http://x/y\"}}}']",
        "transformers: ['{apiVersion: builtin, kind: LabelTransformer, fieldSpecs: [{path: metadata/labels}]}']",
        "transformers:\n- |\n  apiVersion: builtin\n  kind: PatchTransformer\n  patch: '- {op: remove, path: /a}'",
        "validators:\n- |\n  # https://example.com\n  apiVersion: builtin\n  kind: SortOrderTransformer",
    ])
    func `inline patches and plugins that read no file are accepted`(_ text: String) throws {
        var files = Files(texts: ["a/kustomization.yaml": text])
        let found = try #require(KustomizationFiles(of: "a", in: &files))
        #expect(found.remote == nil && found.obstacle == nil, "\(found)")
        #expect(found.all == ["a/kustomization.yaml"])
    }

    @Test(arguments: [
        ("{kind: PatchTransformer, path: 'http://x/y'}", "an inline plugin reads http://x/y"),
        ("{kind: PatchTransformer, Path: p.yaml}", "an inline plugin reads p.yaml"),
        ("{kind: ConfigMapGenerator, files: [a=b.json]}", "an inline plugin reads a=b.json"),
        ("{kind: PatchStrategicMergeTransformer, paths: [p.yaml]}", "an inline plugin reads p.yaml"),
        ("{kind: ReplacementTransformer, replacements: [{path: r.yaml}]}", "an inline plugin reads r.yaml"),
        ("{kind: X, spec: {from: 'https://x/y'}}", "an inline plugin reads https://x/y"),
        ("{kind: A}\n---\n{kind: B, url: u}", "an inline plugin reads u"),
        ("kind: A\nkind: [", "an inline plugin cannot be read"),
    ])
    func `an inline plugin that reads files is an obstacle`(_ plugin: String, _ obstacle: String) throws {
        let lines = plugin.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
        for field in ["generators", "transformers", "Validators"] {
            var files = Files(texts: ["a/kustomization.yaml": "\(field):\n- |-\n\(lines)\n"])
            #expect(try #require(KustomizationFiles(of: "a", in: &files)).obstacle == obstacle)
        }
    }

    @Test func `plugins in files are searched for addresses`() throws {
        var files = Files(texts: [
            "a/kustomization.yaml": "transformers: [t.yaml, ../local.yaml]", "a/t.yaml": "kind: A\npath: http://x/y\n",
            "local.yaml": "kind: A\npath: p.yaml\n", "b/kustomization.yaml": "transformers: [../local.yaml]",
            "c/kustomization.yaml": "generators: [../d]", "d/kustomization.yaml": "resources: [../a/t.yaml]",
            "e/kustomization.yaml": "generators: [../f]", "f/kustomization.yaml": "resources: []\nnamespace: x",
            "g/kustomization.yaml": "resources: [../d]\ntransformers: [../d]",
        ])
        #expect(try #require(KustomizationFiles(of: "a", in: &files)).remote == "http://x/y")
        let local = try #require(KustomizationFiles(of: "b", in: &files))
        #expect(local.remote == nil && local.obstacle == nil && local.data == ["local.yaml"])
        #expect(try #require(KustomizationFiles(of: "c", in: &files)).remote == "http://x/y")
        let changed = try #require(KustomizationFiles(of: "e", in: &files))
        #expect(changed.obstacle == "f/kustomization.yaml changes plugins")
        #expect(try #require(KustomizationFiles(of: "g", in: &files)).obstacle == "d has resources and plugins")
    }

    @Test(arguments: [
        ("sources: [a]", "unknown field sources"),
        ("namePrefix: a-\nHelmCharts: [{name: x}]", "helmCharts needs a plugin (--enable-helm)"),
        ("resources: [no.yaml]", "a/no.yaml does not exist"), ("resources: [../x]", "x is outside of the repository"),
        ("resources: [../b]", "b has no kustomization file"), ("resources: [../c]", "a refers to itself"),
        ("resources: [.]", "a refers to itself"),
        ("helmCharts: [{name: x}]", "helmCharts needs a plugin (--enable-helm)"),
    ])
    func `an obstacle is named`(_ text: String, _ obstacle: String) throws {
        var files = Files(
            texts: ["a/kustomization.yaml": text, "b/x.yaml": "", "c/kustomization.yaml": "bases: [../a]"],
            outside: ["x"])
        #expect(try #require(KustomizationFiles(of: "a", in: &files)).obstacle == obstacle)
    }

    @Test func `many levels of bases end`() throws {
        var files = Files(texts: [:])
        for level in 0..<100 { files.texts["a\(level)/kustomization.yaml"] = "resources: [../a\(level + 1)]" }
        let found = try #require(KustomizationFiles(of: "a0", in: &files))
        #expect(found.obstacle == "its bases are nested too deep" && found.kustomizations.count < 50)
    }

    @Test func `a Kustomization of Flux is not a kustomization file`() {
        let file = ManifestFile(
            path: "kustomization.yaml",
            bytes: Array("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n".utf8))
        #expect(Kustomization(file) == nil)
    }

    @Test func `a missing dependency of a chart is named`() throws {
        let text = "name: shop\ndependencies: [{name: redis}, {name: postgres}]\n"
        let chart = Chart(ManifestFile(path: "Chart.yaml", bytes: Array(text.utf8)))
        #expect(chart.missingDependency(in: ["redis-1.2.3.tgz", "postgres"]) == nil)
        #expect(chart.missingDependency(in: ["redis"]) == "postgres")
        #expect(chart.releaseName == "shop" && !chart.isLibrary)
    }

    @Test func `paths are joined without a file system`() {
        #expect(PathText.joined("a/b", "../../c/./d") == "c/d" && PathText.joined(".", "..") == "..")
        #expect(PathText.joined("..", "../a") == "../../a" && PathText.joined("/a", "../../b") == "/b")
        #expect(PathText.relative("/work/a", from: "/tmp/x") == "../../work/a")
        #expect(PathText.directory(of: "a.yaml") == "." && PathText.directory(of: "/a") == "/")
        #expect(PathText.isIn(".", "a/b") && !PathText.isIn("a", "ab") && !PathText.isIn(".", "../a"))
    }

    @Test func `Helm reads the files of a chart, and not the manifests beside them`() {
        for path in [
            "Chart.yaml", "Chart.lock", "values.yaml", "values.schema.json", "values-prod.yaml", "requirements.yaml",
            "templates/a.yaml", "templates/tests/b.yaml", "files/c.yaml", "charts/d/templates/e.yaml", "crds/f.yaml",
        ] { #expect(Chart.reads(path), "\(path)") }
        for path in ["valuesless.yaml", "values-examples/pod.yaml", "k8s/web.yaml", "web.yaml", "templates.yaml"] {
            #expect(!Chart.reads(path), "\(path)")
        }
    }
}
