import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let schedulerPlacement = Rule(
        id: "scheduler-placement",
        title: "Pods are placed by the scheduler",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            A pod with `nodeName` bypasses the scheduler, and is not moved if that node is full or lost. A pod with a scheduler \
            that does not run stays pending.
            """,
        level: .deny,
        concern: .convention,
        scope: Scope(.withPodSpec),
        clauses: [node, scheduler, host],
        settings: [RuleSettings.schedulers],
        examples: [
            .good("no node and no scheduler", "{}"),
            .good("the Fargate scheduler", "schedulerName: fargate-scheduler"),
            .good(
                "an allowed scheduler", "schedulerName: volcano",
                settings: ["PLAYBOOK_SCHEDULERS": "default-scheduler,volcano"]),
            .good("a node selector for an architecture", "nodeSelector: {kubernetes.io/arch: arm64}"),
            .bad("a node name", node, at: "nodeName", "nodeName: ip-10-0-0-1.ec2.internal"),
            .bad("an unknown scheduler", scheduler, at: "schedulerName", "schedulerName: mine"),
            .bad(
                "a node name that is added", node, at: "nodeName", "nodeName: ip-10-0-0-1.ec2.internal", before: "{}"),
            .bad(
                "a node name that is changed", node, at: "nodeName", "nodeName: ip-10-0-0-1.ec2.internal",
                before: "nodeName: ip-10-0-0-2.ec2.internal"),
            .bad("a scheduler that is added", scheduler, at: "schedulerName", "schedulerName: mine", before: "{}"),
            .bad(
                "a node selector for a host name", host, at: "nodeSelector[kubernetes.io/hostname]",
                "nodeSelector: {kubernetes.io/hostname: ip-10-0-0-1}", isHint: true),
            .bad(
                "a node affinity for host names", host, at: "affinity.nodeAffinity",
                required("matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [a, b]}]"),
                isHint: true),
            .bad(
                "a node affinity with matchFields, as on DaemonSet pods", host,
                at: "affinity.nodeAffinity",
                required("matchFields: [{key: metadata.name, operator: In, values: [ip-10-0-0-1.ec2.internal]}]"),
                isHint: true),
            .good(
                "a node affinity that excludes a node",
                required("matchExpressions: [{key: kubernetes.io/hostname, operator: NotIn, values: [a]}]")),
            .good(
                "an update of a scheduled Pod", placedPod(until: 300), before: placedPod(until: 600)),
        ],
        check: { (subject, context, findings) throws(CannotEvaluate) in
            // An existing Pod has its node name from the scheduler, and an update cannot change it.
            guard subject.kind != .pod || subject.review.operation == .create, let template = try subject.template()
            else { return }
            let target = template.nodeName
            if let seen = try target.text(), !seen.equals("") {
                findings.add(
                    node, at: target, "is \"\(seen.text)\"; the pod cannot run on another node", choice: seen.text
                ) {
                    $0.edits = [.remove($0.place)]
                }
            }
            try checkHosts(template, findings)
            let name = template.schedulerName
            if let seen = try name.text(), !seen.equals(""), !seen.equals("default-scheduler") {
                let known = context[RuleSettings.schedulers]
                if known.contains(where: { seen.equals(string: $0) }) { return }
                findings.add(
                    scheduler, at: name, "is \"\(seen.text)\"; use \(known.joined(separator: " or "))",
                    choice: seen.text
                ) { $0.edits = [.remove($0.place)] }
            }
        }
    )
}

extension RuleSettings {
    static let schedulers = RuleSetting(
        "PLAYBOOK_SCHEDULERS", .list("names"), default: ["default-scheduler", "fargate-scheduler"],
        "Names of the schedulers that pods can use.")
}

private let node = Clause("node", "`nodeName` is not set")
private let host = Clause(
    "host", "no requirement names a `kubernetes.io/hostname`, because Karpenter cannot replace that node (a hint)")
private let scheduler = Clause("scheduler", "`schedulerName` is one of `PLAYBOOK_SCHEDULERS`")

/// Reports nodes that a pod requires by host name.
private func checkHosts(_ template: PodTemplate, _ findings: FindingCollector) throws(CannotEvaluate) {
    func report(_ field: Field, _ seen: String) {
        findings.add(host, at: field, "binds the pod to node \(seen)", choice: seen, traits: .init(isHint: true)) {
            $0.advice = "use a zone or a label that several nodes have"
        }
    }
    let selector = try template.field["nodeSelector"]["kubernetes.io/hostname"]
    if let seen = try selector.filledText() { report(selector, seen.text) }
    guard template.affinity.isPresent else { return }
    let affinity = try template.affinity["nodeAffinity"]
    let terms = try affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    for term in try terms.objects() {
        try findings.step()
        for (list, key) in [("matchExpressions", "kubernetes.io/hostname"), ("matchFields", "metadata.name")]
            as [(StaticString, StaticString)]
        {
            for expression in try term[list].objects() {
                try findings.step()
                guard try expression["key"].equals(key), try expression["operator"].equals("In") else { continue }
                let values = try expression["values"].strings()
                report(affinity, values.prefix(3).map(\.base.text).joined(separator: ", "))
            }
        }
    }
}

private func required(_ term: String) -> String {
    "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{\(term)}]}}}"
}

private func placedPod(until seconds: Int) -> String {
    """
    apiVersion: v1
    kind: Pod
    metadata: {name: web-1, namespace: shop, labels: {app: web}}
    spec:
      nodeName: ip-10-0-0-1.ec2.internal
      activeDeadlineSeconds: \(seconds)
      securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001}
      containers: [{name: app}]
    """
}
