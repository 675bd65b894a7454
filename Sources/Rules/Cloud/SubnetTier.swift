import Evaluation
import JSON
import Kubernetes
import Languages

/// The tier of a subnet, derived from its name and tags.
enum SubnetTier: String {
    case shared = "public"
    case closed = "private"
    case isolated

    /// The prefix length that the playbook requires.
    var prefixLength: Int { self == .closed ? 19 : 24 }

    /// The words in names that identify a tier, by precedence.
    fileprivate static let words: [(word: StaticString, tier: SubnetTier)] = [
        ("isolated", .isolated), ("database", .isolated), ("databases", .isolated), ("elasticache", .isolated),
        ("intra", .isolated), ("public", .shared), ("private", .closed),
    ]

    /// Reads the tier of a Subnet or RouteTable; nil if its name and tags do not identify one.
    init?(of object: Field) throws(CannotEvaluate) {
        let spec = try object["spec"]
        let tags = try Tags(spec["tags"])
        let names = [object.base["metadata"]?["name"], tags.name, tags.tier, tags.smallTier].compactMap(\.self)
        if let first = names.compactMap(\.firstTierWord).min() {
            self = SubnetTier.words[first].tier
        } else if tags.isForPublicBalancers {
            self = .shared
        } else if tags.isForInternalBalancers {
            self = .closed
        } else if try spec["mapPublicIPOnLaunch"].boolean() ?? false {
            self = .shared
        } else {
            return nil
        }
    }

    /// The tags that identify the tier; the last one of several with the same key applies.
    private struct Tags {
        var name: Value?
        var tier: Value?
        var smallTier: Value?
        var isForPublicBalancers = false
        var isForInternalBalancers = false

        init(_ tags: Field) throws(CannotEvaluate) {
            for tag in try tags.objects() {
                guard let key = try tag["key"].text() else { continue }
                if key.equals("Name") {
                    name = try tag["value"].text()
                } else if key.equals("Tier") {
                    tier = try tag["value"].text()
                } else if key.equals("tier") {
                    smallTier = try tag["value"].text()
                } else if key.equals("kubernetes.io/role/elb") {
                    isForPublicBalancers = true
                } else if key.equals("kubernetes.io/role/internal-elb") {
                    isForInternalBalancers = true
                }
            }
        }
    }

    // MARK: Other fields of subnets and route tables

    static func zone(of spec: Field) throws(CannotEvaluate) -> String? {
        if let zone = try spec["availabilityZone"].filledText() { return zone.text }
        return try spec["availabilityZoneID"].filledText()?.text
    }

    /// The VPC's name or id; empty if the subnet has none.
    static func vpc(of spec: Field) throws(CannotEvaluate) -> String {
        if let name = try spec["vpcRef"]["from"]["name"].string() { return name }
        return try spec["vpcID"].string() ?? ""
    }

    /// The route tables that a subnet refers to.
    static func tables(of spec: Field) throws(CannotEvaluate) -> [ResourceReference] {
        var tables: [ResourceReference] = []
        for reference in try spec["routeTableRefs"].objects() {
            if let table = try ResourceReference(reference) { tables.append(table) }
        }
        return tables
    }

    /// Calls `body` with each default route of a route table and its destination.
    static func forEachDefaultRoute(
        in spec: Field, _ body: (Field, Value) throws(CannotEvaluate) -> Void
    ) throws(CannotEvaluate) {
        for route in try spec["routes"].objects() {
            for key: StaticString in ["destinationCIDRBlock", "destinationIPv6CIDRBlock"] {
                guard let block = try route[key].text(), AddressBlock(block)?.isEverywhere ?? false else { continue }
                try body(route, block)
            }
        }
    }

    /// True if a route table has a default route.
    static func hasDefaultRoute(_ spec: Value) throws(CannotEvaluate) -> Bool {
        var found = false
        try forEachDefaultRoute(in: Field(spec)) { (_, _) throws(CannotEvaluate) in found = true }
        return found
    }

}

extension RelatedKind {
    static let ec2VPC = RelatedKind(.ec2VPC) { _, _ in }
    static let ec2Subnet = RelatedKind(.ec2Subnet) { (object, fields) throws(CannotEvaluate) in
        let object = Field(object)
        guard let spec = try object["spec"].present, let tier = try SubnetTier(of: object) else { return }
        fields[.tier] = tier.rawValue
        fields[.vpc] = try SubnetTier.vpc(of: spec)
        fields[.tables] = try SubnetTier.tables(of: spec).map(\.text)
        fields[.zone] = try SubnetTier.zone(of: spec)
    }
    static let ec2RouteTable = RelatedKind(.ec2RouteTable) { (object, fields) throws(CannotEvaluate) in
        let spec = try object.object("spec")
        fields[.hasDefaultRoute] =
            try spec.map { (spec) throws(CannotEvaluate) in try SubnetTier.hasDefaultRoute(spec) } ?? false
    }
}

extension RelatedField<String> {
    static let tier = Self("tier")
    static let vpc = Self("vpc")
    static let zone = Self("zone")
}

extension RelatedField<[String]> {
    static let tables = Self("tables")
}

extension RelatedField<Bool> {
    static let hasDefaultRoute = Self("default")
}

extension Value {
    /// The index in ``SubnetTier/words`` of the word with the highest precedence in a string.
    ///
    /// Words end at characters that are not letters or digits.
    fileprivate var firstTierWord: Int? {
        guard kind == .string else { return nil }
        return withContents { text in
            var found: Int?
            var start = 0
            for at in 0...text.count {
                if at < text.count, (text[at] | 32) &- 97 < 26 || text[at] &- 48 <= 9 { continue }
                if let word = Value.tierWord(text.extracting(start..<at)) { found = min(found ?? word, word) }
                start = at + 1
            }
            return found
        }
    }

    private static func tierWord(_ text: Span<UInt8>) -> Int? {
        SubnetTier.words.firstIndex { word, _ in
            word.utf8CodeUnitCount == text.count
                && word.withUTF8Buffer { word in word.indices.allSatisfy { word[$0] == text[$0] | 32 } }
        }
    }
}
