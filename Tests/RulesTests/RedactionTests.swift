import Evaluation
import Foundation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// Secrets do not occur in a recording, in any encoding.
@Suite struct RedactionTests {
    /// The secrets in the recorded reviews and those that the tests below add.
    private static let secrets = [
        "hunter2", "example-only", "AKIAIOSFODNN7EXAMPLE", "not-a-real-token", "s3cr<t&\"quoted\\", "tiger-plant",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345", "MIIEvQIBADANBgkq",
    ]

    /// The secrets that occur in a line, plain or encoded.
    private func leaks(in line: [UInt8]) -> [String] {
        let line = Data(line)
        return Self.secrets.filter { secret in
            let escaped = String(Literal.string(secret).json.dropFirst().dropLast())
            let twice = String(Literal.string(escaped).json.dropFirst().dropLast())
            let goEscaped = escaped.replacing("<", with: "\\u003c").replacing("&", with: "\\u0026")
            let base64 = Data(secret.utf8).base64EncodedString()
            // The padding and the last group depend on the bytes that follow.
            let stem = String(base64.filter { $0 != "=" }.dropLast(2))
            return [secret, escaped, twice, goEscaped, stem].contains { line.range(of: Data($0.utf8)) != nil }
        }
    }

    private func line(_ body: [UInt8], _ environment: [String: String]) throws -> [UInt8] {
        let settings = try Settings(environment: environment)
        let context = Context(settings: settings, now: Timestamp(seconds: 1_795_435_200))
        let decision = try Document().read(body.span, AdmissionReview.options) { root in
            Result { Evaluator(settings).decision(on: try AdmissionReview(root), in: context) }
        }.get()
        let writer = RecordingWriter(settings, version: "1.0.0")
        let line = writer.line(body.span, decision, in: context, nanoseconds: 0)
        return try #require(line)
    }

    @Test(arguments: ["redact", "keep"])
    func `no recording of a recorded review contains a secret`(_ environment: String) throws {
        var planted = 0
        for file in try Fixtures.reviews() {
            let body = try Fixtures.bytes(file)
            if !leaks(in: body).isEmpty { planted += 1 }
            #expect(try leaks(in: line(body, ["PLAYBOOK_RECORD_ENV": environment])) == [], "\(file)")
        }
        #expect(planted > 20)
    }

    /// Objects as YAML, with `SECRET` and `BASE64` in place of the secret.
    private static let places = [
        "{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: shop}, data: {x: BASE64}}",
        "{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: shop}, stringData: {x: SECRET}}",
        "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {x: {deep: [SECRET]}}}",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {DB_PASSWORD: SECRET}}",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {dsn: 'postgres://shop:SECRET@db/x'}}",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {conf: \"[db]\\npassword = SECRET\\n\"}}",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {conf: '{\"token\": \"SECRET\"}'}}",
        "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {initContainers: [{name: i, env: [{name: API_KEY, value: SECRET}]}]}}",
        "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, args: ['--password=SECRET']}]}}",
        "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, args: [--db-password, SECRET]}]}}",
        "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, command: [sh, -c, 'PASSWORD=SECRET exec run']}]}}",
        """
        {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, livenessProbe:
        {httpGet: {path: /, port: 1, httpHeaders: [{name: Authorization, value: 'Basic SECRET'}]}}}]}}
        """,
        "{apiVersion: v1, kind: Pod, metadata: {name: a, annotations: {note: 'see https://me:SECRET@wiki/x'}}}",
        "{apiVersion: v1, kind: Pod, metadata: {name: a, annotations: {applied: '{\"kind\":\"Secret\",\"data\":{\"x\":\"BASE64\"}}'}}}",
        "{apiVersion: v1, kind: Pod, metadata: {name: a, annotations: {applied: '[{\"name\":\"env\",\"env\":[{\"name\":\"TOKEN\",\"value\":\"SECRET\"}]}]'}}}",
        "{apiVersion: v1, kind: Pod, metadata: {name: a, managedFields: [{fieldsV1: {'f:x': {'v:\"mysql://a:SECRET@b\"': {}}}}]}}",
        "{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {message: SECRET}}",
        "{apiVersion: v1, kind: List, items: [{kind: Secret, stringData: {x: SECRET}}]}",
        "{apiVersion: argoproj.io/v1alpha1, kind: Application, spec: {helm: {parameters: [{name: db.password, value: SECRET}], values: \"password: 'SECRET'\\n\"}}}",
        "{apiVersion: example.com/v1, kind: Database, spec: {credentials: x, password: SECRET}}",
        "{apiVersion: example.com/v1, kind: Object, spec: {manifest: {kind: ClusterSecret, data: {x: SECRET}}}}",
    ]

    @Test(arguments: places, ["redact", "keep"])
    func `a secret in object or oldObject is replaced`(_ place: String, _ environment: String) throws {
        let secret = "tiger-plant"
        let yaml = place.replacing("SECRET", with: secret).replacing(
            "BASE64", with: Data(secret.utf8).base64EncodedString())
        var world = World(try Literal(yaml: yaml))
        for operation in ["CREATE", "UPDATE", "DELETE"] {
            world.operation = operation
            world.before = operation == "CREATE" ? nil : world.object
            let line = try line(world.review, ["PLAYBOOK_RECORD_ENV": environment])
            #expect(leaks(in: line) == [], "\(String(decoding: line, as: UTF8.self))")
            #expect(place.contains("status:") || String(decoding: line, as: UTF8.self).contains("«redacted:"))
        }
    }

    @Test func `a token, a key or a password in a URI is replaced in any field`() throws {
        for (value, kind) in [
            ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "GitHub-token"),
            ("AKIAIOSFODNN7EXAMPLE", "AWS-access-key-id"), ("postgres://shop:hunter2@db/x", "uri-with-password"),
            ("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n-----END PRIVATE KEY-----\n", "private-key"),
            (Data("postgres://shop:hunter2@db/x".utf8).base64EncodedString(), "uri-with-password-in-base64"),
        ] {
            var world = World(World.deployment.merging(["metadata": ["annotations": ["note": .string(value)]]]))
            let line = try line(world.review, [:])
            #expect(leaks(in: line) == [])
            #expect(
                try Literal(json: line)["request"]?["object"]?["metadata"]?["annotations"]?["note"]
                    == .string("«redacted:\(kind)»"))
            world.object = nil
        }
    }

    @Test func `values that are not secrets are kept`() throws {
        let object = World.deployment.merging([
            "metadata": [
                "annotations": [
                    "kubectl.kubernetes.io/last-applied-configuration":
                        "{\"kind\":\"Deployment\",  \"spec\":{\"replicas\":3}}\n",
                    "eks.amazonaws.com/role-arn": "arn:aws:iam::222222222222:role/token-reader",
                ]
            ],
            "spec": [
                "template": [
                    "spec": [
                        "serviceAccountName": "password-manager", "automountServiceAccountToken": false,
                        "volumes": [["name": "v", "secret": ["secretName": "db-password"]]],
                        "containers": [
                            [
                                "name": "app",
                                "env": [
                                    ["name": "DB_HOST", "value": "db.internal"], ["name": "EMPTY", "value": ""],
                                    [
                                        "name": "DB_PASSWORD",
                                        "valueFrom": ["secretKeyRef": ["name": "db-password", "key": "password"]],
                                    ],
                                ], "args": ["--password-file=/etc/secret", "--listen=0.0.0.0:80", "$(DB_PASSWORD)"],
                            ]
                        ],
                    ]
                ]
            ],
        ])
        let world = World(object)
        let kept = try Literal(json: line(world.review, ["PLAYBOOK_RECORD_ENV": "keep"]))
        #expect(kept["request"]?["object"]?.isSame(as: object) == true)
        #expect(kept["recording"]?["redacted"] == 0)
        let redacted = try Literal(json: line(world.review, [:]))["request"]?["object"]
        let environment: Pointer = "/spec/template/spec/containers/0/env"
        #expect(redacted?[at: environment + "/0/value"] == "«redacted:literal»")
        #expect(redacted?[at: environment + "/1/value"] == "")
        #expect(redacted?[at: environment + "/2"] == object[at: environment + "/2"])
    }

    @Test func `the user's extra fields and the status are omitted`() throws {
        let body = try Fixtures.bytes("reviews/024-update-deployment-status-checkout.json")
        let before = try Literal(json: body)["request"]
        let after = try Literal(json: line(body, [:]))["request"]
        #expect(before?["object"]?["status"] != nil && after?["object"]?["status"] == nil)
        #expect(before?["userInfo"]?["extra"] != nil && after?["userInfo"]?["extra"] == nil)
        #expect(after?["userInfo"]?["username"] == before?["userInfo"]?["username"])
    }

    @Test func `redacted values still show whether they changed`() throws {
        func world(_ old: Literal, _ new: Literal) -> World {
            func map(_ value: Literal) -> Literal {
                [
                    "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "a", "namespace": "shop"],
                    "data": ["a": value, "b": "same"],
                ]
            }
            return World(map(old)).updated(to: map(new))
        }
        func data(_ world: World) throws -> Literal? {
            try Literal(json: line(world.review, [:]))["request"]?["object"]?["data"]
        }
        #expect(try data(world("one", "one")) == ["a": "«redacted:literal»", "b": "«redacted:literal»"])
        #expect(try data(world("one", "two")) == ["a": "«redacted:literal,changed»", "b": "«redacted:literal»"])
    }

    @Test func `a secret in a deeply nested object is not recorded`() throws {
        for depth in [100, 130, 1000] {
            let deep = String(repeating: "{\"a\":", count: depth) + "\"hunter2\"" + String(repeating: "}", count: depth)
            for value in [deep, Literal.string(deep).json] {
                let body = """
                    {"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u","kind":{"group":"",\
                    "version":"v1","kind":"Secret"},"operation":"CREATE","object":{"kind":"Secret","data":\(value)}}}
                    """
                #expect(try leaks(in: line(Array(body.utf8), [:])) == [])
            }
        }
    }
}
