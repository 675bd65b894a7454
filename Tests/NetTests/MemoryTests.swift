import Foundation
import HTTP
import Net
import Synchronization
import Testing

/// The memory that requests share, over real sockets: large bodies wait for each other, small ones do not.
@Suite struct MemoryTests {
    private static let largest = 1 << 20
    /// The size of the two lanes: the largest body with its head, and the largest evaluation.
    private static let lanes = largest + 64 << 10 + largest

    /// A server with 1 MiB for requests in addition to its lanes; `most` records the peak memory.
    private func server(
        loops: Int = 1, _ most: Most = Most(), _ adjust: (inout ServerConfiguration) -> Void = { _ in }
    ) throws -> RunningServer {
        try RunningServer(
            {
                $0.loops = loops
                $0.maxBody = MemoryTests.largest
                $0.evaluationPerByte = 1
                $0.largestEvaluation = MemoryTests.largest
                $0.memory = MemoryTests.lanes + 1 << 20
                adjust(&$0)
            },
            responder: { context in
                Responder { request, body, listener in
                    most.note(context.status.memory.held)
                    return RunningServer.describe(request, body, listener)
                }
            })
    }

    private final class Most: Sendable {
        private let value = Atomic<Int>(0)
        var current: Int { value.load(ordering: .relaxed) }
        func note(_ held: Int) { value.max(held, ordering: .relaxed) }
    }

    private func head(_ path: String, _ size: Int) -> String {
        "POST /\(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n"
    }

    private func text(_ size: Int) -> String { String(repeating: "x", count: size) }

    @Test func `the memory of bodies is counted while they arrive, and released after the response`() throws {
        let server = try server()
        let memory = server.server.status.memory
        #expect(memory.held == 0)
        let client = try server.secureClient()
        try client.send(head("a", 600_000) + text(500_000))
        // At least the received bytes, and at most twice that.
        #expect(eventually { memory.held >= 500_000 })
        #expect(memory.held <= 1_000_000)
        try client.send(text(100_000))
        #expect(try client.reply().body == "POST /a 600000")
        #expect(eventually { memory.held == 0 })
        // The same for a chunked body and a client that disconnects.
        do {
            let other = try server.secureClient()
            let chunk = "7a120\r\n\(text(500_000))\r\n"
            try other.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(chunk)")
            #expect(eventually { memory.held >= 500_000 })
            #expect(memory.held <= 600_000)
        }
        #expect(eventually { memory.held == 0 })
    }

    @Test(arguments: [1, 2])
    func `requests with large bodies wait for each other and are all answered`(loops: Int) throws {
        let most = Most()
        let server = try server(loops: loops, most)
        let memory = server.server.status.memory
        let size = MemoryTests.largest
        let request = head("large", size) + text(size)
        let clients = (0..<12).map { _ in
            Background {
                // More than the memory limit: unread bytes stay with the client.
                let client = try? server.secureClient()
                try? client?.send(request)
                return try? client?.reply().body
            }
        }
        for client in clients { #expect(client.result() == "POST /large \(size)") }
        // The first bytes of waiting requests have already been read from the socket.
        #expect(most.current <= memory.total + clients.count * 32 << 10)
        #expect(server.server.status.counts.memoryWaits > 0)
        #expect(eventually { memory.held == 0 })
    }

    @Test func `small requests are answered while large ones hold all of their memory`() throws {
        let server = try server { $0.memory += 1 << 20 }
        let status = server.server.status
        let beginning = head("large", MemoryTests.largest) + text(MemoryTests.largest - 1)
        // Each sends its body except for the last byte.
        let clients = (0..<8).map { _ in
            Background {
                let client = try? server.secureClient()
                try? client?.send(beginning)
                return try? client?.reply().status
            }
        }
        #expect(eventually { status.counts.memoryWaits >= 1 })
        for size in [0, 9_000, 60_000, 120_000] {
            for client in try [server.plainClient(), server.secureClient()] {
                // In two pieces, so that the server has to store it.
                let body = head("small", size) + text(size)
                try client.send(String(body.prefix(body.count / 2)))
                try client.send(String(body.dropFirst(body.count / 2)))
                #expect(try client.reply().body == "POST /small \(size)")
            }
        }
        server.server.stop()
        server.waitForEnd()
        for client in clients { #expect(client.result() != .some(200)) }
    }

    @Test func `a request that waits for memory until its deadline gets 503 with Retry-After`() throws {
        let server = try server()
        let memory = server.server.status.memory
        // The shared memory for large requests is held already; the first request takes the lane.
        try #require(memory.claim(768 << 10))
        let size = MemoryTests.largest
        let first = try server.plainClient()
        try first.send(head("first", size) + text(200_000))
        #expect(eventually { memory.held > 768 << 10 + size })
        let second = try server.plainClient()
        try second.send(head("second?timeout=300ms", size) + text(200_000))
        let reply = try second.reply()
        #expect(reply.status == 503)
        #expect(reply.headers["retry-after"] == "1" && reply.headers["connection"] == "close")
        #expect(server.server.status.counts.refusals == [503: 1])
        #expect(server.server.status.counts.timeouts[.request] ?? 0 == 0)
        memory.release(768 << 10)
        let third = try server.plainClient()
        try third.send(head("third", 400_000) + text(400_000))
        #expect(try third.reply().body == "POST /third 400000")
    }

    @Test func `a large body that starts to arrive waits for memory only once`() throws {
        let server = try server()
        let (memory, status) = (server.server.status.memory, server.server.status)
        try #require(memory.claim(768 << 10))
        let size = MemoryTests.largest
        let first = try server.plainClient()
        try first.send(head("first", size) + text(200_000))
        #expect(eventually { memory.held > 768 << 10 + size })
        let second = try server.plainClient()
        try second.send(head("second", 400_000) + text(1000))
        #expect(eventually { status.counts.memoryWaits > 0 })
        usleep(100_000)
        #expect(status.counts.memoryWaits == 1)
        memory.release(768 << 10)
        try second.send(text(399_000))
        #expect(try second.reply().body == "POST /second 400000")
    }

    /// The deferred requests of a server, and the plain requests that it blocks until the gate opens.
    private final class Deferring: Sendable {
        private let tickets = Mutex<[(Deliveries<String>, Ticket)]>([])
        private let forgotten = Atomic<Int>(0)
        private let held = Atomic<Int>(0)
        private let gate = DispatchSemaphore(value: 0)

        func server(
            holdsPlain: Bool = false, _ adjust: (inout ServerConfiguration) -> Void = { _ in }
        ) throws -> RunningServer {
            let hold: @Sendable (LoopContext) -> Responder = { [self] _ in
                Responder { [self] request, body, listener in
                    held.add(1, ordering: .relaxed)
                    gate.wait()
                    return RunningServer.describe(request, body, listener)
                }
            }
            return try RunningServer(
                {
                    $0.loops = 1
                    $0.maxBody = MemoryTests.largest
                    $0.evaluationPerByte = 1
                    $0.largestEvaluation = MemoryTests.largest
                    $0.memory = MemoryTests.lanes + 1 << 20
                    adjust(&$0)
                },
                responder: { [self] context in
                    let deliveries = Deliveries<String>(to: context.notifier)
                    return Responder(
                        respond: { [self] _, _, _, ticket in
                            tickets.withLock { $0.append((deliveries, ticket)) }
                            return nil
                        },
                        resume: { ticket, body in
                            let message = deliveries.remove(for: ticket) ?? ""
                            let text = "\(message) \(body.count) \(body[body.count - 1])"
                            return Response(status: 200, body: Array(text.utf8))
                        }, forget: { [self] _ in forgotten.add(1, ordering: .relaxed) })
                },
                ownResponder: holdsPlain ? hold : nil)
        }

        var waitingCount: Int { tickets.withLock { $0.count } }
        var forgottenCount: Int { forgotten.load(ordering: .relaxed) }
        var heldCount: Int { held.load(ordering: .relaxed) }

        /// Delivers a message to the request that has waited longest.
        func deliver(_ message: String) {
            guard let (deliveries, ticket) = tickets.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { return }
            deliveries.deliver(message, for: ticket)
        }

        func openGate() { gate.signal() }
    }

    @Test func `a request that waits for a delivery keeps its body in memory until it is answered`() throws {
        let deferring = Deferring()
        let server = try deferring.server()
        let memory = server.server.status.memory
        for client in try [server.plainClient(), server.secureClient()] {
            for size in [1, 9_000, 300_000] {
                // Another request follows it in the same write.
                try client.send(head("a", size) + text(size - 1) + "y" + head("b", 2) + "zz")
                #expect(eventually { deferring.waitingCount == 1 })
                #expect(eventually { memory.held >= size })
                deferring.deliver("one")
                #expect(try client.reply().body == "one \(size) 121")
                #expect(eventually { deferring.waitingCount == 1 })
                deferring.deliver("two")
                #expect(try client.reply().body == "two 2 122")
                #expect(eventually { memory.held == 0 })
            }
        }
        #expect(deferring.forgottenCount == 0)
    }

    @Test func `a late delivery removes a request that has timed out`() throws {
        let deferring = Deferring()
        let server = try deferring.server { $0.requestTimeout = .milliseconds(200) }
        let client = try server.plainClient()
        try client.send(head("a", 5) + "12345")
        let reply = try client.reply()
        #expect(reply.status == 503 && reply.headers["retry-after"] == nil)
        #expect(server.server.status.memory.held == 0)
        #expect(deferring.forgottenCount == 0)
        deferring.deliver("too late")
        #expect(eventually { deferring.forgottenCount == 1 })
    }

    @Test(arguments: [true, false])
    func `a request that ends while it waits for memory after its delivery is removed`(expires: Bool) throws {
        let deferring = Deferring()
        let server = try deferring.server(holdsPlain: true)
        let status = server.server.status
        let client = try server.secureClient()
        try client.send(head(expires ? "a?timeout=2s" : "a", 200_000) + text(200_000))
        #expect(eventually { deferring.waitingCount == 1 })
        // The shared memory for large requests is held, and then both lanes.
        try #require(status.memory.claim(768 << 10 - status.memory.held))
        let holder = try server.plainClient()
        try holder.send(head("hold", 200_000) + text(200_000))
        #expect(eventually { deferring.heldCount == 1 })
        deferring.deliver("one")
        #expect(eventually { status.counts.memoryWaits == 1 })
        if expires {
            let reply = try client.reply()
            #expect(reply.status == 503 && reply.headers["retry-after"] == "1")
        } else {
            server.server.stop()
        }
        #expect(eventually { deferring.forgottenCount == 1 })
        deferring.openGate()
    }

    @Test func `an evaluation does not wait behind bodies that wait for memory`() throws {
        let deferring = Deferring()
        let server = try deferring.server(holdsPlain: true)
        let status = server.server.status
        let memory = status.memory
        let client = try server.secureClient()
        try client.send(head("a", 200_000) + text(200_000))
        #expect(eventually { deferring.waitingCount == 1 })
        try #require(memory.claim(768 << 10 - memory.held))
        // Small requests share 256 KiB in addition: two bodies of this size and one evaluation.
        let small = try server.secureClient()
        try small.send(head("small", 100_000) + text(100_000))
        #expect(eventually { deferring.waitingCount == 2 })
        let holder = try server.plainClient()
        try holder.send(head("hold", 100_000) + text(100_000))
        #expect(eventually { deferring.heldCount == 1 })
        #expect(memory.held > 960 << 10 + MemoryTests.largest)
        // One body takes the lane, and another one waits for it.
        let growing = try server.secureClient()
        try growing.send(head("growing", MemoryTests.largest) + text(200_000))
        #expect(eventually { memory.held > 960 << 10 + 2 * MemoryTests.largest })
        let next = try server.secureClient()
        try next.send(head("next", MemoryTests.largest) + text(1000))
        #expect(eventually { status.counts.memoryWaits > 0 })
        let waits = status.counts.memoryWaits
        deferring.deliver("one")
        #expect(eventually { status.counts.memoryWaits > waits })
        deferring.openGate()
        #expect(try client.reply().body == "one 200000 120")
        withExtendedLifetime((small, holder, growing, next)) {}
    }
}

/// A function that runs on a separate thread.
private final class Background<Result: Sendable>: Sendable {
    private let outcome = Mutex<Result?>(nil)
    private let done = DispatchSemaphore(value: 0)

    init(_ work: @escaping @Sendable () -> Result) {
        Foundation.Thread { [self] in
            let result = work()
            outcome.withLock { $0 = result }
            done.signal()
        }.start()
    }

    func result() -> Result? {
        guard done.wait(timeout: .now() + 60) == .success else { return nil }
        return outcome.withLock { $0 }
    }
}
