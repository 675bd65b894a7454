internal import CLinux
internal import Glibc

/// A server to call.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// A name, or an IP address without brackets.
    public var host: String
    /// The port.
    public var port: UInt16
    /// The name that its certificate must show, where it is not the host.
    public var serverName: String?

    /// Names a server.
    public init(host: String, port: UInt16, serverName: String? = nil) {
        self.host = host
        self.port = port
        self.serverName = serverName
    }

    /// `host:port`, brackets around an IPv6 address.
    public var description: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// The address itself when the host is one; nil for a name.
    var address: Address? {
        for isVersion6 in [false, true] {
            if let bytes = Address.bytes(of: host, isVersion6: isVersion6) {
                return Address(host: bytes, port: port)
            }
        }
        return nil
    }
}

/// Names to addresses, by the system's resolver; it waits for the network, so it is no work for a loop.
enum Resolver {
    /// What came of it: addresses in the order in which they should be tried, or the resolver's reason.
    enum Outcome: Sendable {
        case addresses([Address])
        case failed(String)
    }

    static func resolve(_ endpoint: Endpoint) -> Outcome {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(endpoint.host, String(endpoint.port), &hints, &first)
        guard code == 0 else { return .failed(String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(first) }
        var addresses: [Address] = []
        var next = first
        // The list is the resolver's until it is freed above; what is taken from it is copied.
        while let entry = next?.pointee {
            if let address = entry.ai_addr, let known = Address(address, length: entry.ai_addrlen) {
                addresses.append(known)
            }
            next = entry.ai_next
        }
        return addresses.isEmpty ? .failed("the name has no address") : .addresses(addresses)
    }
}
