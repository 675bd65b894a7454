public import Evaluation
import JSON
import Kubernetes

/// Reads admission reviews, evaluates them, and encodes the responses, without network access.
///
/// The server and the command line use it.
public final class Admission {
    private let evaluator: Evaluator
    /// True if answers without findings have a requester for the log too.
    public let describesAll: Bool
    /// The sample of reviews to record; nil for none.
    public let recorded: Sample?
    private let document = Document()

    /// Creates an admission for one thread.
    public init(evaluator: Evaluator, describesAll: Bool = false, recorded: Sample? = nil) {
        self.evaluator = evaluator
        self.describesAll = describesAll
        self.recorded = recorded
    }

    /// Answers a review.
    ///
    /// - Parameters:
    ///   - body: The review as it was sent; its beginning only if it was too large.
    ///   - isTruncated: True if it was too large.
    ///   - endpoint: The endpoint that it was sent to.
    ///   - context: The settings, related objects and time to evaluate it with.
    /// - Returns: The answer.
    /// - Throws: ``Rejection`` if the body is not a supported review.
    public func answer(
        _ body: Span<UInt8>, isTruncated: Bool = false, to endpoint: Endpoint, in context: Context
    ) throws(Rejection) -> AdmissionAnswer {
        if isTruncated {
            guard let envelope = Envelope(scanning: body) else { throw .tooLarge }
            return refusal(
                envelope, endpoint, context, 413, "the review cannot be evaluated: it is larger than PLAYBOOK_MAX_BODY")
        }
        let result: Result<AdmissionAnswer, Rejection>
        do throws(ParseError) {
            result = try document.read(body, AdmissionReview.options) { root in
                do throws(ReviewError) {
                    let review = try AdmissionReview(root)
                    return .success(
                        endpoint == .validate ? validation(of: review, context) : mutation(of: review, context))
                } catch {
                    switch error {
                    case .notAReview(let reason): return .failure(.notAReview(reason))
                    case .cannotBeEvaluated(let envelope, _):
                        return .success(refusal(envelope, endpoint, context, 422, "\(error)"))
                    }
                }
            }
        } catch {
            guard error.isTooDeep || error.hasTooManyValues else { throw .malformed(error) }
            let message = "the review cannot be evaluated: " + (error.isTooDeep ? Admission.tooDeep : Admission.tooMany)
            guard let envelope = Envelope(scanning: body) else { throw .beyondBounds(message) }
            return refusal(envelope, endpoint, context, 422, message)
        }
        return try result.get()
    }

    /// The largest amount of memory to answer a review, in bytes per byte of its body.
    ///
    /// One node of 16 bytes for every two bytes, in memory that grows by doubling; for a patch, copies of them.
    public static let memoryPerByte = 96
    /// The largest amount of memory to answer any review: the largest number of nodes, and a patch.
    public static let largestMemory = 16 * AdmissionReview.options.maximumNodes + Evaluator.mutationMemory

    private static let tooDeep = "it is nested too deeply"
    private static let tooMany = "it has more than \(AdmissionReview.options.maximumNodes) keys and values"

    private func validation(of review: AdmissionReview, _ context: Context) -> AdmissionAnswer {
        var decision = evaluator.decision(on: review, in: context)
        var response = AdmissionResponse(apiVersion: review.apiVersion, uid: review.uid)
        var outcome = AdmissionAnswer.Outcome.allow
        if !decision.isSilent {
            if decision.isDenied {
                response.refusal = .init(
                    code: 403, reason: "Forbidden", message: decision.message, causes: decision.causes)
                outcome = .deny
            }
            response.warnings = decision.warnings
            if outcome == .allow, !response.warnings.isEmpty { outcome = .warn }
        }
        if !decision.isSilent || !decision.notEvaluated.isEmpty || decision.changesExemption {
            response.auditAnnotations = decision.auditAnnotations
        }
        let isLogged =
            describesAll || outcome != .allow || decision.changesExemption || decision.untrustedController != nil
        if isLogged { decision.identify(review, context.settings) }
        return AdmissionAnswer(
            response, .validate, review.operation, review.kind, outcome, decision, isLogged ? .init(review) : nil,
            isRecorded: recorded.map { $0.includes(uid: review.uid) } ?? false)
    }

    private func mutation(of review: AdmissionReview, _ context: Context) -> AdmissionAnswer {
        var mutation = evaluator.mutation(of: review, in: context)
        var response = AdmissionResponse(apiVersion: review.apiVersion, uid: review.uid)
        var outcome = AdmissionAnswer.Outcome.allow
        if !mutation.fixes.isEmpty {
            response.patch = mutation.patch
            response.warnings = mutation.warnings
            response.auditAnnotations = mutation.auditAnnotations
            outcome = mutation.isDryRun ? .warn : .patch
        }
        let isLogged = describesAll || outcome != .allow
        if isLogged { mutation.decision.identify(review, context.settings) }
        return AdmissionAnswer(
            response, .mutate, review.operation, review.kind, outcome, mutation.decision,
            isLogged ? .init(review) : nil)
    }

    /// Answers a review that cannot be evaluated: denies it, since allowing it would bypass all rules.
    ///
    /// `/mutate` never denies; it returns no patch.
    private func refusal(
        _ envelope: Envelope, _ endpoint: Endpoint, _ context: Context, _ code: Int, _ message: String
    ) -> AdmissionAnswer {
        var response = AdmissionResponse(apiVersion: envelope.apiVersion, uid: envelope.uid)
        if endpoint == .validate, context.settings.mode == .enforce {
            response.refusal = .init(
                code: code, reason: code == 413 ? "RequestEntityTooLarge" : "Invalid", message: message)
        } else {
            response.warnings = ["playbook: " + message]
        }
        return AdmissionAnswer(
            response, endpoint, nil, .other, .error, Decision(notices: [message]), .init(envelope))
    }
}
