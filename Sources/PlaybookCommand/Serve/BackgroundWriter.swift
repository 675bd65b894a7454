import Net
import Synchronization

/// A bounded queue of items that a separate thread writes, so that callers never wait.
///
/// The lock is held for the length of an append. When a disk or a reader blocks the thread, items that do not fit are dropped
/// and counted.
final class BackgroundWriter<Item: Sendable>: Sendable {
    private struct Queue {
        var items: [Item] = []
        var bytes = 0
        var isEnding = false
        /// True when no thread will write further items.
        var isClosed = false
    }

    private let queue = Mutex(Queue())
    private let wakeup = try? Wakeup()
    private let maximumBytes: Int
    private let drops = Atomic<Int>(0)
    private let thread = Mutex<Thread?>(nil)

    /// - Parameter maximumBytes: The largest size of the queue.
    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// The number of dropped items.
    var dropped: Int { drops.load(ordering: .relaxed) }

    /// Counts dropped items.
    func countDropped(_ count: Int = 1) { drops.add(count, ordering: .relaxed) }

    /// Starts the thread, which passes queued items to `write` in order; without a thread, items are dropped and counted.
    ///
    /// - Parameters:
    ///   - makeThread: Starts a thread; nil when the system cannot.
    ///   - write: Called on the thread.
    func start(
        on makeThread: (@escaping @Sendable () -> Void) -> Thread? = { try? Thread($0) },
        _ write: @escaping @Sendable ([Item]) -> Void
    ) {
        if let wakeup, let started = makeThread({ self.run(write, wakeup) }) {
            return thread.withLock { $0 = started }
        }
        let lost = queue.withLock { queue in
            queue.isClosed = true
            defer { queue.items = [] }
            return queue.items.count
        }
        countDropped(lost)
    }

    /// Writes the queued items and ends the thread, which blocks while its output is not read.
    ///
    /// - Returns: True when the thread has ended by the deadline.
    func end(by deadline: Instant) -> Bool {
        queue.withLock { $0.isEnding = true }
        wakeup?.signal()
        return thread.withLock { $0 }?.join(by: deadline) ?? true
    }

    /// Adds an item.
    ///
    /// - Parameters:
    ///   - item: The item.
    ///   - bytes: The size of the item.
    ///   - room: The size that is reserved for other items.
    /// - Returns: False when the queue is full, or no thread will write the item.
    func add(_ item: Item, bytes: Int, leaving room: Int = 0) -> Bool {
        let (isAdded, isFirst) = queue.withLock { queue -> (Bool, Bool) in
            guard !queue.isClosed, queue.bytes + bytes <= maximumBytes - room else { return (false, false) }
            queue.items.append(item)
            queue.bytes += bytes
            return (true, queue.items.count == 1)
        }
        if isFirst { wakeup?.signal() }
        return isAdded
    }

    private func run(_ write: ([Item]) -> Void, _ wakeup: Wakeup) {
        while true {
            wakeup.wait()
            let (items, bytes, isEnding) = queue.withLock { queue in
                defer { queue.items = [] }
                queue.isClosed = queue.isEnding
                return (queue.items, queue.bytes, queue.isEnding)
            }
            if !items.isEmpty { write(items) }
            // Items that are being written still count.
            queue.withLock { $0.bytes -= bytes }
            if isEnding { return }
        }
    }
}
