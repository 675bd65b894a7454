import Evaluation
import Kubernetes

private let cpu = utilization(of: "cpu")
private let silent = "image: web"
private let queueLength =
    "{type: External, external: {metric: {name: length}, target: {type: AverageValue, averageValue: '30'}}}"
private let noLimits = """
    apiVersion: v1
    kind: LimitRange
    metadata: {name: shop, namespace: shop}
    spec: {limits: [{type: Container, default: {memory: 256Mi}}]}
    """
private let limits = """
    apiVersion: v1
    kind: LimitRange
    metadata: {name: shop, namespace: shop}
    spec: {limits: [{type: Container, defaultRequest: {cpu: 50m}}]}
    """
private let share = "{type: cpu, metricType: Utilization, metadata: {value: '60'}}"

private func utilization(ofContainer name: String) -> String {
    """
    {type: ContainerResource, containerResource: {name: cpu, container: \(name), target: {type: Utilization, averageUtilization: 70}}}
    """
}

/// An autoscaler that names a ScaledObject as its owner.
private func ownedAutoscaler() -> String {
    """
    apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    metadata:
      name: keda-hpa-web
      namespace: shop
      ownerReferences: [{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, name: web, uid: '1', controller: true}]
    spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 1, maxReplicas: 5}
    """
}

/// The examples of `autoscaler-bounds`.
let boundsExamples: [Example] = [
    .good("minimum 2, maximum 6", horizontalAutoscaler(), relatedObjects: documents(knownDeployment(), noLimits)),
    .good("minimum 2, maximum 3", horizontalAutoscaler("web", "minReplicas: 2, maxReplicas: 3", metrics: cpu)),
    .bad(
        "minimum 1, maximum 6", BoundsClause.minimum, at: "spec.minReplicas",
        horizontalAutoscaler("web", "minReplicas: 1, maxReplicas: 6")),
    .bad(
        "no minimum (defaults to 1)", BoundsClause.minimum, at: "spec.minReplicas",
        horizontalAutoscaler("web", "maxReplicas: 6")),
    .bad(
        "minimum 1, maximum 2", BoundsClause.minimum, at: "spec.minReplicas",
        horizontalAutoscaler("web", "minReplicas: 1, maxReplicas: 2")),
    .bad(
        "minimum 0 with a metric of the pods", BoundsClause.minimum, at: "spec.minReplicas",
        horizontalAutoscaler("web", "minReplicas: 0, maxReplicas: 6")),
    .bad(
        "a minimum below PLAYBOOK_MIN_REPLICAS", BoundsClause.minimum, at: "spec.minReplicas",
        horizontalAutoscaler("web", "minReplicas: 3, maxReplicas: 6"), settings: ["PLAYBOOK_MIN_REPLICAS": "4"]),
    .good(
        "minimum 0 with an External metric",
        horizontalAutoscaler("web", "minReplicas: 0, maxReplicas: 6", metrics: queueLength)),
    .bad(
        "minimum 1 with an External metric", BoundsClause.minimum, at: "spec.minReplicas",
        horizontalAutoscaler("web", "minReplicas: 1, maxReplicas: 6", metrics: queueLength)),
    .bad(
        "a maximum equal to the minimum", BoundsClause.pinned, at: "spec.maxReplicas",
        horizontalAutoscaler("web", "minReplicas: 3, maxReplicas: 3"), isHint: true),
    .bad(
        "a minimum raised to the maximum", BoundsClause.pinned, at: "spec.maxReplicas",
        horizontalAutoscaler("web", "minReplicas: 20, maxReplicas: 20"),
        before: horizontalAutoscaler("web", "minReplicas: 2, maxReplicas: 20"), isHint: true),
    .bad(
        "a ScaledObject with a maximum below the minimum", BoundsClause.maximum, at: "spec.maxReplicaCount",
        scaledObject("minReplicaCount: 4, maxReplicaCount: 3")),
    .bad(
        "minimum 1 for a StatefulSet", BoundsClause.minimum, at: "spec.minReplicas",
        horizontalAutoscaler(
            "queue", for: "apiVersion: apps/v1, kind: StatefulSet, name: queue", "minReplicas: 1, maxReplicas: 6")),
    .bad(
        "a minimum lowered from 3 to 1", BoundsClause.minimum, at: "spec.minReplicas",
        horizontalAutoscaler("web", "minReplicas: 1, maxReplicas: 6"),
        before: horizontalAutoscaler("web", "minReplicas: 3, maxReplicas: 6")),
    .bad(
        "minimum 1 in autoscaling/v1", BoundsClause.minimum, at: "spec.minReplicas",
        horizontalAutoscaler("web", "minReplicas: 1, maxReplicas: 6, targetCPUUtilizationPercentage: 70", version: "v1")
    ),
    .good("a ScaledObject with minimum 0", scaledObject("minReplicaCount: 0, maxReplicaCount: 5")),
    .good("a ScaledObject without bounds (defaults to 0 and 100)", scaledObject("pollingInterval: 15")),
    .good(
        "a ScaledObject that is paused at 1",
        """
        apiVersion: keda.sh/v1alpha1
        kind: ScaledObject
        metadata: {name: web, namespace: shop, annotations: {autoscaling.keda.sh/paused-replicas: '1'}}
        spec: {scaleTargetRef: {name: web}, minReplicaCount: 2, triggers: []}
        """),
    .bad(
        "a ScaledObject with minimum 1", BoundsClause.minimum, at: "spec.minReplicaCount",
        scaledObject("minReplicaCount: 1")),
    .bad(
        "a ScaledObject with a maximum equal to the minimum", BoundsClause.pinned, at: "spec.maxReplicaCount",
        scaledObject("minReplicaCount: 2, maxReplicaCount: 2"), isHint: true),
    .good(
        "an HPA created by the KEDA operator", ownedAutoscaler(),
        request: .by("system:serviceaccount:keda:keda-operator")),
    .good(
        "an HPA created by a KEDA operator with another service account", ownedAutoscaler(),
        request: .by("system:serviceaccount:platform:keda"),
        settings: ["PLAYBOOK_TRUSTED_CONTROLLERS": "system:serviceaccount:platform:keda"]),
    .good("an HPA of an existing ScaledObject", ownedAutoscaler(), relatedObjects: scaledObject()),
    .good(
        "not evaluated because ScaledObjects are unknown", ownedAutoscaler(),
        request: .by("system:serviceaccount:platform:keda")),
    .bad(
        "an HPA with a forged owner reference", BoundsClause.minimum, at: "spec.minReplicas", ownedAutoscaler()),
    .bad(
        "an HPA of a ScaledObject that does not exist", BoundsClause.minimum, at: "spec.minReplicas", ownedAutoscaler(),
        without: ResourceKinds(.scaledObject), request: .by("system:serviceaccount:platform:keda")),
    .bad(
        "an HPA of a ScaledObject with another target", BoundsClause.minimum, at: "spec.minReplicas", ownedAutoscaler(),
        relatedObjects: scaledObject(target: "name: api")),
    .bad(
        "an HPA with a forged owner reference, applied by Argo CD", BoundsClause.minimum, at: "spec.minReplicas",
        ownedAutoscaler(),
        request: .by("system:serviceaccount:argocd:argocd-application-controller")),
    .bad(
        "a CPU utilization target without CPU requests", BoundsClause.request, at: "spec.metrics[0]",
        horizontalAutoscaler(metrics: cpu), relatedObjects: documents(knownDeployment(container: silent), noLimits)),
    .bad(
        "no metrics (defaults to CPU utilization), without CPU requests", BoundsClause.request, at: "spec.metrics",
        horizontalAutoscaler(),
        relatedObjects: documents(knownDeployment(container: silent), noLimits)),
    .bad(
        "a CPU utilization target in autoscaling/v1, without CPU requests", BoundsClause.request,
        at: "spec.targetCPUUtilizationPercentage",
        horizontalAutoscaler(
            "web", "minReplicas: 2, maxReplicas: 6, targetCPUUtilizationPercentage: 70", version: "v1"),
        relatedObjects: documents(knownDeployment(container: silent), noLimits)),
    .bad(
        "a CPU utilization target of one container, without CPU requests", BoundsClause.request, at: "spec.metrics[1]",
        horizontalAutoscaler(metrics: utilization(of: "memory") + ", " + utilization(ofContainer: "app")),
        relatedObjects: documents(knownDeployment(container: silent), noLimits)),
    .bad(
        "a CPU trigger of a ScaledObject, without CPU requests", BoundsClause.request, at: "spec.triggers[0]",
        scaledObject(trigger: share),
        relatedObjects: documents(knownDeployment(container: silent), noLimits)),
    .bad(
        "a CPU utilization target for a Rollout that runs a Deployment's pods", BoundsClause.request,
        at: "spec.metrics[0]",
        horizontalAutoscaler(for: canary, metrics: cpu),
        relatedObjects: documents(borrowingRollout(), knownDeployment(replicas: 0, container: silent), noLimits)),
    .good(
        "a LimitRange sets the CPU request", horizontalAutoscaler(metrics: cpu),
        relatedObjects: documents(knownDeployment(container: silent), limits)),
    .good(
        "a CPU limit becomes the CPU request", horizontalAutoscaler(metrics: cpu),
        relatedObjects: documents(knownDeployment(container: "resources: {limits: {cpu: 1}}"), noLimits)),
    .good(
        "a CPU target in absolute units",
        horizontalAutoscaler(
            metrics: "{type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 500m}}}"),
        relatedObjects: documents(knownDeployment(container: silent), noLimits)),
    .good(
        "a CPU utilization target of another container",
        horizontalAutoscaler(metrics: utilization(ofContainer: "proxy")),
        relatedObjects: documents(knownDeployment(container: silent), noLimits)),
    .good("not evaluated because the workload is unknown", horizontalAutoscaler(metrics: cpu)),
    .good(
        "a workload that does not exist yet", horizontalAutoscaler(metrics: cpu),
        relatedObjects: documents(knownDeployment("api", container: silent), noLimits)),
]
