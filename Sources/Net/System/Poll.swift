internal import CLinux
internal import Glibc

/// The events for which a descriptor is watched.
struct Interest: OptionSet {
    let rawValue: UInt32

    static let readable = Interest(rawValue: EPOLLIN.rawValue)
    static let writable = Interest(rawValue: EPOLLOUT.rawValue)
    /// Wakes as few as possible of the loops that watch the same descriptor.
    static let exclusive = Interest(rawValue: EPOLLEXCLUSIVE.rawValue)
}

/// A level-triggered epoll instance, owned by one thread.
struct Poll: ~Copyable {
    private let descriptor: Int32
    private let events: UnsafeMutableBufferPointer<epoll_event>

    init(capacity: Int = 256) throws(SystemError) {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw SystemError(last: "epoll_create1") }
        events = .allocate(capacity: capacity)
        events.initialize(repeating: epoll_event())
    }

    deinit {
        events.deallocate()
        close(descriptor)
    }

    /// Watches a descriptor; its events carry the token.
    @discardableResult
    func add(_ watched: Int32, _ interest: Interest, token: UInt64) -> Bool {
        control(EPOLL_CTL_ADD, watched, interest, token)
    }

    func change(_ watched: Int32, to interest: Interest, token: UInt64) {
        _ = control(EPOLL_CTL_MOD, watched, interest, token)
    }

    func remove(_ watched: Int32) {
        _ = control(EPOLL_CTL_DEL, watched, [], 0)
    }

    private func control(_ operation: Int32, _ watched: Int32, _ interest: Interest, _ token: UInt64) -> Bool {
        var event = epoll_event()
        event.events = interest.rawValue
        event.data.u64 = token
        return epoll_ctl(descriptor, operation, watched, &event) == 0
    }

    /// Waits for events and returns their number; -1 milliseconds waits without limit.
    func wait(milliseconds: Int32) -> Int {
        let count = epoll_wait(descriptor, events.baseAddress, Int32(events.count), milliseconds)
        // An interrupted wait (the only failure of a valid epoll) counts as one without events.
        return max(0, Int(count))
    }

    /// Returns the token of an event of the last wait; `index` is less than the returned number.
    func token(at index: Int) -> UInt64 {
        events[index].data.u64
    }
}

/// An eventfd that ends another thread's wait.
public final class Wakeup: Sendable {
    let descriptor: Int32

    /// Creates an eventfd.
    ///
    /// - Throws: A ``SystemError`` if the system has no descriptors left.
    public init() throws(SystemError) {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        guard descriptor >= 0 else { throw SystemError(last: "eventfd") }
    }

    deinit {
        close(descriptor)
    }

    /// Makes the descriptor readable; safe from any thread.
    public func signal() {
        var one: UInt64 = 1
        // EAGAIN means that it is readable already.
        _ = Glibc.write(descriptor, &one, MemoryLayout<UInt64>.size)
    }

    /// Waits until the descriptor is readable or a signal interrupts, and makes it unreadable.
    public func wait() {
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = poll(&watched, 1, -1)
        clear()
    }

    /// Makes the descriptor unreadable.
    func clear() {
        var count: UInt64 = 0
        _ = Glibc.read(descriptor, &count, MemoryLayout<UInt64>.size)
    }
}
