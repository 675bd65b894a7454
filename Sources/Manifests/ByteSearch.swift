extension [UInt8] {
    /// Returns the first place of some bytes from a place on; nil if they do not occur.
    func firstIndex(of wanted: [UInt8], from start: Int = 0) -> Int? {
        guard let first = wanted.first, count - start >= wanted.count else { return wanted.isEmpty ? start : nil }
        var at = start
        let last = count - wanted.count
        while at <= last {
            if self[at] == first {
                var length = 1
                while length < wanted.count, self[at + length] == wanted[length] { length += 1 }
                if length == wanted.count { return at }
            }
            at += 1
        }
        return nil
    }

    /// True if bytes contain a text.
    public func has(_ text: String) -> Bool { firstIndex(of: Array(text.utf8)) != nil }
}

extension StringProtocol {
    /// True if the text contains another one, byte by byte.
    public func has(_ text: String) -> Bool { Array(utf8).has(text) }

    /// Returns the text with every occurrence of a part replaced.
    public func replacing(every part: String, by other: String) -> String {
        let (bytes, wanted) = (Array(utf8), Array(part.utf8))
        guard !wanted.isEmpty else { return String(self) }
        var (result, at): ([UInt8], Int) = ([], 0)
        while let start = bytes.firstIndex(of: wanted, from: at) {
            result += bytes[at..<start]
            result += other.utf8
            at = start + wanted.count
        }
        return String(decoding: result + bytes[at...], as: UTF8.self)
    }
}
