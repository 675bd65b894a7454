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
