import Cluster
import Testing

@Suite struct BackoffTests {
    @Test func `waits double after each failure and reset after a success`() {
        var backoff = Backoff(first: .seconds(1), longest: .seconds(4))
        #expect((0..<4).map { _ in backoff.wait(0) } == [1, 2, 4, 4].map { .seconds($0) })
        backoff.reset()
        #expect(backoff.wait(1) == .seconds(2))
    }

    @Test(arguments: [0, 0.5, 1])
    func `waits are at least as long as the server asks, and increase up to a maximum`(chance: Double) {
        var backoff = Backoff(first: .seconds(1), longest: .seconds(30))
        var waits: [Duration] = []
        for _ in 0..<10 { waits.append(backoff.wait(atLeast: .seconds(3), chance)) }
        #expect(waits.allSatisfy { $0 >= .seconds(3) })
        #expect(waits == waits.sorted())
        #expect(waits.last == .seconds(30) + .seconds(30) * chance)
    }
}
