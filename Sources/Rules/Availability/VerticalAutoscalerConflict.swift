import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let verticalAutoscalerConflict = Rule(
        id: "vertical-autoscaler-conflict",
        title: "No two autoscalers pull at one resource",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            A HorizontalPodAutoscaler adds pods when they use much of what they request; a VerticalPodAutoscaler then raises the \
            request, which takes the pods away again. On the same resource the two never settle.
            """,
        level: .deny,
        concern: .reliability,
        scope: Scope(ResourceKinds(.verticalPodAutoscaler, .horizontalPodAutoscaler)),
        clauses: [vertical, horizontal],
        relatedObjects: [
            .horizontalPodAutoscaler, .scaledObject, .verticalPodAutoscaler, .deployment, .statefulSet, .rollout,
        ],
        examples: cases,
        checks: [
            .init(ResourceKinds(.verticalPodAutoscaler), checkVertical),
            .init(ResourceKinds(.horizontalPodAutoscaler), checkHorizontal),
        ]
    )
}

private let vertical = Clause(
    "vertical", "no VerticalPodAutoscaler sets, on pods that run, requests that an autoscaler of the target goes by")
private let horizontal = Clause(
    "horizontal", "no HorizontalPodAutoscaler goes by requests that a VerticalPodAutoscaler sets on pods that run")

private func checkVertical(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    let scaling = try VerticalScaling(subject)
    guard scaling.isActive else { return }
    let mode = try subject.field("spec")["updatePolicy"]["updateMode"]
    let seen = scaling.mode ?? "unset, which changes pods that run"
    var told: Set<ScaledResource.Name> = []
    for autoscaler in try context.relatedObjects.autoscalers(
        targeting: scaling.targetKind, scaling.targetName, in: subject.namespace)
    {
        for resource in conflicts(scaling, autoscaler, subject.namespace, context.relatedObjects)
        where told.insert(resource).inserted {
            let other = "\(autoscaler.kind.name) \(autoscaler.name)"
            findings.add(
                vertical, at: mode, "is \(seen), while \(other) scales \(scaling.target) by \(resource)", set: "Off",
                choice: "\(scaling.target) \(resource)"
            ) { $0.advice = "or leave \(resource) out of controlledResources" }
        }
    }
}

private func checkHorizontal(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    let autoscaler = try Autoscaler(subject)
    guard !autoscaler.resources.isEmpty else { return }
    let target = try subject.field("spec")["scaleTargetRef"]
    var told: Set<ScaledResource.Name> = []
    for record in try context.relatedObjects.objects(.verticalPodAutoscaler, in: subject.namespace) {
        let scaling = VerticalScaling(record)
        guard scaling.isActive, scaling.targetKind == autoscaler.targetKind,
            scaling.targetName == autoscaler.targetName
        else { continue }
        for resource in conflicts(scaling, autoscaler, subject.namespace, context.relatedObjects)
        where told.insert(resource).inserted {
            findings.add(
                horizontal, at: target,
                "is \(scaling.target), whose \(resource) requests VerticalPodAutoscaler \(scaling.name) changes",
                choice: "\(scaling.target) \(resource) \(scaling.name)"
            ) {
                $0.relatedObject = recommending(scaling, in: subject.namespace)
                $0.advice = "or leave \(resource) out of its controlledResources, or scale by something else"
            }
        }
    }
}

/// The resources that both pull at.
private func conflicts(
    _ scaling: VerticalScaling, _ autoscaler: Autoscaler, _ namespace: String, _ relatedObjects: RelatedObjects
) -> [ScaledResource.Name] {
    // Where the containers are not known only what is certain counts.
    let template = try? relatedObjects.template(of: autoscaler.targetKind, autoscaler.targetName, in: namespace)
    let containers = template?.containers.map(\.name)
    return autoscaler.resources.filter { scaling.sets($0, in: containers) }.map(\.name)
}

/// The VerticalPodAutoscaler as it could be: it goes on recommending.
private func recommending(_ scaling: VerticalScaling, in namespace: String) -> Literal {
    [
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": ["name": .string(scaling.name), "namespace": .string(namespace)],
        "spec": [
            "targetRef": [
                "apiVersion": .string(scaling.targetVersion), "kind": .string(scaling.targetKindName),
                "name": .string(scaling.targetName),
            ],
            "updatePolicy": ["updateMode": "Off"],
        ],
    ]
}

private func policy(_ container: String, _ resources: String) -> String {
    "resourcePolicy: {containerPolicies: [{containerName: \(container), \(resources)}]}"
}

private let mode = "spec.updatePolicy.updateMode"
private let cpu = horizontalAutoscaler(metrics: utilization(of: "cpu"))
private let queue = "apiVersion: apps/v1, kind: StatefulSet, name: queue"
private let cpuOfQueue = horizontalAutoscaler("queue", for: queue, metrics: utilization(of: "cpu"))
private let requests =
    "{type: Pods, pods: {metric: {name: requests}, target: {type: AverageValue, averageValue: '100'}}}"

private let cases: [Example] = [
    .good(
        "an autoscaler of the Rollout that runs a Deployment's pods is another target", verticalAutoscaler(),
        relatedObjects: documents(
            horizontalAutoscaler("canary", for: canary, metrics: utilization(of: "cpu")), borrowingRollout())),
    .bad("both go by CPU", vertical, at: mode, verticalAutoscaler(), relatedObjects: cpu),
    .bad(
        "its own autoscaler, beside one of the Rollout that runs its pods", vertical, at: mode, verticalAutoscaler(),
        relatedObjects: documents(
            cpu, horizontalAutoscaler("canary", for: canary, metrics: requests), borrowingRollout())),
    .bad(
        "of a Rollout that runs a Deployment's pods", vertical, at: mode, verticalAutoscaler(for: canary),
        relatedObjects: documents(
            horizontalAutoscaler("canary", for: canary, metrics: utilization(of: "cpu")), borrowingRollout(),
            knownDeployment(replicas: 0))),
    .bad(
        "the second autoscaler of its target", vertical, at: mode, verticalAutoscaler(),
        relatedObjects: documents(horizontalAutoscaler("a", metrics: requests), cpu)),
    .bad("the other one came second", horizontal, at: "spec.scaleTargetRef", cpu, relatedObjects: verticalAutoscaler()),
    .bad(
        "an autoscaler goes by CPU where it says nothing", vertical, at: mode, verticalAutoscaler(for: queue),
        relatedObjects: horizontalAutoscaler("queue", for: queue)),
    .bad(
        "an amount is the same resource", vertical, at: mode, verticalAutoscaler(for: queue),
        relatedObjects: horizontalAutoscaler(
            "queue", for: queue,
            metrics: "{type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: 1Gi}}}")),
    .bad(
        "KEDA's ScaledObject", vertical, at: mode, verticalAutoscaler("updatePolicy: {updateMode: Recreate}"),
        relatedObjects: scaledObject(trigger: "{type: cpu, metricType: Utilization, metadata: {value: '60'}}")),
    .bad(
        "turned on beside one", vertical, at: mode, verticalAutoscaler("updatePolicy: {updateMode: Auto}", for: queue),
        relatedObjects: cpuOfQueue, before: verticalAutoscaler("updatePolicy: {updateMode: 'Off'}", for: queue)),
    .bad(
        "every container but one", vertical, at: mode,
        verticalAutoscaler(policy("proxy", "mode: 'Off'"), for: queue),
        relatedObjects: documents(
            cpuOfQueue,
            """
            apiVersion: apps/v1
            kind: StatefulSet
            metadata: {name: queue, namespace: shop}
            spec: {template: {spec: {containers: [{name: proxy}, {name: app}]}}}
            """)),
    .bad(
        "the container that the other one goes by", vertical, at: mode,
        verticalAutoscaler(policy("app", "controlledResources: [cpu]"), for: queue),
        relatedObjects: horizontalAutoscaler(
            "queue", for: queue,
            metrics:
                "{type: ContainerResource, containerResource: {name: cpu, container: app, target: {type: Utilization, averageUtilization: 70}}}"
        )),
    .good(
        "one goes by CPU, the other sets memory",
        verticalAutoscaler(policy("'*'", "controlledResources: [memory]"), for: queue), relatedObjects: cpuOfQueue),
    .good(
        "one container is left to the other", verticalAutoscaler(policy("app", "mode: 'Off'"), for: queue),
        relatedObjects: horizontalAutoscaler(
            "queue", for: queue,
            metrics:
                "{type: ContainerResource, containerResource: {name: memory, container: app, target: {type: Utilization, averageUtilization: 70}}}"
        )),
    .good(
        "one that only recommends", verticalAutoscaler("updatePolicy: {updateMode: 'Off'}"), relatedObjects: cpu),
    .good(
        "one that only sets what pods start with", cpu,
        relatedObjects: documents(verticalAutoscaler("updatePolicy: {updateMode: Initial}"), knownDeployment())),
    .good(
        "by requests a second", horizontalAutoscaler(metrics: requests),
        relatedObjects: documents(verticalAutoscaler(), knownDeployment())),
    .good(
        "another workload's", verticalAutoscaler(for: queue),
        relatedObjects: horizontalAutoscaler("queue", for: "apiVersion: apps/v1, kind: Deployment, name: queue")),
    .good("what else there is is not known", verticalAutoscaler(for: queue)),
]
