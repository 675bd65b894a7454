import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let replicas = Rule(
        id: "replicas",
        title: "Workloads run at least two replicas",
        group: .application,
        section: .applicationRequirements,
        rationale: """
            A single replica is unavailable while its node is drained, consolidated or interrupted; 0 is allowed.
            """,
        level: .deny,
        concern: .reliability,
        scope: Scope([.replicated, ResourceKinds(.scale)], of: [.none, .scale]),
        clauses: [tooFew, unstated, scaledDown],
        settings: [RuleSettings.minimumReplicas], sharedSettings: ["PLAYBOOK_TRUSTED_CONTROLLERS"],
        relatedObjects: [.horizontalPodAutoscaler, .scaledObject, .deployment, .rollout],
        examples: cases,
        checks: [.init(.replicated, checkReplicas), .init(ResourceKinds(.scale), checkScale)]
    )
}

extension RuleSettings {
    static let minimumReplicas = RuleSetting(
        "PLAYBOOK_MIN_REPLICAS", .integer(1...1000), default: 2, "Minimum number of replicas; 0 is always allowed.")
}

private let tooFew = Clause(
    "too-few", "`replicas` is 0 or at least `PLAYBOOK_MIN_REPLICAS`, unless an autoscaler keeps that many")
private let unstated = Clause(
    "unstated", "if `replicas` is not set, an autoscaler keeps at least that many (a hint on CREATE)")
private let scaledDown = Clause("scaled-down", "a scale request sets 0 or at least `PLAYBOOK_MIN_REPLICAS`")

private func checkScale(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard subject.review.subresource == .scale, ResourceKinds.replicated.contains(subject.scaledKind) else { return }
    let replicas = try subject.field("spec")["replicas"]
    let (count, least) = (try replicas.integer() ?? 0, context[RuleSettings.minimumReplicas])
    guard count > 0, count < least, !subject.maySet(count: count, context) else { return }
    findings.add(
        scaledDown, at: replicas, "is \(count); at least \(least) are required", excess: Double(least - count)
    ) {
        let known = try? context.relatedObjects.template(
            of: subject.scaledKind, subject.name ?? "", in: subject.namespace)
        if known?.canRunTwice ?? false {
            $0.edits = [.set($0.place, .number(String(least)))]
        } else {
            $0.advice = "scale to 0, or to \(least) if several replicas can run at once; if not, exempt it"
        }
    }
}

private func checkReplicas(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate)
{
    let spec = try subject.field("spec")
    let replicas = try spec["replicas"]
    let (stated, least) = (try replicas.integer(), context[RuleSettings.minimumReplicas])
    let count = stated ?? 1
    guard count > 0, count < least, !subject.maySet(count: count, context) else { return }
    let autoscaler = try knownAutoscaler(of: subject, context)
    if let autoscaler, autoscaler.keeps(least) { return }
    if subject.review.operation == .create, !subject.statesReplicas(context) {
        findings.add(
            unstated, at: replicas,
            "is \(stated == nil ? "not set (defaults to 1)" : "\(count), which may be the default"); at least \(least) are required",
            excess: Double(least - count), traits: .init(isHint: true)
        ) {
            suggest(least, &$0)
            if !$0.edits.isEmpty {
                $0.advice = "or add a HorizontalPodAutoscaler with minReplicas of at least \(least)"
            }
        }
    } else {
        findings.add(
            tooFew, at: replicas, "is \(count); at least \(least) are required", excess: Double(least - count),
            traits: .init(absent: autoscaler == nil ? .horizontalPodAutoscaler : nil)
        ) { suggest(least, &$0) }
    }
    /// Suggests more replicas only if they cannot destroy data, and no autoscaler would replace the number.
    func suggest(_ least: Int, _ finding: inout Finding) {
        if let autoscaler {
            let field = autoscaler.kind == .scaledObject ? "minReplicaCount" : "minReplicas"
            finding.advice = "set \(field) of \(autoscaler.kind.name) \(autoscaler.name) to at least \(least)"
        } else if (try? subject.canRunTwice()) ?? false {
            finding.edits = [.set(finding.place, .number(String(least)))]
        } else {
            finding.advice =
                "set \(least) if several replicas can run at once; if not, exempt the workload with a reason"
        }
    }
}

extension Subject {
    /// True if several replicas of the workload can run at once, as far as its template shows.
    func canRunTwice() throws(CannotEvaluate) -> Bool { try template()?.canRunTwice(in: object, kind) ?? false }
}

/// Returns the autoscaler of a workload; nil if there is none.
///
/// On CREATE, unknown autoscalers count as absent, because tools create them after the workload.
private func knownAutoscaler(of subject: Subject, _ context: Context) throws(CannotEvaluate) -> Autoscaler? {
    guard let name = subject.name else { return nil }
    do throws(CannotEvaluate) {
        return try context.relatedObjects.autoscaler(of: subject.kind, name, in: subject.namespace)
    } catch {
        if subject.review.operation == .create { return nil }
        throw error
    }
}

extension Autoscaler {
    /// True if it keeps enough replicas, or scales the workload to zero on purpose.
    fileprivate func keeps(_ least: Int) -> Bool { kind == .scaledObject && minimum == 0 || minimum >= least }
}

extension Subject {
    /// True if the author set `replicas`; the API server sets the default of 1 before admission.
    func statesReplicas(_ context: Context) -> Bool {
        if context.source == .files { return object["spec"]?.present("replicas") != nil }
        if let applied = metadata.annotation("kubectl.kubernetes.io/last-applied-configuration"),
            let document = try? Document(parsing: Array(applied.utf8)),
            withExtendedLifetime(document, { document.root["spec"]?.present("replicas") != nil })
        {
            return true
        }
        // managedFields are skipped when the object is parsed, because few objects need them.
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
    .good("two replicas", "spec: {replicas: 2}"),
    .good("zero replicas", "spec: {replicas: 0}"),
    .bad("one replica, set by the author", tooFew, at: "spec.replicas", applied),
    .bad(
        "one replica, set by server-side apply", tooFew, at: "spec.replicas",
        """
        metadata: {managedFields: [{manager: argocd, operation: Apply, fieldsV1: {"f:spec": {"f:replicas": {}}}}]}
        spec: {replicas: 1}
        """),
    .bad(
        "one replica with the Recreate strategy", tooFew, at: "spec.replicas",
        "spec: {replicas: 1, strategy: {type: Recreate}}", without: ResourceKinds(.horizontalPodAutoscaler),
        before: "spec: {replicas: 2, strategy: {type: Recreate}}"),
    .bad(
        "one replica with a persistent volume", tooFew, at: "spec.replicas",
        """
        spec:
          replicas: 1
          template: {spec: {volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]}}
        """, without: ResourceKinds(.horizontalPodAutoscaler), before: "{}"),
    .bad(
        "one replica of a database", tooFew, at: "spec.replicas",
        """
        spec:
          replicas: 1
          template: {spec: {containers: [{name: app, ports: [{name: redis, containerPort: 6379}]}]}}
        """, without: ResourceKinds(.horizontalPodAutoscaler), before: "{}"),
    .bad(
        "one replica by default, without an autoscaler", unstated, at: "spec.replicas", "spec: {replicas: 1}",
        isHint: true),
    .bad(
        "fewer than PLAYBOOK_MIN_REPLICAS", tooFew, at: "spec.replicas", "spec: {replicas: 2}",
        relatedObjects: otherAutoscaler,
        before: "spec: {replicas: 3}", settings: ["PLAYBOOK_MIN_REPLICAS": "3"]),
    .good("an autoscaler with a minimum of two", applied, relatedObjects: autoscaler),
    .good(
        "an autoscaler with a minimum of two for the Rollout that runs the pods", applied,
        relatedObjects: documents(horizontalAutoscaler("canary", for: canary), borrowingRollout())),
    .bad(
        "one replica of a workload whose pods a Rollout runs", tooFew, at: "spec.replicas", applied,
        relatedObjects: borrowingRollout(), without: ResourceKinds(.horizontalPodAutoscaler)),
    .bad(
        "changed to one replica, with an autoscaler for another workload", tooFew, at: "spec.replicas",
        "spec: {replicas: 1}",
        relatedObjects: otherAutoscaler, before: "spec: {replicas: 3}"),
    .bad(
        "scaled to one replica by a user", scaledDown, at: "spec.replicas", "spec: {replicas: 1}",
        relatedObjects: """
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: web, namespace: shop}
            spec: {replicas: 3, template: {metadata: {labels: {app: web}}}}
            """, before: "spec: {replicas: 3}", request: .scale),
    .bad(
        "a Rollout with one replica", tooFew, at: "spec.replicas",
        rollout("replicas: 1, template: {spec: {containers: [{name: app}]}}"),
        without: ResourceKinds(.horizontalPodAutoscaler),
        before: rollout("replicas: 3, template: {spec: {containers: [{name: app}]}}")),
    .bad(
        "workloadRef on a Deployment, where it has no effect", tooFew, at: "spec.replicas",
        "spec: {replicas: 1, workloadRef: {kind: Deployment, name: web}}",
        without: ResourceKinds(.horizontalPodAutoscaler), before: "spec: {replicas: 3}"),
    .bad(
        "a Rollout with workloadRef and one replica", tooFew, at: "spec.replicas",
        rollout("replicas: 1, workloadRef: {kind: Deployment, name: web}"),
        without: ResourceKinds(.horizontalPodAutoscaler),
        before: rollout("replicas: 3, workloadRef: {kind: Deployment, name: web}")),
    .good("scaled to zero by a user", "spec: {replicas: 0}", before: "spec: {replicas: 3}", request: .scale),
    .good(
        "init and sidecar containers are not checked",
        "initContainers: [{name: migrate}, {name: proxy, restartPolicy: Always}]"),
    .good(
        "a DaemonSet runs one pod per node",
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
