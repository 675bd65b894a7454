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
        clauses: [node, scheduler],
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
            .good(
                "an update of a Pod that is placed", placedPod(until: 300), before: placedPod(until: 600)),
        ],
        check: { (subject, context, findings) throws(CannotJudge) in
            // A Pod that is there has been placed: an update says where, and changes nothing about it.
            guard subject.kind != .pod || subject.review.operation == .create, let template = try subject.template()
            else { return }
            let target = try template.field["nodeName"]
            if let seen = try target.text(), !seen.equals("") {
                findings.add(node, at: target, "is \(seen.text): the scheduler has no say", choice: seen.text) {
                    $0.edits = [.remove($0.place)]
                }
            }
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
private let scheduler = Clause("scheduler", "a scheduler that is named is one of `PLAYBOOK_SCHEDULERS`")

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
