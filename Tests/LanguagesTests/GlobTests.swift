import Languages
import Testing

@Suite struct GlobTests {
    @Test(arguments: ["*aaaaaaaab", "a*a*a*a*b", "*a*a*a*a*b*", "***********b"])
    func `a pattern matches a value of 1 MiB in bounded time`(_ pattern: String) {
        let glob = Glob(pattern)
        #expect(!glob.matches(String(repeating: "a", count: 1 << 20)))
        #expect(glob.matches(String(repeating: "a", count: 1 << 20) + "b"))
    }
}
