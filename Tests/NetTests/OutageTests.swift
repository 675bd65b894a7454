import Net
import Testing

@Suite struct OutageTests {
    private let start = Instant.now

    private func at(_ seconds: Int) -> Instant { start + .seconds(seconds) }

    @Test func `the first failure begins an outage, and the first success after a calm time ends it`() {
        var outage = Outage(calm: .seconds(10))
        let before = outage.succeeded(at: at(0))
        let failures = (0..<100).map { outage.failed(at: at($0)) }
        let successes = [108, 109, 110].map { outage.succeeded(at: at($0)) }
        let next = outage.failed(at: at(111))
        #expect(before == nil)
        #expect(failures == [true] + Array(repeating: false, count: 99))
        #expect(successes == [nil, 100, nil])
        #expect(next)
    }

    @Test func `successes between failures do not end an outage`() {
        var outage = Outage(calm: .seconds(10))
        var reported = 0
        for second in 0..<1000 {
            if outage.failed(at: at(2 * second)) { reported += 1 }
            if outage.succeeded(at: at(2 * second + 1)) != nil { reported += 1 }
        }
        #expect(reported == 1)
    }
}
