internal import CLinux
internal import Glibc

/// A thread with a stack of 512 KiB, enough for an evaluation; unused pages take no memory.
///
/// It blocks all signals: the thread that supervises the server handles them.
public struct Thread: Sendable {
    private static let stackSize = 512 * 1024

    private final class Body: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }

    private let thread: pthread_t

    /// Starts a thread.
    ///
    /// - Parameter body: The work of the thread.
    /// - Throws: A ``SystemError`` if the system cannot create a thread.
    public init(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, Thread.stackSize)
        // The new thread releases this reference; if it cannot be created, it is released below.
        let box = Unmanaged.passRetained(Body(body))
        var thread = pthread_t()
        // A thread inherits the blocked signals of its creator.
        var (all, own) = (sigset_t(), sigset_t())
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &own)
        defer { pthread_sigmask(SIG_SETMASK, &own, nil) }
        let code = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, box.toOpaque())
        guard code == 0 else {
            box.release()
            throw SystemError(call: "pthread_create", code: code)
        }
        self.thread = thread
    }

    /// Detaches the thread; it is not joined.
    public func detach() {
        pthread_detach(thread)
    }

    /// Waits for the end of the thread.
    public func join() {
        pthread_join(thread, nil)
    }

    /// Waits for the end of the thread until a deadline: a thread can hang in a system call.
    ///
    /// - Returns: True if the thread has ended; then it must not be joined again.
    public func join(by deadline: Instant) -> Bool {
        let (seconds, rest) = deadline.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(rest))
        return pthread_clockjoin_np(thread, nil, CLOCK_MONOTONIC, &time) == 0
    }
}
