public import JSON

/// A block of IP addresses in CIDR notation: `10.0.0.0/8` or `fd00::/8`.
public struct AddressBlock: Sendable, Equatable {
    /// The length of the prefix, in bits.
    public let prefixLength: Int
    /// True for IPv6 addresses.
    public let isIPv6: Bool
    /// The address before the slash; an IPv4 address is in the last 32 bits.
    private let address: UInt128

    /// Reads a block; nil if the text is not valid.
    ///
    /// Leading zeros and surrounding blanks are accepted, as by the API server.
    public init?(_ text: String) { self.init(text.utf8.span) }

    /// Reads a block from a document; nil if the value is not valid.
    public init?(_ value: Value) {
        guard value.kind == .string, let block = value.withContents({ AddressBlock($0) }) else { return nil }
        self = block
    }

    private init?(_ text: Span<UInt8>) {
        var (start, end) = (0, text.count)
        while start < end, AddressBlock.isBlank(text[start]) { start += 1 }
        while start < end, AddressBlock.isBlank(text[end - 1]) { end -= 1 }
        var slash = start
        while slash < end, text[slash] != UInt8(ascii: "/") { slash += 1 }
        guard let length = AddressBlock.number(text, slash + 1, end, upTo: 128) else { return nil }
        prefixLength = length
        if let address = AddressBlock.address(text, start, slash) {
            guard length <= 32 else { return nil }
            self.address = UInt128(address)
            isIPv6 = false
        } else {
            guard let address = AddressBlock.longAddress(text, start, slash) else { return nil }
            self.address = address
            isIPv6 = true
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    /// True if the prefix is shorter than 8 bits, so that the block does not restrict access: two `/1` blocks include everything.
    public var isEverywhere: Bool {
        if prefixLength < 8 { return true }
        guard isIPv6, prefixLength < 96 + 8 else { return false }
        // IPv4-mapped IPv6 addresses, `::ffff:0.0.0.0/96`: all of them, or an equally short prefix of them.
        let shared = UInt128(128 - min(prefixLength, 96))
        return address >> shared == 0xFFFF_0000_0000 >> shared
    }

    /// Returns the IPv4 block with another prefix length that contains the start of this one; nil for IPv6.
    public func resized(to length: Int) -> String? {
        guard !isIPv6, (0...32).contains(length) else { return nil }
        let start = length == 0 ? 0 : UInt32(truncatingIfNeeded: address) & (UInt32.max << UInt32(32 - length))
        return [24, 16, 8, 0].map { String(start >> $0 & 255) }.joined(separator: ".") + "/\(length)"
    }

    /// Returns the four numbers in a range as an IPv4 address; nil if it is not valid.
    private static func address(_ text: Span<UInt8>, _ first: Int, _ end: Int) -> UInt32? {
        var address: UInt32 = 0
        var count = 0
        var start = first
        for at in first...end where at == end || text[at] == UInt8(ascii: ".") {
            guard count < 4, let octet = number(text, start, at, upTo: 255) else { return nil }
            address = address << 8 | UInt32(octet)
            count += 1
            start = at + 1
        }
        return count == 4 ? address : nil
    }

    /// Returns the IPv6 address in a range: groups of one to four digits, at most one `::`, optionally IPv4 at the end.
    private static func longAddress(_ text: Span<UInt8>, _ first: Int, _ end: Int) -> UInt128? {
        var address: UInt128 = 0
        var count = 0
        /// The number of groups before `::`.
        var gap: Int?
        var at = first
        while at < end, count < 8 {
            if at + 1 < end, text[at] == UInt8(ascii: ":"), text[at + 1] == UInt8(ascii: ":") {
                guard gap == nil else { return nil }
                gap = count
                at += 2
                continue
            }
            // The first group, and the first one after `::`, have no colon before them.
            if count > 0, gap != count {
                guard text[at] == UInt8(ascii: ":") else { return nil }
                at += 1
            }
            var group: UInt128 = 0
            let start = at
            while at < end, at - start < 4, let digit = Character(UnicodeScalar(text[at])).hexDigitValue {
                group = group << 4 | UInt128(digit)
                at += 1
            }
            guard at > start else { return nil }
            if at < end, text[at] == UInt8(ascii: ".") {
                guard count <= 6, let last = self.address(text, start, end) else { return nil }
                (address, count, at) = (address << 32 | UInt128(last), count + 2, end)
            } else {
                (address, count) = (address << 16 | group, count + 1)
            }
        }
        guard at == end else { return nil }
        guard let gap else { return count == 8 ? address : nil }
        guard count < 8 else { return nil }
        // The groups after `::` stay at the end; those before it move to the beginning.
        let after = UInt128(16 * (count - gap))
        let low = address & (1 << after - 1)
        return gap == 0 ? low : (address >> after) << UInt128(128 - 16 * gap) | low
    }

    /// Returns the number with one to four digits in a range; nil if it is not valid.
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
