import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let autoscaler = Rule(
        id: "autoscaler",
        title: "An autoscaler chooses the number of replicas",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            A count that is written down is too low on a busy day and too high on all others. A HorizontalPodAutoscaler, or KEDA's \
            ScaledObject, follows the load.
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

private let missing = Clause("missing", "some HorizontalPodAutoscaler or ScaledObject targets the workload")

private func checkAutoscaler(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    // A Rollout that takes another workload's template has none of its own, and is passed over.
    guard try subject.template() != nil, let name = subject.name,
        try context.relatedObjects.autoscaler(of: subject.kind, name, in: subject.namespace) == nil
    else { return }
    // A Rollout that runs the pods of another workload is the one to scale.
    let rollout = context.relatedObjects.rollout(inPlaceOf: subject.kind, name, in: subject.namespace)
    let count = try subject.field("spec")["replicas"]
    let replicas = try count.integer()
    let least = context[RuleSettings.minimumReplicas]
    // One pod is a finding of `replicas`, which names the autoscaler too.
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
            : "does not matter, and no autoscaler targets \(target), which runs the pods",
        traits: .init(awaitsRelatedObject: true, absent: .horizontalPodAutoscaler)
    ) {
        $0.advice =
            isSingle
            ? "decide whether it can run twice; if not, exempt it from replicas with a reason"
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
        "KEDA's ScaledObject, whose target is a Deployment where nothing is said", "{}", relatedObjects: scaledObject()),
    .bad(
        "an autoscaler for something else", missing, at: "spec.replicas", "{}",
        relatedObjects: horizontalAutoscaler("api", for: "apiVersion: apps/v1, kind: Deployment, name: api")),
    .bad(
        "an autoscaler for a StatefulSet of the same name", missing, at: "spec.replicas", "{}",
        relatedObjects: horizontalAutoscaler("db", for: "apiVersion: apps/v1, kind: StatefulSet, name: web")),
    .bad(
        "none in the namespace", missing, at: "spec.replicas", "spec: {replicas: 0}",
        without: ResourceKinds(.horizontalPodAutoscaler)),
    .bad(
        "a Rollout", missing, at: "spec.replicas",
        rollout + """

            spec: {replicas: 3, template: {spec: {containers: [{name: app}]}}}
            """, relatedObjects: horizontalAutoscaler()),
    .bad(
        "an update of what has none", missing, at: "spec.replicas", "spec: {replicas: 4}",
        without: ResourceKinds(.horizontalPodAutoscaler), before: "spec: {replicas: 3}"),
    .good(
        "an autoscaler for the Rollout that runs its pods", "spec: {replicas: 0}",
        relatedObjects: documents(horizontalAutoscaler("canary", for: canary), borrowingRollout(of: "web"))),
    .good(
        "KEDA's ScaledObject for the Rollout that runs its pods", "spec: {replicas: 0}",
        relatedObjects: documents(scaledObject(target: canary), borrowingRollout(of: "web"))),
    .bad(
        "no autoscaler for the Rollout that runs its pods", missing, at: "spec.replicas", "spec: {replicas: 0}",
        relatedObjects: borrowingRollout(of: "web"), without: ResourceKinds(.horizontalPodAutoscaler)),
    .bad(
        "an autoscaler for a Rollout that runs another workload's pods", missing, at: "spec.replicas", "{}",
        relatedObjects: documents(horizontalAutoscaler("canary", for: canary), borrowingRollout(of: "api"))),
    .bad(
        "a count that nobody has written", missing, at: "spec.replicas", "spec: {replicas: null}",
        without: ResourceKinds(.horizontalPodAutoscaler), settings: ["PLAYBOOK_RULE_REPLICAS": "off"]),
    .bad(
        "what cannot run twice", missing, at: "spec.replicas", "spec: {replicas: 0, strategy: {type: Recreate}}",
        without: ResourceKinds(.horizontalPodAutoscaler)),
    .good("where autoscalers are not known, nothing is said", "{}"),
    .good(
        "a Rollout that takes a Deployment's template",
        rollout + "\nspec: {replicas: 3, workloadRef: {kind: Deployment, name: web}}",
        without: ResourceKinds(.horizontalPodAutoscaler)),
    .good(
        "what is exempt from replicas",
        """
        metadata:
          annotations: {playbook.superinc.com/exempt: replicas, playbook.superinc.com/exempt-reason: one licence}
        """, without: ResourceKinds(.horizontalPodAutoscaler)),
]
