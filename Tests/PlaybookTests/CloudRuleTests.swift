import JSON
import Kubernetes
import Playbook
import TestSupport
import Testing

/// Rules about storage and the cloud around the cluster, where an example does not say it: mostly what an update makes new.
@Suite struct CloudRuleTests {
    private func object(_ group: String, _ kind: String, _ spec: Literal) -> Literal {
        [
            "apiVersion": .string("\(group).services.k8s.aws/v1alpha1"), "kind": .string(kind),
            "metadata": ["name": "web", "namespace": "shop"], "spec": spec,
        ]
    }

    /// Whether a change is denied by a rule that denies.
    private func isDenied(_ rule: String, _ old: Literal, _ new: Literal) throws -> Bool {
        var world = World(old)
        world.rules = [try #require(Catalogue.rule(rule))]
        world.settings = ["PLAYBOOK_RULE_\(rule.uppercased().replacing("-", with: "_"))": "deny"]
        #expect(try world.verdict().isDenied)
        return try world.updated(to: new).verdict().isDenied
    }

    // MARK: Security groups

    private static let all = "ipProtocol: tcp, fromPort: 0, toPort: 65535"

    @Test(arguments: [
        ("groupID: sg-1", "groupID: sg-2"), ("groupName: a", "groupName: b"),
        ("groupID: sg-1, userID: '1'", "groupID: sg-1, userID: '2'"),
        ("groupRef: {from: {name: a}}", "groupRef: {from: {name: b}}"),
        ("groupRef: {from: {name: a}}", "groupRef: {from: {name: a, namespace: other}}"),
    ])
    func `another group at every port is new, however it is named`(_ old: String, _ new: String)
        throws
    {
        func group(_ pair: String, _ description: String = "") throws -> Literal {
            let entry = "{\(Self.all), userIDGroupPairs: [{\(pair)}]}"
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

    // MARK: Storage

    @Test(arguments: [("{}", "unset"), ("{encrypted: ''}", "empty"), ("{encrypted: 'no'}", "no")])
    func `a parameter that does not encrypt is called by what it says`(
        _ parameters: String, _ seen: String
    ) throws {
        let yaml =
            "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: a}, provisioner: ebs.csi.aws.com, parameters: \(parameters)}"
        var world = World(try Literal(yaml: yaml))
        world.rules = [try #require(Catalogue.rule("encrypted-storage"))]
        let messages = try world.verdict().judgements.map(\.finding.message)
        #expect(messages == ["is \(seen): what is stored can be read from a snapshot"])
    }
}
