import Manifests
import Testing

@Suite struct IgnorePatternTests {
    @Test(arguments: [
        // A name without a slash matches at any depth.
        ("dist", "dist", true), ("dist", "a/b/dist", true), ("dist", "dist2", false), ("*.tmp", "a/b.tmp", true),
        // A slash binds to the directory of the file.
        ("/dist", "dist", true), ("/dist", "a/dist", false), ("a/b", "a/b", true), ("a/b", "x/a/b", false),
        ("**/b", "b", true), ("**/b", "a/x/b", true), ("a/**", "a/b/c", true), ("a/**", "a", false),
        ("a/**/d", "a/d", true), ("a/**/d", "a/b/c/d", true), ("a/*/d", "a/b/c/d", false), ("a/*", "a/b/c", false),
        ("file?.yaml", "file1.yaml", true), ("file?.yaml", "file.yaml", false), ("[a-c].yaml", "b.yaml", true),
        ("[!a-c].yaml", "b.yaml", false), ("[]x].yaml", "].yaml", true), ("[a", "[a", true),
        ("\\#a", "#a", true), ("\\!a", "!a", true), ("a\\*", "a*", true), ("a\\*", "ab", false),
        ("# comment", "# comment", false), ("a  ", "a", true), ("a\\ ", "a ", true), ("a\r", "a", true),
        ("", "a", false),
        ("/", "a", false),
    ])
    func `a pattern matches as in git`(_ pattern: String, _ path: String, _ isIgnored: Bool) {
        #expect((decision(pattern, path) ?? false) == isIgnored)
    }

    @Test func `a slash at the end matches directories only`() {
        #expect(decision("build/", "a/build", isDirectory: true) == true)
        #expect(decision("build/", "a/build") == nil)
    }

    @Test func `the last pattern that matches decides`() {
        let patterns = "*.yaml\n!keep.yaml\n/keep.yaml\n"
        #expect(decision(patterns, "a/keep.yaml") == false)
        #expect(decision(patterns, "keep.yaml") == true)
        #expect(decision(patterns, "a.json") == nil)
        // Patterns with and without wildcards are in two lists.
        #expect(decision("keep.yaml\n!*.yaml\n", "keep.yaml") == false)
        #expect(decision("!*.yaml\nkeep.yaml\n", "keep.yaml") == true)
    }

    private func decision(_ patterns: String, _ path: String, isDirectory: Bool = false) -> Bool? {
        var steps = 0
        return IgnorePatterns(patterns).ignores(path, isDirectory: isDirectory, steps: &steps)
    }

    /// The number of steps for a path that no pattern matches.
    private func steps(_ patterns: String, _ path: String) -> Int {
        var steps = 0
        #expect(IgnorePatterns(patterns).ignores(path, isDirectory: false, steps: &steps) == nil)
        return steps
    }

    @Test(arguments: ["**/a*a*a*a*a*b", "a*a*a*a*a*b*c", "*a*aaaab*", "*a?a*[b-c]*"])
    func `the steps of a pattern with many stars grow with the length of the name`(_ pattern: String) {
        func name(_ count: Int) -> String { String(repeating: "a", count: count) }
        let (short, long) = (steps(pattern, name(100)), steps(pattern, name(200)))
        #expect(long <= 2 * short + 20, "\(short) \(long)")
        #expect(long <= 200 * 10)
    }

    @Test func `the steps of a pattern grow with the number of its parts`() {
        let path = Array(repeating: "a", count: 30).joined(separator: "/")
        func pattern(_ count: Int) -> String { String(repeating: "**/a/**/", count: count) + "x*" }
        let (few, many) = (steps(pattern(20), path), steps(pattern(40), path))
        #expect(many <= 2 * few, "\(few) \(many)")
        // Several `**` in a row are one.
        #expect(steps(String(repeating: "**/", count: 300) + "x*", path) == steps("**/x*", path))
    }

    @Test func `thousands of patterns with a name take no more steps than one`() {
        let names = (0..<20_000).map { "/generated/file\($0).yaml" }.joined(separator: "\n")
        #expect(steps(names, "generated/other.yaml") == 0)
        var few = 0
        #expect(IgnorePatterns(names).ignores("generated/file7.yaml", isDirectory: false, steps: &few) == true)
        #expect(few < 50)
        // A pattern with a wildcard is compared with each path, most often only with its end.
        let endings = (0..<1000).map { "*.ext\($0)" }.joined(separator: "\n")
        #expect(steps(endings, "charts/web/values.yaml") <= 1000 * 10)
    }

    @Test func `patterns beyond the limits are counted and not used`() {
        let text = (1...20_003).map { "file\($0)\n" }.joined() + "# a comment\n\n"
        let patterns = IgnorePatterns(text)
        #expect(patterns.unused == 3)
        #expect(decision(text, "file20000") == true && decision(text, "file20001") == nil)
        #expect(IgnorePatterns(String(repeating: "a", count: 1025)).unused == 1)
    }
}
