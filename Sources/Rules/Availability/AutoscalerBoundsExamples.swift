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
    .good("two to six", horizontalAutoscaler(), relatedObjects: documents(knownDeployment(), noLimits)),
    .good("two to three", horizontalAutoscaler("web", "minReplicas: 2, maxReplicas: 3", metrics: cpu)),
    .bad(
        "one to six", BoundsClause.minimum, at: "spec.minReplicas",
        horizontalAutoscaler("web", "minReplicas: 1, maxReplicas: 6")),
    .bad(
        "the API's default minimum", BoundsClause.minimum, at: "spec.minReplicas",
        horizontalAutoscaler("web", "maxReplicas: 6")),
    .bad(
        "one to two: both must grow", BoundsClause.minimum, at: "spec.minReplicas",
        horizontalAutoscaler("web", "minReplicas: 1, maxReplicas: 2")),
    .bad(
        "none at all, by what its pods use", BoundsClause.minimum, at: "spec.minReplicas",
        horizontalAutoscaler("web", "minReplicas: 0, maxReplicas: 6")),
    .bad(
        "three where the team wants four", BoundsClause.minimum, at: "spec.minReplicas",
        horizontalAutoscaler("web", "minReplicas: 3, maxReplicas: 6"), settings: ["PLAYBOOK_MIN_REPLICAS": "4"]),
    .good(
        "none at all, by the length of a queue",
        horizontalAutoscaler("web", "minReplicas: 0, maxReplicas: 6", metrics: queueLength)),
    .bad(
        "one, by the length of a queue", BoundsClause.minimum, at: "spec.minReplicas",
        horizontalAutoscaler("web", "minReplicas: 1, maxReplicas: 6", metrics: queueLength)),
    .bad(
        "always three", BoundsClause.pinned, at: "spec.maxReplicas",
        horizontalAutoscaler("web", "minReplicas: 3, maxReplicas: 3"), isHint: true),
    .bad(
        "pinned in an incident", BoundsClause.pinned, at: "spec.maxReplicas",
        horizontalAutoscaler("web", "minReplicas: 20, maxReplicas: 20"),
        before: horizontalAutoscaler("web", "minReplicas: 2, maxReplicas: 20"), isHint: true),
    .bad(
        "KEDA's maximum below its minimum", BoundsClause.maximum, at: "spec.maxReplicaCount",
        scaledObject("minReplicaCount: 4, maxReplicaCount: 3")),
    .bad(
        "a StatefulSet of one", BoundsClause.minimum, at: "spec.minReplicas",
        horizontalAutoscaler(
            "queue", for: "apiVersion: apps/v1, kind: StatefulSet, name: queue", "minReplicas: 1, maxReplicas: 6")),
    .bad(
        "lowered from three to one", BoundsClause.minimum, at: "spec.minReplicas",
        horizontalAutoscaler("web", "minReplicas: 1, maxReplicas: 6"),
        before: horizontalAutoscaler("web", "minReplicas: 3, maxReplicas: 6")),
    .bad(
        "autoscaling/v1", BoundsClause.minimum, at: "spec.minReplicas",
        horizontalAutoscaler("web", "minReplicas: 1, maxReplicas: 6, targetCPUUtilizationPercentage: 70", version: "v1")
    ),
    .good("KEDA scales to none, on purpose", scaledObject("minReplicaCount: 0, maxReplicaCount: 5")),
    .good("KEDA's own defaults are none to a hundred", scaledObject("pollingInterval: 15")),
    .good(
        "KEDA pauses at one for a while",
        """
        apiVersion: keda.sh/v1alpha1
        kind: ScaledObject
        metadata: {name: web, namespace: shop, annotations: {autoscaling.keda.sh/paused-replicas: '1'}}
        spec: {scaleTargetRef: {name: web}, minReplicaCount: 2, triggers: []}
        """),
    .bad("KEDA keeps one", BoundsClause.minimum, at: "spec.minReplicaCount", scaledObject("minReplicaCount: 1")),
    .bad(
        "KEDA may not add any", BoundsClause.pinned, at: "spec.maxReplicaCount",
        scaledObject("minReplicaCount: 2, maxReplicaCount: 2"), isHint: true),
    .good(
        "an autoscaler that KEDA's operator makes", ownedAutoscaler(),
        request: .by("system:serviceaccount:keda:keda-operator")),
    .good(
        "an autoscaler that KEDA's operator makes in a cluster where it has another name", ownedAutoscaler(),
        request: .by("system:serviceaccount:platform:keda"),
        settings: ["PLAYBOOK_TRUSTED_CONTROLLERS": "system:serviceaccount:platform:keda"]),
    .good("an autoscaler of a ScaledObject that is there", ownedAutoscaler(), relatedObjects: scaledObject()),
    .good(
        "an autoscaler of a ScaledObject that nobody knows of", ownedAutoscaler(),
        request: .by("system:serviceaccount:platform:keda")),
    .bad(
        "an owner that its author made up", BoundsClause.minimum, at: "spec.minReplicas", ownedAutoscaler()),
    .bad(
        "a ScaledObject that is not there", BoundsClause.minimum, at: "spec.minReplicas", ownedAutoscaler(),
        without: ResourceKinds(.scaledObject), request: .by("system:serviceaccount:platform:keda")),
    .bad(
        "a ScaledObject of another workload", BoundsClause.minimum, at: "spec.minReplicas", ownedAutoscaler(),
        relatedObjects: scaledObject(target: "name: api")),
    .bad(
        "an owner of KEDA's, applied by a tool", BoundsClause.minimum, at: "spec.minReplicas", ownedAutoscaler(),
        request: .by("system:serviceaccount:argocd:argocd-application-controller")),
    .bad(
        "a share of requests that nobody makes", BoundsClause.request, at: "spec.metrics[0]",
        horizontalAutoscaler(metrics: cpu), relatedObjects: documents(knownDeployment(container: silent), noLimits)),
    .bad(
        "the API's default is such a share too", BoundsClause.request, at: "spec.metrics", horizontalAutoscaler(),
        relatedObjects: documents(knownDeployment(container: silent), noLimits)),
    .bad(
        "that of autoscaling/v1", BoundsClause.request, at: "spec.targetCPUUtilizationPercentage",
        horizontalAutoscaler(
            "web", "minReplicas: 2, maxReplicas: 6, targetCPUUtilizationPercentage: 70", version: "v1"),
        relatedObjects: documents(knownDeployment(container: silent), noLimits)),
    .bad(
        "of one container", BoundsClause.request, at: "spec.metrics[1]",
        horizontalAutoscaler(metrics: utilization(of: "memory") + ", " + utilization(ofContainer: "app")),
        relatedObjects: documents(knownDeployment(container: silent), noLimits)),
    .bad(
        "KEDA's share of requests", BoundsClause.request, at: "spec.triggers[0]", scaledObject(trigger: share),
        relatedObjects: documents(knownDeployment(container: silent), noLimits)),
    .bad(
        "that of a Rollout that runs a Deployment's pods", BoundsClause.request, at: "spec.metrics[0]",
        horizontalAutoscaler(for: canary, metrics: cpu),
        relatedObjects: documents(borrowingRollout(), knownDeployment(replicas: 0, container: silent), noLimits)),
    .good(
        "a LimitRange gives the request", horizontalAutoscaler(metrics: cpu),
        relatedObjects: documents(knownDeployment(container: silent), limits)),
    .good(
        "a limit alone becomes the request", horizontalAutoscaler(metrics: cpu),
        relatedObjects: documents(knownDeployment(container: "resources: {limits: {cpu: 1}}"), noLimits)),
    .good(
        "an amount is no share",
        horizontalAutoscaler(
            metrics: "{type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 500m}}}"),
        relatedObjects: documents(knownDeployment(container: silent), noLimits)),
    .good(
        "a share of another container's requests",
        horizontalAutoscaler(metrics: utilization(ofContainer: "proxy")),
        relatedObjects: documents(knownDeployment(container: silent), noLimits)),
    .good("a workload that is not known", horizontalAutoscaler(metrics: cpu)),
    .good(
        "a workload that is still to come", horizontalAutoscaler(metrics: cpu),
        relatedObjects: documents(knownDeployment("api", container: silent), noLimits)),
]
