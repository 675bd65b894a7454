import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// Exemptions by annotations and by PLAYBOOK_EXEMPT, and the level annotation of Namespaces.
@Suite struct ExemptionTests {
    private func annotated(_ annotations: [String: String], _ spec: String = "terminationGracePeriodSeconds: 0") throws
        -> Literal
    {
        let named = annotations.sorted { $0.key < $1.key }.map {
            Literal.Member("playbook.superinc.com/\($0.key)", .string($0.value))
        }
        return World.deployment.merging([
            "metadata": ["annotations": .object(named)], "spec": ["template": ["spec": try Literal(yaml: spec)]],
        ])
    }

    @Test(
        arguments: [
            (["exempt": "graceful-shutdown", "exempt-reason": "why"], true, nil),
            (["exempt": "replicas, graceful-shutdown", "exempt-reason": "why"], true, nil),
            (["exempt": "graceful-shutdown"], false, "add annotation playbook.superinc.com/exempt-reason"),
            (["exempt": "graceful-shutdown", "exempt-reason": "  "], false, "exempt-reason"),
            (["exempt": "graceful-shutdwn", "exempt-reason": "why"], false, "did you mean graceful-shutdown?"),
            (["exempt": "*", "exempt-reason": "why"], false, #""*" is accepted on Namespaces only"#),
            (
                ["exempt": "graceful-shutdown", "exempt-reason": "why", "exempt-until": "soon"], false,
                #""soon" is not a date"#
            ),
            (
                ["exempt": "graceful-shutdown", "exempt-reason": "why", "exempt-until": "2026-11-22"], false,
                "has ended"
            ),
            (
                ["exempt": "graceful-shutdown", "exempt-reason": "why", "exempt-until": "2026-11-23"], true,
                "ends 2026-11-23"
            ),
            (
                ["exempt": "graceful-shutdown", "exempt-reason": "why", "exempt-until": "2026-12-06"], true,
                "ends 2026-12-06"
            ),
            (
                ["exempt": "graceful-shutdown", "exempt-reason": "why", "exempt-until": "2026-11-23T11:59:59Z"], false,
                "has ended"
            ),
            (
                ["exempt": "graceful-shutdown", "exempt-reason": "why", "exempt-until": "2027-01-31T00:00:00+02:00"],
                true, nil
            ),
        ] as [([String: String], Bool, String?)])
    func `a workload's annotations exempt it, or a notice says why not`(
        _ annotations: [String: String], _ isExempt: Bool, _ notice: String?
    ) throws {
        let decision = try World(try annotated(annotations)).decision()
        #expect(decision.isDenied == !isExempt)
        #expect(decision.changesExemption)
        if let notice { #expect(decision.notices.contains { $0.contains(notice) }, "\(decision.notices)") }
        if isExempt { #expect(decision.auditAnnotations.contains { $0 == ("rules-exempt", "graceful-shutdown") }) }
    }

    @Test(arguments: ["20270131", "true", "null", "{}"])
    func `an exempt-until value that is not a string does not exempt`(_ until: String) throws {
        let object = try annotated(["exempt": "graceful-shutdown", "exempt-reason": "why"])
        let end = Edit.set("/metadata/annotations/playbook.superinc.com~1exempt-until", try Literal(yaml: until))
        #expect(try World(Patch([end], on: object).applied(to: object)).decision().isDenied)
    }

    @Test func `annotations of the pod template count as the workload's`() throws {
        let object = World.deployment.merging(
            try Literal(
                yaml: """
                    spec:
                      template:
                        metadata: {annotations: {playbook.superinc.com/exempt: graceful-shutdown, playbook.superinc.com/exempt-reason: why}}
                        spec: {terminationGracePeriodSeconds: 0}
                    """))
        #expect(try !World(object).decision().isDenied)
    }

    @Test func `a workload cannot exempt itself from security rules`() throws {
        let decision = try World(
            try annotated(
                ["exempt": "privilege-escalation", "exempt-reason": "why"],
                "containers: [{name: app, securityContext: {privileged: true}}]")
        ).decision()
        #expect(decision.isDenied)
        #expect(decision.notices.contains { $0.contains("annotate its Namespace") })
    }

    private func world(namespace annotations: [String: String]) throws -> World {
        var world = World(
            World.deployment.merging(
                try Literal(
                    yaml: "spec: {template: {spec: {containers: [{name: app, securityContext: {privileged: true}}]}}}"))
        )
        let members = annotations.sorted { $0.key < $1.key }.map {
            Literal.Member("playbook.superinc.com/\($0.key)", .string($0.value))
        }
        world.relatedObjects = [
            ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "shop", "annotations": .object(members)]]
        ]
        return world
    }

    @Test func `a Namespace exempts the objects in it, from all rules with an asterisk`() throws {
        #expect(try !world(namespace: ["exempt": "privilege-escalation", "exempt-reason": "why"]).decision().isDenied)
        #expect(try !world(namespace: ["exempt": "*", "exempt-reason": "why"]).decision().isDenied)
        #expect(try world(namespace: ["exempt": "*"]).decision().isDenied)
        #expect(
            try world(namespace: ["exempt": "*", "exempt-reason": "why", "exempt-until": "2026-11-22"]).decision()
                .isDenied)
        var other = try world(namespace: ["exempt": "*", "exempt-reason": "why"])
        other.object = other.object?.merging(["metadata": ["namespace": "blog"]])
        #expect(try other.decision().isDenied)
    }

    @Test func `PLAYBOOK_EXEMPTIONS selects which annotations are accepted`() throws {
        let annotations = ["exempt": "graceful-shutdown", "exempt-reason": "why"]
        var own = World(try annotated(annotations))
        var namespace = try world(namespace: ["exempt": "*", "exempt-reason": "why"])
        for (setting, believesOwn, believesNamespace) in [
            ("all", true, true), ("namespace", false, true), ("none", false, false),
        ] {
            own.settings["PLAYBOOK_EXEMPTIONS"] = setting
            namespace.settings["PLAYBOOK_EXEMPTIONS"] = setting
            #expect(try own.decision().isDenied == !believesOwn, "\(setting)")
            #expect(try namespace.decision().isDenied == !believesNamespace, "\(setting)")
        }
    }

    @Test(arguments: [
        ("graceful-shutdown@shop/Deployment/web: why", true),
        ("graceful-shutdown@sh*/*/we*: why until 2027-01-31", true),
        ("graceful-shutdown@shop/Deployment/web: until the end until 2026-11-22", false),
        ("graceful-shutdown@blog/Deployment/web: why", false), ("graceful-shutdown@shop/StatefulSet/web: why", false),
        ("replicas@shop/Deployment/web: why", false),
        ("replicas@*/*/*: one; graceful-shutdown@shop/Deployment/*: another", true),
    ])
    func `entries of PLAYBOOK_EXEMPT match by namespace, kind and name`(_ text: String, _ isExempt: Bool) throws {
        var world = World(try annotated([:]))
        world.settings = ["PLAYBOOK_EXEMPT": text]
        #expect(try world.decision().isDenied == !isExempt)
    }

    @Test(arguments: [
        "nothing", "graceful-shutdown@shop: why", "graceful-shutdown@a/b/c:", "gracefulshutdown@a/b/c: why",
        "replicas@a/b/c: why until soon",
    ])
    func `a malformed entry of PLAYBOOK_EXEMPT is an error at start`(_ text: String) {
        #expect(throws: SettingsError.self) { try Settings(environment: ["PLAYBOOK_EXEMPT": text]) }
    }

    @Test func `a Scale has the exemption of its workload`() throws {
        var world = World(World.scale.merging(["spec": ["replicas": 1]]))
        world.before = World.scale
        world.operation = "UPDATE"
        world.subresource = "scale"
        #expect(try world.decision().findings.map(\.leniency) == [.unknownExemption])
        world.relatedObjects = [World.deployment]
        #expect(try world.decision().isDenied)
        world.relatedObjects = [
            World.deployment.merging([
                "metadata": [
                    "annotations": [
                        "playbook.superinc.com/exempt": "replicas",
                        "playbook.superinc.com/exempt-reason": "one licence",
                    ]
                ]
            ])
        ]
        #expect(try world.decision().findings.map(\.effect) == [.exempt])
    }

    @Test func `the HPA controller can set any scale, but not a service account with the same name`() throws {
        var world = World(World.scale.merging(["spec": ["replicas": 1]]))
        world.before = World.scale
        world.operation = "UPDATE"
        world.subresource = "scale"
        world.relatedObjects = [World.deployment]
        world.user = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
        #expect(try world.decision().findings.isEmpty)
        // A PDB that allows no disruptions does not deny it either, because the HPA could not scale any more.
        world.relatedObjects?.append(
            try Literal(
                yaml: """
                    {apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web, namespace: shop},
                     spec: {maxUnavailable: 0, selector: {matchLabels: {app: web}}}}
                    """))
        #expect(try world.decision().findings.isEmpty)
        world.user = "system:serviceaccount:shop:horizontal-pod-autoscaler"
        #expect(try world.decision().isDenied)
    }

    @Test func `a trusted controller may scale to 1`() throws {
        var world = World(World.scale.merging(["spec": ["replicas": 1]]))
        world.before = World.scale
        world.operation = "UPDATE"
        world.subresource = "scale"
        world.relatedObjects = [World.deployment]
        world.user = "system:serviceaccount:keda:keda-operator"
        #expect(try world.decision().findings.isEmpty)
        world.settings = ["PLAYBOOK_TRUSTED_CONTROLLERS": "-\(world.user)"]
        #expect(try world.decision().findings.map(\.rule.id) == ["replicas"])
        #expect(try world.decision().isDenied)
    }

    @Test func `setting an exemption on a Namespace produces a warning`() throws {
        let before = try Literal(yaml: "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
        let after = before.merging([
            "metadata": [
                "annotations": ["playbook.superinc.com/exempt": "*", "playbook.superinc.com/exempt-reason": "move"]
            ]
        ])
        let decision = try World(before).updated(to: after).decision()
        #expect(decision.changesExemption && !decision.isDenied)
        #expect(decision.warnings.contains { $0.contains("exemption from all rules accepted: move") })
        #expect(
            try !World(after).updated(to: after.merging(["metadata": ["labels": ["a": "b"]]])).decision()
                .changesExemption)
    }

    @Test func `setting an exemption that has already ended on a Namespace produces a notice`() throws {
        let over = try Literal(
            yaml: """
                apiVersion: v1
                kind: Namespace
                metadata:
                  name: shop
                  annotations:
                    playbook.superinc.com/exempt: "*"
                    playbook.superinc.com/exempt-reason: move
                    playbook.superinc.com/exempt-until: "2026-11-22"
                """)
        #expect(try World(over).decision().notices.contains("the exemption from all rules has ended"))
        var gone = World(nil)
        gone.before = over
        gone.operation = "DELETE"
        #expect(try gone.decision().notices.filter { $0.contains("no effect") } == [])
    }

    @Test func `removing an exemption is recorded in the audit annotations, without a warning`() throws {
        let decision = try World(try annotated(["exempt": "replicas", "exempt-reason": "why"], "{}"))
            .updated(to: World.deployment).decision()
        #expect(decision.isSilent && decision.changesExemption)
        #expect(decision.auditAnnotations.contains { $0 == ("exemption", "changed") })
    }

    @Test(arguments: [
        ("deny", "warn", true, true), ("warn", "deny", true, false), ("warn", "warn", false, false),
        ("", "deny", false, false),
    ])
    func `changing the level annotation of a Namespace counts as changing an exemption`(
        _ before: String, _ after: String, _ isChange: Bool, _ isReported: Bool
    ) throws {
        func namespace(_ level: String) -> Literal {
            let bare: Literal = ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "shop"]]
            guard !level.isEmpty else { return bare }
            return bare.merging(["metadata": ["annotations": ["playbook.superinc.com/level": .string(level)]]])
        }
        let decision = try World(namespace(before)).updated(to: namespace(after)).decision()
        #expect(decision.changesExemption == isChange)
        #expect(decision.notices == (isReported ? ["denials in this Namespace are warnings from now on"] : []))
    }

    @Test(
        arguments: [
            // Removed, or without effect.
            ([:], true),
            (["exempt": "cpu-request", "exempt-reason": "why", "exempt-until": "2027-03-01"], true),
            (["exempt": "graceful-shutdown", "exempt-until": "2027-03-01"], true),
            // Shortened to a past date, and to one that is still to come.
            (["exempt": "graceful-shutdown", "exempt-reason": "why", "exempt-until": "2026-11-22"], true),
            (["exempt": "graceful-shutdown", "exempt-reason": "why", "exempt-until": "2026-12-31"], false),
            // Kept, with another reason, another end or more rules.
            (["exempt": "graceful-shutdown", "exempt-reason": "who", "exempt-until": "2027-03-01"], false),
            (["exempt": "graceful-shutdown", "exempt-reason": "why"], false),
            (
                ["exempt": "cpu-request, graceful-shutdown", "exempt-reason": "why", "exempt-until": "2027-03-01"],
                false
            ),
        ] as [([String: String], Bool)], ["on", "off"])
    func `a change of an exemption alone evaluates the rules from which it is removed, and no others`(
        _ change: (annotations: [String: String], isDenied: Bool), _ ratchet: String
    ) throws {
        let spec = "{terminationGracePeriodSeconds: 0, containers: [{name: app, livenessProbe: null}]}"
        let before = try annotated(
            ["exempt": "graceful-shutdown", "exempt-reason": "why", "exempt-until": "2027-03-01"], spec)
        var world = World(before).updated(to: try annotated(change.annotations, spec))
        world.settings["PLAYBOOK_RATCHET"] = ratchet
        let decision = try world.decision()
        #expect(
            decision.findings.filter { $0.effect == .deny }.map(\.rule.id)
                == (change.isDenied ? ["graceful-shutdown"] : []))
        #expect(decision.changesExemption)
    }

    @Test(arguments: [("all", false), ("namespace", false), ("none", true)])
    func `a Namespace's level is accepted if its exemptions are`(_ setting: String, _ isDenied: Bool) throws {
        var world = World(
            World.deployment.merging(["spec": ["template": ["spec": ["terminationGracePeriodSeconds": 0]]]]))
        world.relatedObjects = [
            [
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": ["name": "shop", "annotations": ["playbook.superinc.com/level": "warn"]],
            ]
        ]
        world.settings["PLAYBOOK_EXEMPTIONS"] = setting
        #expect(try world.decision().isDenied == isDenied)
    }
}

/// Annotations in a domain other than the default.
@Suite struct AnnotationDomainTests {
    private func world(_ domain: String) -> World {
        var world = World(
            World.deployment.merging([
                "metadata": [
                    "annotations": .object([
                        .init("\(domain)/exempt", "graceful-shutdown"), .init("\(domain)/exempt-reason", "a licence"),
                    ])
                ], "spec": ["template": ["spec": ["terminationGracePeriodSeconds": 0]]],
            ]))
        world.rules = world.rules.filter { $0.id == "graceful-shutdown" }
        return world
    }

    @Test func `PLAYBOOK_ANNOTATION_DOMAIN sets the domain of the annotations`() throws {
        #expect(try world("example.com").decision().isDenied)
        var other = world("example.com")
        other.settings["PLAYBOOK_ANNOTATION_DOMAIN"] = "example.com"
        #expect(try !other.decision().isDenied)
    }

    @Test func `with another domain, annotations in the default domain only produce a notice`() throws {
        var world = world("playbook.superinc.com")
        #expect(try !world.decision().isDenied)
        world.settings["PLAYBOOK_ANNOTATION_DOMAIN"] = "example.com"
        let decision = try world.decision()
        #expect(decision.isDenied)
        #expect(
            decision.notices.contains(
                "playbook.superinc.com/exempt has no effect: this server reads example.com/exempt"))
        #expect(decision.message.contains(#"example.com/exempt: "graceful-shutdown""#))
    }

    @Test func `a Namespace's level annotation is read in the configured domain`() throws {
        var world = world("other")
        world.settings["PLAYBOOK_ANNOTATION_DOMAIN"] = "example.com"
        world.relatedObjects = [
            [
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": ["name": "shop", "annotations": ["example.com/level": "warn"]],
            ]
        ]
        #expect(try !world.decision().isDenied)
    }

    @Test(arguments: ["", "example", "-a.com", "a..b", "Example.com", "a.com/x"])
    func `an invalid annotation domain is an error`(_ domain: String) {
        #expect(throws: SettingsError.self) { try Settings(environment: ["PLAYBOOK_ANNOTATION_DOMAIN": domain]) }
    }
}
