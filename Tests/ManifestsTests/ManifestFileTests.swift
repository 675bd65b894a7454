import Evaluation
import JSON
import Kubernetes
import Manifests
import Testing

@Suite struct ManifestFileTests {
    /// Returns the objects in a text as line, kind and name.
    private func objects(_ text: String, path: String = "a.yaml") -> [String] {
        let file = ManifestFile(path: path, bytes: Array(text.utf8))
        var found: [String] = []
        for document in file.documents {
            try? document.objects(in: file.text) { object in
                let name = ObjectMeta(of: object.value).name ?? "-"
                found.append("\(object.line) \(object.type?.kind ?? "foreign") \(name)")
            }
        }
        return found
    }

    /// Returns the line and column of a place in the first object, and the marked text.
    private func region(_ place: Pointer, in text: String, path: String = "a.yaml") throws -> (String, String, Region) {
        let file = ManifestFile(path: path, bytes: Array(text.utf8))
        var found: Region?
        let document = try #require(file.documents.first)
        try document.objects(in: file.text) { found = found ?? $0.region(of: place) }
        let region = try #require(found)
        let scalars = Array(region.excerpt.unicodeScalars)[region.marked]
        return (
            "\(region.start.line):\(region.start.column)", String(String.UnicodeScalarView(scalars)), region
        )
    }

    @Test func `each document and each list item is an object`() {
        #expect(
            objects(
                """
                # Source: chart/templates/a.yaml
                ---
                # nothing here
                ---
                apiVersion: v1
                kind: Pod
                metadata: {name: a}
                ---
                apiVersion: v1
                kind: List
                items:
                - apiVersion: v1
                  kind: Service
                  metadata: {name: b}
                - apiVersion: v1
                  kind: List
                  items:
                  - {apiVersion: v1, kind: Secret, metadata: {name: c}}
                ---
                apiVersion: apps/v1
                kind: DeploymentList
                items:
                - metadata: {name: d}
                ---
                """) == ["5 Pod a", "12 Service b", "18 Secret c", "23 Deployment d"])
    }

    @Test(arguments: [
        "a: 1", "- 1", "text", "apiVersion: v2\nname: chart", "kind: only", "replicaCount: 3",
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization",
    ])
    func `documents that are not Kubernetes objects are recognized`(_ text: String) {
        #expect(objects(text) == ["1 foreign -"])
    }

    @Test func `JSON is recognized independently of the file name`() throws {
        let text = "\n  {\"apiVersion\": \"v1\", \"kind\": \"Pod\",\n\t\"metadata\": {\"name\": \"\\u0061\"}}\n"
        for path in ["a.json", "a.yaml", "-"] { #expect(objects(text, path: path) == ["2 Pod a"]) }
        let (place, marked, _) = try region("/metadata/name", in: text, path: "a.json")
        #expect(place == "3:15" && marked == "\"name\": \"\\u0061\"")
        #expect(objects("{apiVersion: v1, kind: Pod}") == ["1 Pod -"])
    }

    @Test(arguments: [
        ("a: 1\nb:\n  c: 1\n  c: 2", "a.yaml", 4, 3, "duplicate key \"c\" (first defined on line 3)"),
        ("{\"a\": 1,\n \"a\": 2}", "a.json", 2, 2, "duplicate key \"a\" (first defined on line 1)"),
        ("{\"a\": 1,}", "a.json", 1, 9, ""), ("a:\n\tb: 1", "a.yaml", 2, 1, "tabs must not be used"),
        ("a: b\nc: {{ .Values.c }}", "a.yaml", 2, 4, "Go template"), ("a: é\nb: [", "a.yaml", 2, 5, ""),
        ("{{- if .Values.on }}\na: b\n{{- end }}", "a.yaml", 1, 1, "Go template"),
        ("a: \"{{x}}\"\nb: 1\nb: 2", "a.yaml", 3, 1, "duplicate key \"b\""),
        ("a: |\n  {{ x }}\nb: 1\nc: 1\nb: 2", "a.yaml", 5, 1, "duplicate key \"b\" (first defined on line 3); if this"),
    ])
    func `an error has its line and column`(_ text: String, _ path: String, _ line: Int, _ column: Int, _ part: String)
        throws
    {
        let problem = try #require(ManifestFile(path: path, bytes: Array(text.utf8)).problem)
        #expect(problem.location.line == line && problem.message.contains(part), "\(problem)")
        if !part.isEmpty && !part.hasPrefix("Go") { #expect(problem.location.column == column, "\(problem)") }
    }

    @Test func `documents before an error are read`() {
        let file = ManifestFile(path: "a.yaml", bytes: Array("a: 1\n---\nb: [\n".utf8))
        #expect(file.documents.count == 1 && file.problem?.location.line ?? 0 >= 3)
    }

    private let deployment = """
        apiVersion: apps/v1
        kind: Deployment # a comment
        metadata: {name: "wéb", labels: {app: web}}
        spec:
          replicas: 1
          template:
            spec:
              containers:
              - name: app
                image: web
                env: [{name: TOKEN, value: "hunter2"}, {name: B, value: c}]
              - {name: logger, image: l}
        """

    @Test(arguments: [
        ("/spec/replicas", "5:3", "replicas: 1"),
        ("/spec/template/spec/containers/0/image", "10:9", "image: web"),
        // For a missing field, the region is its nearest existing parent.
        ("/spec/template/spec/containers/0/livenessProbe", "9:9", "name: app"),
        ("/spec/template/spec/containers/1/livenessProbe", "12:9", "{name: logger, image: l}"),
        ("/metadata/labels/team", "3:25", "labels"),
        ("/spec/template/spec/topologySpreadConstraints", "7:5", "spec"),
        ("/spec/strategy/type", "4:1", "spec"), ("/status", "1:1", "apiVersion: apps/v1"),
        // Columns count characters, not bytes.
        ("/metadata/labels", "3:25", "labels: {app: web}"), ("/metadata/labels/app", "3:34", "app: web"),
    ])
    func `a region marks the field or its nearest parent`(_ place: String, _ at: String, _ marked: String) throws {
        let pointer = try #require(Pointer(parsing: place))
        let found = try region(pointer, in: deployment)
        #expect(found.0 == at && found.1 == marked)
        // Carriage returns and a byte order mark do not change the position.
        let windows = "\u{FEFF}" + deployment.replacing("\n", with: "\r\n")
        let same = try region(pointer, in: windows)
        #expect(same.0 == at && same.1 == marked)
    }

    @Test func `UTF-16 is read, and its columns count characters`() throws {
        var bytes: [UInt8] = [0xFF, 0xFE]
        for unit in deployment.utf16 { bytes += [UInt8(unit & 0xFF), UInt8(unit >> 8)] }
        let file = ManifestFile(path: "a.yaml", bytes: bytes)
        #expect(file.problem == nil && file.text.isTranscoded && !ManifestFile.isBinary(bytes))
        try file.documents[0].objects(in: file.text) { object in
            #expect(object.region(of: "/metadata/labels").start == Location(line: 3, column: 25))
        }
    }

    @Test func `fields of an alias have the positions of its anchor`() throws {
        let text = "a: &a\n  b: 1\nc: *a\nd:\n  <<: *a\n  e: 2\n"
        #expect(try region("/c/b", in: text).0 == "2:3")
        #expect(try region("/c", in: text).0 == "3:1")
        #expect(try region("/d/b", in: text).0 == "2:3")
        #expect(try region("/d/e", in: text).0 == "6:3")
    }

    @Test func `an excerpt contains no secrets and no control characters`() throws {
        let (_, _, region) = try region("/spec/template/spec/containers/0/env", in: deployment)
        #expect(region.excerpt == "        env: [{name: TOKEN, value: •••}, {name: B, value: •••}]")
        let text = "apiVersion: v1\nkind: Secret\nstringData: {a: \"b\", c: d} # \t[31m\u{202E}\n"
        #expect(try self.region("/stringData/a", in: text).2.excerpt == "stringData: {a: •••, c: •••} #  [31m ")
        let many = (0..<100).map { "a\(10 + $0): 1, " }.joined()
        let cut = try self.region("/spec/b", in: "apiVersion: v1\nkind: A\nspec: {\(many)b: 1}\n")
        #expect(cut.1 == "b: 1" && cut.2.excerpt.count < 130 && cut.2.start.column == 818)
    }

    @Test func `for a long line, an excerpt shows only the text around the position`() throws {
        let secret = String(repeating: "s", count: 9000)
        let text =
            #"{"kind": "A", "apiVersion": "v1", "stringData": {"a": "\#(secret)"}, "spec": {"é😀": 1, "b": 2, "c": 3}, "#
            + #""data": {"z": "\#(secret)"}}"#
        let region = try region("/spec/b", in: text, path: "a.json")
        #expect(region.1 == #""b": 2"#)
        // With secrets hidden, the excerpt fits the width of a terminal, except for the beginning of the object.
        #expect(region.2.excerpt.hasSuffix(#""a": •••}, "spec": {"é😀": 1, "b": 2, "c": 3}, "data": {"z": •••}}"#))
        #expect(region.2.excerpt.unicodeScalars.count <= 124)
        let before = try text[..<#require(text.firstRange(of: #""b""#)).lowerBound]
        #expect(region.2.start.column == before.unicodeScalars.count + 1)
        #expect(region.2.startUTF16 == before.utf16.count + 1)
        #expect(region.2.endUTF16 == region.2.startUTF16 + 6)
    }

    /// A complete Deployment with `$patch` in a container.
    private static let deploymentWithPatch = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: a}
        spec:
          selector: {matchLabels: {app: a}}
          template: {spec: {containers: [{name: app, image: b, $patch: merge}]}}
        """

    @Test(arguments: [
        ManifestFileTests.deploymentWithPatch,
        "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, image: b}], volumes: [{$patch: replace}]}}",
        "{apiVersion: v1, kind: PodTemplate, template: {spec: {containers: [{name: a, image: b, $patch: merge}]}}}",
        "{apiVersion: v1, kind: Service, spec: {ports: [{$patch: replace}]}}",
        "{apiVersion: example.com/v1, kind: A, $patch: replace}",
        "{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {$patch: merge, containers: [{image: b}]}}}}",
    ])
    func `a complete object with a patch directive is evaluated, except beside a kustomization`(_ text: String) {
        let file = ManifestFile(path: "a.yaml", bytes: Array(text.utf8))
        #expect(file.contents(isBesideKustomization: false) == .objects)
        #expect(file.contents(isBesideKustomization: true) == .patches)
        #expect(objects(text).allSatisfy { !$0.contains("foreign") })
    }

    @Test(arguments: [
        "{apiVersion: v1, kind: Pod, metadata: {name: a}, $patch: delete}",
        ManifestFileTests.deploymentWithPatch + "\n$patch: delete",
        "{apiVersion: apps/v1, kind: Deployment, spec: {template: {spec: {containers: [{name: a, $patch: delete}]}}}}",
        "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, $patch: delete}]}}",
        // The API server rejects a Deployment without selector.
        "{apiVersion: apps/v1, kind: Deployment, spec: {template: {spec: {containers: [{image: b, $patch: merge}]}}}}",
    ])
    func `an object with a patch directive that deletes another one or is incomplete is a patch`(_ text: String) {
        let file = ManifestFile(path: "a.yaml", bytes: Array(text.utf8))
        for isBeside in [false, true] { #expect(file.contents(isBesideKustomization: isBeside) == .patches) }
        #expect(objects(text).allSatisfy { $0.contains("foreign") })
    }

    @Test(arguments: [
        ("{\"apiVersion\": \"v1\", \"kind\": \"Pod\",}", true),
        ("{\n\t\"kind\" : \"Pod\",\n  \"apiVersion\":\"v1\"\n", true), ("apiVersion: v1\nkind: Pod\na: [", true),
        ("\"apiVersion\": v1\nkind: Pod\na: [", true), ("{\"kind\": \"Pod\",}", false),
        ("{\"apiVersion\": {\"type\": \"string\"}, \"kind\": {\"type\": \"string\"},}", false),
        ("{\"required\": [\"apiVersion\", \"kind\"],}", false), ("apiVersion: v1\nkind: {{ .kind }}", false),
    ])
    func `a broken manifest is recognized in YAML and JSON`(_ text: String, _ isMeant: Bool) {
        let file = ManifestFile(path: "a.json", bytes: Array(text.utf8))
        #expect(file.isMeantAsManifest == isMeant)
    }

    @Test func `binary data is recognized`() {
        #expect(ManifestFile.isBinary([0x7F, 0x45, 0x4C, 0x46, 0]))
        #expect(!ManifestFile.isBinary(Array("a: 1".utf8)))
    }
}
