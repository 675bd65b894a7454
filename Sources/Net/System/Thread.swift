internal import CLinux
internal import Glibc

/// A thread with a stack of half a mebibyte: deep enough for a judge, and only the touched pages count.
///
/// It takes no signals: whatever comes for the process is for the thread that looks after the server, however early others start.
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
    /// - Parameter body: What it does.
    /// - Throws: A ``SystemError`` when the system has none left.
    public init(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, Thread.stackSize)
        // The new thread takes over this reference; it is taken back below if there is no thread.
        let box = Unmanaged.passRetained(Body(body))
        var thread = pthread_t()
        // A thread inherits what is blocked when it is made.
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

    /// Lets the thread end by itself.
    public func detach() {
        pthread_detach(thread)
    }

    /// Waits for its end.
    public func join() {
        pthread_join(thread, nil)
    }

    /// Waits for its end, until a deadline: a thread may hang in a call of the system.
    ///
    /// - Returns: Whether the thread has ended; it must not be joined again then.
    public func join(by deadline: Instant) -> Bool {
        let (seconds, rest) = deadline.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(rest))
        return pthread_clockjoin_np(thread, nil, CLOCK_MONOTONIC, &time) == 0
    }
}
