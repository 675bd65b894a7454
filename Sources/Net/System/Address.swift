internal import Glibc

/// An address to listen on or to call: an IPv4 or IPv6 address and a port.
public struct Address: Hashable, Sendable, CustomStringConvertible {
    /// The bytes of the IP address in network order: 4 or 16 of them.
    let host: [UInt8]
    /// The port; 0 asks the system for a free one.
    public let port: UInt16

    /// The address as text, with brackets around an IPv6 address.
    public var description: String { host.count == 4 ? "\(hostText):\(port)" : "[\(hostText)]:\(port)" }

    /// True for IPv6's unspecified address, on which a server listens on every interface, IPv6 and IPv4.
    var isUnspecified: Bool { host.count == 16 && host.allSatisfy { $0 == 0 } }

    private var hostText: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = host.count == 4 ? AF_INET : AF_INET6
        guard inet_ntop(family, host, &text, socklen_t(text.count)) != nil else { return "?" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

extension Address {
    /// The error of a text that is not an address.
    public struct Malformed: Error, Equatable, CustomStringConvertible {
        /// The text.
        public let text: String
        /// The reason.
        public let reason: String

        /// The text, the reason and the accepted forms.
        public var description: String {
            "\"\(text)\" is not a valid address: \(reason); "
                + "use HOST:PORT, such as :8443 (every interface, IPv6 and IPv4), 0.0.0.0:8443, [::1]:8443 or 127.0.0.1:0"
        }
    }

    /// Reads `HOST:PORT`, where HOST is an IPv4 address, an IPv6 address in brackets, or nothing.
    ///
    /// Without a HOST, and with `[::]`, a server listens on every interface for IPv6 and IPv4.
    ///
    /// Host names are not accepted: a listening address does not need a resolver.
    ///
    /// - Parameter text: The address.
    /// - Throws: ``Malformed`` with the reason.
    public init(parsing text: String) throws(Malformed) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else {
            throw Malformed(text: text, reason: "the port is missing")
        }
        let portText = text[text.index(after: colon)...]
        guard !portText.isEmpty, portText.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let port = UInt16(portText) else {
            throw Malformed(text: text, reason: "the port is not a number from 0 to 65535")
        }
        var host = String(text[..<colon])
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]") && host.utf8.count > 2
        if isBracketed { host = String(host.dropFirst().dropLast()) }
        if host.utf8.contains(UInt8(ascii: ":")), !isBracketed {
            throw Malformed(text: text, reason: "an IPv6 address needs brackets")
        }
        guard !host.isEmpty else {
            self.init(host: [UInt8](repeating: 0, count: 16), port: port)
            return
        }
        guard let bytes = Address.bytes(of: host, isVersion6: isBracketed) else {
            throw Malformed(text: text, reason: "the host is not an IP address")
        }
        self.init(host: bytes, port: port)
    }

    /// True if a text without brackets and port is an IPv4 or IPv6 address.
    public static func isIPAddress(_ host: String) -> Bool {
        bytes(of: host, isVersion6: false) != nil || bytes(of: host, isVersion6: true) != nil
    }

    /// The bytes of an IP address without brackets and port; nil if it is not one of that version.
    static func bytes(of host: String, isVersion6: Bool) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: isVersion6 ? 16 : 4)
        guard inet_pton(isVersion6 ? AF_INET6 : AF_INET, host, &bytes) == 1 else { return nil }
        return bytes
    }
}

extension Address {
    /// Calls with the address in the system's form.
    func withSystemAddress<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        if host.count == 4 {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &address.sin_addr) { $0.copyBytes(from: host) }
            return Address.rebound(&address, body)
        }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: host) }
        return Address.rebound(&address, body)
    }

    // The system reads only `length` bytes of the structure, and every address structure begins as `sockaddr`.
    private static func rebound<T, R>(_ address: inout T, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<T>.size)) }
        }
    }

    /// Reads an address of the system's resolver; nil for an unknown family.
    init?(_ address: UnsafePointer<sockaddr>, length: socklen_t) {
        var storage = sockaddr_storage()
        guard Int(length) <= MemoryLayout<sockaddr_storage>.size else { return nil }
        // The resolver's structure has `length` bytes, which `storage` holds, as just checked.
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(length)))
        }
        self.init(storage)
    }

    /// The local address of a socket; nil if it has none.
    init?(ofSocket descriptor: Int32) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            // Any address structure fits into `sockaddr_storage`.
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0 else { return nil }
        self.init(storage)
    }

    private init?(_ storage: sockaddr_storage) {
        // The bytes are read at the offsets of the family's structure.
        switch Int32(storage.ss_family) {
        case AF_INET:
            let address = withUnsafeBytes(of: storage) { $0.load(as: sockaddr_in.self) }
            let host = withUnsafeBytes(of: address.sin_addr) { [UInt8]($0) }
            self.init(host: host, port: UInt16(bigEndian: address.sin_port))
        case AF_INET6:
            let address = withUnsafeBytes(of: storage) { $0.load(as: sockaddr_in6.self) }
            let host = withUnsafeBytes(of: address.sin6_addr) { [UInt8]($0) }
            self.init(host: host, port: UInt16(bigEndian: address.sin6_port))
        default:
            return nil
        }
    }
}
