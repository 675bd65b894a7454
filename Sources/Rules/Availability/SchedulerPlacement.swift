import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let schedulerPlacement = Rule(
        id: "scheduler-placement",
        title: "The scheduler places pods",
        group: .availability,
        section: .scalingAndResources,
        rationale: """
            A pod that names its node goes there whatever else is on it, and stays where it is when that node is full or gone. A \
            scheduler that does not run leaves it pending for ever.
            """,
        level: .deny,
        concern: .convention,
        scope: Scope(.withPodSpec),
        clauses: [node, scheduler, host],
        settings: [RuleSettings.schedulers],
        examples: [
            .good("nothing said", "{}"),
            .good("the scheduler of Fargate", "schedulerName: fargate-scheduler"),
            .good(
                "a scheduler that the team runs", "schedulerName: volcano",
                settings: ["PLAYBOOK_SCHEDULERS": "default-scheduler,volcano"]),
            .good("wishes are no placement", "nodeSelector: {kubernetes.io/arch: arm64}"),
            .bad("a node by name", node, at: "nodeName", "nodeName: ip-10-0-0-1.ec2.internal"),
            .bad("a scheduler that nobody runs", scheduler, at: "schedulerName", "schedulerName: mine"),
            .bad(
                "a node that is patched in", node, at: "nodeName", "nodeName: ip-10-0-0-1.ec2.internal", before: "{}"),
            .bad(
                "another node", node, at: "nodeName", "nodeName: ip-10-0-0-1.ec2.internal",
                before: "nodeName: ip-10-0-0-2.ec2.internal"),
            .bad("a scheduler that is patched in", scheduler, at: "schedulerName", "schedulerName: mine", before: "{}"),
            .bad(
                "a node by its label", host, at: "nodeSelector[kubernetes.io/hostname]",
                "nodeSelector: {kubernetes.io/hostname: ip-10-0-0-1}", isHint: true),
            .bad(
                "two nodes by their label", host, at: "affinity.nodeAffinity",
                required("matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [a, b]}]"),
                isHint: true),
            .bad(
                "a node by its name, as the controller of DaemonSets has it", host,
                at: "affinity.nodeAffinity",
                required("matchFields: [{key: metadata.name, operator: In, values: [ip-10-0-0-1.ec2.internal]}]"),
                isHint: true),
            .good(
                "any node but one",
                required("matchExpressions: [{key: kubernetes.io/hostname, operator: NotIn, values: [a]}]")),
            .good(
                "an update of a Pod that is placed", placedPod(until: 300), before: placedPod(until: 600)),
        ],
        check: { (subject, context, findings) throws(CannotJudge) in
            // A Pod that is there has been placed: an update says where, and changes nothing about it.
            guard subject.kind != .pod || subject.review.operation == .create, let template = try subject.template()
            else { return }
            let target = try template.field["nodeName"]
            if let seen = try target.text(), !seen.equals("") {
                findings.add(
                    node, at: target, "is \(seen.text): the pod stays on that node, full or gone", choice: seen.text
                ) {
                    $0.edits = [.remove($0.place)]
                }
            }
            try checkHosts(template, findings)
            let name = try template.field["schedulerName"]
            if let seen = try name.text(), !seen.equals(""), !seen.equals("default-scheduler") {
                let known = context[RuleSettings.schedulers]
                if known.contains(where: { seen.equals(string: $0) }) { return }
                findings.add(
                    scheduler, at: name, "is \(seen.text), not \(known.joined(separator: " or "))", choice: seen.text
                ) { $0.edits = [.remove($0.place)] }
            }
        }
    )
}

extension RuleSettings {
    static let schedulers = RuleSetting(
        "PLAYBOOK_SCHEDULERS", .list("names"), default: ["default-scheduler", "fargate-scheduler"],
        "Schedulers that pods may name.")
}

private let node = Clause("node", "no pod names its node")
private let host = Clause(
    "host", "a pod that is bound to nodes by their `kubernetes.io/hostname` is a hint: Karpenter cannot replace them")
private let scheduler = Clause("scheduler", "a scheduler that is named is one of `PLAYBOOK_SCHEDULERS`")

/// Looks for nodes that a pod names by their label.
private func checkHosts(_ template: PodTemplate, _ findings: FindingCollector) throws(CannotJudge) {
    func report(_ field: Field, _ seen: String) {
        findings.add(host, at: field, "binds the pod to node \(seen)", choice: seen, traits: .init(isHint: true)) {
            $0.advice = "let the scheduler choose, by zone or by labels that several nodes have"
        }
    }
    let selector = try template.field["nodeSelector"]["kubernetes.io/hostname"]
    if let seen = try selector.filledText() { report(selector, seen.text) }
    guard try template.field["affinity"].isPresent else { return }
    let affinity = try template.field["affinity"]["nodeAffinity"]
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
