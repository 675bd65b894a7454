import JSON
import Kubernetes

extension Rule {
    static let replicas = Rule(
        id: "replicas",
        title: "At least two replicas run, or none",
        group: .application,
        section: .applicationRequirements,
        rationale: """
            With one pod every node that is drained, consolidated or interrupted takes the application down. 0 is a decision; 1 is \
            an outage that waits for its day.
            """,
        level: .deny,
        scope: Scope([.replicated, ResourceKinds(.scale)], of: [.none, .scale]),
        clauses: [tooFew, unstated, scaledDown],
        settings: [RuleSettings.minimumReplicas], sharedSettings: ["PLAYBOOK_TRUSTED_CONTROLLERS"],
        companions: [.horizontalPodAutoscaler, .scaledObject, .rollout],
        examples: cases,
        check: replicaFindings
    )
}

private let tooFew = Clause("too-few", "a count that the author wrote is 0 or at least `PLAYBOOK_MIN_REPLICAS`")
private let unstated = Clause("unstated", "an autoscaler follows where the author wrote no count")
private let scaledDown = Clause("scaled-down", "nobody scales to fewer than `PLAYBOOK_MIN_REPLICAS` but to 0")

private func replicaFindings(in subject: Subject, _ context: Context) throws(CannotJudge) -> [Finding] {
    let least = context.settings[RuleSettings.minimumReplicas]
    let isScale = subject.review.subresource == .scale
    let kind = isScale ? subject.scaledKind : subject.kind
    let spec = try subject.spec()
    // A Rollout that takes another workload's template is passed over, here as everywhere.
    guard ResourceKinds.replicated.contains(kind), kind != .rollout || spec?.present("workloadRef") == nil else {
        return []
    }
    let stated = try spec?.integer("replicas")
    let count = stated ?? (isScale ? 0 : 1)
    guard count > 0, count < least else { return [] }
    let place: Pointer = "/spec/replicas"
    let edits: [Edit] = [.set(place, .number(String(least)))]
    let excess = Double(least - count)
    if isScale {
        guard !subject.review.user.scalesByItself(context.settings) else { return [] }
        return [
            Finding(scaledDown, at: place, "is \(count): fewer than \(least), and not 0", edits: edits)
                .with { $0.excess = excess }
        ]
    }
    guard try !isAutoscaled(kind, subject, context) else { return [] }
    guard subject.review.operation != .create || subject.statesReplicas(context) else {
        return [
            Finding(
                unstated, at: place, "is \(stated == nil ? "unset, which is 1" : "\(count) by default")", edits: edits
            )
            .with {
                $0.excess = excess
                $0.isHint = true
                $0.advice = "or let a HorizontalPodAutoscaler with minReplicas of at least \(least) follow"
            }
        ]
    }
    return [
        Finding(tooFew, at: place, "is \(count), fewer than \(least)", edits: edits).with {
            $0.excess = excess
            $0.absent = .horizontalPodAutoscaler
        }
    ]
}

extension User {
    /// Whether a Scale comes from an autoscaler, or another controller that may choose any count: it must not be wedged.
    func scalesByItself(_ settings: Settings) -> Bool {
        name == "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
            || settings.trustedControllers.contains(name)
    }
}

/// Whether an autoscaler keeps enough replicas.
///
/// On CREATE it need not be known: every tool makes it after the workload.
private func isAutoscaled(_ kind: ResourceKind, _ subject: Subject, _ context: Context) throws(CannotJudge) -> Bool {
    do throws(CannotJudge) {
        guard let name = subject.name,
            let autoscaler = try context.companions.autoscaler(of: kind, name, in: subject.namespace)
        else { return false }
        let scalesToZero = autoscaler.kind == .scaledObject && autoscaler.minimum == 0
        return scalesToZero || autoscaler.minimum >= context.settings[RuleSettings.minimumReplicas]
    } catch {
        if subject.review.operation == .create { return false }
        throw error
    }
}

extension Subject {
    /// Whether the author wrote a count: the API server fills in a 1, and we are asked after that.
    func statesReplicas(_ context: Context) -> Bool {
        if context.source == .files { return object["spec"]?.present("replicas") != nil }
        if let applied = metadata.annotation("kubectl.kubernetes.io/last-applied-configuration"),
            let document = try? Document(parsing: Array(applied.utf8)),
            withExtendedLifetime(document, { document.root["spec"]?.present("replicas") != nil })
        {
            return true
        }
        // Skipped while reading, and read only now: few objects come this far.
        guard let fields = metadata.value?["managedFields"], let document = try? Document(parsing: fields.source)
        else { return false }
        return withExtendedLifetime(document) {
            document.root.elements.contains { entry in
                entry["operation"]?.equals("Apply") ?? false
                    && entry["fieldsV1"]?["f:spec"]?["f:replicas"] != nil
            }
        }
    }
}

private let autoscaler = """
    apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    metadata: {name: web, namespace: shop}
    spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 2, maxReplicas: 6}
    """

private let otherAutoscaler = autoscaler.split(separator: "\n", omittingEmptySubsequences: false)
    .map {
        $0.hasPrefix("spec") ? "spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: api}}" : String($0)
    }
    .joined(separator: "\n")

private let applied = """
    {metadata: {annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"spec":{"replicas":1}}'}}, spec: {replicas: 1}}
    """

private func rollout(_ spec: String) -> String {
    """
    apiVersion: argoproj.io/v1alpha1
    kind: Rollout
    metadata: {name: web, namespace: shop}
    spec: {\(spec)}
    """
}

private let cases: [Example] = [
    .good("two", "spec: {replicas: 2}"),
    .good("none, on purpose", "spec: {replicas: 0}"),
    .bad("one, written by the author", tooFew, at: "spec.replicas", applied),
    .bad(
        "one, applied by a server-side apply", tooFew, at: "spec.replicas",
        """
        metadata: {managedFields: [{manager: argocd, operation: Apply, fieldsV1: {"f:spec": {"f:replicas": {}}}}]}
        spec: {replicas: 1}
        """),
    .bad(
        "one by default: an autoscaler must follow", unstated, at: "spec.replicas", "spec: {replicas: 1}", isHint: true),
    .bad(
        "fewer than the team's least", tooFew, at: "spec.replicas", "spec: {replicas: 2}", companions: otherAutoscaler,
        before: "spec: {replicas: 3}", settings: ["PLAYBOOK_MIN_REPLICAS": "3"]),
    .good("an autoscaler keeps two", applied, companions: autoscaler),
    .good(
        "an autoscaler of the Rollout that runs its pods keeps two", applied,
        companions: documents(horizontalAutoscaler("canary", for: canary), borrowingRollout())),
    .bad(
        "one where a Rollout runs its pods: none is meant", tooFew, at: "spec.replicas", applied,
        companions: borrowingRollout(), without: ResourceKinds(.horizontalPodAutoscaler)),
    .bad(
        "changed to one, with an autoscaler for something else", tooFew, at: "spec.replicas", "spec: {replicas: 1}",
        companions: otherAutoscaler, before: "spec: {replicas: 3}"),
    .bad(
        "scaled to one by a person", scaledDown, at: "spec.replicas", "spec: {replicas: 1}",
        companions: """
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: web, namespace: shop}
            spec: {replicas: 3, template: {metadata: {labels: {app: web}}}}
            """, before: "spec: {replicas: 3}", request: .scale),
    .bad(
        "a Rollout", tooFew, at: "spec.replicas",
        rollout("replicas: 1, template: {spec: {containers: [{name: app}]}}"),
        without: ResourceKinds(.horizontalPodAutoscaler),
        before: rollout("replicas: 3, template: {spec: {containers: [{name: app}]}}")),
    .bad(
        "a field that means something to Rollouts alone", tooFew, at: "spec.replicas",
        "spec: {replicas: 1, workloadRef: {kind: Deployment, name: web}}",
        without: ResourceKinds(.horizontalPodAutoscaler), before: "spec: {replicas: 3}"),
    .good(
        "a Rollout that takes a Deployment's template is passed over, its count too",
        rollout("replicas: 1, workloadRef: {kind: Deployment, name: web}"),
        without: ResourceKinds(.horizontalPodAutoscaler),
        before: rollout("replicas: 3, workloadRef: {kind: Deployment, name: web}")),
    .good("scaled to none by a person", "spec: {replicas: 0}", before: "spec: {replicas: 3}", request: .scale),
    .good(
        "containers do not matter",
        """
        initContainers:
        - name: migrate
          image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1.4.2-9f3c1ab
          resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 32Mi}}
        - name: proxy
          restartPolicy: Always
          image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/proxy:1.0.0-9f3c1ab
          resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 32Mi}}
        """),
    .good(
        "a DaemonSet runs once a node",
        """
        apiVersion: apps/v1
        kind: DaemonSet
        metadata: {name: agent, namespace: shop}
        spec:
          selector: {matchLabels: {app: agent}}
          template:
            metadata: {labels: {app: agent}}
            spec:
              securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001}
              containers:
              - name: agent
                image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/agent:1.4.2-9f3c1ab
                ports: [{name: http, containerPort: 8080}]
                resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 32Mi}}
                livenessProbe: {httpGet: {path: /livez, port: http}}
                readinessProbe: {httpGet: {path: /readyz, port: http}}
        """),
]
