extension CredentialText {
    /// What a value is made of.
    struct Letters {
        var digits = 0, lowers = 0, uppers = 0, spaces = 0, slashes = 0, dots = 0, dashes = 0, underscores = 0
        /// `+` and `=`, which base64 has and paths have not.
        var base64 = 0
        /// Whether there is something in it to be filled in: `$(X)`, `${X}`, `{{ x }}`, `#{x}`, `%{x}`, `<%= x %>`, a URI's `://`.
        var isReference = false
        private var isOneLetter = true
        private var first: UInt8 = 0

        init(_ text: Span<UInt8>, _ range: Range<Int>) {
            first = text[range.lowerBound]
            var previous: UInt8 = 0
            for at in range {
                let byte = text[at]
                count(byte)
                if byte != first { isOneLetter = false }
                switch (previous, byte) {
                case (UInt8(ascii: "$"), UInt8(ascii: "(")), (UInt8(ascii: "$"), UInt8(ascii: "{")),
                    (UInt8(ascii: "{"), UInt8(ascii: "{")), (UInt8(ascii: "#"), UInt8(ascii: "{")),
                    (UInt8(ascii: "%"), UInt8(ascii: "{")), (UInt8(ascii: "@"), UInt8(ascii: "{")),
                    (UInt8(ascii: "%"), UInt8(ascii: "(")), (UInt8(ascii: "<"), UInt8(ascii: "%")):
                    isReference = true
                case (UInt8(ascii: "/"), UInt8(ascii: "/")):
                    if at - 2 >= range.lowerBound, text[at - 2] == UInt8(ascii: ":") { isReference = true }
                default: break
                }
                previous = byte
            }
        }

        private mutating func count(_ byte: UInt8) {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digits += 1
            case UInt8(ascii: "a")...UInt8(ascii: "z"): lowers += 1
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): uppers += 1
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\t"): spaces += 1
            case UInt8(ascii: "/"): slashes += 1
            case UInt8(ascii: "."): dots += 1
            case UInt8(ascii: "-"): dashes += 1
            case UInt8(ascii: "_"): underscores += 1
            case UInt8(ascii: "+"), UInt8(ascii: "="): base64 += 1
            default: break
            }
        }

        /// Whether it stands in the place of something that was taken out: `****`, `xxxxx`.
        func isMask(_ count: Int) -> Bool {
            isOneLetter && (count >= 3 || digits + lowers + uppers == 0) && (digits == 0 || first == UInt8(ascii: "0"))
        }
    }
}
