import Evaluation

// Manifests for the examples of the autoscaler rules.

/// A HorizontalPodAutoscaler for Deployment `web`, or for `target`.
func horizontalAutoscaler(
    _ name: String = "web", for target: String = "apiVersion: apps/v1, kind: Deployment, name: web",
    _ bounds: String = "minReplicas: 2, maxReplicas: 6", metrics: String? = nil, version: String = "v2"
) -> String {
    """
    apiVersion: autoscaling/\(version)
    kind: HorizontalPodAutoscaler
    metadata: {name: \(name), namespace: shop}
    spec: {scaleTargetRef: {\(target)}, \(bounds)\(metrics.map { ", metrics: [\($0)]" } ?? "")}
    """
}

/// A utilization metric of autoscaling/v2.
func utilization(of resource: String) -> String {
    "{type: Resource, resource: {name: \(resource), target: {type: Utilization, averageUtilization: 70}}}"
}

/// A ScaledObject for Deployment `web`, or for `target`.
func scaledObject(_ bounds: String = "minReplicaCount: 2", target: String = "name: web", trigger: String = queue)
    -> String
{
    """
    apiVersion: keda.sh/v1alpha1
    kind: ScaledObject
    metadata: {name: web, namespace: shop}
    spec: {scaleTargetRef: {\(target)}, \(bounds), triggers: [\(trigger)]}
    """
}

private let queue = "{type: aws-sqs-queue, metadata: {queueURL: shop, awsRegion: eu-west-1}}"

/// A VerticalPodAutoscaler for Deployment `web`, or for `target`.
func verticalAutoscaler(
    _ policies: String = "", for target: String = "apiVersion: apps/v1, kind: Deployment, name: web"
) -> String {
    """
    apiVersion: autoscaling.k8s.io/v1
    kind: VerticalPodAutoscaler
    metadata: {name: web, namespace: shop}
    spec: {targetRef: {\(target)}\(policies.isEmpty ? "" : ", \(policies)")}
    """
}

/// A Deployment as a related object.
func knownDeployment(
    _ name: String = "web", replicas: Int = 3, container: String = "resources: {requests: {cpu: 100m}}"
) -> String {
    """
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: \(name), namespace: shop}
    spec: {replicas: \(replicas), template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, \(container)}]}}}
    """
}

/// A Rollout that runs a Deployment's pods.
func borrowingRollout(of deployment: String = "web") -> String {
    """
    apiVersion: argoproj.io/v1alpha1
    kind: Rollout
    metadata: {name: canary, namespace: shop}
    spec: {replicas: 5, workloadRef: {apiVersion: apps/v1, kind: Deployment, name: \(deployment)}}
    """
}
let canary = "apiVersion: argoproj.io/v1alpha1, kind: Rollout, name: canary"

/// Joins documents into one text.
func documents(_ texts: String...) -> String { texts.joined(separator: "\n---\n") }
