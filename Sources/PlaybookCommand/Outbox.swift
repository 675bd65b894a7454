import CLinux
import Glibc
import Net
import Synchronization

/// What is handed over to a thread of its own, by others who go on at once whatever becomes of it.
///
/// The lock is held for the length of an append, and what waits is bounded: a disk or reader that stands still costs what no
/// longer fits, which is counted, and never a request.
final class Outbox<Item: Sendable>: Sendable {
    private struct Queue {
        var items: [Item] = []
        var bytes = 0
        var isEnding = false
    }

    private let queue = Mutex(Queue())
    private let wakeup: Int32
    private let maximumBytes: Int
    private let lost = Atomic<Int>(0)
    private let thread = Mutex<Thread?>(nil)

    /// - Parameter maximumBytes: How much may wait.
    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
        wakeup = eventfd(0, Int32(EFD_CLOEXEC))
    }

    /// How many items were lost because there was no room.
    var refused: Int { lost.load(ordering: .relaxed) }

    /// Counts items that were lost.
    func countRefused(_ count: Int = 1) { lost.add(count, ordering: .relaxed) }

    /// Starts the thread, which carries away what has come, in order.
    func start(_ carry: @escaping @Sendable ([Item]) -> Void) {
        // Without one, items are lost and counted.
        guard let started = try? Thread({ self.run(carry) }) else { return }
        thread.withLock { $0 = started }
    }

    /// Carries away what is left, and ends the thread; whoever reads what it writes may have stopped doing so.
    ///
    /// - Returns: Whether it has ended by the deadline.
    func end(by deadline: Instant) -> Bool {
        queue.withLock { $0.isEnding = true }
        eventfd_write(wakeup, 1)
        return thread.withLock { $0 }?.join(by: deadline) ?? true
    }

    /// Adds an item; false where there is no room for it.
    ///
    /// - Parameters:
    ///   - item: The item.
    ///   - bytes: How much room it takes.
    ///   - room: How much is to be left to others.
    /// - Returns: Whether there was room.
    func put(_ item: Item, bytes: Int, leaving room: Int = 0) -> Bool {
        let (isTaken, isFirst) = queue.withLock { queue -> (Bool, Bool) in
            guard queue.bytes + bytes <= maximumBytes - room else { return (false, false) }
            queue.items.append(item)
            queue.bytes += bytes
            return (true, queue.items.count == 1)
        }
        if isFirst { eventfd_write(wakeup, 1) }
        return isTaken
    }

    private func run(_ carry: ([Item]) -> Void) {
        while true {
            var count: eventfd_t = 0
            eventfd_read(wakeup, &count)
            let (items, bytes, isEnding) = queue.withLock { queue in
                defer { queue.items = [] }
                return (queue.items, queue.bytes, queue.isEnding)
            }
            if !items.isEmpty { carry(items) }
            // What is being carried still takes room.
            queue.withLock { $0.bytes -= bytes }
            if isEnding { return }
        }
    }
}
