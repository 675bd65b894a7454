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
        scope: Scope(.holders, on: [.create]),
        clauses: [node, scheduler],
        settings: ["PLAYBOOK_SCHEDULERS"],
        examples: [
            .good("nothing said", "{}"),
            .good("the scheduler of Fargate", "schedulerName: fargate-scheduler"),
            .good(
                "a scheduler that the team runs", "schedulerName: volcano",
                settings: ["PLAYBOOK_SCHEDULERS": "default-scheduler,volcano"]),
            .good("wishes are no placement", "nodeSelector: {kubernetes.io/arch: arm64}"),
            .bad("a node by name", node, at: "nodeName", "nodeName: ip-10-0-0-1.ec2.internal"),
            .bad("a scheduler that nobody runs", scheduler, at: "schedulerName", "schedulerName: mine"),
            .good("an update of what is placed", "nodeName: ip-10-0-0-1.ec2.internal", before: "{}"),
        ],
        check: { (subject, context) throws(CannotJudge) in
            guard let template = try subject.template() else { return [] }
            var findings: [Finding] = []
            if let name = try template.spec.text("nodeName"), !name.equals("") {
                let place = template.pointer / "nodeName"
                findings.append(
                    Finding(node, at: place, "is \(name.text): the scheduler has no say", edits: [.remove(place)]).with
                    { $0.choice = name.text })
            }
            if let name = try template.spec.text("schedulerName"), !name.equals(""), !name.equals("default-scheduler") {
                let known = context.settings.placement.schedulers
                guard !known.contains(where: { name.equals(string: $0) }) else { return findings }
                let place = template.pointer / "schedulerName"
                findings.append(
                    Finding(
                        scheduler, at: place, "is \(name.text), not \(known.joined(separator: " or "))",
                        edits: [.remove(place)]
                    ).with { $0.choice = name.text })
            }
            return findings
        }
    )
}

private let node = Clause("node", "no pod names its node")
private let scheduler = Clause("scheduler", "a scheduler that is named is one of `PLAYBOOK_SCHEDULERS`")
