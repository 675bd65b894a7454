import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// Rules about storage and AWS resources managed through ACK: cases without an example, mostly new violations on UPDATE.
@Suite struct CloudRuleTests {
    private func object(_ group: String, _ kind: String, _ spec: Literal) -> Literal {
        [
            "apiVersion": .string("\(group).services.k8s.aws/v1alpha1"), "kind": .string(kind),
            "metadata": ["name": "web", "namespace": "shop"], "spec": spec,
        ]
    }

    /// Returns whether a rule at level deny denies an update.
    private func isDenied(_ rule: String, _ old: Literal, _ new: Literal) throws -> Bool {
        var world = World(old)
        world.rules = [try #require(Catalogue.playbook[rule])]
        world.settings = ["PLAYBOOK_RULE_\(rule.uppercased().replacing("-", with: "_"))": "deny"]
        #expect(try world.decision().isDenied)
        return try world.updated(to: new).decision().isDenied
    }

    // MARK: Security groups

    private static let all = "ipProtocol: tcp, fromPort: 0, toPort: 65535"

    @Test(arguments: [
        ("groupID: sg-1", "groupID: sg-2"), ("groupName: a", "groupName: b"),
        ("groupID: sg-1, userID: '1'", "groupID: sg-1, userID: '2'"),
        ("groupRef: {from: {name: a}}", "groupRef: {from: {name: b}}"),
        ("groupRef: {from: {name: a}}", "groupRef: {from: {name: a, namespace: other}}"),
    ])
    func `another source group on all ports is new, for each way to reference a group`(_ old: String, _ new: String)
        throws
    {
        func group(_ pair: String, _ description: String = "") throws -> Literal {
            let entry = "{\(Self.all), userIDGroupPairs: [{\(pair)}], ipRanges: [{cidrIP: 10.0.0.0/8}]}"
            return object(
                "ec2", "SecurityGroup",
                try Literal(yaml: "{ingressRules: [\(entry)], name: web\(description)}"))
        }
        #expect(try isDenied("security-group-rules", group(old), group(new)))
        #expect(try !isDenied("security-group-rules", group(old), group(old, ", description: x")))
    }

    @Test(arguments: [
        (
            "\(all), prefixListIDs: [{prefixListID: pl-1}]",
            "\(all), prefixListIDs: [{prefixListID: pl-2}]", true
        ),
        (
            "\(all), ipRanges: [{cidrIP: 10.0.0.0/8}]",
            "ipProtocol: '-1', ipRanges: [{cidrIP: 10.0.0.0/8}]", true
        ),
        (
            "\(all), ipRanges: [{cidrIP: 10.0.0.0/8}]",
            "ipProtocol: '6', ipRanges: [{cidrIP: 10.0.0.0/8}]", false
        ),
        (
            "ipProtocol: tcp, fromPort: 53, toPort: 53, ipRanges: [{cidrIP: 0.0.0.0/0}]",
            "ipProtocol: udp, fromPort: 53, toPort: 53, ipRanges: [{cidrIP: 0.0.0.0/0}]", true
        ),
    ])
    func `another prefix list or protocol is new`(_ old: String, _ new: String, _ isNew: Bool) throws {
        func group(_ entry: String) throws -> Literal {
            object("ec2", "SecurityGroup", try Literal(yaml: "{ingressRules: [{\(entry)}]}"))
        }
        #expect(try isDenied("security-group-rules", group(old), group(new)) == isNew)
    }

    @Test(arguments: [
        ("fromPort: 0, toPort: 9223372036854775807", true), ("fromPort: -9223372036854775807, toPort: 65535", true),
        ("fromPort: 9223372036854775807, toPort: 443", false),
    ])
    func `port numbers outside the valid range do not crash the evaluation`(_ ports: String, _ isFound: Bool) throws {
        let yaml = "{ingressRules: [{ipProtocol: tcp, \(ports), userIDGroupPairs: [{groupID: sg-1}]}]}"
        var world = World(object("ec2", "SecurityGroup", try Literal(yaml: yaml)))
        world.rules = [try #require(Catalogue.playbook["security-group-rules"])]
        #expect(try world.decision().findings.isEmpty == !isFound)
    }

    // MARK: Storage

    @Test(arguments: [("{}", "not set"), ("{encrypted: ''}", "empty"), ("{encrypted: 'no'}", "\"no\"")])
    func `a finding about encrypted quotes the parameter's value`(
        _ parameters: String, _ seen: String
    ) throws {
        let yaml =
            "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: a}, provisioner: ebs.csi.aws.com, parameters: \(parameters)}"
        var world = World(try Literal(yaml: yaml))
        world.rules = [try #require(Catalogue.playbook["encrypted-storage"])]
        let messages = try world.decision().findings.map(\.finding.message)
        #expect(messages == ["is \(seen); data can be read from a snapshot"])
    }

    // MARK: Key policies

    private func key(_ statements: String...) -> Literal {
        object(
            "kms", "Key", ["policy": .string("{\"Statement\": [\(statements.joined(separator: ","))]}")])
    }

    private func statement(_ principal: String, _ actions: String, _ more: String = "") -> String {
        "{\"Effect\": \"Allow\", \"Principal\": \(principal), \"Action\": [\(actions)], \"Resource\": \"*\"\(more)}"
    }

    @Test
    func `a violation in a key policy is identified by its principal, not by position or Sid`()
        throws
    {
        let both = "\"kms:Decrypt\", \"kms:PutKeyPolicy\""
        let role = "{\"AWS\": \"arn:aws:iam::222222222222:role/orders\"}"
        let sid = ", \"Sid\": \"both\""
        let old = key(statement(role, both, sid))
        let root = statement("{\"AWS\": \"arn:aws:iam::222222222222:root\"}", "\"kms:*\"")
        #expect(try !isDenied("kms-key-policy", old, key(root, statement(role, both))))
        #expect(
            try isDenied(
                "kms-key-policy", old, key(statement("{\"AWS\": \"arn:aws:iam::2:role/carts\"}", both, sid))
            ))
        #expect(try isDenied("kms-key-policy", old, key(statement("\"*\"", "\"kms:*\"", sid))))
    }

    @Test(arguments: [
        ("{\"AWS\": \"*\"}", "\"kms:?*\"", "open"), ("{\"AWS\": \"*\"}", "\"*:*\"", "open"),
        ("{\"AWS\": [\"*\"]}", "\"KMS:*\"", "open"),
        ("{\"AWS\": \"arn:aws-cn:iam::222222222222:root\"}", "\"kms:*\"", nil),
        ("{\"AWS\": \"222222222222\"}", "\"*\"", nil),
        (
            "{\"AWS\": \"arn:aws:iam::222222222222:root\", \"Service\": \"logs.amazonaws.com\"}",
            "\"kms:*\"", "separate"
        ),
        ("{\"AWS\": \"arn:aws:iam::2:role/x\"}", "\"kms:ReEncrypt*\", \"kms:Enable*\"", "separate"),
        (
            "{\"AWS\": \"arn:aws:iam::2:role/x\"}",
            "\"kms:GenerateDataKeyWithoutPlaintext\", \"kms:DisableKey\"",
            "separate"
        ),
        (
            "{\"AWS\": \"arn:aws:iam::2:role/x\"}",
            "\"kms:Create*\", \"kms:Get*\", \"kms:Delete*\", \"kms:Put*\"", nil
        ),
        (
            "{\"AWS\": \"arn:aws:iam::2:role/x\"}",
            "\"kms:Decrypt\", \"kms:CreateGrant\", \"kms:RevokeGrant\"", nil
        ),
    ])
    func `principals and actions of a statement are matched as IAM matches them`(
        _ principal: String, _ actions: String, _ clause: String?
    ) throws {
        var world = World(key(statement(principal, actions)))
        world.rules = [try #require(Catalogue.playbook["kms-key-policy"])]
        #expect(
            try world.decision().findings.map(\.finding.clause.name) == (clause.map { [$0] } ?? []))
    }

    @Test func `NotPrincipal counts as an open principal`() throws {
        let policy =
            "{\"Statement\": {\"Effect\": \"Allow\", \"NotPrincipal\": {\"AWS\": \"arn:aws:iam::2:role/x\"}, \"Action\": \"kms:*\"}}"
        var world = World(object("kms", "Key", ["policy": .string(policy)]))
        world.rules = [try #require(Catalogue.playbook["kms-key-policy"])]
        #expect(try world.decision().findings.map(\.finding.clause.name) == ["open"])
    }

    @Test func `a key policy is evaluated although the aliases are unknown`() throws {
        var world = World(object("kms", "Key", ["description": "orders"]))
        world.rules = [try #require(Catalogue.playbook["kms-key-policy"])]
        let decision = try world.decision()
        #expect(decision.findings.map(\.finding.clause.name) == ["written"])
        #expect(decision.notEvaluated.map(\.rule.id) == ["kms-key-policy"])
    }

    // MARK: Networks

    @Test(arguments: [(true, ["isolated", "size"]), (false, ["size", "zones"])])
    func `a subnet is evaluated with the related objects that are known`(
        _ knowsTables: Bool, _ clauses: [String]
    ) throws {
        let subnet = """
            {cidrBlock: 10.0.4.0/20, availabilityZone: eu-west-1a, routeTableRefs: [{from: {name: private}}], \
            tags: [{key: Tier, value: database}]}
            """
        func other(_ name: String) throws -> Literal {
            object("ec2", "Subnet", try Literal(yaml: subnet)).merging(["metadata": ["name": .string(name)]])
        }
        let table = object(
            "ec2", "RouteTable", try Literal(yaml: "{routes: [{destinationCIDRBlock: 0.0.0.0/0, gatewayID: igw-1}]}"))
        var world = World(object("ec2", "Subnet", try Literal(yaml: subnet)))
        world.relatedObjects =
            knowsTables ? [table.merging(["metadata": ["name": "private"]])] : [try other("b"), try other("c")]
        world.rules = [try #require(Catalogue.playbook["vpc-layout"])]
        let decision = try world.decision()
        #expect(decision.findings.map(\.finding.clause.name).sorted() == clauses)
        #expect(decision.notEvaluated.map(\.reason) == ["\(knowsTables ? "Subnets" : "RouteTables") could not be read"])
    }

    @Test func `a second default route in the route table of an isolated subnet is new`() throws {
        func table(_ routes: String) throws -> Literal {
            object("ec2", "RouteTable", try Literal(yaml: "{routes: [\(routes)]}")).merging([
                "metadata": ["name": "database"]
            ])
        }
        let ipv4 = "{destinationCIDRBlock: 0.0.0.0/0, natGatewayID: nat-1}"
        let ipv6 = "{destinationIPv6CIDRBlock: '::/0', gatewayID: igw-1}"
        #expect(try isDenied("vpc-layout", table(ipv4), table("\(ipv4), \(ipv6)")))
        #expect(try !isDenied("vpc-layout", table("\(ipv4), \(ipv6)"), table(ipv6)))
    }
}
