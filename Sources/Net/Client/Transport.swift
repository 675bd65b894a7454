internal import CLinux
internal import Glibc

/// One socket to a server, with TLS on it unless the server speaks plain HTTP.
final class Transport {
    let socket: Descriptor
    private let address: Address
    private(set) var session: TLSSession?

    /// Starts connecting; the socket becomes writable when that has succeeded or failed.
    init(connectingTo address: Address) throws(SystemError) {
        let family = address.host.count == 4 ? AF_INET : AF_INET6
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = Glibc.socket(family, type, 0)
        guard descriptor >= 0 else { throw SystemError(last: "socket", context: "\(address)") }
        socket = Descriptor(owning: descriptor)
        self.address = address
        socket.set(Int32(IPPROTO_TCP), TCP_NODELAY, to: 1)
        socket.detectDeadPeer()
        guard address.withSystemAddress({ connect(descriptor, $0, $1) }) == 0 || errno == EINPROGRESS else {
            throw SystemError(last: "connect", context: "\(address)")
        }
    }

    /// The error of connecting; nil if it succeeded.
    var connectFailure: SystemError? {
        let code = socket.pendingError
        return code == 0 ? nil : SystemError(call: "connect", code: code, context: "\(address)")
    }

    /// Starts TLS on the socket; returns false if memory is missing or the host is not a valid name.
    func startTLS(_ tls: ClientTLS, for endpoint: Endpoint) -> Bool {
        session = TLSSession(
            connecting: tls, to: endpoint.serverName ?? endpoint.host, descriptor: socket.number)
        return session != nil
    }

    /// True if OpenSSL holds received bytes, which epoll does not report.
    var hasPending: Bool { session?.hasPending ?? false }

    /// The reason of the last failed read or write, as text.
    var failure: String {
        if let reason = session?.failure { return reason }
        let code = socket.pendingError
        return code == 0 ? "the connection was reset" : String(cString: strerror(code))
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        session?.read(into: buffer) ?? socket.read(into: buffer)
    }

    /// Writes some or all of the bytes; with TLS all or none, and after none the same bytes must be written again.
    func write(_ buffer: UnsafeRawBufferPointer) -> Transfer {
        session?.write(buffer) ?? socket.write(buffer)
    }

    /// Sends TLS's close_notify if the socket accepts it now.
    func sendCloseNotify() { session?.sendCloseNotify() }
}

extension Descriptor {
    /// The pending error of this socket, or 0; reading it clears it.
    var pendingError: Int32 {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &size) == 0 ? code : 0
    }

    /// Makes the kernel detect a dead peer within half a minute.
    ///
    /// A node without power sends nothing, nor does a load balancer that dropped the connection, and a watch can be silent for a
    /// long time.
    func detectDeadPeer() {
        set(SOL_SOCKET, SO_KEEPALIVE, to: 1)
        set(Int32(IPPROTO_TCP), TCP_KEEPIDLE, to: 15)
        set(Int32(IPPROTO_TCP), TCP_KEEPINTVL, to: 5)
        set(Int32(IPPROTO_TCP), TCP_KEEPCNT, to: 3)
        set(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, to: 30_000)
    }
}
