import Languages
import Testing

@Suite struct EditDistanceTests {
    @Test(arguments: [
        ("replica", "replicas"), ("REPLICAS", "replicas"), ("replcias", "replicas"), ("imagetag", "image-tag"),
        ("quota", nil), ("", nil),
    ])
    func `the nearest candidate is found if it is similar`(_ word: String, _ nearest: String?) {
        #expect(Languages.nearest(to: word, in: ["image-tag", "replicas"]) == nearest)
    }

    @Test func `a word that is longer than any name is not compared`() {
        #expect(nearest(to: String(repeating: "a", count: 65), in: [String(repeating: "a", count: 65)]) == nil)
    }
}
