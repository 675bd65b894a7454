import Foundation
import JSON
import TestSupport
import Testing

/// Settings from `.playbook.env` and `--env-file`.
@Suite struct SettingsFileTests {
    private let bad = Fixtures.path("manifests/2-catalogue-bad.yaml")

    /// Creates files in a temporary repository and calls a function with its directory.
    private func withRepository(_ files: [String: String], _ body: (URL) throws -> Void) throws {
        try Program.withFolder { folder in
            let url = URL(filePath: folder)
            for (name, text) in files.merging([".git/HEAD": ""], uniquingKeysWith: { first, _ in first }) {
                let file = url.appending(path: name)
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try text.write(to: file, atomically: true, encoding: .utf8)
            }
            try body(url)
        }
    }

    /// The level of `replicas` that a command uses.
    private func level(
        in folder: URL, _ flags: [String] = [], _ environment: [String: String] = [:]
    ) throws -> String? {
        let program = try Program(["rules", "-o", "json"] + flags, environment: environment, in: folder)
        return try Literal(json: Array(program.output.utf8)).elements.first { $0["id"] == "replicas" }?["level"]?.text
    }

    @Test func `flags precede the environment, then --env-file, then .playbook.env`() throws {
        try withRepository([
            ".playbook.env": "PLAYBOOK_RULE_REPLICAS=warn\n", "ci.env": "PLAYBOOK_RULE_REPLICAS=off\n",
        ]) { folder in
            let flag = ["--env-file", "ci.env"]
            let own = try level(in: folder)
            let named = try level(in: folder, flag)
            let environment = try level(in: folder, flag, ["PLAYBOOK_RULE_REPLICAS": "deny"])
            #expect(own == "warn" && named == "off" && environment == "deny")
            let flags = ["check", bad, "--only", "replicas", "--level", "replicas=warn"]
            #expect(try Program(flags, environment: ["PLAYBOOK_RULE_REPLICAS": "deny"], in: folder).code == 0)
        }
    }

    @Test func `the nearest file up to the root of the repository is read`() throws {
        try withRepository([
            ".playbook.env": "PLAYBOOK_RULE_REPLICAS=warn\n", "a/b/c.txt": "",
            "a/inner/.git/HEAD": "", "a/inner/d/e.txt": "", "near/.playbook.env": "PLAYBOOK_RULE_REPLICAS=off\n",
        ]) { folder in
            // Beyond the root of another repository nothing is read.
            for (place, expected) in [("a/b", "warn"), ("near", "off"), ("a/inner/d", "deny")] {
                let level = try level(in: folder.appending(path: place))
                #expect(level == expected, "\(place)")
            }
        }
        // Outside of a repository, only the current directory counts.
        try Program.withFolder { folder in
            try "PLAYBOOK_RULE_REPLICAS=warn\n".write(
                toFile: "\(folder)/.playbook.env", atomically: true, encoding: .utf8)
            try FileManager.default.createDirectory(atPath: "\(folder)/a", withIntermediateDirectories: true)
            #expect(try level(in: URL(filePath: folder)) == "warn")
            #expect(try level(in: URL(filePath: "\(folder)/a")) == "deny")
        }
    }

    @Test func `every report says which file was read`() throws {
        try withRepository([".playbook.env": "PLAYBOOK_CONTACT=the platform team\n", "a/b.txt": ""]) { folder in
            let text = try Program(["check", bad], in: folder).output
            #expect(text.contains("\nsettings read from .playbook.env\n"))
            #expect(
                try Program(["check", bad, "-o", "github"], in: folder.appending(path: "a")).output.hasSuffix(
                    "\nsettings read from ../.playbook.env\n"))
            let json = try Program(["check", bad, "-o", "json"], in: folder).output
            #expect(try Literal(json: Array(json.utf8))["summary"]?["settingsFiles"] == [".playbook.env"])
            #expect(
                try Program(["check", bad, "-o", "html"], in: folder).output.contains(
                    "Settings read from .playbook.env."))
            #expect(
                try Program(["check", bad, "-o", "markdown"], in: folder).output.contains(
                    "Settings read from `.playbook.env`"))
            let sarif = try Literal(json: Array(Program(["check", bad, "-o", "sarif"], in: folder).output.utf8))
            let notes = sarif["runs"]?.elements.first?["invocations"]?.elements.first?["toolExecutionNotifications"]
            #expect(
                notes?.elements.last?.json
                    == #"{"level":"note","message":{"text":"Settings read from .playbook.env."},"#
                    + #""locations":[{"physicalLocation":{"artifactLocation":{"uri":".playbook.env","uriBaseId":"%SRCROOT%"}}}]}"#
            )
            #expect(
                try Program(["check", bad, "-o", "junit"], in: folder).output.hasSuffix(
                    """
                      <testsuite name="settings" tests="0" failures="0" errors="0" skipped="0" time="0">
                        <properties>
                          <property name="settings-file" value=".playbook.env"/>
                        </properties>
                      </testsuite>
                    </testsuites>

                    """))
            let gitlab = try Literal(json: Array(Program(["check", bad, "-o", "gitlab"], in: folder).output.utf8))
            let issue = gitlab.elements.last
            #expect(issue?["check_name"] == "settings-file" && issue?["severity"] == "info")
            #expect(issue?["description"] == "settings read from .playbook.env")
            #expect(issue?["location"]?.json == #"{"path":".playbook.env","lines":{"begin":1}}"#)
            #expect(try Program(["fix", bad], in: folder).error.contains("settings read from .playbook.env"))
        }
    }

    @Test func `comments, quotes and blanks are understood`() throws {
        let text = """
            \u{FEFF}# the shop's settings

              PLAYBOOK_RULE_REPLICAS=warn\u{20}
            PLAYBOOK_CONTACT="the platform team"\r
            PLAYBOOK_TEAM_LABEL='owner'

            """
        try withRepository([".playbook.env": text]) { folder in
            let config = try Program(["config", "-o", "env"], in: folder)
            #expect(config.code == 0, "\(config.error)")
            for line in [
                "PLAYBOOK_RULE_REPLICAS=warn", "PLAYBOOK_CONTACT=the platform team", "PLAYBOOK_TEAM_LABEL=owner",
            ] {
                #expect(config.output.contains("\n\(line)\n"), "\(line)")
            }
        }
    }

    @Test func `each unusable line is an error with its number`() throws {
        let text = """
            PLAYBOOK_RULE_REPLICA=warn
            PLAYBOOK_MODE=dry
            PLAYBOOK_LISTEN=:8443
            PLAYBOOK_PROFILE
            PLAYBOOK_CONTACT=a
            PLAYBOOK_CONTACT=b
            PATH=/tmp
            PLAYBOOK_RECORD=/tmp

            """
        try withRepository([".playbook.env": text]) { folder in
            let program = try Program(["check", bad], in: folder)
            #expect(program.code == 2 && program.output.isEmpty)
            #expect(
                program.error == """
                    playbook: .playbook.env:1: unknown setting PLAYBOOK_RULE_REPLICA; did you mean PLAYBOOK_RULE_REPLICAS?
                    .playbook.env:2: PLAYBOOK_MODE: unsupported value "dry"; use enforce or dry-run
                    .playbook.env:3: PLAYBOOK_LISTEN is a setting of the section Server; this file takes only the sections Evaluation and Rules; remove the line
                    .playbook.env:4: expected NAME=VALUE, such as PLAYBOOK_PROFILE=start
                    .playbook.env:6: duplicate setting PLAYBOOK_CONTACT (first set on line 5)
                    .playbook.env:7: unknown setting PATH; see playbook config
                    .playbook.env:8: PLAYBOOK_RECORD is a setting of the section Recording; this file takes only the sections Evaluation and Rules; remove the line

                    """, "\(program.error)")
        }
        let missing = try Program(["check", bad, "--env-file", "/no/such.env"])
        #expect(missing.code == 2 && missing.error.contains("/no/such.env: No such file"), "\(missing.error)")
    }

    @Test func `a repository's file can name files of its directory only`() throws {
        let line = "replicas@shop/Deployment/*: one license\n"
        try withRepository([
            ".playbook.env": "PLAYBOOK_EXEMPT_FILE=exempt.txt\n", "exempt.txt": line, "a/b.txt": "",
            "bad/.playbook.env": "PLAYBOOK_EXEMPT_FILE=../exempt.txt\n",
            "bad/.git/HEAD": "",
        ]) { folder in
            // The path is relative to the file that names it.
            let program = try Program(["check", bad, "--only", "replicas"], in: folder.appending(path: "a"))
            #expect(program.code == 0 && program.output.contains("(one license)"), "\(program.error)")
            let outside = try Program(["check", bad], in: folder.appending(path: "bad"))
            #expect(outside.code == 2)
            #expect(
                outside.error.contains(
                    ".playbook.env:1: PLAYBOOK_EXEMPT_FILE: ../exempt.txt is not a file in the directory of .playbook.env or below it"
                ), "\(outside.error)")
            // The user decides about a file that the command line names.
            let named = try Program(
                ["check", bad, "--only", "replicas", "--env-file", "bad/.playbook.env"], in: folder)
            #expect(named.output.contains("(one license)"), "\(named.error)")
        }
    }

    @Test func `a link to a file outside of the repository is not read`() throws {
        try withRepository(["inner/.git/HEAD": "", "key.pem": "MIIEowIBAAKCAQEA==\n"]) { folder in
            let inner = folder.appending(path: "inner")
            try FileManager.default.createSymbolicLink(
                atPath: inner.appending(path: ".playbook.env").path, withDestinationPath: "../key.pem")
            let program = try Program(["check", bad], in: inner)
            #expect(program.code == 2 && !program.error.contains("MIIE"))
            #expect(program.error.contains(".playbook.env is a link to a file outside of its directory"))
        }
    }

    @Test func `control characters of the file are not printed, and unusable lines are limited`() throws {
        try withRepository([".playbook.env": String(repeating: "a\u{1B}[31m=1\n", count: 1000)]) { folder in
            let error = try Program(["check", bad], in: folder).error
            #expect(!error.contains("\u{1B}") && error.split(separator: "\n").count == 20)
        }
    }

    @Test func `the server does not read it`() throws {
        try withRepository([".playbook.env": "not a setting\n"]) { folder in
            let program = try Program(["serve"], environment: ["PLAYBOOK_TLS_CERT_FILE": "/no/tls.crt"], in: folder)
            #expect(
                program.code == 2 && program.error.contains("/no/tls.crt") && !program.error.contains(".playbook.env"))
            #expect(try Program(["certs", "/no/tls.crt"], in: folder).error.contains("/no/tls.crt"))
        }
    }

    @Test func `config prints a .playbook.env and the entries of a ConfigMap`() throws {
        let environment = [
            "PLAYBOOK_PROFILE": "start", "PLAYBOOK_LOOPS": "4",
            "PLAYBOOK_EXEMPT": "replicas@shop/Deployment/*: a \"cache\"",
        ]
        let lines = try Program(["config", "-o", "env"], environment: environment).output
        #expect(lines.hasPrefix("# Evaluation\n") && lines.contains("\n# Rules\n"))
        #expect(lines.contains("\nPLAYBOOK_PROFILE=start\n") && lines.contains("\n# PLAYBOOK_MODE=enforce\n"))
        // Settings of the server are not taken from this file.
        #expect(!lines.contains("PLAYBOOK_LOOPS"))
        try withRepository([".playbook.env": lines]) { folder in
            let again = try Program(["config", "-o", "env"], in: folder).output
            #expect(again == lines)
        }
        let yaml = try Program(["config", "-o", "yaml"], environment: environment).output
        #expect(yaml.contains("\nPLAYBOOK_PROFILE: \"start\"\n") && yaml.contains("\nPLAYBOOK_LOOPS: \"4\"\n"))
        #expect(yaml.contains(#"PLAYBOOK_EXEMPT: "replicas@shop/Deployment/*: a \"cache\"""#))
        #expect(yaml.contains("\n# PLAYBOOK_MODE: \"enforce\"\n"))
    }
}
