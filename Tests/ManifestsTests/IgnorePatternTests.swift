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
        #expect((IgnorePatterns(pattern).ignores(path, isDirectory: false) ?? false) == isIgnored)
    }

    @Test func `a slash at the end matches directories only`() {
        let patterns = IgnorePatterns("build/")
        #expect(patterns.ignores("a/build", isDirectory: true) == true)
        #expect(patterns.ignores("a/build", isDirectory: false) == nil)
    }

    @Test func `the last pattern that matches decides`() {
        let patterns = IgnorePatterns("*.yaml\n!keep.yaml\n/keep.yaml\n")
        #expect(patterns.ignores("a/keep.yaml", isDirectory: false) == false)
        #expect(patterns.ignores("keep.yaml", isDirectory: false) == true)
        #expect(patterns.ignores("a.json", isDirectory: false) == nil)
    }

    @Test func `a pattern with many stars takes little time`() {
        let pattern = String(repeating: "*a", count: 500)
        let path = Array(repeating: String(repeating: "a", count: 200), count: 5).joined(separator: "/")
        #expect(IgnorePatterns("\(pattern)b").ignores(path, isDirectory: false) == nil)
        let nested = String(repeating: "**/", count: 300)
        #expect(IgnorePatterns("\(nested)x").ignores(path, isDirectory: false) == nil)
    }
}
