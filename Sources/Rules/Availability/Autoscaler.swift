import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let autoscaler = Rule(
        id: "autoscaler",
        title: "Deployments and Rollouts have an autoscaler",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            A fixed number of replicas is too low at peak load and wastes nodes at other times. A HorizontalPodAutoscaler or a \
            KEDA ScaledObject follows the load.
            """,
        level: .warn,
        concern: .reliability,
        scope: Scope(ResourceKinds(.deployment, .rollout)),
        clauses: [missing],
        settings: [RuleSettings.minimumReplicas],
        sharedSettings: ["PLAYBOOK_COMPANION_GRACE", "PLAYBOOK_ENFORCED_SINCE"],
        relatedObjects: [.horizontalPodAutoscaler, .scaledObject, .rollout],
        exemptWith: "replicas",
        examples: cases,
        check: checkAutoscaler
    )
}

private let missing = Clause("missing", "a HorizontalPodAutoscaler or ScaledObject targets the workload")

private func checkAutoscaler(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    // A Rollout with workloadRef has no template, and is skipped.
    guard try subject.template() != nil, let name = subject.name,
        try context.relatedObjects.autoscaler(of: subject.kind, name, in: subject.namespace) == nil
    else { return }
    // If a Rollout runs the pods of this workload, the autoscaler must target the Rollout.
    let rollout = context.relatedObjects.rollout(inPlaceOf: subject.kind, name, in: subject.namespace)
    let count = try subject.field("spec")["replicas"]
    let replicas = try count.integer()
    let least = context[RuleSettings.minimumReplicas]
    // A single replica is reported by `replicas`, which also suggests an autoscaler.
    if rollout == nil, case let seen = replicas ?? 1, seen > 0, seen < least,
        context.settings.level(of: .replicas) != .off
    {
        return
    }
    let target = "\((rollout?.kind ?? subject.kind).name) \(rollout?.name ?? name)"
    let isSingle = try !subject.canRunTwice()
    findings.add(
        missing, at: count,
        rollout == nil
            ? "is \(replicas.map { "\($0)" } ?? "not set"), and no autoscaler targets the workload"
            : "has no effect, and no autoscaler targets \(target), which runs the pods",
        traits: .init(awaitsRelatedObject: true, absent: .horizontalPodAutoscaler)
    ) {
        $0.advice =
            isSingle
            ? "add an autoscaler if several replicas can run at once; if not, exempt the workload from autoscaler, with a reason"
            : "add a HorizontalPodAutoscaler or ScaledObject for \(target), with a minimum of at least \(max(2, least))"
    }
}

private let rollout = """
    apiVersion: argoproj.io/v1alpha1
    kind: Rollout
    metadata: {name: web, namespace: shop}
    """

private let cases: [Example] = [
    .good("a HorizontalPodAutoscaler", "{}", relatedObjects: horizontalAutoscaler()),
    .good(
        "a ScaledObject whose target has no kind (defaults to Deployment)", "{}", relatedObjects: scaledObject()),
    .bad(
        "an autoscaler for another workload", missing, at: "spec.replicas", "{}",
        relatedObjects: horizontalAutoscaler("api", for: "apiVersion: apps/v1, kind: Deployment, name: api")),
    .bad(
        "an autoscaler for a StatefulSet of the same name", missing, at: "spec.replicas", "{}",
        relatedObjects: horizontalAutoscaler("db", for: "apiVersion: apps/v1, kind: StatefulSet, name: web")),
    .bad(
        "no autoscaler in the namespace", missing, at: "spec.replicas", "spec: {replicas: 0}",
        without: ResourceKinds(.horizontalPodAutoscaler)),
    .bad(
        "a Rollout without an autoscaler", missing, at: "spec.replicas",
        rollout + """

            spec: {replicas: 3, template: {spec: {containers: [{name: app}]}}}
            """, relatedObjects: horizontalAutoscaler()),
    .bad(
        "an update of a workload without an autoscaler", missing, at: "spec.replicas", "spec: {replicas: 4}",
        without: ResourceKinds(.horizontalPodAutoscaler), before: "spec: {replicas: 3}"),
    .good(
        "an autoscaler for the Rollout that runs the pods", "spec: {replicas: 0}",
        relatedObjects: documents(horizontalAutoscaler("canary", for: canary), borrowingRollout(of: "web"))),
    .good(
        "a ScaledObject for the Rollout that runs the pods", "spec: {replicas: 0}",
        relatedObjects: documents(scaledObject(target: canary), borrowingRollout(of: "web"))),
    .bad(
        "no autoscaler for the Rollout that runs the pods", missing, at: "spec.replicas", "spec: {replicas: 0}",
        relatedObjects: borrowingRollout(of: "web"), without: ResourceKinds(.horizontalPodAutoscaler)),
    .bad(
        "an autoscaler for a Rollout that runs another workload's pods", missing, at: "spec.replicas", "{}",
        relatedObjects: documents(horizontalAutoscaler("canary", for: canary), borrowingRollout(of: "api"))),
    .bad(
        "replicas not set", missing, at: "spec.replicas", "spec: {replicas: null}",
        without: ResourceKinds(.horizontalPodAutoscaler), settings: ["PLAYBOOK_RULE_REPLICAS": "off"]),
    .bad(
        "a workload with the Recreate strategy", missing, at: "spec.replicas",
        "spec: {replicas: 0, strategy: {type: Recreate}}",
        without: ResourceKinds(.horizontalPodAutoscaler)),
    .good("not evaluated because autoscalers are unknown", "{}"),
    .good(
        "a Rollout with workloadRef",
        rollout + "\nspec: {replicas: 3, workloadRef: {kind: Deployment, name: web}}",
        without: ResourceKinds(.horizontalPodAutoscaler)),
    .good(
        "a workload that is exempt from replicas",
        """
        metadata:
          annotations: {playbook.superinc.com/exempt: replicas, playbook.superinc.com/exempt-reason: one licence}
        """, without: ResourceKinds(.horizontalPodAutoscaler)),
]
