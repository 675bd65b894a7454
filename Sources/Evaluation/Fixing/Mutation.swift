public import JSON
public import Kubernetes

/// The result of the mutating webhook for a request: a patch and the changes that it makes.
public struct Mutation: Sendable {
    /// The patch; empty if there is nothing to fix or the result is uncertain.
    public internal(set) var patch = Patch()
    /// The decision that has the fixes; it has only findings that are fixed, or would be fixed in enforce mode.
    public package(set) var decision = Decision()
    /// True if the fixes are reported but not applied.
    public internal(set) var isDryRun = false

    /// The fixes; in dry-run mode those that would be applied.
    public var fixes: [DecidedFinding] { decision.findings }

    /// The warnings for the client, one line per fix.
    public var warnings: [String] {
        let verb = isDryRun ? "would fix" : "fixed"
        return Decision.limited(
            fixes.map { fix in
                let (start, end) = ("playbook \(verb): ", " [\(fix.rule.id)]")
                let room = Decision.maximumWarning - 3 - start.utf8.count - end.utf8.count
                return start + fix.change.line(within: room) + end
            })
    }

    /// The annotations of the API server's audit log.
    public var auditAnnotations: [(key: String, value: String)] {
        guard !fixes.isEmpty else { return [] }
        var ids: [String] = []
        for fix in fixes where !ids.contains(fix.rule.id) { ids.append(fix.rule.id) }
        return [(isDryRun ? "would-fix" : "fixed", ids.joined(separator: ","))]
    }
}

extension Evaluator {
    /// Creates the patch with all safe fixes for a request; it never denies a request.
    ///
    /// The patch is applied to the object, and the result is evaluated again: if a fixed finding remains or a new one appears,
    /// no patch is created. A patch that fails to apply would fail the user's request.
    ///
    /// - Parameters:
    ///   - review: The request.
    ///   - context: The context of the evaluation.
    ///   - isWanted: Returns true for the fixes to apply.
    /// - Returns: The patch and its fixes.
    public func mutation(
        of review: AdmissionReview, in context: Context, where isWanted: (DecidedFinding) -> Bool = { _ in true }
    ) -> Mutation {
        var mutation = Mutation()
        guard let object = review.object, review.mayBePatched, object.canBeCopied else { return mutation }
        let subject = Subject(review, object, in: context)
        // A controller can replace all pods when the pod template of its custom resource changes.
        guard !subject.isSplit || review.operation == .create else { return mutation }
        func wanted(_ decision: Decision) -> [DecidedFinding] {
            decision.findings.filter { decided in
                decided.finding.isFixable && decided.effect != .exempt
                    && context.settings.fixes.includes(decided.rule)
                    // Additive fixes set what pods have anyway. A controller can read other fields for its own purposes.
                    && (!subject.isSplit || decided.rule.fix?.isAdditive == true)
                    && subject.isChangedHere(decided.finding) && isWanted(decided)
            }
        }
        var fixes = wanted(decision(on: review, in: context, for: .patch))
        guard !fixes.isEmpty else { return mutation }
        let literal = Literal(object)
        // A fix can make another one possible: after a CPU request is set, the limit can be removed.
        for _ in 0..<Evaluator.mostRounds {
            let patch = Patch(fixes.flatMap(\.finding.edits), on: literal)
            guard !patch.operations.isEmpty, let patched = try? patch.applied(to: literal),
                let after = decision(on: review, of: patched, after: fixes, of: subject, in: context)
            else { break }
            (mutation.patch, mutation.decision.findings) = (patch, fixes)
            let more = wanted(after)
            guard !more.isEmpty else { break }
            fixes += more
        }
        guard !mutation.fixes.isEmpty else { return mutation }
        mutation.decision.object = EvaluatedObject(of: review, context.settings, title: subject.title)
        for index in mutation.fixes.indices {
            mutation.decision.findings[index].change = SuggestedChange(mutation.fixes[index].finding, subject)
        }
        SecretMask.mask(&mutation.decision, of: subject)
        mutation.isDryRun = context.settings.mode == .dryRun
        if mutation.isDryRun { mutation.patch = Patch() }
        return mutation
    }

    /// The maximum memory of a mutation, in bytes, in addition to its review and the review's document: copies of the largest
    /// object that is patched, and their documents.
    public static let mutationMemory = 32 << 20

    /// The maximum number of rounds in which fixes make other fixes possible.
    private static let mostRounds = 4

    /// Evaluates a request with the patched object; nil if the object cannot be read, still has one of the fixed findings, or
    /// has a new one.
    private func decision(
        on review: AdmissionReview, of patched: Literal, after fixes: [DecidedFinding], of subject: Subject,
        in context: Context
    ) -> Decision? {
        guard let document = try? Document(parsing: Array(patched.json.utf8)) else { return nil }
        return withExtendedLifetime(document) {
            let review = review.replacingObject(with: document.root)
            let after = decision(on: review, in: context, for: .patch)
            let fixed = Set(fixes.map(\.key))
            guard after.findings.allSatisfy({ !fixed.contains($0.key) }),
                hasOnlyFindings(of: subject, Subject(review, document.root, in: context), in: context)
            else { return nil }
            return after
        }
    }
}

extension Value {
    /// True if copies of the value need little memory, as for all objects that etcd stores and people write.
    fileprivate var canBeCopied: Bool { byteCount <= 2 << 20 && nodeCount <= 100_000 }
}

extension DecidedFinding {
    /// The identity of a finding within one object, in this process.
    public var key: String { "\(rule.id) \(path) \(finding.chosen ?? "")" }
}

extension AdmissionReview {
    /// True if the request can be patched: the templates of existing Pods and Jobs are immutable.
    fileprivate var mayBePatched: Bool {
        // A revision is compared with its workload by a hash.
        guard subresource == .none, kind != .controllerRevision else { return false }
        switch operation {
        case .create: return true
        case .update:
            guard kind != .pod, kind != .job, let object else { return false }
            return ObjectMeta(of: object).controller == nil
        case .delete, .connect: return false
        }
    }
}

extension Subject {
    /// True if the request wrote the field of a finding: always on CREATE, and on UPDATE if it differs from the old object, so
    /// that an unrelated change does not roll out all pods.
    fileprivate func isChangedHere(_ finding: Finding) -> Bool {
        guard let before else { return true }
        var old = before.object
        var new = object
        for token in finding.place.tokens {
            let next = children[token, of: new]
            if new.kind == .array {
                // List elements are the same if they have the same name; an element that did not exist was written by this
                // request.
                guard let next, let name = next.identity?.value.text else { return true }
                guard let same = children.element(named: name, of: old, { $0.identity?.value.text }) else {
                    return true
                }
                (old, new) = (same, next)
                continue
            }
            switch (children[token, of: old], next) {
            case (nil, nil): return false
            case (let theirs?, let mine?): (old, new) = (theirs, mine)
            default: return true
            }
        }
        return !new.isSame(as: old)
    }
}
