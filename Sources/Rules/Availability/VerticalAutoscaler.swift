import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let verticalAutoscaler = Rule(
        id: "vertical-autoscaler",
        title: "VerticalPodAutoscalers are for what cannot scale by pods",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            A VerticalPodAutoscaler evicts pods to change their requests. What can run in more copies is better off with those; \
            what cannot (a StatefulSet, a job, a singleton, an agent on each node) has no other way.
            """,
        level: .warn,
        concern: .reliability,
        scope: Scope(ResourceKinds(.verticalPodAutoscaler)),
        clauses: [scalable],
        relatedObjects: [.deployment, .rollout, .horizontalPodAutoscaler, .scaledObject],
        examples: cases,
        check: checkTarget
    )
}

private let scalable = Clause(
    "scalable", "the target is a StatefulSet, Job, CronJob, DaemonSet or a singleton, or the mode is Off or Initial")

private func checkTarget(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    let scaling = try VerticalScaling(subject)
    guard scaling.isActive, let reason = try reasonToScaleByPods(scaling, subject.namespace, context.relatedObjects)
    else {
        return
    }
    findings.add(
        scalable, at: try subject.field("spec")["updatePolicy"]["updateMode"],
        "is \(scaling.mode ?? "unset, which evicts pods"), and \(scaling.target) \(reason)", set: "Off",
        choice: scaling.target
    ) { $0.advice = "with Off it only recommends; a HorizontalPodAutoscaler adds pods instead" }
}

/// Why the target should scale by pods; nil where it cannot.
private func reasonToScaleByPods(
    _ scaling: VerticalScaling, _ namespace: String, _ relatedObjects: RelatedObjects
) throws(CannotJudge) -> String? {
    switch scaling.targetKind {
    case .statefulSet, .job, .cronJob, .daemonSet: return nil
    case .deployment, .rollout: break
    default: throw .unknown(relatedObject: "\(scaling.targetKindName)s")
    }
    guard let workload = try relatedObjects.workload(scaling.targetKind, scaling.targetName, in: namespace) else {
        throw .unknown(relatedObject: "the replicas of \(scaling.target)")
    }
    let autoscaler = try? relatedObjects.autoscaler(of: workload.kind, workload.name, in: namespace)
    if let autoscaler { return "has \(autoscaler.kind.name) \(autoscaler.name) to scale it" }
    let podOwners = relatedObjects.podOwners(of: workload.kind, workload.name, workload.replicas, in: namespace)
    let most = podOwners.compactMap(\.replicas).max() ?? 0
    return most > 1 ? "runs \(most) replicas" : nil
}

private let queue = "apiVersion: apps/v1, kind: StatefulSet, name: queue"

private let cases: [Example] = [
    .good("a StatefulSet", verticalAutoscaler(for: queue)),
    .good("a StatefulSet, by its kind alone", verticalAutoscaler(for: "kind: StatefulSet, name: queue")),
    .good("a Job", verticalAutoscaler(for: "apiVersion: batch/v1, kind: Job, name: reindex")),
    .good("a CronJob", verticalAutoscaler(for: "apiVersion: batch/v1, kind: CronJob, name: report")),
    .good(
        "a DaemonSet has a pod on each node",
        verticalAutoscaler(for: "apiVersion: apps/v1, kind: DaemonSet, name: agent")),
    .good("a singleton", verticalAutoscaler(), relatedObjects: knownDeployment(replicas: 1)),
    .bad(
        "a Deployment of two", scalable, at: "spec.updatePolicy.updateMode", verticalAutoscaler(),
        relatedObjects: knownDeployment(replicas: 2)),
    .bad(
        "a Deployment at none, whose Rollout runs five", scalable, at: "spec.updatePolicy.updateMode",
        verticalAutoscaler(), relatedObjects: documents(knownDeployment(replicas: 0), borrowingRollout())),
    .bad(
        "one that an autoscaler scales", scalable, at: "spec.updatePolicy.updateMode",
        verticalAutoscaler(
            "resourcePolicy: {containerPolicies: [{containerName: '*', controlledResources: [memory]}]}"),
        relatedObjects: documents(knownDeployment(replicas: 1), horizontalAutoscaler())),
    .bad(
        "in place, too", scalable, at: "spec.updatePolicy.updateMode",
        verticalAutoscaler("updatePolicy: {updateMode: InPlaceOrRecreate}"), relatedObjects: knownDeployment()),
    .bad(
        "by eviction", scalable, at: "spec.updatePolicy.updateMode",
        verticalAutoscaler("updatePolicy: {updateMode: Recreate}"), relatedObjects: knownDeployment()),
    .bad(
        "pointed at another workload", scalable, at: "spec.updatePolicy.updateMode", verticalAutoscaler(),
        relatedObjects: knownDeployment(), before: verticalAutoscaler(for: queue)),
    .good(
        "one that only recommends", verticalAutoscaler("updatePolicy: {updateMode: 'Off'}"),
        relatedObjects: knownDeployment()),
    .good(
        "one that only sets what pods start with", verticalAutoscaler("updatePolicy: {updateMode: Initial}"),
        relatedObjects: knownDeployment()),
    .good("a workload that is not known", verticalAutoscaler()),
    .good("a kind that is not known", verticalAutoscaler(for: "apiVersion: example.com/v1, kind: Widget, name: web")),
]
