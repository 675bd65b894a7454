import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// Rollbacks, and other objects whose pod template was allowed before.
@Suite struct PastTemplateTests {
    /// A template from before enforcement: a mutable tag and no liveness probe.
    private let oldSpec = World.podSpec.merging(
        World.fragmentForTests("containers: [{name: app, image: 'nginx:latest', livenessProbe: null}]"))

    private func deployment(_ spec: Literal, replicas: Int = 3) -> Literal {
        World.deployment.merging(["metadata": ["uid": "deployment-1"], "spec": ["replicas": .number("\(replicas)")]])
            .replacing("/spec/template/spec", with: spec)
    }

    /// A ReplicaSet with a template.
    private func replicaSet(_ spec: Literal, owner: String = "deployment-1", annotations: Literal = [:]) -> Literal {
        [
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": [
                "name": "web-1", "namespace": "shop",
                "annotations": (["deployment.kubernetes.io/revision": "3"] as Literal).merging([
                    "deployment.kubernetes.io/desired-replicas": "3"
                ]).merging(annotations),
                "labels": ["app": "web"],
                "ownerReferences": [
                    [
                        "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": .string(owner),
                        "controller": true,
                    ]
                ],
            ],
            "spec": ["template": ["metadata": ["labels": ["app": "web"]], "spec": spec]],
        ]
    }

    private func rollBack(to spec: Literal, beside revisions: [Literal], replicas: Int = 3) -> World {
        var world = World(deployment(World.podSpec)).updated(to: deployment(spec, replicas: replicas))
        world.relatedObjects = revisions
        return world
    }

    @Test func `a rollback to a revision of the Deployment is allowed, with a warning that names the revision`() throws
    {
        let decision = try rollBack(to: oldSpec, beside: [replicaSet(oldSpec)]).decision()
        #expect(!decision.isDenied)
        #expect(decision.warnings.contains { $0.contains("[liveness-probe, existing in revision 3]") })
    }

    @Test func `a secret in a revision's name or in the last line of a denial is masked`() throws {
        let secret = "ghp_" + String(repeating: "Zx9Q", count: 9)
        var world = rollBack(
            to: oldSpec,
            beside: [replicaSet(oldSpec, annotations: ["deployment.kubernetes.io/revision": .string(secret)])])
        let texts = try world.decision().warnings.joined()
        #expect(!texts.isEmpty && !texts.contains(secret))
        world.relatedObjects = nil
        world.object = world.object?.merging(["metadata": ["namespace": .string(secret)]])
        let message = try world.decision().message
        #expect(message.contains("In an incident") && !message.contains(secret))
    }

    @Test func `without the revision, the rollback is denied and revisions are looked up`() throws {
        let decision = try rollBack(to: oldSpec, beside: []).decision()
        #expect(decision.isDenied)
        #expect(decision.lookups.contains { if case .templates = $0 { true } else { false } })
    }

    @Test func `a denial says that revisionHistoryLimit is 0`() throws {
        var world = rollBack(to: oldSpec, beside: [])
        #expect(try !world.decision().message.contains("revisionHistoryLimit"))
        world.object = world.object?.merging(["spec": ["revisionHistoryLimit": 0]])
        #expect(
            try world.decision().message.contains(
                "revisionHistoryLimit is 0, so no revision is kept and a rollback cannot be recognized."))
    }

    @Test func `a Job created from a CronJob by hand has the violations of its template`() throws {
        let template: Literal = [
            "metadata": ["labels": ["app": "web"]], "spec": oldSpec.merging(["restartPolicy": "Never"]),
        ]
        let cronJob: Literal = [
            "apiVersion": "batch/v1", "kind": "CronJob",
            "metadata": ["name": "nightly", "namespace": "shop", "uid": "cronjob-1"],
            "spec": ["schedule": "@daily", "jobTemplate": ["spec": ["template": template]]],
        ]
        func job(_ template: Literal, uid: String = "cronjob-1", annotation: String = "manual") -> World {
            var world = World([
                "apiVersion": "batch/v1", "kind": "Job",
                "metadata": [
                    "name": "nightly-x", "namespace": "shop",
                    "annotations": ["cronjob.kubernetes.io/instantiate": .string(annotation)],
                    "ownerReferences": [
                        [
                            "apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": .string(uid),
                            "controller": true,
                        ]
                    ],
                ],
                // The API server adds labels to the template.
                "spec": [
                    "template": template.merging([
                        "metadata": ["labels": ["controller-uid": "7", "batch.kubernetes.io/job-name": "nightly-x"]]
                    ])
                ],
            ])
            world.relatedObjects = [cronJob]
            return world
        }
        let decision = try job(template).decision()
        #expect(!decision.isDenied)
        #expect(
            decision.warnings.contains { $0.contains("existing in CronJob nightly]") }, "\(decision.warnings)"
        )
        let other = template.merging(["spec": ["hostNetwork": true]])
        for world in [
            job(other), job(template, uid: "cronjob-2"), job(template, uid: ""), job(template, annotation: "no"),
        ] {
            #expect(try world.decision().isDenied)
        }
    }

    @Test func `a template that differs from the revision is denied`() throws {
        let other = oldSpec.merging(World.fragmentForTests("containers: [{name: app, image: 'nginx:stable'}]"))
        #expect(try rollBack(to: other, beside: [replicaSet(oldSpec)]).decision().isDenied)
    }

    @Test func `a revision of another owner does not count`() throws {
        #expect(try rollBack(to: oldSpec, beside: [replicaSet(oldSpec, owner: "deployment-2")]).decision().isDenied)
    }

    @Test func `null, empty and absent fields are the same in a template`() throws {
        let spelled = oldSpec.merging(["nodeName": "", "hostAliases": [], "affinity": [:], "volumes": .null])
        #expect(try !rollBack(to: oldSpec, beside: [replicaSet(spelled)]).decision().isDenied)
    }

    @Test func `a revision is recognized although a fix set one of its fields`() throws {
        let unfixed = oldSpec.merging(World.fragmentForTests("topologySpreadConstraints: null"))
        var world = rollBack(to: unfixed, beside: [])
        world.settings["PLAYBOOK_FIX"] = "additive"
        let fixed = try #require(
            try world.mutation().patch.applied(to: deployment(unfixed))["spec"]?["template"]?["spec"])
        #expect(!fixed.isSame(as: unfixed))
        // The template from Git with a stored template that has the fix, and the reverse.
        for (new, stored) in [(unfixed, fixed), (fixed, unfixed)] {
            var world = rollBack(to: new, beside: [replicaSet(stored)])
            world.settings["PLAYBOOK_FIX"] = "additive"
            #expect(try !world.decision().isDenied)
        }
    }

    @Test func `a rollback to fewer replicas than in the revision is denied`() throws {
        #expect(try !rollBack(to: oldSpec, beside: [replicaSet(oldSpec)], replicas: 3).decision().isDenied)
        var world = rollBack(to: oldSpec, beside: [replicaSet(oldSpec)], replicas: 1)
        world.without = ResourceKinds(.horizontalPodAutoscaler, .scaledObject)
        let decision = try world.decision()
        #expect(decision.findings.filter { $0.effect == .deny }.map(\.rule.id) == ["replicas"])
        #expect(decision.message.contains("(revision 3 had 3 replicas; a roll-back cannot lower the number)"))
    }

    @Test func `an update that keeps the template is not a roll-back`() throws {
        // Scaled down on purpose, and then up to one: the revision has the current number of replicas.
        let revision = replicaSet(oldSpec, annotations: ["deployment.kubernetes.io/desired-replicas": "0"])
        var world = World(deployment(oldSpec, replicas: 0)).updated(to: deployment(oldSpec, replicas: 1))
        world.relatedObjects = [revision]
        world.without = ResourceKinds(.horizontalPodAutoscaler, .scaledObject)
        #expect(try world.decision().findings.filter { $0.effect == .deny }.map(\.rule.id) == ["replicas"])
        // And the date holds from which on existing violations are denied.
        world = World(deployment(oldSpec)).updated(to: deployment(oldSpec).merging(["spec": ["paused": true]]))
        world.relatedObjects = [revision]
        world.settings["PLAYBOOK_RATCHET_UNTIL"] = "2026-11-23"
        #expect(try world.decision().isDenied)
    }

    @Test func `a violation that was exempt in the revision is not existing`() throws {
        let exempt: Literal = [
            "playbook.superinc.com/exempt": "liveness-probe", "playbook.superinc.com/exempt-reason": "a licence",
        ]
        let decision = try rollBack(to: oldSpec, beside: [replicaSet(oldSpec, annotations: exempt)]).decision()
        #expect(decision.findings.filter { $0.effect == .deny }.map(\.rule.id) == ["liveness-probe"])
    }

    @Test func `a violation of a rule about related objects that was exempt in the revision is denied`() throws {
        let exempt: Literal = [
            "playbook.superinc.com/exempt": "pod-disruption-budget", "playbook.superinc.com/exempt-reason": "a license",
        ]
        for (annotations, expected) in [([:], []), (exempt, ["pod-disruption-budget"])] as [(Literal, [String])] {
            var world = rollBack(to: oldSpec, beside: [replicaSet(oldSpec, annotations: annotations)])
            world.before = deployment(World.podSpec).merging(["metadata": ["labels": ["x": "y"]]])
            world.without = ResourceKinds(.podDisruptionBudget)
            world.settings["PLAYBOOK_RATCHET_UNTIL"] = "2026-11-01"
            world.rules = world.rules.filter { $0.id == "pod-disruption-budget" }
            #expect(try world.decision().findings.filter { $0.effect == .deny }.map(\.rule.id) == expected)
        }
    }

    @Test func `if revisions cannot be read, security rules deny and other rules warn`() throws {
        var world = rollBack(to: oldSpec, beside: [])
        world.rules = world.rules.filter { ["image-tag", "liveness-probe"].contains($0.id) }
        for case .templates(let query) in try world.decision().lookups { world.answers = [.templates(query, nil)] }
        let decision = try world.decision()
        #expect(decision.findings.filter { $0.effect == .deny }.map(\.rule.id) == ["image-tag"])
        #expect(decision.message.contains("the workload's revisions could not be read; try again"))
    }

    @Test func `from PLAYBOOK_RATCHET_UNTIL on, existing violations are denied and rollbacks are not`() throws {
        var world = World(deployment(oldSpec)).updated(to: deployment(oldSpec).merging(["spec": ["paused": true]]))
        world.settings["PLAYBOOK_RATCHET_UNTIL"] = "2026-11-24"
        #expect(try !world.decision().isDenied)
        world.settings["PLAYBOOK_RATCHET_UNTIL"] = "2026-11-23"
        #expect(try world.decision().isDenied)
        world = rollBack(to: oldSpec, beside: [replicaSet(oldSpec)])
        world.settings["PLAYBOOK_RATCHET_UNTIL"] = "2026-11-23"
        #expect(try !world.decision().isDenied)
    }
}

/// Violations that become less severe.
@Suite struct ImprovementTests {
    private func update(_ before: String, _ after: String, _ rule: String) throws -> Decision {
        let pod = World.deployment["spec"]?["template"]?["spec"] ?? nil
        func object(_ yaml: String) -> Literal {
            World.deployment.replacing("/spec/template/spec", with: pod.merging(World.fragmentForTests(yaml)))
        }
        var world = World(object(before)).updated(to: object(after))
        world.rules = world.rules.filter { $0.id == rule }
        return try world.decision()
    }

    @Test(
        arguments: [
            (
                "topology-spread", "topologySpreadConstraints: null",
                "topologySpreadConstraints: [{maxSkew: 2, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: web}}}]"
            ),
            (
                "liveness-probe", "containers: [{name: app, livenessProbe: null}]",
                "containers: [{name: app, livenessProbe: {periodSeconds: 5, httpGet: null}}]"
            ),
            (
                "memory-request-equals-limit", "containers: [{name: app, resources: {limits: null, requests: null}}]",
                "containers: [{name: app, resources: {limits: {memory: 1Gi}, requests: {memory: 512Mi}}}]"
            ),
        ])
    func `a missing field that becomes insufficient is an existing violation`(
        _ rule: String, _ before: String, _ after: String
    ) throws {
        let decision = try update(before, after, rule)
        #expect(!decision.findings.isEmpty)
        #expect(!decision.isDenied)
        // A correct field that becomes insufficient is a new violation.
        #expect(try update("{}", after, rule).isDenied)
    }

    @Test func `a missing field does not make a finding about another field existing`() throws {
        let missing = "containers: [{name: app, livenessProbe: null}]"
        #expect(try update(missing, "containers: [{name: app, restartPolicy: Never}]", "liveness-probe").isDenied)
        #expect(
            try !update(missing, "containers: [{name: app, livenessProbe: null, image: 'a:1'}]", "liveness-probe")
                .isDenied)
    }

    @Test(
        arguments: [
            ("autoscaler-bounds", "maxReplicas: 8", "maxReplicas: 8, minReplicas: 1", false),
            ("autoscaler-bounds", "maxReplicas: 8", "maxReplicas: 4, minReplicas: 6", true),
            ("disruption-allowed", api, "\(api), minAvailable: 100%", false),
            ("disruption-allowed", api, "\(api), maxUnavailable: 0", false),
            ("disruption-allowed", "\(api), maxUnavailable: 1", "\(api), minAvailable: 100%", true),
            ("disruption-allowed", api, "selector: {matchLabels: {app: web}}, maxUnavailable: 1", true),
            (
                "limit-range", "limits: [{\(request)}]", "limits: [{\(request), default: {memory: 2Gi}}]",
                false
            ),
            (
                "limit-range", "limits: [{\(request), default: {memory: 1Gi}}]",
                "limits: [{\(request), default: {memory: 2Gi}}]", true
            ),
        ] as [(String, String, String, Bool)])
    func `a missing bound may become insufficient, and nothing else`(
        _ rule: String, _ before: String, _ after: String, _ isDenied: Bool
    ) throws {
        let kinds = [
            "autoscaler-bounds": "apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler",
            "disruption-allowed": "apiVersion: policy/v1, kind: PodDisruptionBudget",
            "limit-range": "apiVersion: v1, kind: LimitRange",
        ]
        let target = "scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}"
        func object(_ spec: String, name: String = "own") throws -> Literal {
            let spec = rule == "autoscaler-bounds" ? "\(target), \(spec)" : spec
            return try Literal(
                yaml: "{\(kinds[rule] ?? ""), metadata: {name: \(name), namespace: shop}, spec: {\(spec)}}")
        }
        var world = World(try object(before)).updated(to: try object(after))
        world.rules = world.rules.filter { $0.id == rule }
        world.settings["PLAYBOOK_RULE_LIMIT_RANGE"] = "deny"
        world.relatedObjects = [World.deployment]
        if rule == "disruption-allowed" {
            world.relatedObjects?.append(
                try object("selector: {matchLabels: {app: web}}, maxUnavailable: 1", name: "web"))
        }
        #expect(try world.decision().isDenied == isDenied)
    }

    private static let api = "selector: {matchLabels: {app: api}}"
    private static let request = "type: Container, defaultRequest: {memory: 1Gi}"

    @Test func `changing one of two equal probes is not a new violation of the other`() throws {
        func probes(_ live: String, _ ready: String) -> String {
            "containers: [{name: app, livenessProbe: {httpGet: {path: \(live)}}, readinessProbe: {httpGet: {path: \(ready)}}}]"
        }
        for (after, isDenied) in [(probes("/up", "/readyz"), false), (probes("/other", "/readyz"), true)] {
            let pod = World.deployment["spec"]?["template"]?["spec"] ?? nil
            func object(_ yaml: String) -> Literal {
                World.deployment.replacing("/spec/template/spec", with: pod.merging(World.fragmentForTests(yaml)))
            }
            var world = World(object(probes("/up", "/up"))).updated(to: object(after))
            world.rules = world.rules.filter { $0.id == "health-endpoints" }
            world.settings["PLAYBOOK_RULE_HEALTH_ENDPOINTS"] = "deny"
            #expect(try world.decision().isDenied == isDenied)
        }
    }

    @Test func `in a security rule, setting a forbidden value is worse than leaving it unset`() throws {
        let before = "{securityContext: null, containers: [{name: app, securityContext: null}]}"
        let after = "{securityContext: null, containers: [{name: app, securityContext: {runAsNonRoot: false}}]}"
        #expect(try update(before, after, "run-as-non-root").isDenied)
    }

    @Test func `violations of a container that becomes a sidecar stay existing`() throws {
        let container = "name: log, image: 'nginx:latest'"
        let decision = try update(
            "containers: [{name: app}, {\(container)}]",
            "{containers: [{name: app}], initContainers: [{\(container), restartPolicy: Always}]}", "image-tag")
        #expect(!decision.findings.isEmpty && !decision.isDenied)
        let initial = try update(
            "containers: [{name: app}, {\(container)}]",
            "{containers: [{name: app}], initContainers: [{\(container)}]}", "image-tag")
        #expect(initial.isDenied)
    }

    /// A container without limits and with a mutable tag, in each place.
    private static let log = "name: log, image: 'nginx:latest'"
    private static let asMain = "containers: [{name: app}, {\(log)}]"
    private static let asSidecar = "{containers: [{name: app}], initContainers: [{\(log), restartPolicy: Always}]}"
    private static let asInit = "{containers: [{name: app}], initContainers: [{\(log)}]}"

    @Test(arguments: [
        (asInit, asMain, false, true), (asInit, asSidecar, false, true), (asMain, asSidecar, false, false),
        (asSidecar, asMain, false, false),
        // A main container that becomes an init container is another container.
        (asMain, asInit, true, true), (asSidecar, asInit, true, true),
    ])
    func `an init container that becomes a main container or a sidecar keeps its violations of reliability rules only`(
        _ before: String, _ after: String, _ deniesReliability: Bool, _ deniesSecurity: Bool
    ) throws {
        for (rule, isDenied) in [
            ("memory-request-equals-limit", deniesReliability), ("image-tag", deniesSecurity),
        ] {
            let decision = try update(before, after, rule)
            #expect(!decision.findings.isEmpty && decision.isDenied == isDenied, "\(rule)")
        }
    }

    @Test func `an init container that becomes a main container may set what was unset`() throws {
        let limits = "resources: {requests: {memory: 128Mi}, limits: {memory: 256Mi}}"
        let set = "containers: [{name: app}, {\(Self.log), \(limits)}]"
        #expect(try !update(Self.asInit, set, "memory-request-equals-limit").isDenied)
        #expect(try update("containers: [{name: app}]", set, "memory-request-equals-limit").isDenied)
    }

    @Test(arguments: [asMain, asInit])
    func `a container that is renamed is a new one`(_ place: String) throws {
        let renamed = "containers: [{name: app}, {\(Self.log)}]".replacing("log", with: "logs")
        for rule in ["memory-request-equals-limit", "image-tag"] {
            #expect(try update(place, renamed, rule).isDenied, "\(rule)")
        }
    }
}

extension World {
    /// Parses a piece of valid YAML.
    static func fragmentForTests(_ yaml: String) -> Literal { (try? Literal(yaml: yaml)) ?? .null }
}

extension Literal {
    /// Returns the value with one field replaced.
    fileprivate func replacing(_ place: String, with value: Literal) -> Literal {
        (try? Patch([.set(Pointer(parsing: place) ?? Pointer(), value)], on: self).applied(to: self)) ?? self
    }
}

/// Updates without a new violation.
@Suite struct RestartTests {
    private func update(_ change: String, past: String = "{}") throws -> Decision {
        let bad = World.deployment.merging(
            World.fragmentForTests("spec: {template: {spec: {terminationGracePeriodSeconds: 0}}}")
        ).merging(World.fragmentForTests(past))
        var world = World(bad).updated(to: bad.merging(World.fragmentForTests(change)))
        world.rules = world.rules.filter { $0.id == "graceful-shutdown" }
        // Existing violations are already denied.
        world.settings["PLAYBOOK_RATCHET_UNTIL"] = "2026-11-01"
        return try world.decision()
    }

    @Test(
        arguments: [
            ("spec: {template: {metadata: {annotations: {kubectl.kubernetes.io/restartedAt: now}}}}", false),
            ("spec: {replicas: 5}", false),
            ("spec: {replicas: 2}", true),
            ("spec: {template: {metadata: {annotations: {other: now}}}}", true),
            ("spec: {paused: true, template: {metadata: {annotations: {kubectl.kubernetes.io/restartedAt: n}}}}", true),
            ("spec: {template: {spec: {hostname: web}}}", true),
        ])
    func `a restart or a higher replica count is never denied`(_ change: String, _ isDenied: Bool) throws {
        #expect(try update(change).isDenied == isDenied)
    }

    @Test(
        arguments: [
            (0, 1, true), (0, 3, true), (1, 2, false), (3, 2, true), (2, 4, false),
        ], ["off", "2026-11-01"])
    func `raising the count is never denied, except from 0`(
        _ change: (before: Int, after: Int, isDenied: Bool), _ ratchet: String
    ) throws {
        func counted(_ base: Literal, _ count: Int) -> Literal {
            base.merging(["spec": ["replicas": .number("\(count)")]])
        }
        for base in [World.deployment, World.scale] {
            var world = World(counted(base, change.before)).updated(to: counted(base, change.after))
            if base == World.scale {
                world.subresource = "scale"
                world.relatedObjects = [counted(World.deployment, change.before)]
            } else {
                world.without = ResourceKinds(.horizontalPodAutoscaler, .scaledObject)
            }
            world.rules = world.rules.filter { $0.id == "replicas" }
            world.settings["PLAYBOOK_MIN_REPLICAS"] = "5"
            world.settings[ratchet == "off" ? "PLAYBOOK_RATCHET" : "PLAYBOOK_RATCHET_UNTIL"] = ratchet
            #expect(try world.decision().isDenied == change.isDenied, "\(base["kind"]?.text ?? "")")
        }
    }

    @Test func `a restart of a single replica is never denied`() throws {
        let single = World.deployment.merging(["spec": ["replicas": 1]])
        var world = World(single).updated(
            to: single.merging(
                World.fragmentForTests(
                    "spec: {template: {metadata: {annotations: {kubectl.kubernetes.io/restartedAt: now}}}}")))
        world.without = ResourceKinds(.horizontalPodAutoscaler, .scaledObject)
        world.rules = world.rules.filter { $0.id == "replicas" }
        world.settings["PLAYBOOK_RATCHET"] = "off"
        #expect(try !world.decision().isDenied)
    }

    @Test func `a Rollout that is started without a count is denied`() throws {
        let kind: Literal = ["apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"]
        func rollout(_ count: Literal) -> Literal {
            kind.merging([
                "metadata": ["name": "web", "namespace": "shop"],
                "spec": ["replicas": count, "workloadRef": ["kind": "Deployment", "name": "web"]],
            ])
        }
        for count in [.null, 1] as [Literal] {
            var world = World(rollout(0)).updated(to: rollout(count))
            world.without = ResourceKinds(.horizontalPodAutoscaler, .scaledObject)
            world.rules = world.rules.filter { $0.id == "replicas" }
            #expect(try world.decision().isDenied)
        }
    }

    @Test func `a second restart is allowed`() throws {
        let template = "spec: {template: {metadata: {annotations: {kubectl.kubernetes.io/restartedAt: "
        #expect(try !update(template + "now}}}}", past: template + "then}}}}").isDenied)
    }
}
