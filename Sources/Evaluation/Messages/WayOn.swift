import JSON
import Kubernetes

/// The last line of a denial: how to proceed if the change cannot wait.
struct WayOn {
    /// The line.
    let text: String

    init(_ verdict: Verdict, _ subject: Subject, _ origin: Origin, _ context: Context) {
        var own: [String] = []
        var others: [String] = []
        // A request for the scale of a workload reads the annotations of the workload.
        let isScale = subject.review.subresource == .scale
        let isOwnBelieved =
            context.settings.exemptions == .all && subject.kind != .namespace
            && (isScale || subject.review.subresource == .none)
        for rule in verdict.judgements.filter({ $0.effect == .deny }).map(\.rule) {
            if isOwnBelieved, rule.mayBeExemptedByWorkload {
                if !own.contains(rule.id) { own.append(rule.id) }
            } else if !others.contains(rule.id) {
                others.append(rule.id)
            }
        }
        let names = context.settings.catalogue.annotations
        let contact = clipped(context.settings.contact)
        var sentences: [String] = []
        if let owner = origin.operatingOwner {
            sentences.append(
                "Change \(clipped(owner.kindName)) \(clipped(owner.name)): this object is created from it.")
        }
        if context.settings.isRatchetOn, subject.keepsNoRevisions {
            sentences.append("revisionHistoryLimit is 0, so no revision is kept and a rollback cannot be recognized.")
        }
        if subject.kind == .daemonSet,
            verdict.judgements.contains(where: { $0.effect == .deny && $0.rule.allowsAgents })
        {
            sentences.append(
                "A node agent belongs in a namespace of PLAYBOOK_AGENT_NAMESPACES, or of a Namespace with the label pod-security.kubernetes.io/enforce: privileged."
            )
        }
        if !own.isEmpty {
            let object = isScale ? "\(subject.scaledKind.name) \(clipped(subject.name ?? ""))" : "the object"
            sentences.append(
                "If the change cannot wait, set the annotations \(names.exempt): \"\(WayOn.list(own))\", \(names.reason) and, optionally, \(names.until) on \(object)."
            )
        }
        if !others.isEmpty { sentences.append("For an exemption from \(WayOn.list(others)), ask \(contact).") }
        if !subject.namespace.isEmpty, context.settings.exemptions != .none {
            sentences.append(
                "In an incident, the annotation \(names.level): warn on Namespace \(clipped(subject.namespace)) turns all denials in it into warnings until it is removed."
            )
        }
        sentences.append("Details: playbook explain \((own + others).first ?? "RULE")")
        text = sentences.joined(separator: " ")
    }

    private static func list(_ ids: [String]) -> String {
        let shown = ids.prefix(20).joined(separator: ", ")
        return ids.count > 20 ? "\(shown) and \(ids.count - 20) more" : shown
    }
}

extension Subject {
    /// True if the request updates a workload that keeps no earlier revisions of its template.
    fileprivate var keepsNoRevisions: Bool {
        guard case .revisions? = TemplateQuery(self)?.source else { return false }
        return object["spec"]?["revisionHistoryLimit"]?.int == 0
    }
}
