internal import CLinux
internal import Glibc

extension Descriptor {
    /// Opens a listening socket; it does not block and is not inherited.
    ///
    /// The unspecified IPv6 address accepts connections over IPv6 and IPv4, or over IPv4 alone if the machine has no IPv6.
    static func listening(on address: Address, backlog: Int32) throws(SystemError) -> Descriptor {
        do throws(SystemError) {
            return try bound(to: address, backlog: backlog)
        } catch {
            guard address.isUnspecified, [EAFNOSUPPORT, EADDRNOTAVAIL].contains(error.code) else { throw error }
            return try bound(to: Address(host: [0, 0, 0, 0], port: address.port), backlog: backlog)
        }
    }

    private static func bound(to address: Address, backlog: Int32) throws(SystemError) -> Descriptor {
        let family = address.host.count == 4 ? AF_INET : AF_INET6
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { throw SystemError(last: "socket", context: "\(address)") }
        let socket = Descriptor(owning: descriptor)
        // A restarted server must not wait until connections of the previous process leave TIME_WAIT.
        socket.set(SOL_SOCKET, SO_REUSEADDR, to: 1)
        if family == AF_INET6 {
            socket.set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, to: address.isUnspecified ? 0 : 1)
        }
        guard address.withSystemAddress({ bind(descriptor, $0, $1) }) == 0 else {
            throw SystemError(last: "bind", context: "\(address)")
        }
        guard listen(descriptor, backlog) == 0 else { throw SystemError(last: "listen", context: "\(address)") }
        return socket
    }

    /// The local address.
    var address: Address? { Address(ofSocket: number) }

    func set(_ level: Int32, _ option: Int32, to value: Int32) {
        var value = value
        setsockopt(number, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Copies received bytes without removing them, and returns their number.
    func peek(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        max(0, recv(number, buffer.baseAddress, buffer.count, Int32(MSG_PEEK)))
    }

    /// Closes the sending half of the connection.
    func finishWriting() {
        shutdown(number, Int32(SHUT_WR))
    }
}

/// The result of accepting a connection.
enum Acceptance: ~Copyable {
    case connection(Descriptor)
    case none
    /// The process or the machine has no resources left; retrying at once would spin.
    case exhausted(SystemError)
}

extension Descriptor {
    /// Accepts the next connection of the backlog.
    static func accept(from listener: Int32) -> Acceptance {
        let flags = Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        for _ in 0..<64 {
            let descriptor = accept4(listener, nil, nil, flags)
            if descriptor >= 0 {
                let socket = Descriptor(owning: descriptor)
                // Each response is one write; waiting for more data only delays it.
                socket.set(Int32(IPPROTO_TCP), TCP_NODELAY, to: 1)
                return .connection(socket)
            }
            switch errno {
            case EAGAIN: return .none
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted(SystemError(last: "accept"))
            case EBADF, EINVAL, ENOTSOCK: return .none
            // accept(2) reports network errors of the waiting connection here; they concern only that connection.
            default: continue
            }
        }
        return .none
    }
}
