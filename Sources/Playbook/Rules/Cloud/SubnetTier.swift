import JSON
import Kubernetes

/// What a subnet is for, by its name and tags.
enum SubnetTier: String {
    case shared = "public"
    case closed = "private"
    case isolated

    /// The size that the playbook gives it.
    var prefixLength: Int { self == .closed ? 19 : 24 }

    private static let words: [(tier: SubnetTier, words: Set<String>)] = [
        (.isolated, ["isolated", "database", "databases", "elasticache", "intra"]), (.shared, ["public"]),
        (.closed, ["private"]),
    ]

    /// Reads the tier of a Subnet, or of the RouteTable of one; nil where nothing says it.
    init?(of object: Value) throws(CannotJudge) {
        var names = [ObjectMeta(of: object).name ?? ""]
        var tags: [String: String] = [:]
        let spec = try object.object("spec")
        for tag in try spec?.objects("tags") ?? Objects.none {
            guard let key = try tag.string("key") else { continue }
            tags[key] = try tag.string("value") ?? ""
        }
        for key in ["Name", "Tier", "tier"] { if let value = tags[key] { names.append(value) } }
        let found = Set(names.flatMap { SubnetTier.split($0) })
        if let tier = SubnetTier.words.first(where: { !$0.words.isDisjoint(with: found) })?.tier {
            self = tier
        } else if tags["kubernetes.io/role/elb"] != nil {
            self = .shared
        } else if tags["kubernetes.io/role/internal-elb"] != nil {
            self = .closed
        } else if try spec?.boolean("mapPublicIPOnLaunch") ?? false {
            self = .shared
        } else {
            return nil
        }
    }

    private static func split(_ name: String) -> [String] {
        name.lowercased().utf8.split { !($0 &- 97 < 26 || $0 &- 48 <= 9) }.map { String(decoding: $0, as: UTF8.self) }
    }

    // MARK: What else is read of a subnet or its route table

    static func zone(of spec: Value) throws(CannotJudge) -> String? {
        if let zone = try spec.string("availabilityZone"), !zone.isEmpty { return zone }
        return try spec.string("availabilityZoneID").flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The VPC by name or id; empty where it is not named.
    static func vpc(of spec: Value) throws(CannotJudge) -> String {
        if let name = try spec.object("vpcRef")?.object("from")?.string("name") { return name }
        return try spec.string("vpcID") ?? ""
    }

    /// Its route tables.
    static func tables(of spec: Value) throws(CannotJudge) -> [ResourceReference] {
        var tables: [ResourceReference] = []
        for reference in try spec.objects("routeTableRefs") {
            if let table = try ResourceReference(reference) { tables.append(table) }
        }
        return tables
    }

    /// Hands out a table's routes that lead everywhere, each with its destination.
    static func forEachDefaultRoute(
        in spec: Value, _ body: (Value, String) throws(CannotJudge) -> Void
    ) throws(CannotJudge) {
        for route in try spec.objects("routes") {
            for key: StaticString in ["destinationCIDRBlock", "destinationIPv6CIDRBlock"] {
                guard let text = try route.string(key), AddressBlock(text)?.isEverywhere ?? false else { continue }
                try body(route, text)
            }
        }
    }

    /// Whether a table has a route that leads everywhere.
    static func hasDefaultRoute(_ spec: Value) throws(CannotJudge) -> Bool {
        var found = false
        try forEachDefaultRoute(in: spec) { (_, _) throws(CannotJudge) in found = true }
        return found
    }

    /// What is kept of a Subnet.
    static func projection(_ object: Value) throws(CannotJudge) -> Literal {
        guard let spec = try object.object("spec"), let tier = try SubnetTier(of: object) else { return [:] }
        var members: [Literal.Member] = [
            .init("tier", .string(tier.rawValue)), .init("vpc", .string(try vpc(of: spec))),
            .init("tables", .array(try tables(of: spec).map { .string($0.text) })),
        ]
        if let zone = try zone(of: spec) { members.append(.init("zone", .string(zone))) }
        return .object(members)
    }
}
