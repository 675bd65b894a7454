import HTTP
import Synchronization
import Testing

@testable import Net

/// Messages from other threads to an event loop.
@Suite struct MessageQueueTests {
    @Test func `a full queue accepts no messages until its messages are removed`() throws {
        let queue = MessageQueue<Int>(waking: try Wakeup(), limit: 2)
        #expect(queue.send(1) && queue.send(2))
        #expect(!queue.send(3))
        #expect(queue.removeAll() == [1, 2])
        #expect(queue.send(4))
        #expect(queue.removeAll() == [4])
    }

    @Test func `a closed queue accepts no messages and keeps those it has`() throws {
        let queue = MessageQueue<Int>(waking: try Wakeup())
        #expect(queue.send(1))
        queue.close()
        #expect(queue.isClosed && !queue.send(2))
        #expect(queue.removeAll() == [1])
    }

    @Test func `each notified event loop answers from its refreshed state`() throws {
        let notifiers = Mutex<[LoopNotifier]>([])
        let current = Atomic<Int>(0)
        let server = try RunningServer(
            { $0.loops = 2 },
            responder: { context in
                notifiers.withLock { $0.append(context.notifier) }
                var known = 0
                return Responder(
                    respond: { _, _, _, _ in Response(status: 200, body: Array("\(known)".utf8)) },
                    resume: { _, _ in Response(status: 500, body: []) },
                    refresh: { known = current.load(ordering: .relaxed) })
            })
        let clients = try (0..<8).map { _ in try server.plainClient() }
        func answers() throws -> Set<String> {
            try Set(
                clients.map { client in
                    try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    return try client.reply().body
                })
        }
        #expect(try answers() == ["0"])
        current.store(7, ordering: .relaxed)
        #expect(try answers() == ["0"])
        for notifier in notifiers.withLock({ $0 }) { notifier.refresh() }
        #expect(try eventually { try answers() == ["7"] })
    }
}
