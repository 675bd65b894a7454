import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// The suggestions of each rule for a database: a StatefulSet with a volume, a sidecar, and a port that does not serve HTTP.
@Suite struct SuggestionTests {
    /// The example as a StatefulSet; nil if it has no pod template, or the rule does not read StatefulSets.
    private static func database(_ item: Case) throws -> World? {
        guard item.rule.scope.kinds.contains(.statefulSet), case .apply = item.example.request,
            item.example.before == nil
        else { return nil }
        var world = try World(item.example)
        guard let object = world.object, object["kind"] == "Deployment" else { return nil }
        world.object = try statefulSet(of: object)
        return world
    }

    private static let claim: Literal = [
        "metadata": ["name": "data"],
        "spec": [
            "accessModes": ["ReadWriteOnce"], "storageClassName": "gp3", "resources": ["requests": ["storage": "20Gi"]],
        ],
    ]

    /// Returns a Deployment as a StatefulSet; what the example says about its containers is kept.
    private static func statefulSet(of deployment: Literal) throws -> Literal {
        let spec = deployment["spec"]
        let complete = try #require(World.podSpec["containers"]?.elements.first)
        let probe: Literal = ["httpGet": nil, "exec": ["command": ["pg_isready"]]]
        let containers = (spec?["template"]?["spec"]?["containers"]?.elements ?? []).map { container in
            var changes: [Literal.Member] = [
                .init("volumeMounts", [["name": "data", "mountPath": "/var/lib/postgresql"]])
            ]
            if container["ports"] == complete["ports"] {
                changes.append(
                    .init(
                        "ports", [["name": "http", "$patch": "delete"], ["name": "postgres", "containerPort": 5432]]))
            }
            for name in ["livenessProbe", "readinessProbe"] where container[name] == complete[name] {
                changes.append(.init(name, probe))
            }
            return Literal.object(
                container.members.filter { member in !changes.contains { $0.key == member.key } } + changes)
        }
        let sidecar = complete.merging(["name": "proxy", "restartPolicy": "Always"])
        let others = spec?["template"]?["spec"]?["initContainers"]?.elements ?? []
        return deployment.merging([
            "kind": "StatefulSet",
            "spec": [
                "strategy": nil, "serviceName": "web", "volumeClaimTemplates": [claim],
                "template": [
                    "spec": ["containers": .array(containers), "initContainers": .array([sidecar] + others)]
                ],
            ],
        ])
    }

    /// True if a port or probe of the example itself is for HTTP.
    private static func servesHTTP(_ object: Literal) -> Bool {
        object["spec"]?["template"]?["spec"]?["containers"]?.elements.contains { container in
            container["ports"]?.elements.map { $0["containerPort"] } != [5432] || container.json.contains("httpGet")
        } ?? false
    }

    private static func name(_ decided: DecidedFinding) -> String {
        "\(decided.rule.id) \(decided.path) \(decided.finding.clause.name)"
    }

    @Test func `the database itself has no violation`() throws {
        var world = World(try Self.statefulSet(of: World.deployment))
        world.settings["PLAYBOOK_COMPANION_GRACE"] = "5m"
        let found = try world.decision().findings.map(\.summary)
        #expect(found == [])
        #expect(!Self.servesHTTP(world.object ?? [:]))
    }

    @Test func `each rule that reads StatefulSets has a finding of a database`() throws {
        let rules = Catalogue.playbook.rules.filter { $0.scope.kinds.contains(.statefulSet) }
        let tested = try Case.bad.filter { item in
            guard var world = try Self.database(item) else { return false }
            world.rules = [item.rule]
            return try !world.decision().findings.isEmpty
        }
        // The examples of `rolling-update` for StatefulSets are complete objects; `strategy` is a Deployment's.
        #expect(Set(rules.map(\.id)).subtracting(tested.map(\.rule.id)) == ["rolling-update"])
    }

    @Test(arguments: Case.bad)
    func `a suggestion resolves a database's finding and causes no other`(_ item: Case) throws {
        guard var world = try Self.database(item), let object = world.object else { return }
        let before = Set(try world.decision().findings.map(Self.name))
        world.rules = [item.rule]
        for decided in try world.decision().findings {
            let finding = decided.finding
            #expect(!decided.change.block.isEmpty)
            var changed = world
            if finding.isReplacement {
                changed.object = finding.relatedObject
            } else {
                changed.object = try Patch(finding.edits, on: object).applied(to: object)
                if let related = finding.relatedObject {
                    changed.relatedObjects =
                        (world.relatedObjects ?? []).filter {
                            $0["metadata"]?["name"] != related["metadata"]?["name"] || $0["kind"] != related["kind"]
                        } + [related]
                }
            }
            let isWords = finding.edits.isEmpty && finding.relatedObject == nil
            if isWords {
                #expect(finding.advice != nil)
                // PostgreSQL does not answer HTTP requests.
                let isProbe = ["liveness-probe", "readiness-probe"].contains(item.rule.id)
                if isProbe, !Self.servesHTTP(object) { #expect(finding.advice?.contains("httpGet") == false) }
                continue
            }
            #expect(try !changed.decision().findings.map(Self.name).contains(Self.name(decided)))
            changed.rules = Catalogue.playbook.rules
            let after = Set(try changed.decision().findings.map(Self.name))
            #expect(after.subtracting(before) == [], "\(Self.name(decided))\n\(decided.change.block)")
            checkHarm(decided, object, changed.object ?? [:])
        }
    }

    private func sidecar(of spec: Literal?) -> Literal? {
        spec?["initContainers"]?.elements.first { $0["name"] == "proxy" }
    }

    /// Records what a suggestion may never change or invent.
    private func checkHarm(_ decided: DecidedFinding, _ object: Literal, _ changed: Literal) {
        let block = decided.change.block
        #expect(changed["spec"]?["volumeClaimTemplates"] == object["spec"]?["volumeClaimTemplates"], "\(block)")
        #expect(changed["spec"]?["replicas"] == object["spec"]?["replicas"], "\(block)")
        let (old, new) = (object["spec"]?["template"]?["spec"], changed["spec"]?["template"]?["spec"])
        for list in ["containers", "initContainers"] {
            let names = old?[list]?.elements.map { $0["name"] }
            #expect(new?[list]?.elements.map { $0["name"] } == names, "\(block)")
        }
        if !decided.path.contains("[proxy]"), !decided.path.contains("initContainers[0]"),
            decided.path.contains("containers[")
        {
            let (sidecar, other) = (sidecar(of: old), sidecar(of: new))
            #expect(sidecar == other, "\(block)")
        }
    }
}
