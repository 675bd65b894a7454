internal import Glibc
internal import Synchronization

/// A value that another thread makes, for a thread that has nothing else to do meanwhile.
public final class Promise<Value: Sendable>: Sendable {
    // Held to put the value in, and to take it out.
    private let value = Mutex<Value?>(nil)
    private let semaphore = Semaphore()

    /// Creates one without a value.
    public init() {}

    /// Gives it its value, once.
    public func fulfil(_ value: Value) {
        self.value.withLock { $0 = value }
        semaphore.signal()
    }

    /// Waits for the value, however long that takes.
    public func wait() -> Value {
        while true {
            semaphore.wait()
            if let value = value.withLock({ $0 }) { return value }
        }
    }
}

/// The C library's semaphore, which any thread may signal.
private final class Semaphore: @unchecked Sendable {
    // Made for threads to share, at an address of its own as long as this lives; whoever calls holds this.
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }

    /// An interrupted wait returns too.
    func wait() { sem_wait(semaphore) }
}
