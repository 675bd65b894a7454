import JSON
package import Kubernetes

/// The exemptions that can apply to an object, and the mistakes in them.
///
/// All findings of the object share one instance, which records the exemptions that are used.
package final class Exemptions {
    // No access to these lasts while another one begins.
    @exclusivity(unchecked) private var found: [Exemption] = []
    @exclusivity(unchecked) private var complaints = Notices()
    @exclusivity(unchecked) private var used: [Exemption] = []
    /// The exemptions of the old object; nil until they are read.
    private var earlier: [Exemption]?
    private lazy var standing: [StandingExemption] = context.settings.exempt + context.settings.exemptInFile
    private let context: Context
    private var catalogue: Catalogue { context.settings.catalogue }
    private let subject: Subject
    /// True if the request sets or changes the object's exemption.
    private(set) var areChanged = false
    private var changed: Exemption?
    /// True if the workload of a Scale, and so its exemption, could not be read.
    private(set) var areUnknown = false

    package init(of subject: Subject, in context: Context) {
        // Reads single settings: copying all of them costs more than the decision.
        self.subject = subject
        self.context = context
        guard context.settings.exemptions != .none else { return }
        let isNamespace = subject.kind == .namespace
        if isNamespace { addLevel(of: subject) } else { addNamespace(of: subject, in: context) }
        guard isNamespace || context.settings.exemptions == .all else { return }
        if subject.review.subresource == .scale {
            addWorkload(of: subject, in: context)
            return
        }
        let old = subject.oldObject
        add(subject.metadata, before: old.map { ObjectMeta(of: $0) })
        guard subject.kind != .pod else { return }
        let template = (try? subject.template())?.metadata.map { ObjectMeta(metadata: $0) }
        add(template, before: old?.templateMetadata(subject.kind))
    }

    /// Adds the level that a Namespace sets: level warn is an exemption from all denials.
    private func addLevel(of subject: Subject) {
        let level = NamespaceLevel(subject.metadata, catalogue.annotations)
        let old = subject.oldObject.map { NamespaceLevel(ObjectMeta(of: $0), catalogue.annotations) } ?? .own
        if case .malformed(let text) = level {
            complaints.add("\(catalogue.annotations.level) \"\(clipped(text))\" has no effect; use warn or deny")
        }
        guard subject.review.operation != .delete, (level == .warn) != (old == .warn) else { return }
        areChanged = true
        if level == .warn { complaints.add("denials in this Namespace are warnings from now on") }
    }

    /// Adds the exemptions of the object or its template, now and before the request.
    private func add(_ metadata: ObjectMeta?, before old: ObjectMeta?) {
        let names = catalogue.annotations
        if names != .standard, metadata?.asksForExemption(.standard) ?? false {
            complaints.add("\(AnnotationNames.standard.exempt) has no effect: this server reads \(names.exempt)")
        }
        guard metadata?.asksForExemption(names) ?? false || old?.asksForExemption(names) ?? false else { return }
        add(
            metadata.flatMap { ExemptionAnnotations($0, names) },
            before: old.flatMap { ExemptionAnnotations($0, names) })
    }

    private func add(_ annotations: ExemptionAnnotations?, before old: ExemptionAnnotations?) {
        // A deleted object sets no exemption.
        let isChanged = subject.review.operation != .delete && annotations != old
        areChanged = areChanged || isChanged
        guard let annotations else { return }
        let exemption = annotations.exemption(
            subject.kind == .namespace ? .namespace : .workload, catalogue, complaints: &complaints)
        if isChanged { changed = exemption ?? changed }
        exemption.map { found.append($0) }
    }

    /// The exemptions in settings that name the rule and the object; one of them can have ended while another has not.
    private func standing(for rule: Rule) -> [Exemption] {
        standing.isEmpty ? [] : standing.filter { $0.covers(rule, subject) }.map(\.exemption)
    }

    /// Adds the exemption of the object's Namespace, if it is known.
    private func addNamespace(of subject: Subject, in context: Context) {
        do throws(CannotEvaluate) {
            let annotations = try context.relatedObjects.namespace(subject.namespace)?.annotations
            // Mistakes in the Namespace's annotations are reported to the requester that changes the Namespace.
            var ignored = Notices()
            annotations?.exemption(.namespace, catalogue, complaints: &ignored).map { found.append($0) }
        } catch {
            return
        }
    }

    private func addWorkload(of subject: Subject, in context: Context) {
        do throws(CannotEvaluate) {
            let workload = try context.relatedObjects.workload(
                subject.scaledKind, subject.name ?? "", in: subject.namespace)
            for annotations in [workload?.annotations, workload?.templateAnnotations] {
                annotations?.exemption(.workload, catalogue, complaints: &complaints).map { found.append($0) }
            }
        } catch {
            areUnknown = true
        }
    }

    /// Returns an exemption of the object from a rule that has not ended.
    package func exemption(from rule: Rule, at now: Timestamp) -> Exemption? {
        let candidates = standing(for: rule) + found
        guard let exemption = candidates.first(where: { $0.covers(rule) && $0.holds(at: now) }) else { return nil }
        if !used.contains(exemption) { used.append(exemption) }
        return exemption
    }

    /// Returns the exemptions of the object, its Namespace and the settings, for an audit.
    ///
    /// - Parameter onlyWarns: True if the Namespace turned a denial into a warning.
    /// - Returns: The exemptions; those in settings only if they are used.
    func uses(onlyWarns: Bool) -> [ExemptionUse] {
        let names = catalogue.annotations
        var uses = standing.filter { entry in
            used.contains(entry.exemption) && catalogue[entry.rule].map { entry.covers($0, subject) } ?? false
        }.map { ExemptionUse(.setting, at: $0.place, $0.exemption, isUsed: true) }
        let namespace = subject.kind == .namespace ? subject.name ?? "" : subject.namespace
        let manager = subject.metadata.manager(ofAnnotation: names.exempt)
        for exemption in found {
            let isOwn = exemption.origin == .workload
            uses.append(
                ExemptionUse(
                    isOwn ? .workload : .namespace, at: isOwn ? subject.title : "Namespace \(namespace)", exemption,
                    manager: isOwn || subject.kind == .namespace ? manager : nil, isUsed: used.contains(exemption)))
        }
        let isLevelHere = subject.kind == .namespace && NamespaceLevel(subject.metadata, names) == .warn
        if onlyWarns || isLevelHere {
            let author = isLevelHere ? subject.metadata.manager(ofAnnotation: names.level) : nil
            uses.append(ExemptionUse(levelOf: namespace, manager: author, isUsed: onlyWarns))
        }
        return uses
    }

    /// True if a setting, the Namespace or the object has an exemption from the rule, even if it has ended.
    func cover(_ rule: Rule) -> Bool { !standing(for: rule).isEmpty || found.contains { $0.covers(rule) } }

    /// True if the old object was exempt from a rule, by an exemption that was removed or has ended.
    func coveredBefore(_ rule: Rule, _ before: Subject) -> Bool {
        cover(rule) || earlier(of: before).contains { $0.covers(rule) }
    }

    /// True if the request removes the object's exemption from a rule or moves its end to an earlier time.
    ///
    /// The rule is then evaluated even if only metadata changes: its violations would otherwise be existing in the next request.
    func isLifted(from rule: Rule) -> Bool {
        guard areChanged, let before = subject.before else { return false }
        let own = found.filter { $0.origin == .workload && $0.covers(rule) }
        return earlier(of: before).contains { past in
            past.covers(rule) && !own.contains { $0.lastsAsLong(as: past) }
        }
    }

    /// Returns the exemptions of the old object.
    private func earlier(of before: Subject) -> [Exemption] {
        if let earlier { return earlier }
        var ignored = Notices()
        let template = subject.kind == .pod ? nil : before.object.templateMetadata(subject.kind)
        let found = [before.metadata, template].compactMap { metadata in
            metadata.flatMap { ExemptionAnnotations($0, catalogue.annotations) }?.exemption(
                .workload, catalogue, complaints: &ignored)
        }
        earlier = found
        return found
    }

    /// Returns the notices for the requester.
    func notices(at now: Timestamp) -> [String] {
        var notices = Notices()
        // This is first because it also records the change.
        if let changed {
            let end = changed.until.map { " until \($0)" } ?? ""
            notices.add("exemption from \(changed.ruleNames)\(end) accepted: \(clipped(changed.reason))")
        }
        // A deleted object needs no advice.
        if subject.review.operation != .delete { notices.add(complaints) }
        for exemption in used where exemption.endsSoon(at: now) {
            notices.add(
                "the exemption from \(exemption.ruleNames) ends \(exemption.until.map { "\($0)" } ?? "soon")")
        }
        // Only requesters that change the Namespace can change its annotations.
        let isNamespace = subject.kind == .namespace
        for exemption in found
        where (exemption.origin == .workload || isNamespace) && !exemption.holds(at: now) {
            notices.add("the exemption from \(exemption.ruleNames) has ended")
        }
        return notices.sentences
    }
}

extension Exemption {
    /// The ids of the rules, for people.
    fileprivate var ruleNames: String {
        guard let rules else { return "all rules" }
        let names = rules.prefix(20).joined(separator: ", ")
        return rules.isEmpty ? "no rule" : rules.count > 20 ? "\(names) and \(rules.count - 20) more" : names
    }
}

extension Value {
    /// The metadata of an object's pod template.
    fileprivate func templateMetadata(_ kind: ResourceKind) -> ObjectMeta? {
        PodTemplate.metadata(of: self, kind: kind).map { ObjectMeta(metadata: $0) }
    }
}

extension Workload {
    /// True if the workload's annotations exempt it from a rule.
    package func isExempt(from rule: Rule, _ context: Context) -> Bool {
        guard context.settings.exemptions == .all else { return false }
        var ignored = Notices()
        return [annotations, templateAnnotations].compactMap(\.self).contains { annotations in
            let exemption = annotations.exemption(.workload, context.settings.catalogue, complaints: &ignored)
            return exemption.map { $0.covers(rule) && $0.holds(at: context.now) } ?? false
        }
    }
}
