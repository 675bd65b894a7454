public import JSON

/// A block of addresses by its prefix, as in `10.0.0.0/8` or `fd00::/8`.
public struct AddressBlock: Sendable, Equatable {
    /// How many bits all addresses of the block share.
    public let prefixLength: Int
    /// Whether they are IPv6 addresses.
    public let isIPv6: Bool
    /// The IPv4 address before the slash; 0 for IPv6.
    private let address: UInt32

    /// Reads a block; nil where the text is none.
    ///
    /// Leading zeros are taken, as by the API server.
    public init?(_ text: String) { self.init(text.utf8.span) }

    /// Reads a block where it stands in a document; nil where the value is none.
    public init?(_ value: Value) {
        guard value.kind == .string, let block = value.withContents({ AddressBlock($0) }) else { return nil }
        self = block
    }

    private init?(_ text: Span<UInt8>) {
        var slash = 0
        while slash < text.count, text[slash] != UInt8(ascii: "/") { slash += 1 }
        guard let length = AddressBlock.number(text, slash + 1, text.count, upTo: 128) else { return nil }
        prefixLength = length
        if let address = AddressBlock.address(text, upTo: slash) {
            guard length <= 32 else { return nil }
            self.address = address
            isIPv6 = false
        } else {
            guard AddressBlock.isIPv6(text, upTo: slash) else { return nil }
            address = 0
            isIPv6 = true
        }
    }

    /// Whether it takes in so many that it names nobody: two halves of everything are everything too.
    public var isEverywhere: Bool { prefixLength < 8 }

    /// The IPv4 block of another size that starts where this one does, or before it; nil for IPv6.
    public func resized(to length: Int) -> String? {
        guard !isIPv6, (0...32).contains(length) else { return nil }
        let start = length == 0 ? 0 : address & (UInt32.max << UInt32(32 - length))
        return [24, 16, 8, 0].map { String(start >> $0 & 255) }.joined(separator: ".") + "/\(length)"
    }

    /// The four numbers before a place, as one; nil where there is something else.
    private static func address(_ text: Span<UInt8>, upTo end: Int) -> UInt32? {
        var address: UInt32 = 0
        var count = 0
        var start = 0
        for at in 0...end where at == end || text[at] == UInt8(ascii: ".") {
            guard count < 4, let octet = number(text, start, at, upTo: 255) else { return nil }
            address = address << 8 | UInt32(octet)
            count += 1
            start = at + 1
        }
        return count == 4 ? address : nil
    }

    private static func isIPv6(_ text: Span<UInt8>, upTo end: Int) -> Bool {
        var hasColon = false
        for at in 0..<end {
            let byte = text[at]
            hasColon = hasColon || byte == UInt8(ascii: ":")
            guard byte &- 48 <= 10 || (byte | 32) &- 97 <= 5 || byte == UInt8(ascii: ".") else { return false }
        }
        return hasColon
    }

    /// One to four digits between two places.
    private static func number(_ text: Span<UInt8>, _ start: Int, _ end: Int, upTo limit: Int) -> Int? {
        guard (1...4).contains(end - start) else { return nil }
        var number = 0
        for at in start..<end {
            let digit = text[at] &- 48
            guard digit <= 9 else { return nil }
            number = number * 10 + Int(digit)
        }
        return number <= limit ? number : nil
    }
}
