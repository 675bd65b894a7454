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
    public var isOfAddOns: Bool {
        // Amazon EKS User Guide, "View Amazon container image registries for Amazon EKS add-ons". The compiler searches the cases
        // in a few steps, as it would not search a list.
        switch account.number {
        case 602_401_143_452: true  // all that are not listed below
        case 877_085_696_533: true  // af-south-1
        case 800_184_023_465: true  // ap-east-1
        case 533_267_051_163: true  // ap-east-2
        case 900_889_452_093: true  // ap-south-2
        case 296_578_399_912: true  // ap-southeast-3
        case 491_585_149_902: true  // ap-southeast-4
        case 151_610_086_707: true  // ap-southeast-5
        case 333_609_536_671: true  // ap-southeast-6
        case 121_268_973_566: true  // ap-southeast-7
        case 761_377_655_185: true  // ca-west-1
        case 918_309_763_551: true  // cn-north-1
        case 961_992_271_922: true  // cn-northwest-1
        case 900_612_956_339: true  // eu-central-2
        case 590_381_155_156: true  // eu-south-1
        case 455_263_428_931: true  // eu-south-2
        case 066_635_153_087: true  // il-central-1
        case 759_879_836_304: true  // me-central-1
        case 558_608_220_178: true  // me-south-1
        case 730_335_286_997: true  // mx-central-1
        case 151_742_754_352: true  // us-gov-east-1
        case 013_241_004_608: true  // us-gov-west-1
        case 725_322_719_131: true  // us-iso-east-1
        case 187_977_181_151: true  // us-isob-east-1
        default: false
        }
    }
}

/// The id of an AWS account: twelve digits.
public struct AWSAccount: Sendable, Hashable, ExpressibleByIntegerLiteral, CustomStringConvertible {
    fileprivate let number: UInt64

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
