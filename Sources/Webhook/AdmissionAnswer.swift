public import Evaluation
public import Kubernetes

/// The two endpoints for reviews.
public enum Endpoint: Sendable, CaseIterable {
    /// The decision to allow or deny.
    case validate
    /// The changes to the request.
    case mutate

    /// Creates the endpoint with a path; nil if there is none.
    public init?(path: String) {
        switch path {
        case "/validate": self = .validate
        case "/mutate": self = .mutate
        default: return nil
        }
    }
}

/// The answer to a review: the bytes to send, and all that the log, the metrics and recordings show.
public struct AdmissionAnswer: Sendable {
    /// The outcome of a request; `error` if it cannot be evaluated.
    public enum Outcome: String, Sendable, CaseIterable {
        case allow, warn, deny, patch, error
    }

    /// The AdmissionReview to send.
    public let body: [UInt8]
    /// The endpoint that the review was sent to.
    public let endpoint: Endpoint
    /// The operation; nil if the review could not be read that far.
    public let operation: Operation?
    /// The kind; `other` if the review could not be read that far.
    public let kind: ResourceKind
    /// The outcome.
    public let outcome: Outcome
    /// True if the request is rejected: by rules, or because it cannot be evaluated.
    public let isDenied: Bool
    /// The findings, the rules that were not evaluated, the object, and the missing objects that a denial depends on.
    ///
    /// For `/mutate` the findings are the fixes; for a review that could not be read there is a notice only.
    public let decision: Decision
    /// The request as the log describes it; nil if there is nothing to log.
    public let requester: Requester?
    /// True if the review must be recorded.
    public let isRecorded: Bool

    init(
        _ response: AdmissionResponse, _ endpoint: Endpoint, _ operation: Operation?, _ kind: ResourceKind,
        _ outcome: Outcome, _ decision: Decision, _ requester: Requester?, isRecorded: Bool = false
    ) {
        body = response.encoded()
        isDenied = response.refusal != nil
        self.endpoint = endpoint
        self.operation = operation
        self.kind = kind
        self.outcome = outcome
        self.decision = decision
        self.requester = requester
        self.isRecorded = isRecorded
    }

    /// The request as the log describes it: a class, since most answers go without it.
    public final class Requester: Sendable {
        /// The review's uid.
        public let uid: String
        /// The user, without secrets.
        public let user: String
        /// The operation and, after a slash, the subresource.
        public let operation: String

        init(_ review: AdmissionReview) {
            uid = review.uid
            user = SecretMask.masked(review.user.name)
            let subresource = review.subresourceName
            operation = SecretMask.masked("\(review.operation.name)\(subresource.isEmpty ? "" : "/")\(subresource)")
        }

        /// Describes a review of which only the envelope was read.
        init(_ envelope: Envelope) {
            uid = envelope.uid
            (user, operation) = ("", "")
        }
    }
}
