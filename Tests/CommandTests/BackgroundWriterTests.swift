import Net
import Synchronization
import Testing

@testable import PlaybookCommand

/// The queue of a background writer.
@Suite struct BackgroundWriterTests {
    private final class Written: Sendable {
        private let items = Mutex<[Int]>([])
        var all: [Int] { items.withLock { $0 } }
        func append(_ more: [Int]) { items.withLock { $0 += more } }
    }

    @Test func `items are written in order, including those added before the start`() {
        let (writer, written) = (BackgroundWriter<Int>(maximumBytes: 100), Written())
        #expect(writer.add(1, bytes: 40) && writer.add(2, bytes: 40))
        #expect(!writer.add(3, bytes: 40), "it is full")
        writer.start { written.append($0) }
        #expect(eventually { written.all == [1, 2] })
        #expect(eventually { writer.add(4, bytes: 40) })
        #expect(writer.end(by: .now + .seconds(10)))
        #expect(written.all == [1, 2, 4])
        #expect(writer.dropped == 0)
    }

    @Test func `items are rejected once no thread will write them`() {
        let (writer, written) = (BackgroundWriter<Int>(maximumBytes: 100), Written())
        writer.start { written.append($0) }
        #expect(writer.end(by: .now + .seconds(10)))
        #expect(!writer.add(1, bytes: 1))
        #expect(written.all == [])
    }

    @Test func `without a thread, items are dropped and counted`() {
        let (writer, written) = (BackgroundWriter<Int>(maximumBytes: 100), Written())
        #expect(writer.add(1, bytes: 1) && writer.add(2, bytes: 1))
        writer.start(on: { _ in nil }, { written.append($0) })
        #expect(writer.dropped == 2)
        #expect(!writer.add(3, bytes: 1))
        #expect(writer.end(by: .now))
        #expect(written.all == [])
    }
}
