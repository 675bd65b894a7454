import Testing

@testable import Net

@Suite struct TimersTests {
    private func at(_ nanoseconds: Int64) -> Instant { Instant(nanoseconds: nanoseconds) }

    /// Removes and returns the expired timers.
    private func expired(_ timers: inout Timers, at now: Int64) -> [Int] {
        var ids: [Int] = []
        while let id = timers.popExpired(at: at(now)) { ids.append(id) }
        return ids
    }

    @Test func `deadlines expire in order and only once`() {
        var timers = Timers()
        for (id, deadline) in [(3, 30), (1, 10), (2, 20), (0, 40)] as [(Int, Int64)] {
            timers.set(id, to: at(deadline))
        }
        #expect(timers.next == at(10))
        let rounds = [9, 20, 100].map { expired(&timers, at: $0) }
        #expect(rounds == [[], [1, 2], [3, 0]])
        #expect(timers.next == nil)
    }

    @Test func `a deadline can be moved forward, moved back and removed`() {
        var timers = Timers()
        for id in 0..<3 { timers.set(id, to: at(10)) }
        timers.set(0, to: at(50))
        timers.set(1, to: at(5))
        timers.remove(2)
        timers.remove(7)
        let rounds = [5, 49, 50].map { expired(&timers, at: $0) }
        #expect(rounds == [[1], [], [0]])
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `the heap gives the same results as a list`(seed: UInt64) {
        var random = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func next(_ bound: UInt64) -> Int {
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            return Int(random % bound)
        }
        var timers = Timers()
        var model: [Int: Int64] = [:]
        var now: Int64 = 0
        for _ in 0..<2000 {
            let id = next(40)
            switch next(4) {
            case 0, 1:
                model[id] = now + Int64(next(100))
                timers.set(id, to: at(model[id] ?? 0))
            case 2:
                model[id] = nil
                timers.remove(id)
            default:
                now += Int64(next(20))
                let due = model.filter { $0.value <= now }.map(\.key)
                let popped = expired(&timers, at: now)
                #expect(popped.sorted() == due.sorted(), "seed \(seed)")
                for id in due { model[id] = nil }
            }
            if let earliest = model.values.min() { #expect((timers.next ?? .distantFuture) <= at(earliest)) }
        }
    }

    @Test func `durations and deadlines are limited to the range of 64 bits`() {
        #expect(Instant.Span(.seconds(2) + .nanoseconds(3)).nanoseconds == 2_000_000_003)
        #expect(Instant.Span(.seconds(Int64.max)).nanoseconds == .max)
        #expect(at(5) + Instant.Span(.seconds(Int64.max)) == .distantFuture)
    }
}
