public import JSON

/// A block of addresses by its prefix, as in `10.0.0.0/8` or `fd00::/8`.
public struct AddressBlock: Sendable, Equatable {
    /// How many bits all addresses of the block share.
    public let prefixLength: Int
    /// Whether they are IPv6 addresses.
    public let isIPv6: Bool
    /// The address before the slash; an IPv4 address is in the last 32 bits.
    private let address: UInt128

    /// Reads a block; nil where the text is none.
    ///
    /// Leading zeros are taken, as by the API server, and blanks around it.
    public init?(_ text: String) { self.init(text.utf8.span) }

    /// Reads a block where it stands in a document; nil where the value is none.
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

    /// Whether it takes in so many that it names nobody: two halves of everything are everything too.
    public var isEverywhere: Bool {
        if prefixLength < 8 { return true }
        guard isIPv6, prefixLength < 96 + 8 else { return false }
        // IPv4 in IPv6, `::ffff:0.0.0.0/96`: all of it, or a block of it that is as short.
        let shared = UInt128(128 - min(prefixLength, 96))
        return address >> shared == 0xFFFF_0000_0000 >> shared
    }

    /// The IPv4 block of another size that starts where this one does, or before it; nil for IPv6.
    public func resized(to length: Int) -> String? {
        guard !isIPv6, (0...32).contains(length) else { return nil }
        let start = length == 0 ? 0 : UInt32(truncatingIfNeeded: address) & (UInt32.max << UInt32(32 - length))
        return [24, 16, 8, 0].map { String(start >> $0 & 255) }.joined(separator: ".") + "/\(length)"
    }

    /// The four numbers between two places, as one; nil where there is something else.
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

    /// The IPv6 address between two places: groups of one to four digits, at most one `::`, and maybe IPv4 at the end.
    private static func longAddress(_ text: Span<UInt8>, _ first: Int, _ end: Int) -> UInt128? {
        var address: UInt128 = 0
        var count = 0
        /// How many groups stand before `::`.
        var gap: Int?
        var at = first
        while at < end, count < 8 {
            if at + 1 < end, text[at] == UInt8(ascii: ":"), text[at + 1] == UInt8(ascii: ":") {
                guard gap == nil else { return nil }
                gap = count
                at += 2
                continue
            }
            // What comes first, and what comes after `::`, has no colon before it.
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
        // The groups after `::` stay at the end, those before it move to the beginning.
        let after = UInt128(16 * (count - gap))
        let low = address & (1 << after - 1)
        return gap == 0 ? low : (address >> after) << UInt128(128 - 16 * gap) | low
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
