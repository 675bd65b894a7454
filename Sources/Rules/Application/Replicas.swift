import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let replicas = Rule(
        id: "replicas",
        title: "At least two replicas run, or none",
        group: .application,
        section: .applicationRequirements,
        rationale: """
            With one pod every node that is drained, consolidated or interrupted takes the application down. 0 is a decision; 1 is \
            an outage that waits for its day.
            """,
        level: .deny,
        concern: .reliability,
        scope: Scope([.replicated, ResourceKinds(.scale)], of: [.none, .scale]),
        clauses: [tooFew, unstated, scaledDown],
        settings: [RuleSettings.minimumReplicas], sharedSettings: ["PLAYBOOK_TRUSTED_CONTROLLERS"],
        relatedObjects: [.horizontalPodAutoscaler, .scaledObject, .rollout],
        examples: cases,
        checks: [.init(.replicated, checkReplicas), .init(ResourceKinds(.scale), checkScale)]
    )
}

extension RuleSettings {
    static let minimumReplicas = RuleSetting(
        "PLAYBOOK_MIN_REPLICAS", .integer(1...1000), default: 2, "The fewest replicas, other than 0.")
}

private let tooFew = Clause("too-few", "a count that the author wrote is 0 or at least `PLAYBOOK_MIN_REPLICAS`")
private let unstated = Clause("unstated", "an autoscaler follows where the author wrote no count")
private let scaledDown = Clause("scaled-down", "nobody scales to fewer than `PLAYBOOK_MIN_REPLICAS` but to 0")

private func checkScale(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    guard subject.review.subresource == .scale, ResourceKinds.replicated.contains(subject.scaledKind) else { return }
    let replicas = try subject.field("spec")["replicas"]
    let (count, least) = (try replicas.integer() ?? 0, context[RuleSettings.minimumReplicas])
    guard count > 0, count < least, !subject.maySet(count: count, context) else { return }
    let isStateful = subject.scaledKind == .statefulSet
    findings.add(
        scaledDown, at: replicas, "is \(count): fewer than \(least), and not 0",
        set: isStateful ? nil : .number(String(least)), excess: Double(least - count)
    ) {
        if isStateful { $0.advice = "scale to 0, or to \(least) if it can run more than once; if not, exempt it" }
    }
}

private func checkReplicas(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    let spec = try subject.field("spec")
    // A Rollout that takes another workload's template is passed over, here as everywhere.
    if subject.kind == .rollout, try spec["workloadRef"].isPresent { return }
    let replicas = try spec["replicas"]
    let (stated, least) = (try replicas.integer(), context[RuleSettings.minimumReplicas])
    let count = stated ?? 1
    guard count > 0, count < least, !subject.maySet(count: count, context), try !isAutoscaled(subject, context) else {
        return
    }
    if subject.review.operation == .create, !subject.statesReplicas(context) {
        findings.add(
            unstated, at: replicas, "is \(stated == nil ? "unset, which is 1" : "\(count) by default")",
            excess: Double(least - count), traits: .init(isHint: true)
        ) {
            suggest(least, &$0)
            if !$0.edits.isEmpty {
                $0.advice = "or let a HorizontalPodAutoscaler with minReplicas of at least \(least) follow"
            }
        }
    } else {
        findings.add(
            tooFew, at: replicas, "is \(count), fewer than \(least)", excess: Double(least - count),
            traits: .init(absent: .horizontalPodAutoscaler)
        ) { suggest(least, &$0) }
    }
    /// A second pod of what has files of its own, or stops for each release, may destroy its data.
    func suggest(_ least: Int, _ finding: inout Finding) {
        if (try? subject.canRunTwice()) ?? false {
            finding.edits = [.set(finding.place, .number(String(least)))]
        } else {
            finding.advice = "set \(least) if it can run more than once; if not, exempt it from replicas with a reason"
        }
    }
}

extension Subject {
    /// True if nothing speaks against a second pod: no StatefulSet, no Recreate, and no volume of files that pods write.
    func canRunTwice() throws(CannotJudge) -> Bool {
        guard kind != .statefulSet, let template = try template() else { return false }
        if try field("spec")["strategy"]["type"].equals("Recreate") { return false }
        let volumes: [StaticString] = ["persistentVolumeClaim", "emptyDir", "ephemeral", "hostPath"]
        for volume in try template.volumes.objects() {
            for key in volumes where volume.base.present(key) != nil { return false }
        }
        return true
    }
}

/// Whether an autoscaler keeps enough replicas.
///
/// On CREATE it need not be known: every tool makes it after the workload.
private func isAutoscaled(_ subject: Subject, _ context: Context) throws(CannotJudge) -> Bool {
    do throws(CannotJudge) {
        guard let name = subject.name,
            let autoscaler = try context.relatedObjects.autoscaler(of: subject.kind, name, in: subject.namespace)
        else { return false }
        let scalesToZero = autoscaler.kind == .scaledObject && autoscaler.minimum == 0
        return scalesToZero || autoscaler.minimum >= context[RuleSettings.minimumReplicas]
    } catch {
        if subject.review.operation == .create { return false }
        throw error
    }
}

extension Subject {
    /// Whether the author wrote a count: the API server fills in a 1, and we are asked after that.
    func statesReplicas(_ context: Context) -> Bool {
        if context.source == .files { return object["spec"]?.present("replicas") != nil }
        if let applied = metadata.annotation("kubectl.kubernetes.io/last-applied-configuration"),
            let document = try? Document(parsing: Array(applied.utf8)),
            withExtendedLifetime(document, { document.root["spec"]?.present("replicas") != nil })
        {
            return true
        }
        // Skipped while reading, and read only now: few objects come this far.
        guard let fields = metadata.value?["managedFields"], let document = try? Document(parsing: fields.source)
        else { return false }
        return withExtendedLifetime(document) {
            document.root.elements.contains { entry in
                entry["operation"]?.equals("Apply") ?? false
                    && entry["fieldsV1"]?["f:spec"]?["f:replicas"] != nil
            }
        }
    }
}

private let autoscaler = """
    apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    metadata: {name: web, namespace: shop}
    spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 2, maxReplicas: 6}
    """

private let otherAutoscaler = autoscaler.split(separator: "\n", omittingEmptySubsequences: false)
    .map {
        $0.hasPrefix("spec") ? "spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: api}}" : String($0)
    }
    .joined(separator: "\n")

private let applied = """
    {metadata: {annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"spec":{"replicas":1}}'}}, spec: {replicas: 1}}
    """

private func rollout(_ spec: String) -> String {
    """
    apiVersion: argoproj.io/v1alpha1
    kind: Rollout
    metadata: {name: web, namespace: shop}
    spec: {\(spec)}
    """
}

private let cases: [Example] = [
    .good("two", "spec: {replicas: 2}"),
    .good("none, on purpose", "spec: {replicas: 0}"),
    .bad("one, written by the author", tooFew, at: "spec.replicas", applied),
    .bad(
        "one, applied by a server-side apply", tooFew, at: "spec.replicas",
        """
        metadata: {managedFields: [{manager: argocd, operation: Apply, fieldsV1: {"f:spec": {"f:replicas": {}}}}]}
        spec: {replicas: 1}
        """),
    .bad(
        "one that stops before the next one starts", tooFew, at: "spec.replicas",
        "spec: {replicas: 1, strategy: {type: Recreate}}", without: ResourceKinds(.horizontalPodAutoscaler),
        before: "spec: {replicas: 2, strategy: {type: Recreate}}"),
    .bad(
        "one with files of its own", tooFew, at: "spec.replicas",
        """
        spec:
          replicas: 1
          template: {spec: {volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]}}
        """, without: ResourceKinds(.horizontalPodAutoscaler), before: "{}"),
    .bad(
        "one by default: an autoscaler must follow", unstated, at: "spec.replicas", "spec: {replicas: 1}", isHint: true),
    .bad(
        "fewer than the team's least", tooFew, at: "spec.replicas", "spec: {replicas: 2}",
        relatedObjects: otherAutoscaler,
        before: "spec: {replicas: 3}", settings: ["PLAYBOOK_MIN_REPLICAS": "3"]),
    .good("an autoscaler keeps two", applied, relatedObjects: autoscaler),
    .good(
        "an autoscaler of the Rollout that runs its pods keeps two", applied,
        relatedObjects: documents(horizontalAutoscaler("canary", for: canary), borrowingRollout())),
    .bad(
        "one where a Rollout runs its pods: none is meant", tooFew, at: "spec.replicas", applied,
        relatedObjects: borrowingRollout(), without: ResourceKinds(.horizontalPodAutoscaler)),
    .bad(
        "changed to one, with an autoscaler for something else", tooFew, at: "spec.replicas", "spec: {replicas: 1}",
        relatedObjects: otherAutoscaler, before: "spec: {replicas: 3}"),
    .bad(
        "scaled to one by a person", scaledDown, at: "spec.replicas", "spec: {replicas: 1}",
        relatedObjects: """
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: web, namespace: shop}
            spec: {replicas: 3, template: {metadata: {labels: {app: web}}}}
            """, before: "spec: {replicas: 3}", request: .scale),
    .bad(
        "a Rollout", tooFew, at: "spec.replicas",
        rollout("replicas: 1, template: {spec: {containers: [{name: app}]}}"),
        without: ResourceKinds(.horizontalPodAutoscaler),
        before: rollout("replicas: 3, template: {spec: {containers: [{name: app}]}}")),
    .bad(
        "a field that means something to Rollouts alone", tooFew, at: "spec.replicas",
        "spec: {replicas: 1, workloadRef: {kind: Deployment, name: web}}",
        without: ResourceKinds(.horizontalPodAutoscaler), before: "spec: {replicas: 3}"),
    .good(
        "a Rollout that takes a Deployment's template is passed over, its count too",
        rollout("replicas: 1, workloadRef: {kind: Deployment, name: web}"),
        without: ResourceKinds(.horizontalPodAutoscaler),
        before: rollout("replicas: 3, workloadRef: {kind: Deployment, name: web}")),
    .good("scaled to none by a person", "spec: {replicas: 0}", before: "spec: {replicas: 3}", request: .scale),
    .good(
        "containers do not matter",
        "initContainers: [{name: migrate}, {name: proxy, restartPolicy: Always}]"),
    .good(
        "a DaemonSet runs once a node",
        """
        apiVersion: apps/v1
        kind: DaemonSet
        metadata: {name: agent, namespace: shop}
        spec:
          selector: {matchLabels: {app: agent}}
          template:
            metadata: {labels: {app: agent}}
            spec:
              securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001}
              containers: [{name: agent}]
        """),
]
