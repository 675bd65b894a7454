import Net
import Testing

@Suite struct FailurePeriodTests {
    private let start = Instant.now

    private func at(_ seconds: Int) -> Instant { start + .seconds(seconds) }

    @Test func `the first failure starts a period, and the first success after a calm time ends it`() {
        var period = FailurePeriod(calm: .seconds(10))
        let before = period.addSuccess(at: at(0))
        let failures = (0..<100).map { period.addFailure(at: at($0)) }
        let successes = [108, 109, 110].map { period.addSuccess(at: at($0)) }
        let next = period.addFailure(at: at(111))
        #expect(before == nil)
        #expect(failures == [true] + Array(repeating: false, count: 99))
        #expect(successes == [nil, 100, nil])
        #expect(next)
    }

    @Test func `successes between failures do not end a period`() {
        var period = FailurePeriod(calm: .seconds(10))
        var reported = 0
        for second in 0..<1000 {
            if period.addFailure(at: at(2 * second)) { reported += 1 }
            if period.addSuccess(at: at(2 * second + 1)) != nil { reported += 1 }
        }
        #expect(reported == 1)
    }
}
