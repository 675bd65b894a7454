internal import CLinux
internal import Glibc

/// A server to call.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// The name, or an IP address without brackets.
    public var host: String
    /// The port.
    public var port: UInt16
    /// The name that the server's certificate must have, if it is not the host.
    public var serverName: String?

    /// Creates an endpoint.
    public init(host: String, port: UInt16, serverName: String? = nil) {
        self.host = host
        self.port = port
        self.serverName = serverName
    }

    /// `host:port`, brackets around an IPv6 address.
    public var description: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// The address if the host is an IP address; nil for a name.
    var address: Address? {
        for isVersion6 in [false, true] {
            if let bytes = Address.bytes(of: host, isVersion6: isVersion6) {
                return Address(host: bytes, port: port)
            }
        }
        return nil
    }
}

/// The system's resolver; it blocks on the network, so it must not run on a loop's thread.
enum Resolver {
    /// The result: addresses in the order in which to try them, or the resolver's reason.
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
        // The list belongs to the resolver until it is freed above; addresses are copied from it.
        while let entry = next?.pointee {
            if let address = entry.ai_addr, let known = Address(address, length: entry.ai_addrlen) {
                addresses.append(known)
            }
            next = entry.ai_next
        }
        return addresses.isEmpty ? .failed("the name has no address") : .addresses(addresses)
    }
}
