import Foundation
import JSON
import TestSupport
import Testing

/// Eighty secrets in manifests, and every output of the program.
@Suite struct SecretOutputTests {
    /// A Deployment and a ConfigMap for each secret, in all fields that rules quote.
    private static let objects: [Literal] = PlantedSecret.all.enumerated().flatMap { index, planted -> [Literal] in
        let text = Literal.string(planted.text)
        let deployment: Literal = [
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": [
                "name": .string("web-\(index)"), "namespace": "shop", "labels": ["team": text],
                "annotations": [
                    "note": text, "playbook.superinc.com/exempt": "replicas",
                    "playbook.superinc.com/exempt-reason": text,
                ],
            ],
            "spec": [
                "replicas": 1,
                "template": [
                    "metadata": ["labels": ["app": text]],
                    "spec": [
                        "nodeName": text, "volumes": [["name": "v", "hostPath": ["path": text]]],
                        "containers": [
                            [
                                "name": "app", "image": .string("docker.io/" + planted.text),
                                "command": ["sh", "-c", text],
                                "env": [["name": "NOTE", "value": text]],
                                "ports": [["name": text, "containerPort": 80, "hostPort": 80]],
                                "livenessProbe": ["httpGet": ["path": text, "port": text]],
                                "lifecycle": ["preStop": ["exec": ["command": ["sh", "-c", text]]]],
                            ], ["name": text, "image": text, "args": [text]],
                        ],
                    ],
                ],
            ],
        ]
        let map: Literal = [
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": ["name": .string("web-\(index)"), "namespace": "shop"],
            "data": ["note": text, "config.yaml": text],
        ]
        return [deployment, map]
    }

    private func expectNoSecret(in output: String, _ what: String) {
        for (planted, part) in PlantedSecret.leaks(of: PlantedSecret.all, in: output) {
            Issue.record("\(what): \(planted): \(part)")
        }
    }

    @Test(arguments: ["text", "json", "html", "junit", "sarif", "github", "gitlab", "markdown"])
    func `no format of check shows a secret`(_ format: String) throws {
        try Program.withFolder { folder in
            let url = URL(filePath: folder)
            let text = SecretOutputTests.objects.map(\.json).joined(separator: "\n---\n")
            try text.write(to: url.appending(path: "a.yaml"), atomically: true, encoding: .utf8)
            let program = try Program(["check", "--verbose", "--format", format, "a.yaml"], in: url)
            #expect(program.code == 1 && program.output.contains("web-0"), "\(program.error.prefix(500))")
            expectNoSecret(in: program.output + program.error, format)
        }
    }

    @Test(arguments: ["text", "json", "html", "junit", "sarif", "github", "gitlab", "markdown"])
    func `no format of check shows a secret that is the name of an object or its namespace`(_ format: String) throws {
        try Program.withFolder { folder in
            let url = URL(filePath: folder)
            let objects = PlantedSecret.all.map { planted -> Literal in
                [
                    "apiVersion": "apps/v1", "kind": "Deployment",
                    "metadata": ["name": .string(planted.text), "namespace": .string(planted.text)],
                    "spec": ["template": ["spec": ["containers": [["name": "app", "image": "nginx"]]]]],
                ]
            }
            let text = objects.map(\.json).joined(separator: "\n---\n")
            try text.write(to: url.appending(path: "a.yaml"), atomically: true, encoding: .utf8)
            let program = try Program(["check", "--verbose", "--format", format, "a.yaml"], in: url)
            #expect(program.code == 1 && program.output.contains("image-tag"), "\(program.error.prefix(500))")
            expectNoSecret(in: program.output + program.error, format)
        }
    }

    /// The objects as reviews, one per line.
    static func reviews(_ operation: String) -> String {
        objects.enumerated().map { index, object in
            let parts = (object["apiVersion"]?.text ?? "").split(separator: "/").map(String.init)
            let request: Literal = [
                "uid": .string("uid-\(index)"), "operation": .string(operation), "namespace": "shop",
                "name": object["metadata"]?["name"] ?? nil, "userInfo": ["username": "jane", "groups": []],
                "kind": [
                    "group": .string(parts.count > 1 ? parts[0] : ""), "version": "v1", "kind": object["kind"] ?? nil,
                ],
                "object": object, "oldObject": operation == "UPDATE" ? object : nil,
            ]
            return (["apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request] as Literal)
                .json
        }.joined(separator: "\n")
    }

    @Test(arguments: ["CREATE", "UPDATE"])
    func `no response to a review shows a secret`(_ operation: String) throws {
        try Program.withFolder { folder in
            let url = URL(filePath: folder)
            try SecretOutputTests.reviews(operation).write(
                to: url.appending(path: "a.jsonl"), atomically: true, encoding: .utf8)
            for arguments in [["--format", "response"], ["--format", "json"], ["--mode", "dry-run"]] {
                let program = try Program(["review"] + arguments + ["a.jsonl"], in: url)
                #expect(program.output.utf8.count > 20_000, "\(program.error.prefix(500))")
                expectNoSecret(in: program.output + program.error, "\(arguments)")
            }
        }
    }
}
