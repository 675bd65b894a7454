import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let controllerManaged = Rule(
        id: "controller-managed",
        title: "Pods are managed by a controller",
        group: .availability,
        section: .kubernetesDeployment,
        rationale: """
            A bare Pod is not recreated if its node is lost, and it cannot be updated with a rollout. A Deployment, a \
            StatefulSet or a Job does both.
            """,
        level: .deny,
        concern: .convention,
        scope: Scope(ResourceKinds(.pod, .replicaSet, .replicationController), on: [.create]),
        clauses: [pod, replicaSet],
        skipsOperatorMade: true,
        examples: cases,
        check: { (subject, _, findings) throws(CannotEvaluate) in
            if isHook(subject) { return }
            let isPod = subject.kind == .pod
            findings.add(
                isPod ? pod : replicaSet, at: subject.root.member("kind"),
                isPod
                    ? "is \"Pod\"; a bare Pod is not recreated if its node is lost"
                    : "is \"\(subject.review.kindName)\"; without a Deployment, updates are not rolled out"
            ) {
                $0.advice = advice(subject)
            }
        }
    )
}

private let pod = Clause(
    "pod",
    "no Pod is created without a controller, except Helm tests and Argo CD hooks with a `restartPolicy` other than `Always`"
)
private let replicaSet = Clause("replica-set", "no ReplicaSet or ReplicationController is created without a controller")

/// Helm's names of tests; Helm ignores spaces and case in the annotation.
private let helmTests: Set<String> = ["test", "test-success", "test-failure"]

/// Argo CD's hook types, without `Skip`, which is never run.
private let argoHooks: Set<String> = ["PreSync", "Sync", "PostSync", "SyncFail", "PreDelete", "PostDelete"]

/// Returns true if Helm or Argo CD runs the Pod once; a long-running Pod is not a hook, regardless of its annotations.
private func isHook(_ subject: Subject) -> Bool {
    guard !subject.isLongRunning else { return false }
    let metadata = subject.metadata
    return commaSeparated(metadata.annotation("helm.sh/hook") ?? "").contains { helmTests.contains($0.lowercased()) }
        || commaSeparated(metadata.annotation("argocd.argoproj.io/hook") ?? "").contains { argoHooks.contains($0) }
}

/// Returns the kind to use instead: a Job for a Pod that runs once.
private func advice(_ subject: Subject) -> String {
    let name = subject.name ?? subject.metadata.value?["generateName"]?.string ?? ""
    guard !name.hasPrefix("node-debugger-") else {
        return "debug nodes in kube-system: kubectl debug node/NODE -n kube-system"
    }
    let owner = subject.isLongRunning ? "Deployment or StatefulSet" : "Job"
    let part = subject.kind == .pod ? "this spec as its template" : "this template"
    return "create a \(owner) with \(part), or exempt the object with a reason"
}

private func handmade(
    _ metadata: String = "name: web, namespace: shop, labels: {app: web}", memory: String = "256Mi",
    more: String = "enableServiceLinks: false"
) -> String {
    """
    apiVersion: v1
    kind: Pod
    metadata: {\(metadata)}
    spec:
      \(more)
      securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001}
      containers: [{name: app, resources: {requests: {memory: \(memory)}, limits: {memory: \(memory)}}}]
    """
}

private let owned = """
    name: web, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: u, controller: true}], \
    namespace: shop, labels: {app: web}
    """

private let cases: [Example] = [
    .good("a Deployment", "{}"),
    .bad("a Pod from kubectl run", pod, at: "kind", handmade()),
    .bad(
        "a Pod with generateName", pod, at: "kind",
        handmade("generateName: web-, namespace: shop, labels: {app: web}")),
    .bad(
        "a Pod from kubectl debug node", pod, at: "kind",
        handmade("name: node-debugger-ip-10-0-0-1-x7x2p, namespace: shop", more: "restartPolicy: Never")),
    .bad(
        "a Pod with a forged owner reference", pod, at: "kind",
        handmade(owned)),
    .bad(
        "a ReplicaSet", replicaSet, at: "kind",
        """
        apiVersion: apps/v1
        kind: ReplicaSet
        metadata: {name: web, namespace: shop}
        spec:
          replicas: 2
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec:
              containers: [{name: app}]
        """),
    .good(
        "a Helm test",
        handmade("name: web, namespace: shop, annotations: {helm.sh/hook: test}", more: "restartPolicy: Never")),
    .good(
        "an Argo CD hook",
        handmade(
            "generateName: migrate-, namespace: shop, annotations: {argocd.argoproj.io/hook: 'PreSync, Sync'}",
            more: "restartPolicy: OnFailure")),
    .bad(
        "a Helm test with restartPolicy Always", pod, at: "kind",
        handmade("name: web, namespace: shop, annotations: {helm.sh/hook: test}")),
    .bad(
        "an Argo CD hook with restartPolicy Always", pod, at: "kind",
        handmade(
            "name: web, namespace: shop, annotations: {argocd.argoproj.io/hook: PreSync}",
            more: "restartPolicy: Always")),
    .bad(
        "a Pod with the Argo CD hook type Skip", pod, at: "kind",
        handmade(
            "name: web, namespace: shop, annotations: {argocd.argoproj.io/hook: Skip}", more: "restartPolicy: Never")),
    .bad(
        "a ReplicaSet with the annotation of a Helm test", replicaSet, at: "kind",
        """
        apiVersion: apps/v1
        kind: ReplicaSet
        metadata: {name: web, namespace: shop, annotations: {helm.sh/hook: test}}
        spec:
          replicas: 2
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec:
              containers: [{name: app}]
        """),
    .good(
        "a Pod created by the ReplicaSet controller",
        handmade(owned),
        request: .by("system:serviceaccount:kube-system:replicaset-controller")),
    .good("an update of an existing Pod", handmade(), before: handmade(memory: "512Mi")),
]
