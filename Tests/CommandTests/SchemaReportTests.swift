import Foundation
import JSON
import TestSupport
import Testing

/// Reports of `schema`, which is not a rule of the catalogue.
@Suite struct SchemaReportTests {
    private let manifest = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web, namespace: shop}
        spec: {replicas: 3, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: oops}}}

        """

    @Test(arguments: ["text", "json", "sarif", "junit", "github", "markdown", "html"])
    func `every format has the finding once, under the rule schema`(_ format: String) throws {
        let program = try Program(["check", "--format", format], input: manifest)
        #expect(program.code == 1, "\(program.error)")
        #expect(program.output.contains("schema") && program.output.contains("is a string, not an array"))
        #expect(!program.output.contains("liveness-probe"))
    }

    @Test func `a field of the wrong type is reported once, as a finding`() throws {
        let text = manifest.replacingOccurrences(of: "replicas: 3", with: "replicas: three")
            .replacingOccurrences(of: "containers: oops", with: "containers: []")
        let program = try Program(["check", "--format", "json"], input: text)
        #expect(program.code == 1 && program.error.isEmpty, "\(program.error)")
        let report = try Literal(json: Array(program.output.utf8))
        #expect(report["findings"]?.elements.filter { $0["rule"] == "schema" }.map { $0["path"] } == ["spec.replicas"])
        #expect(report["summary"]?["unreadable"] == 0)
        // Without the finding, it is an input that could not be read.
        for (rule, schema) in [("replicas", "off"), ("image-tag", "deny")] {
            let environment = TestSupport.environment(onlyWith: [rule: "deny"], ["PLAYBOOK_RULE_SCHEMA": schema])
            let silent = try Program(["check"], environment: environment, input: text)
            #expect(silent.code == 2 && silent.error.contains("/spec/replicas is not an integer"), "\(rule)")
        }
    }

    @Test func `a field of the wrong type in a file of related objects is an input that could not be read`() throws {
        try Program.withFolder { folder in
            let text = manifest.replacingOccurrences(of: "replicas: 3", with: "replicas: three")
            try text.write(toFile: "\(folder)/related.yaml", atomically: true, encoding: .utf8)
            let program = try Program(["check", "--companions", "\(folder)/related.yaml"], input: manifest)
            #expect(program.code == 2 && program.error.contains("/spec/replicas is not an integer"))
        }
    }

    @Test func `a SARIF log describes the rule`() throws {
        let program = try Program(["check", "--format", "sarif"], input: manifest)
        let log = try Literal(json: Array(program.output.utf8))
        let rules = log["runs"]?.elements.first?["tool"]?["driver"]?["rules"]?.elements ?? []
        #expect(rules.contains { $0["id"] == "schema" })
    }

    @Test func `with level off the rules that read the field are listed as not evaluated`() throws {
        let program = try Program(["check", "--level", "schema=off"], input: manifest)
        let reason = "not evaluated because a field has the wrong type: "
        let line = program.output.split(separator: "\n").first { $0.hasPrefix(reason) }
        #expect(line?.contains("liveness-probe (1)") == true, "\(program.output)")
        #expect(!program.output.contains("DENIED"))
    }

    @Test func `explain describes schema, and rules does not list it`() throws {
        let page = try Program(["explain", "schema"])
        #expect(page.code == 0 && page.output.contains("PLAYBOOK_RULE_SCHEMA"))
        #expect(page.output.contains("This is not a rule of the playbook."))
        let list = try Literal(json: Array(try Program(["rules", "--format", "json"]).output.utf8))
        #expect(list.elements.count == 73 && !list.elements.contains { $0["id"] == "schema" })
        #expect(try Program(["rules", "--format", "markdown"]).output.contains("\n### schema\n"))
    }

    @Test func `a comment can exempt from schema`() throws {
        let text = "# playbook:ignore schema an old tool writes it\n" + manifest
        #expect(try Program(["check"], input: text).code == 0)
    }
}
