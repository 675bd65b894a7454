import Kubernetes
import Testing

@Suite struct QuantityTests {
    @Test(arguments: [
        ("1Gi", "1024Mi"), ("0.5Gi", "512Mi"), ("1", "1000m"), ("0.1", "100m"), ("1e3", "1k"), ("1E3", "1000"),
        ("1E", "1000P"),
        ("1Ki", "1024"), ("1.5Gi", "1536Mi"), ("+1", "1"), ("-1", "-1000m"), ("0", "-0"), ("0", "0Gi"), ("1.", "1"),
        (".5", "500m"),
        ("1000000u", "1"), ("1000000000n", "1"), ("1e-3", "1m"), ("2Ti", "2199023255552"),
        ("1Ei", "1152921504606846976"),
        ("0001", "1"), ("1.000", "1"), ("12e-1", "1.2"), ("100000000000000000000000", "1e23"), ("1Pi", "1024Ti"),
        ("1M", "1000k"),
    ])
    func `equal quantities compare as equal in every notation`(_ left: String, _ right: String) throws {
        let (left, right) = (try #require(Quantity(left)), try #require(Quantity(right)))
        #expect(left == right && right == left && left.hashValue == right.hashValue)
        #expect(!(left < right) && !(right < left))
    }

    @Test(arguments: [
        ("1Gi", "1025Mi"), ("1000Mi", "1Gi"), ("999m", "1"), ("-2", "-1"), ("-1", "0"), ("0", "1n"), ("1n", "2n"),
        ("1M", "1Mi"),
        ("1", "1.000000000000000000000000000000000001"), ("9223372036854775807", "9223372036854775808"),
        ("1e999999999", "2e999999999"), ("1e-999999999", "1e-999999998"), ("1e-999999999", "1"), ("-1e999999999", "-1"),
        ("99999999999999999999999999999999999999999", "100000000000000000000000000000000000000000"),
        ("1Ei", "1153Pi"), ("18446744073709551615Ei", "18446744073709551616Ei"),
    ])
    func `quantities of any size are ordered`(_ smaller: String, _ larger: String) throws {
        let (smaller, larger) = (try #require(Quantity(smaller)), try #require(Quantity(larger)))
        #expect(smaller < larger)
        #expect(!(larger < smaller) && smaller != larger)
    }

    @Test(arguments: [
        "", " ", "a", "1 Gi", "1gi", "1KI", "1K", "Gi", "m", "-", "+", ".", "-.", "1..2", "1.2.3", "1e", "1e+", "1e1.5",
        "1Gi ", " 1",
        "1e99999999999999999999", "0x10", "1_000", "--1", "1-", "NaN", "inf", "1mm", "1Mii", "１",
    ])
    func `quantities that the API rejects are rejected`(_ text: String) { #expect(Quantity(text) == nil) }

    @Test func `a quantity with a million digits is rejected without parsing`() {
        #expect(Quantity(String(repeating: "9", count: 1_000_000)) == nil)
        #expect(Quantity(String(repeating: "9", count: 1000)) != nil)
    }

    @Test(arguments: [
        ("0", false, true), ("0Gi", false, true), ("-0", false, true), ("1n", true, false), ("-1", false, true),
        ("1", true, true), ("1.5", true, false), ("1500m", true, false), ("2000m", true, true),
    ])
    func `a quantity has a sign and may be an integer`(_ text: String, _ isPositive: Bool, _ isWhole: Bool) throws {
        let quantity = try #require(Quantity(text))
        #expect(quantity.isPositive == isPositive)
        #expect(quantity.isWhole == isWhole)
    }

    @Test func `a quantity has an approximate floating-point value`() throws {
        #expect(try #require(Quantity("1.5Ki")).approximate == 1536)
        #expect(try #require(Quantity("-250m")).approximate == -0.25)
        #expect(try #require(Quantity("0")).approximate == 0)
    }

    /// The value as a decimal number with 30 decimal places, computed digit by digit.
    private func oracle(_ digits: Int, _ decimals: Int, _ suffix: String) -> [UInt8] {
        let decimal = ["n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12][suffix]
        var number = String(digits).utf8.map { $0 - 48 }
        let factor = ["Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4][suffix] ?? 0
        for _ in 0..<factor {
            var sum = [UInt8](repeating: 0, count: number.count + 4)
            for _ in 0..<1024 {
                var carry = 0
                for offset in 0..<sum.count {
                    let index = sum.count - 1 - offset
                    let digit = offset < number.count ? number[number.count - 1 - offset] : 0
                    let total = Int(sum[index]) + Int(digit) + carry
                    sum[index] = UInt8(total % 10)
                    carry = total / 10
                }
            }
            number = Array(sum.drop { $0 == 0 })
            if number.isEmpty { number = [0] }
        }
        let zeros = 30 + (decimal ?? 0) - decimals
        let whole = number + [UInt8](repeating: 0, count: zeros)
        return [UInt8](repeating: 0, count: 80 - whole.count) + whole
    }

    @Test func `comparison agrees with digit-by-digit decimal arithmetic`() throws {
        let seed: UInt64 = 20_261_123
        var state = seed
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        let suffixes = ["n", "u", "m", "", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"]
        func amount() throws -> (Quantity, [UInt8]) {
            let (digits, decimals, suffix) = (random(5000), random(4), suffixes[random(suffixes.count)])
            var text = String(digits)
            while text.count <= decimals { text = "0" + text }
            if decimals > 0 { text.insert(".", at: text.index(text.endIndex, offsetBy: -decimals)) }
            return (
                try #require(Quantity(text + suffix), "seed \(seed): \(text)\(suffix)"),
                oracle(digits, decimals, suffix)
            )
        }
        for _ in 0..<300 {
            let (left, right) = (try amount(), try amount())
            #expect(
                (left.0 < right.0) == left.1.lexicographicallyPrecedes(right.1), "seed \(seed): \(left.0) < \(right.0)")
            #expect((left.0 == right.0) == (left.1 == right.1), "seed \(seed): \(left.0) == \(right.0)")
        }
    }
}
