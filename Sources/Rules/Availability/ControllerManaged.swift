import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let controllerManaged = Rule(
        id: "controller-managed",
        title: "Pods are made by controllers",
        group: .availability,
        section: .kubernetesDeployment,
        rationale: """
            A Pod made by hand is gone with its node, and nobody brings it back. Deployments and StatefulSets do, and roll updates \
            out besides.
            """,
        level: .deny,
        concern: .convention,
        scope: Scope(ResourceKinds(.pod, .replicaSet, .replicationController), on: [.create]),
        clauses: [pod, replicaSet],
        examples: cases,
        check: { (subject, _, findings) throws(CannotJudge) in
            if isHook(subject) { return }
            let isPod = subject.kind == .pod
            findings.add(
                isPod ? pod : replicaSet, at: subject.root.member("kind"),
                isPod
                    ? "is Pod: nothing brings it back when its node goes"
                    : "is \(subject.review.kindName): nothing rolls updates out"
            ) {
                $0.advice = advice(subject)
            }
        }
    )
}

private let pod = Clause(
    "pod",
    "no Pod is made by hand, but for Helm's tests and Argo CD's hooks with a `restartPolicy` other than `Always`")
private let replicaSet = Clause("replica-set", "no ReplicaSet or ReplicationController is made by hand")

/// Helm's names for a test; it reads the annotation without regard to spaces and case.
private let helmTests: Set<String> = ["test", "test-success", "test-failure"]

/// Argo CD's names for a hook; what is to be left out (`Skip`) is none.
private let argoHooks: Set<String> = ["PreSync", "Sync", "PostSync", "SyncFail", "PreDelete", "PostDelete"]

/// Whether Helm or Argo CD runs a Pod once: one that runs until somebody stops it is no hook, whatever its annotations say.
private func isHook(_ subject: Subject) -> Bool {
    guard !subject.isLongRunning else { return false }
    let metadata = subject.metadata
    return commaSeparated(metadata.annotation("helm.sh/hook") ?? "").contains { helmTests.contains($0.lowercased()) }
        || commaSeparated(metadata.annotation("argocd.argoproj.io/hook") ?? "").contains { argoHooks.contains($0) }
}

/// What to make instead: a second pod of what was meant to run once would be an invention.
private func advice(_ subject: Subject) -> String {
    let name = subject.name ?? subject.metadata.value?["generateName"]?.string ?? ""
    guard !name.hasPrefix("node-debugger-") else {
        return "debug nodes in kube-system: kubectl debug node/NODE -n kube-system"
    }
    let owner = subject.isLongRunning ? "Deployment or StatefulSet" : "Job"
    let part = subject.kind == .pod ? "this spec as its template" : "this template"
    return "create a \(owner) with \(part), or exempt it from controller-managed with a reason"
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
    .bad("kubectl run", pod, at: "kind", handmade()),
    .bad(
        "a Pod whose name is to be generated", pod, at: "kind",
        handmade("generateName: web-, namespace: shop, labels: {app: web}")),
    .bad(
        "kubectl debug of a node", pod, at: "kind",
        handmade("name: node-debugger-ip-10-0-0-1-x7x2p, namespace: shop", more: "restartPolicy: Never")),
    .bad(
        "an owner that its author made up", pod, at: "kind",
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
        "a hook of Argo CD",
        handmade(
            "generateName: migrate-, namespace: shop, annotations: {argocd.argoproj.io/hook: 'PreSync, Sync'}",
            more: "restartPolicy: OnFailure")),
    .bad(
        "a Helm test that never ends", pod, at: "kind",
        handmade("name: web, namespace: shop, annotations: {helm.sh/hook: test}")),
    .bad(
        "a hook of Argo CD that never ends", pod, at: "kind",
        handmade(
            "name: web, namespace: shop, annotations: {argocd.argoproj.io/hook: PreSync}",
            more: "restartPolicy: Always")),
    .bad(
        "what Argo CD is to leave out", pod, at: "kind",
        handmade(
            "name: web, namespace: shop, annotations: {argocd.argoproj.io/hook: Skip}", more: "restartPolicy: Never")),
    .bad(
        "a ReplicaSet that calls itself a Helm test", replicaSet, at: "kind",
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
        "a Pod of a ReplicaSet, made by its controller",
        handmade(owned),
        request: .by("system:serviceaccount:kube-system:replicaset-controller")),
    .good("an update of a Pod that is there", handmade(), before: handmade(memory: "512Mi")),
]
