internal import Glibc

/// An owned file descriptor, closed at the end of its life.
struct Descriptor: ~Copyable {
    let number: Int32

    init(owning descriptor: Int32) {
        number = descriptor
    }

    deinit {
        // The result is ignored: Linux releases the descriptor even if close reports an error.
        close(number)
    }
}

/// The result of reading or writing without blocking.
enum Transfer: Equatable {
    case bytes(Int)
    /// The peer has sent its last byte.
    case end
    /// The kernel must receive bytes first.
    case wantsRead
    /// The kernel must send bytes first.
    case wantsWrite
    /// The connection is broken.
    case failed
}

extension Descriptor {
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        while true {
            let count = Glibc.read(number, buffer.baseAddress, buffer.count)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .end }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wantsRead : .failed
        }
    }

    func write(_ buffer: UnsafeRawBufferPointer) -> Transfer {
        while true {
            let count = Glibc.write(number, buffer.baseAddress, buffer.count)
            if count >= 0 { return .bytes(count) }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wantsWrite : .failed
        }
    }
}
