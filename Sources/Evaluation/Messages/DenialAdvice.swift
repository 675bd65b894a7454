import JSON
import Kubernetes

/// The last line of a denial: how to proceed if the change cannot wait.
struct DenialAdvice {
    /// The line.
    let text: String

    init(_ decision: Decision, _ subject: Subject, _ origin: Origin, _ context: Context) {
        var own: [String] = []
        var others: [String] = []
        // A request for the scale of a workload reads the annotations of the workload.
        let isScale = subject.review.subresource == .scale
        let isOwnBelieved =
            context.settings.exemptions == .all && subject.kind != .namespace
            && (isScale || subject.review.subresource == .none)
        for rule in decision.findings.filter({ $0.effect == .deny }).map(\.rule) {
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
        let agentRules = (own + others).filter { id in context.settings.catalogue[id]?.allowsAgents ?? false }
        if subject.kind == .daemonSet, !agentRules.isEmpty {
            sentences.append(
                "A node agent gets only warnings from \(DenialAdvice.list(agentRules)) in a namespace that PLAYBOOK_AGENT_NAMESPACES names or that has the label pod-security.kubernetes.io/enforce: privileged."
            )
        }
        if !own.isEmpty {
            let object = isScale ? "\(subject.scaledKind.name) \(clipped(subject.name ?? ""))" : "the object"
            sentences.append(
                "If the change cannot wait, set the annotations \(names.exempt): \"\(DenialAdvice.list(own))\", \(names.reason) and, optionally, \(names.until) (YYYY-MM-DD) on \(object)."
            )
        }
        if !others.isEmpty { sentences.append("For an exemption from \(DenialAdvice.list(others)), ask \(contact).") }
        if !subject.namespace.isEmpty, context.settings.exemptions != .none {
            sentences.append(
                "In an incident, annotate Namespace \(clipped(subject.namespace)) with \(names.level): warn; its denials are warnings until you remove the annotation."
            )
        }
        sentences.append("About a rule: playbook explain \((own + others).first ?? "RULE")")
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
