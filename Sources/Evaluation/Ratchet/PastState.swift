import JSON
import Kubernetes

/// A pod template that was admitted before, or that a controller creates the object from, and that equals the request's.
///
/// Violations in it are existing: a rollback adds nothing new to the cluster.
struct PastState {
    /// The template.
    let template: PastTemplate
    /// The request's template in the object.
    private let place: Value

    /// The result of the search for an equal template.
    enum Knowledge {
        /// No template is equal, or none was searched for.
        case none
        case known(PastState)
        /// The API server gave no answer.
        case doubtful

        var state: PastState? { if case .known(let state) = self { state } else { nil } }

        var isDoubtful: Bool { if case .doubtful = self { true } else { false } }
    }

    /// Searches the known templates for one that is equal to the request's.
    ///
    /// - Parameters:
    ///   - subject: The object of the request.
    ///   - context: The related objects, with the answers of the API server.
    ///   - fixed: Returns the pod spec after this server's fixes, for the object with another pod spec.
    /// - Returns: The newest template that equals the object's, before or after the fixes.
    static func find(for subject: Subject, in context: Context, fixed: (Literal?) -> Literal?) -> Knowledge {
        let related = context.relatedObjects
        guard context.settings.isRatchetOn, !related.answers.isEmpty || !related.templates.isEmpty,
            let query = TemplateQuery(subject), let pointer = subject.templatePointer,
            let spec = subject.object[at: pointer], let place = subject.object[at: pointer.parent]
        else { return .none }
        for case .recorded(let template) in related.answers {
            return template.map { .known(PastState(template: $0, place: place)) } ?? .doubtful
        }
        guard let candidates = related.templates(for: query, subject) else { return .doubtful }
        func found(_ template: PastTemplate) -> Knowledge {
            .known(PastState(template: template, place: place))
        }
        let own = Literal(spec).comparablePodSpec
        // The current template is a revision too.
        if let old = subject.review.oldObject?[at: pointer], Literal(old).comparablePodSpec.isSame(as: own) {
            return .none
        }
        for candidate in candidates where candidate.spec?.comparablePodSpec.isSame(as: own) ?? false {
            return found(candidate)
        }
        // Fixes can have changed the stored template or that of the request.
        guard !candidates.isEmpty, spec.byteCount <= 256 << 10 else { return .none }
        let ownFixed = fixed(nil)?.comparablePodSpec
        for candidate in candidates {
            guard let theirs = candidate.spec else { continue }
            if let ownFixed, theirs.comparablePodSpec.isSame(as: ownFixed) { return found(candidate) }
            if fixed(theirs)?.comparablePodSpec.isSame(as: own) ?? false { return found(candidate) }
        }
        return .none
    }

    /// True if a field is part of the template.
    func contains(_ field: Field) -> Bool { field.base.isPart(of: place) }

    /// True if the object has fewer replicas than it had with the template.
    func isScaledBelow(_ subject: Subject) -> Bool {
        guard let past = template.replicas, let count = subject.object["spec"]?["replicas"]?.text else { return false }
        return Int(count).map { $0 < past } ?? true
    }

    /// True if the template was exempt from a rule, so that its violations do not count as existing.
    func isExempt(from rule: Rule, _ catalogue: Catalogue) -> Bool {
        var ignored = Notices()
        return template.exemptions.contains {
            $0.exemption(.workload, catalogue, complaints: &ignored)?.covers(rule) ?? false
        }
    }
}

/// A pod template in a file, of a revision or a CronJob.
struct HeldTemplate: Sendable {
    let template: PastTemplate
    let kind: ResourceKind
    /// The uid of the revision's controller, or of the CronJob; empty if there is none.
    let owner: String
    let labels: [String: String]
}

extension RelatedObjects {
    /// Returns the templates for a query; nil if the API server was asked and gave no answer.
    fileprivate func templates(for query: TemplateQuery, _ subject: Subject) -> [PastTemplate]? {
        for case .templates(query, let found) in answers { return found }
        let held = templates[query.namespace]?.filter { $0.kind == query.holder } ?? []
        switch query.source {
        case .revisions(let uid), .cronJob(_, let uid):
            return uid.isEmpty ? [] : held.filter { $0.owner == uid }.map(\.template)
        case .orphans:
            guard let value = subject.object["spec"]?["selector"], let selector = try? LabelSelector(value) else {
                return []
            }
            return held.filter { $0.owner.isEmpty && selector.matches(Labels($0.labels)) }.map(\.template)
        }
    }
}
