import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let verticalAutoscalerConflict = Rule(
        id: "vertical-autoscaler-conflict",
        title: "HPA and VPA do not manage the same resource",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            A HorizontalPodAutoscaler adds pods at high utilization. A VerticalPodAutoscaler then raises the requests, which \
            lowers the utilization and removes the pods again: the number of pods never settles.
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
    "vertical", "no VerticalPodAutoscaler changes, on running pods, requests that an autoscaler of the target measures")
private let horizontal = Clause(
    "horizontal", "no HorizontalPodAutoscaler measures requests that a VerticalPodAutoscaler changes on running pods")

private func checkVertical(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let scaling = try VerticalScaling(subject)
    guard scaling.isActive else { return }
    let mode = try subject.field("spec")["updatePolicy"]["updateMode"]
    let seen = scaling.mode.map { "\"\($0)\"" } ?? "not set (changes running pods)"
    var reported: Set<ScaledResource.Name> = []
    for autoscaler in try context.relatedObjects.autoscalers(
        targeting: scaling.targetKind, scaling.targetName, in: subject.namespace)
    {
        for resource in conflicts(scaling, autoscaler, subject.namespace, context.relatedObjects)
        where reported.insert(resource).inserted {
            let other = "\(autoscaler.kind.name) \(autoscaler.name)"
            findings.add(
                vertical, at: mode, "is \(seen), but \(other) scales \(scaling.target) by \(resource)", set: "Off",
                choice: "\(scaling.target) \(resource)"
            ) { $0.advice = "or exclude \(resource) with controlledResources" }
        }
    }
}

private func checkHorizontal(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let autoscaler = try Autoscaler(subject)
    guard !autoscaler.resources.isEmpty else { return }
    let target = try subject.field("spec")["scaleTargetRef"]
    var reported: Set<ScaledResource.Name> = []
    for record in try context.relatedObjects.objects(.verticalPodAutoscaler, in: subject.namespace) {
        let scaling = VerticalScaling(record)
        guard scaling.isActive, scaling.targetKind == autoscaler.targetKind,
            scaling.targetName == autoscaler.targetName
        else { continue }
        for resource in conflicts(scaling, autoscaler, subject.namespace, context.relatedObjects)
        where reported.insert(resource).inserted {
            findings.add(
                horizontal, at: target,
                "is \(scaling.target), but VerticalPodAutoscaler \(scaling.name) changes its \(resource) requests",
                choice: "\(scaling.target) \(resource) \(scaling.name)"
            ) {
                $0.relatedObject = recommending(scaling, in: subject.namespace)
                $0.advice = "or exclude \(resource) with its controlledResources, or scale by another metric"
            }
        }
    }
}

/// Returns the resources that both autoscalers manage.
private func conflicts(
    _ scaling: VerticalScaling, _ autoscaler: Autoscaler, _ namespace: String, _ relatedObjects: RelatedObjects
) -> [ScaledResource.Name] {
    // If the containers are unknown, only certain conflicts count.
    let template = try? relatedObjects.template(of: autoscaler.targetKind, autoscaler.targetName, in: namespace)
    let containers = template?.containers.map(\.name)
    return autoscaler.resources.filter { scaling.sets($0, in: containers) }.map(\.name)
}

/// Returns the VerticalPodAutoscaler with updateMode Off, which still recommends requests.
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
        "an autoscaler of the Rollout that runs a Deployment's pods", verticalAutoscaler(),
        relatedObjects: documents(
            horizontalAutoscaler("canary", for: canary, metrics: utilization(of: "cpu")), borrowingRollout())),
    .bad("a VPA, and an HPA by CPU", vertical, at: mode, verticalAutoscaler(), relatedObjects: cpu),
    .bad(
        "two HPAs, of the target and of the Rollout that runs its pods", vertical, at: mode, verticalAutoscaler(),
        relatedObjects: documents(
            cpu, horizontalAutoscaler("canary", for: canary, metrics: requests), borrowingRollout())),
    .bad(
        "a VPA and an HPA of a Rollout that runs a Deployment's pods", vertical, at: mode,
        verticalAutoscaler(for: canary),
        relatedObjects: documents(
            horizontalAutoscaler("canary", for: canary, metrics: utilization(of: "cpu")), borrowingRollout(),
            knownDeployment(replicas: 0))),
    .bad(
        "a second HPA of the target, by CPU", vertical, at: mode, verticalAutoscaler(),
        relatedObjects: documents(horizontalAutoscaler("a", metrics: requests), cpu)),
    .bad(
        "an HPA by CPU, and an existing VPA", horizontal, at: "spec.scaleTargetRef", cpu,
        relatedObjects: verticalAutoscaler()),
    .bad(
        "an HPA without metrics (defaults to CPU)", vertical, at: mode, verticalAutoscaler(for: queue),
        relatedObjects: horizontalAutoscaler("queue", for: queue)),
    .bad(
        "an HPA by an absolute amount of memory", vertical, at: mode, verticalAutoscaler(for: queue),
        relatedObjects: horizontalAutoscaler(
            "queue", for: queue,
            metrics: "{type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: 1Gi}}}")),
    .bad(
        "a ScaledObject by CPU", vertical, at: mode, verticalAutoscaler("updatePolicy: {updateMode: Recreate}"),
        relatedObjects: scaledObject(trigger: "{type: cpu, metricType: Utilization, metadata: {value: '60'}}")),
    .bad(
        "updateMode changed from Off to Auto", vertical, at: mode,
        verticalAutoscaler("updatePolicy: {updateMode: Auto}", for: queue),
        relatedObjects: cpuOfQueue, before: verticalAutoscaler("updatePolicy: {updateMode: 'Off'}", for: queue)),
    .bad(
        "a VPA of every container except one", vertical, at: mode,
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
        "a VPA of the container that the HPA measures", vertical, at: mode,
        verticalAutoscaler(policy("app", "controlledResources: [cpu]"), for: queue),
        relatedObjects: horizontalAutoscaler(
            "queue", for: queue,
            metrics:
                "{type: ContainerResource, containerResource: {name: cpu, container: app, target: {type: Utilization, averageUtilization: 70}}}"
        )),
    .good(
        "a VPA of memory, and an HPA by CPU",
        verticalAutoscaler(policy("'*'", "controlledResources: [memory]"), for: queue), relatedObjects: cpuOfQueue),
    .good(
        "a VPA that excludes the container that the HPA measures",
        verticalAutoscaler(policy("app", "mode: 'Off'"), for: queue),
        relatedObjects: horizontalAutoscaler(
            "queue", for: queue,
            metrics:
                "{type: ContainerResource, containerResource: {name: memory, container: app, target: {type: Utilization, averageUtilization: 70}}}"
        )),
    .good(
        "updateMode Off", verticalAutoscaler("updatePolicy: {updateMode: 'Off'}"), relatedObjects: cpu),
    .good(
        "updateMode Initial", cpu,
        relatedObjects: documents(verticalAutoscaler("updatePolicy: {updateMode: Initial}"), knownDeployment())),
    .good(
        "an HPA by another metric", horizontalAutoscaler(metrics: requests),
        relatedObjects: documents(verticalAutoscaler(), knownDeployment())),
    .good(
        "an HPA of another workload", verticalAutoscaler(for: queue),
        relatedObjects: horizontalAutoscaler("queue", for: "apiVersion: apps/v1, kind: Deployment, name: queue")),
    .good("not evaluated because autoscalers are unknown", verticalAutoscaler(for: queue)),
]
