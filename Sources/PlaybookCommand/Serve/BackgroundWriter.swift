import CLinux
import Glibc
import Net
import Synchronization

/// A bounded queue of items that a separate thread writes, so that its users never wait.
///
/// The lock is held for the length of an append. When a disk or a reader blocks the thread, items that do not fit are dropped
/// and counted.
final class BackgroundWriter<Item: Sendable>: Sendable {
    private struct Queue {
        var items: [Item] = []
        var bytes = 0
        var isEnding = false
    }

    private let queue = Mutex(Queue())
    private let wakeup: Int32
    private let maximumBytes: Int
    private let drops = Atomic<Int>(0)
    private let thread = Mutex<Thread?>(nil)

    /// - Parameter maximumBytes: The largest size of the queue.
    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
        wakeup = eventfd(0, Int32(EFD_CLOEXEC))
    }

    /// The number of dropped items.
    var dropped: Int { drops.load(ordering: .relaxed) }

    /// Counts dropped items.
    func countDropped(_ count: Int = 1) { drops.add(count, ordering: .relaxed) }

    /// Starts the thread, which passes queued items to `write` in order.
    func start(_ write: @escaping @Sendable ([Item]) -> Void) {
        // Without a thread, items are dropped and counted.
        guard let started = try? Thread({ self.run(write) }) else { return }
        thread.withLock { $0 = started }
    }

    /// Writes the queued items, and ends the thread; the reader of its output can block it.
    ///
    /// - Returns: True when the thread has ended by the deadline.
    func end(by deadline: Instant) -> Bool {
        queue.withLock { $0.isEnding = true }
        eventfd_write(wakeup, 1)
        return thread.withLock { $0 }?.join(by: deadline) ?? true
    }

    /// Adds an item.
    ///
    /// - Parameters:
    ///   - item: The item.
    ///   - bytes: The size of the item.
    ///   - room: The size that is reserved for other items.
    /// - Returns: False when the queue is full.
    func add(_ item: Item, bytes: Int, leaving room: Int = 0) -> Bool {
        let (isAdded, isFirst) = queue.withLock { queue -> (Bool, Bool) in
            guard queue.bytes + bytes <= maximumBytes - room else { return (false, false) }
            queue.items.append(item)
            queue.bytes += bytes
            return (true, queue.items.count == 1)
        }
        if isFirst { eventfd_write(wakeup, 1) }
        return isAdded
    }

    private func run(_ write: ([Item]) -> Void) {
        while true {
            var count: eventfd_t = 0
            eventfd_read(wakeup, &count)
            let (items, bytes, isEnding) = queue.withLock { queue in
                defer { queue.items = [] }
                return (queue.items, queue.bytes, queue.isEnding)
            }
            if !items.isEmpty { write(items) }
            // Items that are being written still take room.
            queue.withLock { $0.bytes -= bytes }
            if isEnding { return }
        }
    }
}
