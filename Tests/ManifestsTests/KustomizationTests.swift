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

    @Test func `a Kustomization of Flux is no kustomization file`() {
        let file = ManifestFile(
            path: "kustomization.yaml",
            bytes: Array("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n".utf8))
        #expect(Kustomization(file) == nil)
    }

    @Test func `a missing dependency of a chart is named`() throws {
        let text = "name: shop\ndependencies: [{name: redis}, {name: postgres}]\n"
        let chart = try #require(Chart(ManifestFile(path: "Chart.yaml", bytes: Array(text.utf8))))
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
}
