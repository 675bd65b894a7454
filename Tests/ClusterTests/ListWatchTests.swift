import Testing

@testable import Cluster

@Suite struct ListWatchTests {
    private static let options: ReflectorOptions = {
        var options = ReflectorOptions()
        options.backoff = Backoff(first: .seconds(1), longest: .seconds(4))
        options.watchSeconds = 300...600
        options.refusedInterval = .seconds(100)
        options.refusalsThatCount = 2
        options.chance = { 0.5 }
        return options
    }()

    /// With a chance of 0.5, each wait is 50 % longer and a watch lasts 450 seconds.
    private func watch(_ version: String, after delay: Duration = .zero) -> ListWatch.Next {
        .init(step: .watch(version: version, seconds: 450), delay: delay)
    }

    private func list(_ continuation: String? = nil, after delay: Duration = .zero, unavailable: String? = nil)
        -> ListWatch.Next
    {
        .init(step: .list(continuation: continuation), delay: delay, unavailable: unavailable)
    }

    /// A state machine that has finished its list at a version and watches.
    private func watching(_ version: String = "10") -> ListWatch {
        var machine = ListWatch(Self.options)
        _ = machine.listed(ListPage(resourceVersion: version))
        machine.opened()
        return machine
    }

    @Test func `pages are listed in order, then watched from the last page's version`() {
        var machine = ListWatch(Self.options)
        #expect(machine.begin() == list())
        #expect(machine.listed(ListPage(resourceVersion: "9", continuation: "a")) == list("a"))
        #expect(machine.listed(ListPage(resourceVersion: "9", continuation: "b")) == list("b"))
        #expect(machine.listed(ListPage(resourceVersion: "9")) == watch("9"))
    }

    @Test func `a failed page is requested again with increasing waits`() {
        var machine = ListWatch(Self.options)
        _ = machine.listed(ListPage(resourceVersion: "9", continuation: "a"))
        let waits = (0..<4).map { _ in machine.failed(.failed) }
        #expect(waits == [1.5, 3, 6, 6].map { list("a", after: .seconds($0)) })
    }

    @Test func `a watch that ends continues immediately from its last version`() {
        var machine = watching()
        let goesOn = machine.progressed(to: "12")
        #expect(goesOn)
        #expect(machine.ended(after: .milliseconds(1), broughtSomething: true) == watch("12"))
        #expect(machine.ended(after: .seconds(300), broughtSomething: false) == watch("12"))
    }

    @Test func `watches that end immediately are reopened with increasing waits until there is progress`() {
        var machine = watching()
        #expect(machine.ended(after: .zero, broughtSomething: false) == watch("10", after: .seconds(1.5)))
        #expect(machine.ended(after: .zero, broughtSomething: false) == watch("10", after: .seconds(3)))
        _ = machine.progressed(to: "11")
        #expect(machine.failed(.failed) == watch("11", after: .seconds(1.5)))
    }

    @Test func `an expired version is listed again immediately the first time, then with increasing waits`() {
        var machine = watching()
        _ = machine.progressed(to: "11")
        #expect(machine.failed(.expired) == list())
        #expect(machine.listed(ListPage(resourceVersion: "20")) == watch("20"))
        #expect(machine.failed(.expired) == list(after: .seconds(1.5)))
        #expect(machine.listed(ListPage(resourceVersion: "21")) == watch("21"))
        #expect(machine.failed(.expired) == list(after: .seconds(3)))
    }

    @Test func `an expired page restarts the list`() {
        var machine = ListWatch(Self.options)
        _ = machine.listed(ListPage(resourceVersion: "9", continuation: "a"))
        #expect(machine.failed(.expired) == list(after: .seconds(1.5)))
    }

    @Test func `an unreadable event is watched again once, then the list restarts`() {
        var machine = watching()
        #expect(machine.failed(.garbled) == watch("10", after: .seconds(1.5)))
        #expect(machine.failed(.garbled) == list(after: .seconds(3)))
        _ = machine.listed(ListPage(resourceVersion: "20"))
        _ = machine.progressed(to: "21")
        #expect(machine.failed(.garbled) == watch("21", after: .seconds(1.5)))
        // Progress in between shows that the watch got past the unreadable event.
        _ = machine.progressed(to: "22")
        #expect(machine.failed(.garbled) == watch("22", after: .seconds(1.5)))
    }

    @Test func `a version that is rejected twice restarts the list`() {
        var machine = watching()
        #expect(machine.failed(.rejected) == watch("10", after: .seconds(1.5)))
        #expect(machine.failed(.rejected) == list(after: .seconds(3)))
    }

    @Test func `a kind becomes unavailable at the second refusal, is reported once and retried rarely`() {
        var machine = watching()
        #expect(machine.failed(.refused("no")) == list(after: .seconds(1.5)))
        #expect(!machine.isRefused)
        // The jitter is at most a quarter of the interval; here, half of that.
        #expect(machine.failed(.refused("no")) == list(after: .seconds(112.5), unavailable: "no"))
        #expect(machine.isRefused)
        #expect(machine.failed(.refused("no")) == list(after: .seconds(112.5)))
        // A successful list is not enough.
        _ = machine.listed(ListPage(resourceVersion: "20"))
        #expect(machine.isRefused)
        machine.opened()
        #expect(!machine.isRefused)
        #expect(machine.failed(.refused("no")) == list(after: .seconds(3)))
    }

    @Test func `a throttled request waits slightly longer than Retry-After`() {
        var machine = watching()
        #expect(machine.failed(.throttled(.seconds(8))) == watch("10", after: .seconds(9)))
    }

    @Test func `a request throttled with Retry-After 0 still waits for the backoff`() {
        var machine = watching()
        #expect(machine.failed(.throttled(.zero)) == watch("10", after: .seconds(1.5)))
    }

    @Test func `repeated throttling increases the wait`() {
        var machine = ListWatch(Self.options)
        let waits = (0..<5).map { _ in machine.failed(.throttled(.seconds(1))).delay }
        #expect(waits == [1.5, 3, 6, 6, 6].map { .seconds($0) })
        // A successful list does not reset the wait; progress of the watch does.
        _ = machine.listed(ListPage(resourceVersion: "10"))
        machine.opened()
        #expect(machine.failed(.throttled(.seconds(1))).delay == .seconds(6))
        _ = machine.progressed(to: "11")
        #expect(machine.failed(.throttled(.seconds(1))).delay == .seconds(1.5))
    }

    @Test(arguments: [0, 0.25, 1])
    func `an overloaded API server gets at most eight requests per kind in 100 seconds`(chance: Double) {
        var options = ReflectorOptions()
        options.chance = { chance }
        var machine = ListWatch(options)
        var (elapsed, requests) = (Duration.zero, 0)
        while elapsed < .seconds(100) {
            requests += 1
            let next = machine.failed(.throttled(.seconds(1)))
            #expect(next.delay >= .seconds(1))
            elapsed += next.delay
        }
        #expect(requests <= 8)
    }

    @Test(arguments: [("10", "9", false), ("10", "10", true), ("9", "10", true), ("99", "100", true), ("x", "a", true)])
    func `a resource version lower than the last one is rejected`(before: String, after: String, goesOn: Bool) {
        var machine = watching(before)
        let result = machine.progressed(to: after)
        #expect(result == goesOn)
    }
}

@Suite struct LineSplitterTests {
    private func lines(_ text: String, pieces: Int, maximum: Int = 100) throws -> [String] {
        var splitter = LineSplitter(maximum: maximum)
        var lines: [String] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(pieces))
            rest = rest.dropFirst(pieces)
            try splitter.split(piece.span) { line in
                var text = ""
                for index in 0..<line.count { text.unicodeScalars.append(Unicode.Scalar(line[index])) }
                lines.append(text)
                return text != "stop"
            }
        }
        return lines
    }

    @Test(arguments: [1, 2, 3, 5, 100])
    func `lines are split correctly for any size of input pieces`(pieces: Int) throws {
        #expect(try lines("one\n\nthree\nunfinished", pieces: pieces) == ["one", "", "three"])
    }

    @Test(arguments: [1, 3, 100])
    func `a line that is too long is rejected before it ends`(pieces: Int) throws {
        #expect(try lines("12345\n12345\n", pieces: pieces, maximum: 5) == ["12345", "12345"])
        #expect(throws: LineSplitter.TooLong(maximum: 5)) { try lines("123456\n", pieces: pieces, maximum: 5) }
        #expect(throws: LineSplitter.TooLong(maximum: 5)) { try lines("1\n123456", pieces: pieces, maximum: 5) }
    }

    @Test func `no line is delivered after a stop`() throws {
        #expect(try lines("a\nstop\nb\n", pieces: 100) == ["a", "stop"])
    }
}
