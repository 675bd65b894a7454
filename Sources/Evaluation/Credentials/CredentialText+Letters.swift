extension CredentialText {
    /// Counts of the characters in a value.
    struct Letters {
        var digits = 0, lowers = 0, uppers = 0, spaces = 0, slashes = 0, dots = 0, dashes = 0, underscores = 0
        /// The number of `+` and `=`, which base64 has and paths do not.
        var base64 = 0
        /// True if the value has a placeholder: `$(X)`, `${X}`, `{{ x }}`, `#{x}`, `%{x}`, `<%= x %>`, the `://` of a URI.
        ///
        /// The other counts are then not complete.
        var isReference = false
        /// True if the value has a parenthesis, a bracket or a byte that is not ASCII.
        var isUnusual = false
        private var isOneLetter = true
        private var first: UInt8 = 0

        init(_ text: Span<UInt8>, _ range: Range<Int>) {
            first = text[range.lowerBound]
            let classes = Letters.classes.span
            var differences: UInt8 = 0
            var at = range.lowerBound
            while at < range.upperBound {
                let limit = min(range.upperBound, at + Letters.most)
                var counts: UInt64 = 0
                while at < limit {
                    let byte = text[at]
                    let adds = classes[Int(byte)]
                    counts &+= adds
                    differences |= byte ^ first
                    if adds & Letters.isSeen != 0 {
                        if at > range.lowerBound, Letters.opens(text, at, range) {
                            isReference = true
                            return
                        }
                        if byte > 127 || byte == UInt8(ascii: "(") || byte == UInt8(ascii: "[") { isUnusual = true }
                    }
                    at += 1
                }
                add(counts)
            }
            isOneLetter = differences == 0
        }

        private static func opens(_ text: Span<UInt8>, _ at: Int, _ range: Range<Int>) -> Bool {
            switch (text[at - 1], text[at]) {
            case (UInt8(ascii: "$"), UInt8(ascii: "(")), (UInt8(ascii: "$"), UInt8(ascii: "{")),
                (UInt8(ascii: "{"), UInt8(ascii: "{")), (UInt8(ascii: "#"), UInt8(ascii: "{")),
                (UInt8(ascii: "%"), UInt8(ascii: "{")), (UInt8(ascii: "@"), UInt8(ascii: "{")),
                (UInt8(ascii: "%"), UInt8(ascii: "(")), (UInt8(ascii: "<"), UInt8(ascii: "%")):
                return true
            case (UInt8(ascii: "/"), UInt8(ascii: "/")):
                return at - 2 >= range.lowerBound && text[at - 2] == UInt8(ascii: ":")
            default: return false
            }
        }

        // MARK: Counting

        /// The nine counts are fields of seven bits in one number, which is used for no more bytes than fit.
        private static let width = 7
        private static let most = 127

        /// Marks bytes that can begin a placeholder, together with the preceding byte.
        private static let isSeen: UInt64 = 1 << 63

        /// The number that each byte adds.
        private static let classes: [UInt64] = (0...UInt8.max).map { byte in
            let place: Int
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): place = 0
            case UInt8(ascii: "a")...UInt8(ascii: "z"): place = 1
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): place = 2
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\t"): place = 3
            case UInt8(ascii: "/"): return 1 << UInt64(Letters.width * 4) | Letters.isSeen
            case UInt8(ascii: "."): place = 5
            case UInt8(ascii: "-"): place = 6
            case UInt8(ascii: "_"): place = 7
            case UInt8(ascii: "+"), UInt8(ascii: "="): place = 8
            case UInt8(ascii: "{"), UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "%"), 128...:
                return Letters.isSeen
            default: return 0
            }
            return 1 << UInt64(Letters.width * place)
        }

        private mutating func add(_ counts: UInt64) {
            func count(_ place: Int) -> Int {
                Int(truncatingIfNeeded: counts >> UInt64(Letters.width * place)) & Letters.most
            }
            digits += count(0)
            lowers += count(1)
            uppers += count(2)
            spaces += count(3)
            slashes += count(4)
            dots += count(5)
            dashes += count(6)
            underscores += count(7)
            base64 += count(8)
        }

        /// True if the value is a mask: `****`, `xxxxx`.
        func isMask(_ count: Int) -> Bool {
            isOneLetter && (count >= 3 || digits + lowers + uppers == 0) && (digits == 0 || first == UInt8(ascii: "0"))
        }
    }
}
