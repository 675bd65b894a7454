/// A block of addresses by its prefix, as in `10.0.0.0/8` or `fd00::/8`.
public struct AddressBlock: Sendable, Equatable {
    /// The address before the slash, as written.
    public let address: String
    /// How many of its bits all addresses of the block share.
    public let prefixLength: Int
    /// Whether they are IPv6 addresses.
    public let isIPv6: Bool

    /// Reads a block; nil where the text is none.
    ///
    /// Leading zeros are taken, as by the API server.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let length = AddressBlock.number(parts[1], upTo: 128) else { return nil }
        isIPv6 = parts[0].utf8.contains(UInt8(ascii: ":"))
        if isIPv6 {
            guard parts[0].utf8.allSatisfy(AddressBlock.isHexDigitColonOrDot) else { return nil }
        } else {
            let octets = parts[0].split(separator: ".", omittingEmptySubsequences: false)
            guard octets.count == 4, length <= 32,
                octets.allSatisfy({ AddressBlock.number($0, upTo: 255) != nil })
            else { return nil }
        }
        address = String(parts[0])
        prefixLength = length
    }

    /// Whether it takes in so many that it names nobody: two halves of everything are everything too.
    public var isEverywhere: Bool { prefixLength < 8 }

    /// The IPv4 block of another size that starts where this one does, or before it; nil for IPv6.
    public func resized(to length: Int) -> String? {
        guard !isIPv6, (0...32).contains(length) else { return nil }
        let bits = address.split(separator: ".").compactMap { UInt32($0) }.reduce(0) { $0 << 8 | $1 }
        let start = length == 0 ? 0 : bits & (UInt32.max << UInt32(32 - length))
        return [24, 16, 8, 0].map { String(start >> $0 & 255) }.joined(separator: ".") + "/\(length)"
    }

    private static func number(_ text: Substring, upTo limit: Int) -> Int? {
        guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ $0 &- 48 <= 9 }), let number = Int(text) else {
            return nil
        }
        return number <= limit ? number : nil
    }

    private static func isHexDigitColonOrDot(_ byte: UInt8) -> Bool {
        byte &- 48 <= 9 || (byte | 32) &- 97 <= 5 || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
    }
}
