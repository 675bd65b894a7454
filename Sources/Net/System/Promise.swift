internal import Glibc
internal import Synchronization

/// A value from another thread that a thread can wait for.
public final class Promise<Value: Sendable>: Sendable {
    // Guards the value.
    private let value = Mutex<Value?>(nil)
    private let semaphore = Semaphore()

    /// Creates a promise without a value.
    public init() {}

    /// Sets the value, once.
    public func fulfil(_ value: Value) {
        self.value.withLock { $0 = value }
        semaphore.signal()
    }

    /// Waits for the value, without a time limit.
    public func wait() -> Value {
        while true {
            semaphore.wait()
            if let value = value.withLock({ $0 }) { return value }
        }
    }
}

/// The C library's semaphore, which any thread may signal.
public final class Semaphore: @unchecked Sendable {
    // Threads can share it; its address is valid while this object lives, which each caller keeps alive.
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    /// Creates a semaphore that this number of calls can pass.
    public init(_ count: UInt32 = 0) { sem_init(semaphore, 0, count) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    /// Lets one more call pass.
    public func signal() { sem_post(semaphore) }

    /// Waits; also returns when interrupted.
    public func wait() { sem_wait(semaphore) }
}
