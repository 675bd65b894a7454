extension CredentialText {
    /// What a value is made of.
    struct Letters {
        var digits = 0, lowers = 0, uppers = 0, spaces = 0, slashes = 0, dots = 0, dashes = 0, underscores = 0
        /// `+` and `=`, which base64 has and paths have not.
        var base64 = 0
        /// Whether there is something in it to be filled in: `$(X)`, `${X}`, `{{ x }}`, `#{x}`, `%{x}`, `<%= x %>`, a URI's `://`.
        ///
        /// Then the rest is not counted.
        var isReference = false
        private var isOneLetter = true
        private var first: UInt8 = 0

        init(_ text: Span<UInt8>, _ range: Range<Int>) {
            first = text[range.lowerBound]
            let classes = Letters.classes
            var at = range.lowerBound
            while at < range.upperBound {
                let limit = min(range.upperBound, at + Letters.most)
                var counts: UInt64 = 0
                while at < limit {
                    let byte = text[at]
                    counts &+= classes[Int(byte)]
                    if byte != first { isOneLetter = false }
                    if Letters.mayOpen(byte), at > range.lowerBound, Letters.opens(text, at, range) {
                        isReference = true
                        return
                    }
                    at += 1
                }
                add(counts)
            }
        }

        /// Whether with this byte and the one before something to be filled in may begin.
        private static func mayOpen(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "("), UInt8(ascii: "%"), UInt8(ascii: "/"): true
            default: false
            }
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

        /// The nine counts are summed in one number, seven bits each, of no more bytes at a time than those hold.
        private static let (width, most) = (7, 127)

        /// What each byte adds.
        private static let classes: [UInt64] = (0...UInt8.max).map { byte in
            let place: Int
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): place = 0
            case UInt8(ascii: "a")...UInt8(ascii: "z"): place = 1
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): place = 2
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\t"): place = 3
            case UInt8(ascii: "/"): place = 4
            case UInt8(ascii: "."): place = 5
            case UInt8(ascii: "-"): place = 6
            case UInt8(ascii: "_"): place = 7
            case UInt8(ascii: "+"), UInt8(ascii: "="): place = 8
            default: return 0
            }
            return 1 << UInt64(Letters.width * place)
        }

        private mutating func add(_ counts: UInt64) {
            func count(_ place: Int) -> Int { Int(counts >> UInt64(Letters.width * place)) & Letters.most }
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

        /// Whether it stands in the place of something that was taken out: `****`, `xxxxx`.
        func isMask(_ count: Int) -> Bool {
            isOneLetter && (count >= 3 || digits + lowers + uppers == 0) && (digits == 0 || first == UInt8(ascii: "0"))
        }
    }
}
