import Evaluation
import JSON
import Kubernetes
import TestSupport
import Testing

/// Properties that every bad example has, for every rule.
@Suite struct DerivedExampleTests {
    private func world(_ item: Case) throws -> World {
        var world = try World(item.example)
        world.rules = [item.rule]
        return world
    }

    private static let created = Case.bad.filter {
        if case .apply = $0.example.request { $0.example.before == nil } else { false }
    }

    @Test(arguments: created.filter { $0.rule.scope.operations.contains(.update) })
    func `an update that keeps the violation only warns`(_ item: Case) throws {
        var world = try world(item)
        let object = try #require(world.object)
        // Another field of the spec changes.
        let touched = object.merging(["spec": ["revisionHistoryLimit": 3], "data": ["touched": "yes"]])
        world = world.updated(to: touched)
        // With known autoscalers, every rule is evaluated.
        if world.relatedObjects == nil { world.relatedObjects = [Self.otherAutoscaler] }
        let decision = try world.decision()
        #expect(!decision.isDenied)
        #expect(decision.findings.map(\.path) == [item.example.path].compactMap(\.self))
        #expect(decision.findings.allSatisfy { $0.leniency == .existing || $0.leniency == .hint })
        world.settings["PLAYBOOK_RATCHET"] = "off"
        // A hint on CREATE may be a denial on UPDATE.
        guard !item.example.isHint else { return }
        #expect(try world.decision().isDenied == (item.rule.level == .deny))
    }

    private static let otherAutoscaler: Literal = [
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": ["name": "other", "namespace": "shop"],
        "spec": [
            "scaleTargetRef": ["apiVersion": "apps/v1", "kind": "Deployment", "name": "other"], "minReplicas": 2,
        ],
    ]

    @Test(arguments: Case.bad)
    func `deleting a bad example is allowed`(_ item: Case) throws {
        var world = try world(item)
        world.before = world.object
        world.operation = "DELETE"
        #expect(try !world.decision().isDenied)
    }

    @Test(arguments: Case.bad)
    func `a rule at level off reports nothing`(_ item: Case) throws {
        var world = try world(item)
        world.settings[item.rule.variable] = "off"
        #expect(try world.decision().findings.map(\.summary) == [])
    }

    @Test(arguments: Case.bad)
    func `level warn, dry-run mode and trusted users turn a denial into a warning`(_ item: Case) throws {
        var lowered = try world(item)
        lowered.settings[item.rule.variable] = "warn"
        var dry = try world(item)
        dry.settings["PLAYBOOK_MODE"] = "dry-run"
        var trusted = try world(item)
        trusted.user = "eks:addon-manager"
        for world in [lowered, dry, trusted] {
            let decision = try world.decision()
            #expect(!decision.isDenied)
            #expect(decision.findings.allSatisfy { $0.effect == .warn } && !decision.warnings.isEmpty)
        }
        let isDenied = try world(item).decision().isDenied
        #expect(
            try dry.decision().findings.contains { $0.leniency == .dryRun || $0.leniency == .filledIn } == isDenied)
    }

    @Test(arguments: Case.bad)
    func `requests of the control plane are not evaluated`(_ item: Case) throws {
        for (user, groups) in [
            ("system:apiserver", []), ("system:kube-scheduler", []), ("system:node:a", ["system:nodes"]),
        ] {
            var world = try world(item)
            world.user = user
            world.groups = groups
            #expect(try world.decision().findings.isEmpty)
        }
    }

    @Test(arguments: created)
    func `an exemption by annotation, Namespace or PLAYBOOK_EXEMPT allows a bad example`(_ item: Case) throws {
        let annotations: Literal = [
            "playbook.superinc.com/exempt": .string(item.rule.id), "playbook.superinc.com/exempt-reason": "one licence",
        ]
        var own = try world(item)
        own.object = own.object?.merging(["metadata": ["annotations": annotations]])
        let isOwnEnough = item.rule.mayBeExemptedByWorkload
        #expect(try own.decision().findings.allSatisfy { ($0.effect == .exempt) == isOwnEnough })

        // Cluster-scoped objects have no Namespace.
        var namespace = try world(item)
        if let name = namespace.object?["metadata"]?["namespace"] {
            namespace.relatedObjects =
                (namespace.relatedObjects ?? []) + [
                    ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": name, "annotations": annotations]]
                ]
            #expect(try namespace.decision().findings.allSatisfy { $0.effect == .exempt })
        }

        var standing = try world(item)
        standing.settings["PLAYBOOK_EXEMPT"] = "\(item.rule.id)@*/*/*: one licence until 2027-01-31"
        #expect(
            try standing.decision().findings.allSatisfy {
                $0.effect == .exempt && $0.exemption?.reason == "one licence"
            })
    }

    @Test(arguments: Case.bad.filter { $0.rule.scope.kinds.contains(.podTemplate) && $0.example.before == nil })
    func `a violation is found in every kind with a pod template, at the path of that kind`(_ item: Case) throws {
        var world = try world(item)
        guard let spec = world.object?["spec"]?["template"]?["spec"], world.object?["kind"] == "Deployment" else {
            return
        }
        // Violations outside the pod template, such as in annotations, do not occur in the other kinds.
        let pods = "spec.template.metadata"
        guard let path = item.example.path,
            path.hasPrefix(pods) || !path.hasPrefix("metadata.") && !path.hasPrefix("spec.")
        else { return }
        let namespace = world.object?["metadata"]?["namespace"] ?? "shop"
        let metadata: Literal = ["name": "web", "namespace": namespace, "labels": ["app": "web"]]
        let own: Literal = ["labels": ["app": "web"]]
        let podMetadata = own.merging(world.object?["spec"]?["template"]?["metadata"] ?? [:])
        let template: Literal = ["metadata": podMetadata, "spec": spec]
        let ending: Literal = ["metadata": podMetadata, "spec": spec.merging(["restartPolicy": "Never"])]
        let kinds: [(String, String, Literal, isLongRunning: Bool)] = [
            ("v1", "Pod", ["metadata": podMetadata, "spec": spec], true),
            ("v1", "PodTemplate", ["template": template], true),
            ("v1", "ReplicationController", ["spec": ["template": template]], true),
            ("apps/v1", "ReplicaSet", ["spec": ["template": template]], true),
            ("apps/v1", "StatefulSet", ["spec": ["template": template]], true),
            ("apps/v1", "DaemonSet", ["spec": ["template": template]], true),
            ("argoproj.io/v1alpha1", "Rollout", ["spec": ["template": template]], true),
            ("batch/v1", "Job", ["spec": ["template": ending]], false),
            ("batch/v1", "CronJob", ["spec": ["jobTemplate": ["spec": ["template": ending]]]], false),
        ]
        for (version, kind, body, isLongRunning) in kinds {
            let head: Literal = ["apiVersion": .string(version), "kind": .string(kind), "metadata": metadata]
            world.object = head.merging(body)
            let isMeant =
                item.rule.scope.kinds.contains(ResourceKind(kind: kind, apiVersion: version))
                && (isLongRunning || !item.rule.scope.isLongRunningOnly)
            // Labels and annotations of pods are not part of the pod spec.
            let own =
                switch kind {
                case "Pod": "metadata"
                case "PodTemplate": "template.metadata"
                case "CronJob": "spec.jobTemplate.\(pods)"
                default: pods
                }
            let expected = path.hasPrefix(pods) ? own + path.dropFirst(pods.count) : path
            #expect(try world.decision().findings.map(\.path) == (isMeant ? [expected] : []), "\(kind)")
        }
    }

    @Test(
        arguments: Case.bad.filter {
            $0.example.relatedObjects != nil && $0.rule.relatedObjects.contains(.podDisruptionBudget)
        }
    )
    func `a missing related object does not deny if related objects are unknown`(_ item: Case) throws {
        var world = try world(item)
        world.relatedObjects = nil
        let decision = try world.decision()
        // Findings about the object itself are still reported.
        #expect(decision.findings.allSatisfy { !$0.finding.awaitsRelatedObject })
        if decision.findings.isEmpty { #expect(decision.notEvaluated.map(\.rule.id) == [item.rule.id]) }
    }

    @Test(arguments: Case.bad)
    func `warnings, audit annotations and causes respect the limits of the API server`(_ item: Case) throws {
        var world = try world(item)
        let denied = try world.decision()
        world.settings["PLAYBOOK_MODE"] = "dry-run"
        let warned = try world.decision()
        for warning in denied.warnings + warned.warnings {
            #expect(warning.utf8.count <= 256)
            #expect(!warning.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) })
        }
        for (key, value) in denied.auditAnnotations + warned.auditAnnotations {
            #expect(key.utf8.count <= 63 && key.allSatisfy { $0.isLetter || $0.isNumber || "-_.".contains($0) })
            #expect(value.utf8.count <= 1024)
        }
        #expect(denied.causes.count == denied.findings.count { $0.effect == .deny })
    }

    /// Rules and clauses whose finding is longer, or begins in another way.
    ///
    /// This list may only shrink.
    private static let unshaped: Set<String> = [
        // API field names take up more than 125 characters.
        "base-node-group affinity", "spot-placement single",
    ]

    @Test
    func `a finding begins with a field, a kind or "no" and a kind, and has at most 140 characters`() throws {
        var found: [String: String] = [:]
        for item in Case.bad {
            let world = try world(item)
            let decided = try #require(world.decision().findings.first)
            let line = "\(decided.path) \(decided.finding.message)".trimmingPrefix(" ").replacing(
                // Quoted values and names in brackets can have any length.
                /"[^"]*"|\[[^\]]*\]/
            ) { $0.output.count > 42 ? $0.output.prefix(41) + $0.output.suffix(1) : $0.output }
            let isShaped = line.count <= 140 && begins(String(line), in: world.object ?? world.before ?? [:])
            if !isShaped { found["\(item.rule.id) \(decided.finding.clause.name)"] = String(line) }
        }
        #expect(found.filter { !Self.unshaped.contains($0.key) } == [:])
        let rules = Set(Case.bad.map(\.rule.id))
        let known = Self.unshaped.filter { rules.contains(String($0.prefix { $0 != " " })) }
        #expect(known.subtracting(found.keys) == [], "remove it from the list")
    }

    /// Returns whether a line begins with a field of the object or of its pods, with a kind, or with "no" and a kind.
    private func begins(_ line: String, in object: Literal) -> Bool {
        let pods = object["spec"]?["template"]?["spec"] ?? object["spec"] ?? [:]
        // A Secret without a type is Opaque.
        let fields = [object, pods, World.podSpec].flatMap { $0.members.map(\.key) } + ["type"]
        let noun = line.trimmingPrefix("no ").prefix { $0.isLetter }
        return line.hasPrefix(noun) && fields.contains { $0 == noun }
            || ResourceKind.allCases.contains { "\($0.name)" == noun }
    }
}
