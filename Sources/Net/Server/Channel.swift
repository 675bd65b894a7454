internal import Glibc
internal import HTTP

/// A whole request that waits: for a delivery, or for the memory that answering it takes.
struct WaitingRequest {
    let request: Request
    /// Where its body is, from the front of the buffer.
    let body: Range<Int>
    /// How many bytes the request takes up.
    let length: Int
    /// The responses to the requests before it.
    let responses: [UInt8]
    /// What was delivered.
    var message: (any Sendable)?
}

/// A connection with what it lives on: its socket, its TLS session, the bytes that wait on either side.
///
/// It belongs to one loop and never leaves that loop's thread.
final class Channel {
    let socket: Descriptor
    let listener: BoundListener
    let slot: Int
    let token: UInt64
    var connection: Connection
    /// Made when the first bytes arrive, so that a silent client costs no more than this object.
    private(set) var session: TLSSession?
    /// The beginning of a message whose rest has not come yet.
    var unread: ByteBuffer?
    /// Whether a request of it waits to be answered with the others of the turn; meanwhile nothing more is read.
    var hasArrival = false
    /// The request whose answer comes later; it stays at the front of `unread`.
    var waiting: WaitingRequest?
    /// The size of the buffer that it needs next, and what of it is claimed from the shared part of the memory budget.
    var neededMemory = 0
    var heldMemory = 0
    /// Whether the buffer may grow to the largest size without a claim.
    var hasBodyLane = false
    /// Whether it waits until there is memory.
    var awaitsMemory = false
    /// The part of the responses that the client has not taken yet.
    private var unsent: [UInt8] = []
    private var unsentStart = 0
    var interest: Interest = .readable
    /// How much is still thrown away before the connection is closed without regard to the client.
    var lingerBudget = 0
    /// How many bytes epoll waits for.
    private var lowWaterMark = 1

    init(_ socket: consuming Descriptor, listener: BoundListener, slot: Int, token: UInt64, connection: Connection) {
        self.socket = socket
        self.listener = listener
        self.slot = slot
        self.token = token
        self.connection = connection
    }

    /// Whether the client's first TLS record is here whole, or will not come whole.
    ///
    /// libssl holds over 40 KB for a handshake from its first byte on. A client that sends a byte a second has them wait
    /// in the kernel instead: the low-water mark keeps epoll quiet until there is enough.
    func hasFirstRecord(using scratch: UnsafeMutableRawBufferPointer) -> Bool {
        guard session == nil else { return true }
        let count = socket.peek(into: scratch)
        let isHandshake = count > 0 && scratch[0] == 0x16
        // RFC 8446 5.1: type, version, and in the bytes 3 and 4 the length of what follows.
        let wanted = count < 5 ? 5 : 5 + (Int(scratch[3]) << 8 | Int(scratch[4]))
        // Woken with too little: the client has finished sending, or the mark means nothing on this system.
        if isHandshake, count < wanted, wanted > lowWaterMark, wanted <= scratch.count {
            lowWaterMark = wanted
            socket.set(SOL_SOCKET, SO_RCVLOWAT, to: Int32(wanted))
            return false
        }
        if lowWaterMark > 1 { socket.set(SOL_SOCKET, SO_RCVLOWAT, to: 1) }
        return true
    }

    /// Goes on with the handshake, and begins it at the first call.
    func handshake(with context: @autoclosure () -> TLSContext?) -> TLSSession.Handshake {
        if session == nil, let context = context() {
            session = TLSSession(context: context, descriptor: socket.number)
        }
        return session?.handshake() ?? .failed(.other)
    }

    /// Whether the authorities that the client's certificate was verified with have been replaced.
    var isWithdrawn: Bool { session?.isWithdrawn ?? false }

    /// Whether received bytes wait to be read.
    var hasReceived: Bool {
        var byte: UInt8 = 0
        return hasPending || withUnsafeMutableBytes(of: &byte) { socket.peek(into: $0) } > 0
    }

    /// Whether received bytes wait inside libssl, where epoll does not see them.
    var hasPending: Bool { session?.hasPending ?? false }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        session?.read(into: buffer) ?? socket.read(into: buffer)
    }

    /// Whether responses wait for the client to take them.
    var hasUnsent: Bool { unsentStart < unsent.count }

    /// Sends bytes in one write; what is not taken is kept.
    func send(_ bytes: [UInt8]) -> Transfer {
        let (outcome, sent) = bytes.withUnsafeBytes { write($0) }
        if outcome == .wantsWrite || outcome == .wantsRead {
            unsent = Array(bytes[sent...])
            unsentStart = 0
        }
        return outcome
    }

    /// Goes on with what was kept.
    func sendUnsent() -> Transfer {
        let (outcome, sent) = unsent.withUnsafeBytes { write(UnsafeRawBufferPointer(rebasing: $0[unsentStart...])) }
        unsentStart += sent
        if case .bytes = outcome {
            unsent = []
            unsentStart = 0
        }
        return outcome
    }

    /// Writes all, or says how much of it went and what it waits for.
    private func write(_ bytes: UnsafeRawBufferPointer) -> (outcome: Transfer, sent: Int) {
        // libssl takes all or wants the same bytes again; only a plain socket takes a part.
        if let session { return (session.write(bytes), 0) }
        var sent = 0
        while sent < bytes.count {
            let outcome = socket.write(UnsafeRawBufferPointer(rebasing: bytes[sent...]))
            guard case .bytes(let count) = outcome else { return (outcome, sent) }
            sent += count
        }
        return (.bytes(sent), sent)
    }

    /// Tells the client that nothing more will come.
    func finishWriting() {
        session?.finishWriting()
        socket.finishWriting()
    }

    /// Tells the client that the connection ends, as far as that can be done at once.
    func sayGoodbye() {
        session?.finishWriting()
    }

    /// Reads past TLS and throws away: nobody will look at these bytes.
    func discard(using scratch: UnsafeMutableRawBufferPointer) -> Transfer {
        socket.read(into: scratch)
    }
}
