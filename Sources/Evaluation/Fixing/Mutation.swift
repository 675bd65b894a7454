public import JSON
public import Kubernetes

/// What the mutating endpoint does to a request: a patch, and a word on each thing it changes.
public struct Mutation: Sendable {
    /// The steps; none when there is nothing to fix, or a doubt.
    public internal(set) var patch = Patch()
    /// The decision that the fixes are taken from: no findings but those that are fixed, or in dry-run mode would be.
    public package(set) var verdict = Verdict()
    /// Whether the fixes are only told, not made.
    public internal(set) var isDryRun = false

    /// The fixes, or in dry-run mode those that would be made.
    public var fixes: [Judgement] { verdict.judgements }

    /// What the client is told, a line a fix.
    public var warnings: [String] {
        let verb = isDryRun ? "would fix" : "fixed"
        return Verdict.limited(
            fixes.map { fix in
                let (start, end) = ("playbook \(verb): ", " [\(fix.rule.id)]")
                let room = Verdict.maximumWarning - 3 - start.utf8.count - end.utf8.count
                return start + fix.remedy.line(within: room) + end
            })
    }

    /// What goes into the API server's audit log.
    public var auditAnnotations: [(key: String, value: String)] {
        guard !fixes.isEmpty else { return [] }
        var ids: [String] = []
        for fix in fixes where !ids.contains(fix.rule.id) { ids.append(fix.rule.id) }
        return [(isDryRun ? "would-fix" : "fixed", ids.joined(separator: ","))]
    }
}

extension Judge {
    /// Makes the patch of all fixes that are safe for a request; it never refuses anything.
    ///
    /// The patch is carried out on the object and the result judged again: where a fixed finding is still there, or anything new is
    /// found, no patch is made. One that fails to apply would fail the user's request.
    ///
    /// - Parameters:
    ///   - review: The request.
    ///   - context: What it is judged with.
    ///   - isWanted: Which of the fixes that could be made are to be made.
    /// - Returns: The patch, and what it fixes.
    public func mutation(
        of review: AdmissionReview, in context: Context, where isWanted: (Judgement) -> Bool = { _ in true }
    ) -> Mutation {
        var mutation = Mutation()
        guard let object = review.object, review.mayBePatched, object.canBeCopied else { return mutation }
        let subject = Subject(review, object, in: context)
        // What controllers make of a change to their custom resources nobody knows.
        if subject.isSplit { return mutation }
        func wanted(_ verdict: Verdict) -> [Judgement] {
            verdict.judgements.filter { judgement in
                judgement.finding.isFixable && judgement.effect != .exempt
                    && context.settings.fixes.includes(judgement.rule)
                    && subject.isChangedHere(judgement.finding) && isWanted(judgement)
            }
        }
        var fixes = wanted(verdict(on: review, in: context, for: .patch))
        guard !fixes.isEmpty else { return mutation }
        let literal = Literal(object)
        // A fix can make way for another one: with a CPU request set, the limit can go.
        for _ in 0..<Judge.mostRounds {
            let patch = Patch(fixes.flatMap(\.finding.edits), on: literal)
            guard !patch.operations.isEmpty, let patched = try? patch.applied(to: literal),
                let after = verdict(on: review, of: patched, after: fixes, of: subject, in: context)
            else { break }
            (mutation.patch, mutation.verdict.judgements) = (patch, fixes)
            let more = wanted(after)
            guard !more.isEmpty else { break }
            fixes += more
        }
        guard !mutation.fixes.isEmpty else { return mutation }
        mutation.verdict.object = EvaluatedObject(of: review, context.settings, title: subject.title)
        for index in mutation.fixes.indices {
            mutation.verdict.judgements[index].remedy = RemedyText(mutation.fixes[index].finding, subject)
        }
        SecretMask.mask(&mutation.verdict, of: subject)
        mutation.isDryRun = context.settings.mode == .dryRun
        if mutation.isDryRun { mutation.patch = Patch() }
        return mutation
    }

    /// The most memory, in bytes, that a mutation takes beside its review and the review's document: copies of the largest object
    /// that is patched, and what is made of them.
    public static let mutationMemory = 32 << 20

    /// More often than this no fix makes way for another one.
    private static let mostRounds = 4

    /// Judges a request again, with what is patched in the place of its object; nil where that cannot be read, has one of the fixed
    /// findings still, or one that was not there before.
    private func verdict(
        on review: AdmissionReview, of patched: Literal, after fixes: [Judgement], of subject: Subject,
        in context: Context
    ) -> Verdict? {
        guard let document = try? Document(parsing: Array(patched.json.utf8)) else { return nil }
        return withExtendedLifetime(document) {
            let review = review.replacingObject(with: document.root)
            let after = verdict(on: review, in: context, for: .patch)
            let fixed = Set(fixes.map(\.key))
            guard after.judgements.allSatisfy({ !fixed.contains($0.key) }),
                hasOnlyFindings(of: subject, Subject(review, document.root, in: context), in: context)
            else { return nil }
            return after
        }
    }
}

extension Value {
    /// Whether it is so small that copies of it take little memory, as is every object that etcd holds and people write.
    fileprivate var canBeCopied: Bool { byteCount <= 2 << 20 && nodeCount <= 100_000 }
}

extension Judgement {
    /// What tells findings of one object apart, in this process.
    public var key: String { "\(rule.id) \(path) \(finding.chosen ?? "")" }
}

extension AdmissionReview {
    /// Whether a patch may be made at all: templates of Pods and Jobs cannot be changed once they are there.
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
    /// Whether this request wrote what a finding is about: all of it on CREATE; on UPDATE what differs from before, so that an
    /// unrelated change does not roll all pods.
    fileprivate func isChangedHere(_ finding: Finding) -> Bool {
        guard let before else { return true }
        var old = before.object
        var new = object
        for token in finding.place.tokens {
            let next = children[token, of: new]
            if new.kind == .array {
                // A list's element is the same one if it has the same name; one that was not there is this request's.
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
