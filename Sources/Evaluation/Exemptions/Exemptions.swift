import JSON
package import Kubernetes

/// The exemptions that may cover a subject, and what is wrong with them.
///
/// One object for all findings of a subject, which note what they made use of.
package final class Exemptions {
    private var found: [Exemption] = []
    private var complaints = Notices()
    private var used: [Exemption] = []
    /// What the object as it was is annotated with, once it has been read.
    private var earlier: [Exemption]?
    private let standing: [StandingExemption]
    private let context: Context
    private var catalogue: Catalogue { context.settings.catalogue }
    private let subject: Subject
    /// Whether the request sets or changes the object's own exemption.
    private(set) var areChanged = false
    private var changed: Exemption?
    /// Whether the workload of a Scale, and so its exemption, is not known.
    private(set) var areUnknown = false

    package init(of subject: Subject, in context: Context) {
        // Each setting is read where it is needed: a copy of all of them would cost more than the decision.
        self.subject = subject
        self.context = context
        standing = context.settings.exempt + context.settings.exemptInFile
        guard context.settings.exemptions != .none else { return }
        let isNamespace = subject.kind == .namespace
        if !isNamespace, let record = try? context.relatedObjects.namespace(subject.namespace) {
            // What is wrong with the Namespace's annotations is told to who changes the Namespace.
            var ignored = Notices()
            record.annotations?.exemption(.namespace, catalogue, complaints: &ignored).map { found.append($0) }
        }
        if isNamespace { addLevel(of: subject) }
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

    /// Takes in the level that a Namespace sets: that denials only warn in it is an exemption from all of them.
    private func addLevel(of subject: Subject) {
        let level = NamespaceLevel(subject.metadata, catalogue.annotations)
        let old = subject.oldObject.map { NamespaceLevel(ObjectMeta(of: $0), catalogue.annotations) } ?? .own
        if case .malformed(let text) = level {
            complaints.add("\(catalogue.annotations.level) '\(clipped(text))' has no effect: it may be warn or deny")
        }
        guard subject.review.operation != .delete, (level == .warn) != (old == .warn) else { return }
        areChanged = true
        if level == .warn { complaints.add("from now on denials only warn in this Namespace") }
    }

    /// Takes in what the object, or its template, is annotated with now and was before.
    private func add(_ metadata: ObjectMeta?, before old: ObjectMeta?) {
        // Nearly always there is nothing to read.
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
        // What is deleted takes its exemption along, and sets none.
        let isChanged = subject.review.operation != .delete && annotations != old
        areChanged = areChanged || isChanged
        guard let annotations else { return }
        let exemption = annotations.exemption(
            subject.kind == .namespace ? .namespace : .workload, catalogue, complaints: &complaints)
        if isChanged { changed = exemption ?? changed }
        exemption.map { found.append($0) }
    }

    /// What stands in the environment about a rule and the subject: all of it, since one entry may have ended and not another.
    private func standing(for rule: Rule) -> [Exemption] {
        standing.isEmpty ? [] : standing.filter { $0.covers(rule, subject) }.map(\.exemption)
    }

    private func addWorkload(of subject: Subject, in context: Context) {
        do throws(CannotJudge) {
            let workload = try context.relatedObjects.workload(
                subject.scaledKind, subject.name ?? "", in: subject.namespace)
            for annotations in [workload?.annotations, workload?.templateAnnotations] {
                annotations?.exemption(.workload, catalogue, complaints: &complaints).map { found.append($0) }
            }
        } catch {
            areUnknown = true
        }
    }

    /// The exemption in force that frees the subject from a rule.
    package func exemption(from rule: Rule, at now: Timestamp) -> Exemption? {
        let candidates = standing(for: rule) + found
        guard let exemption = candidates.first(where: { $0.covers(rule) && $0.holds(at: now) }) else { return nil }
        if !used.contains(exemption) { used.append(exemption) }
        return exemption
    }

    /// Each exemption of the object, its Namespace and the settings that concerns the object, for an audit.
    ///
    /// - Parameter onlyWarns: True if the Namespace made a denial a warning.
    /// - Returns: The exemptions, those of settings only where they are used.
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

    /// True if an entry in the environment, the Namespace or the object names the rule, be it in force or ended.
    func cover(_ rule: Rule) -> Bool { !standing(for: rule).isEmpty || found.contains { $0.covers(rule) } }

    /// Whether a rule did not count for the object as it was: under an exemption that has been taken off, or has ended.
    func coveredBefore(_ rule: Rule, _ before: Subject) -> Bool {
        if cover(rule) { return true }
        let earlier = earlier ?? annotated(before)
        self.earlier = earlier
        return earlier.contains { $0.covers(rule) }
    }

    /// The exemptions that the object as it was is annotated with.
    private func annotated(_ before: Subject) -> [Exemption] {
        var ignored = Notices()
        let template = subject.kind == .pod ? nil : before.object.templateMetadata(subject.kind)
        return [before.metadata, template].compactMap { metadata in
            metadata.flatMap { ExemptionAnnotations($0, catalogue.annotations) }?.exemption(
                .workload, catalogue, complaints: &ignored)
        }
    }

    /// What to tell whoever sent the request.
    func notices(at now: Timestamp) -> [String] {
        var notices = Notices()
        // First of all, since it is also a record.
        if let changed {
            let end = changed.until.map { " until \($0)" } ?? ""
            notices.add("exemption from \(changed.ruleNames)\(end) noted: \(clipped(changed.reason))")
        }
        // What is deleted needs no advice.
        if subject.review.operation != .delete { notices.add(complaints) }
        for exemption in used where exemption.endsSoon(at: now) {
            notices.add(
                "the exemption from \(exemption.ruleNames) ends \(exemption.until.map { "\($0)" } ?? "soon")")
        }
        // Whoever is in a Namespace cannot help what it says; whoever writes to the Namespace can.
        let isNamespace = subject.kind == .namespace
        for exemption in found
        where (exemption.origin == .workload || isNamespace) && !exemption.holds(at: now) {
            notices.add("the exemption from \(exemption.ruleNames) has ended")
        }
        return notices.sentences
    }
}

extension Exemption {
    /// The rules, for people.
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
    /// Whether it exempts itself from a rule by annotations of its own.
    package func isExempt(from rule: Rule, _ context: Context) -> Bool {
        guard context.settings.exemptions == .all else { return false }
        var ignored = Notices()
        return [annotations, templateAnnotations].compactMap(\.self).contains { annotations in
            let exemption = annotations.exemption(.workload, context.settings.catalogue, complaints: &ignored)
            return exemption.map { $0.covers(rule) && $0.holds(at: context.now) } ?? false
        }
    }
}
