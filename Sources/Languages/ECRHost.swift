import JSON

/// The host of a private registry in Amazon ECR, which contains the account id.
///
/// The whole host must have a form that AWS uses; a host that only has such a prefix belongs to another party.
public struct ECRHost {
    /// The AWS account.
    public let account: AWSAccount

    /// Reads a host; nil if it is not one of Amazon ECR.
    public init?(_ text: Span<UInt8>, in host: Range<Int>) {
        var rest = Rest(host)
        guard let number = rest.takeAccount(in: text), rest.take(".dkr", in: text) else { return nil }
        // Amazon ECR User Guide, "Making requests to Amazon ECR registries".
        let isDualStack = rest.take("-ecr", in: text)
        guard isDualStack || rest.take(".ecr", in: text) else { return nil }
        _ = rest.take("-fips", in: text)
        guard rest.take(".", in: text), rest.takeRegion(in: text), rest.take(".", in: text) else { return nil }
        let domains = isDualStack ? ECRHost.dualStackDomains : ECRHost.domains
        guard domains.contains(where: { rest.isAll($0, in: text) }) else { return nil }
        account = number
    }

    /// The domains of the AWS partitions: commercial, China, the European Sovereign Cloud, and the isolated ones.
    private static let domains: [StaticString] = [
        "amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk",
        "csp.hci.ic.gov",
    ]
    private static let dualStackDomains: [StaticString] = [
        "on.aws", "on.amazonwebservices.com.cn", "on.amazonwebservices.eu",
    ]

    /// True if the account contains the images of EKS add-ons.
    public var isOfAddOns: Bool { ECRHost.addOnAccounts.contains(account) }

    /// The accounts of Amazon EKS by region (Amazon EKS User Guide, "View Amazon container image registries for Amazon EKS
    /// add-ons").
    private static let addOnAccounts: [AWSAccount] = [
        602_401_143_452,  // all that are not listed below
        877_085_696_533,  // af-south-1
        800_184_023_465,  // ap-east-1
        533_267_051_163,  // ap-east-2
        900_889_452_093,  // ap-south-2
        296_578_399_912,  // ap-southeast-3
        491_585_149_902,  // ap-southeast-4
        151_610_086_707,  // ap-southeast-5
        333_609_536_671,  // ap-southeast-6
        121_268_973_566,  // ap-southeast-7
        761_377_655_185,  // ca-west-1
        918_309_763_551,  // cn-north-1
        961_992_271_922,  // cn-northwest-1
        900_612_956_339,  // eu-central-2
        590_381_155_156,  // eu-south-1
        455_263_428_931,  // eu-south-2
        066_635_153_087,  // il-central-1
        759_879_836_304,  // me-central-1
        558_608_220_178,  // me-south-1
        730_335_286_997,  // mx-central-1
        151_742_754_352,  // us-gov-east-1
        013_241_004_608,  // us-gov-west-1
        725_322_719_131,  // us-iso-east-1
        187_977_181_151,  // us-isob-east-1
    ]
}

/// The id of an AWS account: twelve digits.
public struct AWSAccount: Sendable, Hashable, ExpressibleByIntegerLiteral, CustomStringConvertible {
    private let number: UInt64

    /// Creates an id from a literal.
    public init(integerLiteral number: UInt64) { self.number = number }

    /// Reads an id; nil if it does not have twelve digits.
    public init?(_ text: String) {
        let digits = text.utf8.span
        var rest = Rest(0..<digits.count)
        guard digits.count == 12, let account = rest.takeAccount(in: digits) else { return nil }
        self = account
    }

    /// The id with leading zeros.
    public var description: String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 12 - digits.utf8.count)) + digits
    }
}

/// The rest of a range of bytes.
private struct Rest {
    private var at: Int
    private let end: Int

    init(_ range: Range<Int>) {
        at = range.lowerBound
        end = range.upperBound
    }

    /// Consumes a word if it is next.
    mutating func take(_ word: StaticString, in text: Span<UInt8>) -> Bool {
        let length = word.utf8CodeUnitCount
        guard end - at >= length, text.isSame(word, in: at..<at + length) else { return false }
        at += length
        return true
    }

    mutating func takeAccount(in text: Span<UInt8>) -> AWSAccount? {
        guard end - at >= 12 else { return nil }
        var number: UInt64 = 0
        for index in at..<at + 12 {
            let digit = text[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            number = number * 10 + UInt64(digit)
        }
        at += 12
        return AWSAccount(integerLiteral: number)
    }

    /// Consumes a name such as `eu-west-1`.
    mutating func takeRegion(in text: Span<UInt8>) -> Bool {
        let start = at
        while at < end, text[at] != UInt8(ascii: ".") {
            let byte = text[at]
            guard byte &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") <= 9 || byte == UInt8(ascii: "-") else {
                return false
            }
            at += 1
        }
        return at > start
    }

    func isAll(_ word: StaticString, in text: Span<UInt8>) -> Bool { text.isSame(word, in: at..<end) }
}
