import Foundation
import TestSupport
import Testing

/// Files and directories that commands cannot use.
@Suite struct InputTests {
    private static let review = Fixtures.path("reviews/016-create-deployment-checkout.json")
    private static let manifest = Fixtures.path("manifests/1-checkout-good.yaml")

    /// Each command that reads manifests, with the arguments before their path.
    static let readers = [
        ["check", "--allow-empty"], ["fix", "--allow-empty"], ["check", manifest, "--companions"],
        ["fix", manifest, "--companions"],
        ["review", review, "--companions"], ["replay", review, "--companions"],
        ["explain", "replicas", "--review", review, "--companions"],
    ]

    @Test(arguments: readers)
    func `a file that is not text is skipped in a directory, and an error when named`(
        _ command: [String]
    ) throws {
        try Program.withFolder { folder in
            let path = "\(folder)/a.json"
            try "\u{1F}\u{8B}\u{0}".write(toFile: path, atomically: true, encoding: .utf8)
            let found = try Program(command + [folder])
            #expect(found.code != 2)
            #expect(found.error.hasPrefix("playbook: \(path): skipped: not a text file\n"), "\(found.error)")
            let named = try Program(command + [path])
            #expect(named.code == 2)
            #expect(named.error.hasPrefix("playbook: \(path): not a text file\n"), "\(named.error)")
        }
    }

    @Test func `a file name that is not UTF-8 is an error`() throws {
        try Program.withFolder { folder in
            func path(_ ending: String) -> [CChar] {
                "\(folder)/caf".utf8CString.dropLast() + [CChar(bitPattern: 0xE9)] + ending.utf8CString
            }
            #expect(mkdir(path(""), 0o700) == 0)
            for ending in [".yaml", ".txt"] { close(open(path(ending), O_CREAT | O_WRONLY, 0o600)) }
            let program = try Program(["check", folder])
            #expect(program.code == 2)
            #expect(
                program.error == """
                    playbook: \(folder)/caf\u{FFFD}: the name is not UTF-8
                    playbook: \(folder)/caf\u{FFFD}.yaml: the name is not UTF-8

                    """)
        }
    }

    @Test func `with --quiet only errors are printed to standard error`() throws {
        try Program.withFolder { folder in
            try "\u{0}".write(toFile: "\(folder)/a.yaml", atomically: true, encoding: .utf8)
            try "# playbook:ignore replicas none\na: 1\n".write(
                toFile: "\(folder)/b.yaml", atomically: true, encoding: .utf8)
            let commands =
                InputTests.readers + [
                    ["check", "--allow-empty", "--format", "json"],
                    ["review", InputTests.review, "--format", "json", "--companions"],
                ]
            for command in commands where command[0] != "explain" {
                let quiet = try Program(command + [folder, "--quiet"])
                #expect(quiet.code != 2 && quiet.error.isEmpty, "\(command): \(quiet.error)")
                let failed = try Program(command + ["\(folder)/a.yaml", "--quiet"])
                #expect(failed.code == 2)
                #expect(failed.error == "playbook: \(folder)/a.yaml: not a text file\n", "\(command)")
            }
        }
    }

    @Test(arguments: [
        ("a line feed alone", "§\n§\n", 2, 0), ("line breaks of Windows", "§\r\n§\r\n", 2, 0),
        ("no line break at the end", "§\n§", 2, 0), ("empty lines", "\n\n§\n\n \r\n§", 2, 0),
        ("the end is torn", "§\n§\n{\"kind\": \"Adm", 2, 1), ("the beginning is torn", "a\": 1}}\n§\n§\n", 2, 1),
        ("words of another program", "It begins\n§\n", 1, 1), ("one in several lines", "{\n\"x\": {},\n¶", 1, 0),
    ])
    func `a truncated line does not affect other lines`(
        _ name: String, _ form: String, _ evaluated: Int, _ unread: Int
    ) throws {
        let review = try Fixtures.text("reviews/016-create-deployment-checkout.json").replacing("\n", with: "")
        let text = form.replacing("§", with: review).replacing("¶", with: review.dropFirst())
        let program = try Program(["review"], input: text)
        #expect(program.error.split(separator: "\n").count == unread, "\(name): \(program.error)")
        #expect(
            program.output.contains("\(evaluated) review\(evaluated == 1 ? "" : "s"): "), "\(name): \(program.output)")
    }

    @Test(arguments: ["review", "replay"])
    func `a damaged recording in a directory is an error`(
        _ command: String
    ) throws {
        try Program.withFolder { folder in
            let review = try Fixtures.text("reviews/016-create-deployment-checkout.json")
            try "\u{0}\u{0}\n\(review)\n".write(toFile: "\(folder)/a.jsonl", atomically: true, encoding: .utf8)
            let program = try Program([command, folder])
            #expect(program.code == 2 && program.error.contains("a.jsonl"), "\(program.error)")
        }
    }
}
