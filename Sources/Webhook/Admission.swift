public import Evaluation
import JSON
public import Kubernetes

/// What is asked of a review.
public enum Endpoint: Sendable, CaseIterable {
    /// Whether the request may pass.
    case validate
    /// What to change in it.
    case mutate
}

/// What came of a review, for metrics and the log.
public struct AdmissionEvent: Sendable {
    /// What comes of a request.
    public enum Decision: String, Sendable, CaseIterable {
        case allow, warn, deny, patch, error
    }

    /// What was asked.
    public var endpoint: Endpoint
    /// The operation; nil where the review could not be read that far.
    public var operation: Operation?
    /// The kind; other where the review could not be read that far.
    public var kind = ResourceKind.other
    /// The decision.
    public var decision: Decision
    /// Who asked for what; nil where there is nothing to log.
    public var details: Details?
    /// Every finding, where there are any.
    public var judgements: [Judgement] = []
    /// The findings that are counted and not described.
    public var further: [FurtherFindings] = []
    /// The rules that had no answer.
    public var notEvaluated: [NotEvaluated] = []
    /// Whether an exemption was set or changed.
    public var changesExemption = false

    /// Who asked for what: shared, since most events go without it and all of them are passed on.
    public final class Details: Sendable {
        /// The review's uid.
        public let uid: String
        /// The user.
        public let user: String
        /// The kind by name.
        public let kind: String
        /// The namespace.
        public let namespace: String?
        /// The name.
        public let name: String
        /// The operation and, after a slash, the subresource.
        public let operation: String
        /// What is said beside the findings.
        public let notices: [String]
        /// A controller that is not trusted, seen in dry-run mode.
        public let untrustedController: String?

        init(of review: AdmissionReview, notices: [String] = [], untrustedController: String? = nil) {
            uid = review.uid
            user = SecretMask.masked(review.user.name)
            kind = SecretMask.masked(review.kindName)
            namespace = review.namespace.map(SecretMask.masked)
            name = SecretMask.masked(review.displayName)
            let subresource = review.subresourceName
            operation = SecretMask.masked("\(review.operation.name)\(subresource.isEmpty ? "" : "/")\(subresource)")
            self.notices = notices
            self.untrustedController = untrustedController
        }

        /// The details of a review of which nothing but the envelope was read.
        init(of envelope: Envelope, notice: String) {
            uid = envelope.uid
            (user, kind, namespace, name, operation) = ("", "", nil, "", "")
            notices = [notice]
            untrustedController = nil
        }
    }
}

/// Bodies to verdicts to bodies: the whole of admission, without a socket.
///
/// The command line uses it too.
public final class Admission {
    private let judge: Judge
    /// What requests are judged with; replaced when settings, companions or the time change.
    public var context: Context
    /// Whether requests without findings have details too.
    public let describesAll: Bool
    /// The reviews whose verdicts are handed out with the answer, to be recorded; nil for none.
    public let recorded: Sample?
    private let document = Document()

    /// Creates an admission for one thread.
    public init(judge: Judge, context: Context, describesAll: Bool = false, recorded: Sample? = nil) {
        self.judge = judge
        self.context = context
        self.describesAll = describesAll
        self.recorded = recorded
    }

    /// An answer in bytes, and what came of it.
    public struct Answer: Sendable {
        /// The AdmissionReview to send.
        public let body: [UInt8]
        /// For metrics and the log.
        public let event: AdmissionEvent
        /// What a denial rests on the absence of; whoever can should look again and ask once more.
        public var absences: [Absence] = []
        /// What is to be recorded; nil when the review is not.
        public var verdict: Verdict?
    }

    /// Answers a review.
    ///
    /// - Parameters:
    ///   - body: The review as it was sent; only its beginning where it was too large.
    ///   - isTruncated: Whether it was too large.
    ///   - endpoint: What is asked.
    /// - Returns: The answer.
    /// - Throws: ``Rejection`` when it is no review that is served.
    public func answer(
        _ body: Span<UInt8>, isTruncated: Bool = false, to endpoint: Endpoint
    ) throws(Rejection) -> Answer {
        if isTruncated {
            guard let envelope = Envelope(scanning: body) else { throw .tooLarge }
            return refusal(
                envelope, endpoint, 413, "the review cannot be evaluated: it is larger than PLAYBOOK_MAX_BODY")
        }
        let result: Result<Answer, Rejection>
        do throws(ParseError) {
            result = try document.read(body, AdmissionReview.options) { root in
                do throws(ReviewError) {
                    let review = try AdmissionReview(root)
                    return .success(endpoint == .validate ? validation(of: review) : mutation(of: review))
                } catch {
                    switch error {
                    case .notAReview(let reason): return .failure(.notAReview(reason))
                    case .cannotBeEvaluated(let envelope, _):
                        return .success(refusal(envelope, endpoint, 422, "\(error)"))
                    }
                }
            }
        } catch {
            guard error.isTooDeep || error.hasTooManyValues else { throw .malformed(error) }
            let message = "the review cannot be evaluated: " + (error.isTooDeep ? Admission.tooDeep : Admission.tooMany)
            guard let envelope = Envelope(scanning: body) else { throw .beyondBounds(message) }
            return refusal(envelope, endpoint, 422, message)
        }
        return try result.get()
    }

    /// The memory that it takes to answer a review, in bytes for each byte of its body, at most.
    ///
    /// A node of 16 bytes for every second byte, in memory that is doubled while it fills; for a patch, copies of all that.
    public static let memoryPerByte = 96
    /// The memory that it takes to answer any review, at most: as many nodes as a review may have, and a patch.
    public static let largestMemory = 16 * AdmissionReview.options.maximumNodes + Judge.mutationMemory

    private static let tooDeep = "it nests too deep"
    private static let tooMany = "it has more than \(AdmissionReview.options.maximumNodes) keys and values"

    private func validation(of review: AdmissionReview) -> Answer {
        let verdict = judge.verdict(on: review, in: context)
        var response = AdmissionResponse(apiVersion: review.apiVersion, uid: review.uid)
        var event = AdmissionEvent(
            endpoint: .validate, operation: review.operation, kind: review.kind, decision: .allow)
        if !verdict.isSilent {
            if verdict.isDenied {
                response.refusal = .init(
                    code: 403, reason: "Forbidden", message: verdict.message, causes: verdict.causes)
                event.decision = .deny
            }
            response.warnings = verdict.warnings
            if event.decision == .allow, !response.warnings.isEmpty { event.decision = .warn }
            event.judgements = verdict.judgements
            event.further = verdict.further
        }
        event.changesExemption = verdict.changesExemption
        if !verdict.isSilent || !verdict.notEvaluated.isEmpty || verdict.changesExemption {
            response.auditAnnotations = verdict.auditAnnotations
            event.notEvaluated = verdict.notEvaluated
        }
        if describesAll || event.decision != .allow || verdict.changesExemption || verdict.untrustedController != nil {
            event.details = .init(
                of: review, notices: verdict.notices, untrustedController: verdict.untrustedController)
        }
        let isRecorded = recorded.map { $0.includes(uid: review.uid) } ?? false
        return Answer(
            body: response.encoded(), event: event, absences: verdict.absences, verdict: isRecorded ? verdict : nil)
    }

    private func mutation(of review: AdmissionReview) -> Answer {
        let mutation = judge.mutation(of: review, in: context)
        var response = AdmissionResponse(apiVersion: review.apiVersion, uid: review.uid)
        var event = AdmissionEvent(endpoint: .mutate, operation: review.operation, kind: review.kind, decision: .allow)
        if !mutation.fixes.isEmpty {
            response.patch = mutation.patch
            response.warnings = mutation.warnings
            response.auditAnnotations = mutation.auditAnnotations
            event.decision = mutation.isDryRun ? .warn : .patch
            event.judgements = mutation.fixes
        }
        if describesAll || event.decision != .allow { event.details = .init(of: review) }
        return Answer(body: response.encoded(), event: event)
    }

    /// Answers a review that cannot be evaluated: a denial, since anything else would be a way past all rules.
    ///
    /// `/mutate` never denies: it makes no patch.
    private func refusal(_ envelope: Envelope, _ endpoint: Endpoint, _ code: Int, _ message: String) -> Answer {
        var response = AdmissionResponse(apiVersion: envelope.apiVersion, uid: envelope.uid)
        let denies = endpoint == .validate && context.settings.mode == .enforce
        if denies {
            response.refusal = .init(
                code: code, reason: code == 413 ? "RequestEntityTooLarge" : "Invalid", message: message)
        } else {
            response.warnings = ["playbook: " + message]
        }
        var event = AdmissionEvent(endpoint: endpoint, decision: denies ? .deny : .error)
        event.details = .init(of: envelope, notice: message)
        return Answer(body: response.encoded(), event: event)
    }
}
