import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let verticalAutoscaler = Rule(
        id: "vertical-autoscaler",
        title: "VerticalPodAutoscalers target workloads that cannot scale horizontally",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            A VerticalPodAutoscaler evicts pods to change their requests. A workload that can run more replicas scales without \
            evictions with a HorizontalPodAutoscaler.
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
    "scalable",
    "the target is a StatefulSet, a Job, a CronJob, a DaemonSet or a single replica, or `updateMode` is Off or Initial")

private func checkTarget(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let scaling = try VerticalScaling(subject)
    guard scaling.isActive, let reason = try reasonToScaleByPods(scaling, subject.namespace, context.relatedObjects)
    else {
        return
    }
    findings.add(
        scalable, at: try subject.field("spec")["updatePolicy"]["updateMode"],
        "is \(scaling.mode.map { "\"\($0)\"" } ?? "not set (the default evicts pods)"), but \(scaling.target) \(reason)",
        set: "Off",
        choice: scaling.target
    ) { $0.advice = "Off only recommends requests; use a HorizontalPodAutoscaler to add pods" }
}

/// Returns why the target can scale horizontally; nil if it cannot.
private func reasonToScaleByPods(
    _ scaling: VerticalScaling, _ namespace: String, _ relatedObjects: RelatedObjects
) throws(CannotEvaluate) -> String? {
    switch scaling.targetKind {
    // A DaemonSet cannot scale by pods either: it runs one on each node.
    case .statefulSet, .job, .cronJob, .daemonSet: return nil
    case .deployment, .rollout: break
    default: throw .unknown(relatedObject: "\(scaling.targetKindName)s")
    }
    guard let workload = try relatedObjects.workload(scaling.targetKind, scaling.targetName, in: namespace) else {
        throw .unknown(relatedObject: "the replicas of \(scaling.target)")
    }
    let autoscaler = try? relatedObjects.autoscaler(of: workload.kind, workload.name, in: namespace)
    if let autoscaler { return "is scaled by \(autoscaler.kind.name) \(autoscaler.name)" }
    let podOwners = relatedObjects.podOwners(of: workload.kind, workload.name, workload.replicas, in: namespace)
    let most = podOwners.compactMap(\.replicas).max() ?? 0
    return most > 1 ? "runs \(most) replicas" : nil
}

private let queue = "apiVersion: apps/v1, kind: StatefulSet, name: queue"

private let cases: [Example] = [
    .good("a StatefulSet", verticalAutoscaler(for: queue)),
    .good("a StatefulSet without an apiVersion", verticalAutoscaler(for: "kind: StatefulSet, name: queue")),
    .good("a Job", verticalAutoscaler(for: "apiVersion: batch/v1, kind: Job, name: reindex")),
    .good("a CronJob", verticalAutoscaler(for: "apiVersion: batch/v1, kind: CronJob, name: report")),
    .good(
        "a DaemonSet",
        verticalAutoscaler(for: "apiVersion: apps/v1, kind: DaemonSet, name: agent")),
    .good("a single replica", verticalAutoscaler(), relatedObjects: knownDeployment(replicas: 1)),
    .bad(
        "a Deployment with two replicas", scalable, at: "spec.updatePolicy.updateMode", verticalAutoscaler(),
        relatedObjects: knownDeployment(replicas: 2)),
    .bad(
        "a Deployment whose Rollout runs five replicas", scalable, at: "spec.updatePolicy.updateMode",
        verticalAutoscaler(), relatedObjects: documents(knownDeployment(replicas: 0), borrowingRollout())),
    .bad(
        "a Deployment with a HorizontalPodAutoscaler", scalable, at: "spec.updatePolicy.updateMode",
        verticalAutoscaler(
            "resourcePolicy: {containerPolicies: [{containerName: '*', controlledResources: [memory]}]}"),
        relatedObjects: documents(knownDeployment(replicas: 1), horizontalAutoscaler())),
    .bad(
        "updateMode InPlaceOrRecreate", scalable, at: "spec.updatePolicy.updateMode",
        verticalAutoscaler("updatePolicy: {updateMode: InPlaceOrRecreate}"), relatedObjects: knownDeployment()),
    .bad(
        "updateMode Recreate", scalable, at: "spec.updatePolicy.updateMode",
        verticalAutoscaler("updatePolicy: {updateMode: Recreate}"), relatedObjects: knownDeployment()),
    .bad(
        "a changed target", scalable, at: "spec.updatePolicy.updateMode", verticalAutoscaler(),
        relatedObjects: knownDeployment(), before: verticalAutoscaler(for: queue)),
    .good(
        "updateMode Off", verticalAutoscaler("updatePolicy: {updateMode: 'Off'}"),
        relatedObjects: knownDeployment()),
    .good(
        "updateMode Initial", verticalAutoscaler("updatePolicy: {updateMode: Initial}"),
        relatedObjects: knownDeployment()),
    .good("not evaluated because the workload is unknown", verticalAutoscaler()),
    .good(
        "not evaluated because the kind is unknown",
        verticalAutoscaler(for: "apiVersion: example.com/v1, kind: Widget, name: web")),
]
