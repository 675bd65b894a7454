/// The decision on a request: all findings with their effects.
public struct Decision: Sendable {
    /// The findings in catalogue order, then by path.
    public internal(set) var findings: [DecidedFinding] = []
    /// The findings that are counted but not described.
    public internal(set) var further: [FurtherFindings] = []
    /// The rules that were not evaluated, with the reasons.
    public internal(set) var notEvaluated: [NotEvaluated] = []
    /// The rules that stopped at a field of the wrong type; each has a finding of ``Rule/schema``.
    var unreadable: [NotEvaluated] = []
    /// Sentences about exemptions for the requester.
    public internal(set) var notices: [String] = []
    /// The reason why the request was skipped; nil if it was evaluated.
    public internal(set) var skipReason: String?
    var isSkippedForOwner = false
    /// The reason why the request was skipped, without the details of one object; nil if it was evaluated.
    public var generalSkipReason: String? {
        isSkippedForOwner ? "the owner is evaluated instead" : skipReason
    }
    /// False if no rule reads the object's kind.
    public internal(set) var isCovered = true
    /// True if the request sets or changes an exemption.
    public internal(set) var changesExemption = false
    /// A service account that is not known to be an operator and whose object with an owner would be denied in enforce mode.
    public internal(set) var untrustedController: String?
    /// The operator's service account whose object has findings that only warn because of it.
    public internal(set) var operatorAccount: String?
    /// True if a controller manages the object or its namespace is a platform namespace, so that its author is not the team; a
    /// server does not set it.
    public internal(set) var isThirdParty = false
    /// The object that was evaluated; nil until its names are read (see ``subject``).
    var object: EvaluatedObject?
    /// The last line of a denial: how to proceed if the change cannot wait.
    var denialAdvice = ""
    /// The admitted template that the request goes back to, or the failed lookup of one.
    package internal(set) var pastTemplate: LookupAnswer?
    /// The URL of the rules' documentation; empty if there is none.
    public internal(set) var documentation = ""
    /// The lookups that the API server must answer before the decision is final.
    public internal(set) var lookups: [Lookup] = []
    /// The exemptions of the object; only in an audit.
    public internal(set) var exemptionUses: [ExemptionUse] = []

    /// Creates a decision without findings.
    package init() {}

    /// Creates a decision with sentences for the requester.
    package init(notices: [String]) {
        self.init()
        self.notices = notices
    }

    /// True if the request is denied.
    public var isDenied: Bool { findings.contains { $0.effect == .deny } }

    /// True if there is nothing to report to the requester.
    public var isSilent: Bool { findings.isEmpty && notices.isEmpty }
}

/// Findings of a rule that are counted but not described because there are too many.
public struct FurtherFindings: Sendable {
    /// The rule.
    public let rule: Rule
    /// The effect of each finding.
    public let effect: DecidedFinding.Effect
    /// The reason why they only warn although the rule denies.
    public let leniency: DecidedFinding.Leniency?
    /// The number of findings.
    public let count: Int

    init(_ decided: DecidedFinding, count: Int) {
        rule = decided.rule
        effect = decided.effect
        leniency = decided.leniency
        self.count = count
    }
}

/// A rule that was not evaluated completely.
public struct NotEvaluated: Sendable {
    /// The reason why a rule was not evaluated.
    enum Cause {
        /// Related objects, as in "PodDisruptionBudgets", could not be read.
        case unknown(String)
        /// The field at a path has the wrong type.
        case type(path: String)
    }

    /// The rule.
    public let rule: Rule
    var cause: Cause

    /// The path of the field with the wrong type; nil for other reasons.
    var path: String? { if case .type(let path) = cause { path } else { nil } }

    /// The reason without the details of one object.
    public var generalReason: String {
        switch cause {
        case .unknown: "related objects are not known"
        case .type: "a field has the wrong type"
        }
    }

    /// The reason, as in "PodDisruptionBudgets could not be read".
    public var reason: String {
        switch cause {
        case .unknown(let kinds): "\(kinds) could not be read"
        case .type(let path):
            "\(path.isEmpty ? "the object" : path) has the wrong type"
        }
    }
}

/// A finding and its effect.
public struct DecidedFinding: Sendable {
    /// The effect of a finding on the request.
    public enum Effect: String, Sendable {
        /// The request is denied.
        case deny
        /// The request is allowed with a warning.
        case warn
        /// The finding is exempt and only reported.
        case exempt

        /// The severity of the effect; higher is more severe.
        var severity: Int {
            switch self {
            case .deny: 2
            case .warn: 1
            case .exempt: 0
            }
        }
    }

    /// The reason why a finding of a rule that denies only warns.
    public enum Leniency: String, Sendable {
        /// The violation existed before the request.
        case existing
        /// The server runs in dry-run mode.
        case dryRun = "dry-run"
        /// The user is trusted.
        case trustedUser = "trusted-user"
        /// The user is a break-glass user.
        case breakGlass = "break-glass"
        /// The object is operator-made.
        case operatorMade = "operator"
        /// The request is a server-side dry run, possibly before the related object exists.
        case serverDryRun = "server-dry-run"
        /// The related object is in its grace period.
        case grace
        /// The workload, which might be exempt, could not be read.
        case unknownExemption = "unknown-exemption"
        /// The request deletes the object.
        case deletion
        /// The finding is a hint.
        case hint
        /// The absence of an object could not be checked in time.
        case unchecked
        /// The Namespace has level warn.
        case namespace
        /// Enforce mode would set the field at admission.
        case filledIn = "filled-in"
        /// The namespace is a platform namespace.
        case platform = "platform-namespace"
        /// The object is a DaemonSet in a namespace of node agents.
        case agent = "agent-namespace"
        /// A service account creates a Pod that terminates by itself, or resizes a Pod.
        case finitePod = "service-account"
        /// The object is a hook of Helm or Argo CD, which is created again for each release.
        case hook
    }

    /// The rule.
    public let rule: Rule
    /// The finding.
    public let finding: Finding
    /// The readable path: `containers[app].livenessProbe`.
    public let path: String
    /// The path as the API names fields: `spec.template.spec.containers[0].livenessProbe`; empty unless the finding denies and
    /// is shown.
    public internal(set) var field = ""
    /// The suggested change as text.
    public internal(set) var change: SuggestedChange
    /// The level of the rule for this request.
    public let level: Level
    /// The effect on the request.
    public let effect: Effect
    /// The reason why it only warns although the rule denies.
    public internal(set) var leniency: Leniency?
    /// The exemption that applies; nil if there is none.
    public let exemption: Exemption?
    /// The effect in a word, with existing violations and hints separate from other warnings: `deny`, `warn`, `existing`,
    /// `hint` or `exempt`.
    public var effectiveWord: String {
        switch (effect, leniency) {
        case (.warn, .existing): "existing"
        case (.warn, .hint): "hint"
        default: effect.rawValue
        }
    }
    /// Details of the reason: ` in revision 3`, `, denied from 2027-01-31`, `: change Kafka shop`; empty if there are none.
    var past = ""
    /// A remark after the message: why the past state is unknown, or that admission sets the field; empty if there is none.
    public internal(set) var remark = ""
}
