internal import CLinux
internal import Glibc

/// The signals that a server handles, as a descriptor to read from.
final class Signals: Sendable {
    let descriptor: Int32

    /// Blocks the signals in this thread and in those that it starts later, so that they arrive only here.
    init() throws(SystemError) {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        descriptor = signalfd(-1, &set, Int32(SFD_NONBLOCK) | Int32(SFD_CLOEXEC))
        guard descriptor >= 0 else { throw SystemError(last: "signalfd") }
    }

    deinit {
        close(descriptor)
    }

    /// Returns the next signal that has arrived; nil if there is none.
    func next() -> Int32? {
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        guard read(descriptor, &information, size) == size else { return nil }
        return Int32(bitPattern: information.ssi_signo)
    }
}
