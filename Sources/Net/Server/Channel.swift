internal import Glibc
internal import HTTP

/// A connection's socket and TLS session, its state, and the bytes that are not handled yet.
///
/// Used only on the thread of its loop.
final class Channel {
    let socket: Descriptor
    let listener: BoundListener
    /// The token in the loop's table of members.
    var token: UInt64 = 0
    var connection: Connection
    /// Created when the first bytes arrive, so that a silent client takes no more memory than this object.
    private(set) var session: TLSSession?
    /// The received bytes that are not consumed; nil if there are none.
    var unread: ByteBuffer?
    /// The size of the buffer that the connection needs next, in bytes.
    var neededMemory = 0
    /// The purpose for which the connection last waited for memory.
    var memoryNeed = MemoryNeed.largeBody
    /// The bytes claimed from the shared part of the memory budget.
    var heldMemory = 0
    /// True if the buffer can grow to the largest size without a claim.
    var hasBodyLane = false
    /// The part of the responses that the client has not taken.
    private var unsent: [UInt8] = []
    private var unsentStart = 0
    var interest: Interest = .readable
    /// The socket's low-water mark for reading, in bytes.
    private var lowWaterMark = 1

    init(_ socket: consuming Descriptor, listener: BoundListener, connection: Connection) {
        self.socket = socket
        self.listener = listener
        self.connection = connection
    }

    var slot: Int { Token.slot(token) }

    /// True if the client's first TLS record is complete or cannot become complete.
    ///
    /// OpenSSL holds over 40 KB from the first byte of a handshake on. The bytes of a client that sends one a second stay in the
    /// kernel instead: epoll reports nothing below the low-water mark.
    func hasFirstRecord(using scratch: UnsafeMutableRawBufferPointer) -> Bool {
        guard session == nil else { return true }
        let count = socket.peek(into: scratch)
        let isHandshake = count > 0 && scratch[0] == 0x16
        // RFC 8446 5.1: type, version, and in bytes 3 and 4 the length of the rest.
        let wanted = count < 5 ? 5 : 5 + (Int(scratch[3]) << 8 | Int(scratch[4]))
        // Woken with too few bytes: the client has finished sending, or the system ignores the mark.
        if isHandshake, count < wanted, wanted > lowWaterMark, wanted <= scratch.count {
            lowWaterMark = wanted
            socket.set(SOL_SOCKET, SO_RCVLOWAT, to: Int32(wanted))
            return false
        }
        if lowWaterMark > 1 { socket.set(SOL_SOCKET, SO_RCVLOWAT, to: 1) }
        return true
    }

    /// Continues the handshake; the first call begins it.
    func handshake(with context: @autoclosure () -> TLSContext?) -> TLSSession.Handshake {
        if session == nil, let context = context() {
            session = TLSSession(context: context, descriptor: socket.number)
        }
        return session?.handshake() ?? .failed(.other)
    }

    /// True if the CAs that the client's certificate was verified with have been replaced.
    var isWithdrawn: Bool { session?.isWithdrawn ?? false }

    /// True if there are received bytes to read.
    var hasReceived: Bool {
        var byte: UInt8 = 0
        return hasPending || withUnsafeMutableBytes(of: &byte) { socket.peek(into: $0) } > 0
    }

    /// True if OpenSSL holds received bytes, which epoll does not report.
    var hasPending: Bool { session?.hasPending ?? false }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        session?.read(into: buffer) ?? socket.read(into: buffer)
    }

    /// Sends bytes in one write, and keeps those that the client does not accept.
    func send(_ bytes: [UInt8]) -> Transfer {
        let (outcome, sent) = bytes.withUnsafeBytes { write($0) }
        if outcome == .wantsWrite || outcome == .wantsRead {
            unsent = Array(bytes[sent...])
            unsentStart = 0
        }
        return outcome
    }

    /// Sends the bytes that were kept.
    func sendUnsent() -> Transfer {
        let (outcome, sent) = unsent.withUnsafeBytes { write(UnsafeRawBufferPointer(rebasing: $0[unsentStart...])) }
        unsentStart += sent
        if case .bytes = outcome {
            unsent = []
            unsentStart = 0
        }
        return outcome
    }

    /// Writes all bytes, or returns the number written and the event to wait for.
    private func write(_ bytes: UnsafeRawBufferPointer) -> (outcome: Transfer, sent: Int) {
        // OpenSSL writes all bytes or requires the same ones again; only a plain socket writes a part.
        if let session { return (session.write(bytes), 0) }
        var sent = 0
        while sent < bytes.count {
            let outcome = socket.write(UnsafeRawBufferPointer(rebasing: bytes[sent...]))
            guard case .bytes(let count) = outcome else { return (outcome, sent) }
            sent += count
        }
        return (.bytes(sent), sent)
    }

    /// Sends close_notify and closes the sending half of the connection.
    func finishWriting() {
        sendCloseNotify()
        socket.finishWriting()
    }

    /// Sends TLS's close_notify if the socket accepts it now.
    func sendCloseNotify() { session?.sendCloseNotify() }

    /// Reads and discards bytes below TLS.
    func discard(using scratch: UnsafeMutableRawBufferPointer) -> Transfer {
        socket.read(into: scratch)
    }
}
