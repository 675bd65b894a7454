/// What comes of a request: every finding with what became of it.
public struct Verdict: Sendable {
    /// The findings in catalogue order, then by path.
    public internal(set) var judgements: [Judgement] = []
    /// The findings that are counted and not described.
    public internal(set) var further: [FurtherFindings] = []
    /// The rules that had no answer, and why.
    public internal(set) var notEvaluated: [NotEvaluated] = []
    /// The rules that ended at a field of the wrong type, for each of which a finding of ``Rule/schema`` stands.
    var unreadable: [NotEvaluated] = []
    /// What else there is to say to whoever sent the request, about exemptions.
    public internal(set) var notices: [String] = []
    /// Why the request was passed over without a look; nil when it was judged.
    public internal(set) var passedOver: String?
    /// Whether the request sets or changes an exemption.
    public internal(set) var changesExemption = false
    /// A service account that is not known as an operator's and whose object with an owner would be denied in enforce mode.
    public internal(set) var untrustedController: String?
    /// The operator's service account whose object has findings that only warn for it.
    public internal(set) var operatorAccount: String?
    /// The object that was evaluated, once it is named; see ``subject``.
    var object: EvaluatedObject?
    /// The last line of a denial: the way on for a change that cannot wait.
    var wayOn = ""
    /// The template that the request goes back to, or that the API server was asked for in vain.
    var pastTemplate: LookupAnswer?
    /// Where rules are explained; empty for nowhere.
    public internal(set) var documentation = ""
    /// The questions that the API server is to be asked before the decision stands.
    public internal(set) var lookups: [Lookup] = []
    /// The exemptions that concern the object; only in an audit.
    public internal(set) var exemptionUses: [ExemptionUse] = []

    /// Creates a decision without findings.
    package init(notices: [String] = []) { self.notices = notices }

    /// Whether the request is refused.
    public var isDenied: Bool { judgements.contains { $0.effect == .deny } }

    /// Whether there is nothing to say to whoever sent the request.
    public var isSilent: Bool { judgements.isEmpty && notices.isEmpty }
}

/// Findings of a rule that are counted and not described, since there are many.
public struct FurtherFindings: Sendable {
    /// The rule.
    public let rule: Rule
    /// What each of them does to the request.
    public let effect: Judgement.Effect
    /// Why they only warn although the rule denies.
    public let leniency: Judgement.Leniency?
    /// How many there are.
    public let count: Int

    init(_ judgement: Judgement, count: Int) {
        rule = judgement.rule
        effect = judgement.effect
        leniency = judgement.leniency
        self.count = count
    }
}

/// A rule that was not evaluated to its end.
public struct NotEvaluated: Sendable {
    /// What a rule lacks.
    enum Cause {
        /// Related objects, as in "PodDisruptionBudgets", are not known.
        case unknown(String)
        /// The field at a path is not of the type that the API gives it.
        case type(path: String)
    }

    /// The rule.
    public let rule: Rule
    var cause: Cause

    /// The field of the wrong type, if that is why.
    var path: String? { if case .type(let path) = cause { path } else { nil } }

    /// The reason without what is particular to one object.
    public var generalReason: String {
        switch cause {
        case .unknown: "other objects are not known"
        case .type: "a field is not of the type that the API gives it"
        }
    }

    /// The reason, as in "PodDisruptionBudgets are not known".
    public var reason: String {
        switch cause {
        case .unknown(let kinds): "\(kinds) are not known"
        case .type(let path):
            "\(path.isEmpty ? "the object" : path) is not of the type that the API gives it"
        }
    }
}

/// A finding, and what became of it.
public struct Judgement: Sendable {
    /// What a finding does to the request.
    public enum Effect: String, Sendable {
        /// It refuses it.
        case deny
        /// It lets it pass with a warning.
        case warn
        /// It is exempted, and only reported.
        case exempt

        /// How grave it is.
        var severity: Int {
            switch self {
            case .deny: 2
            case .warn: 1
            case .exempt: 0
            }
        }
    }

    /// Why a finding of a rule that denies only warns.
    public enum Leniency: String, Sendable {
        /// The object had it before.
        case existing
        /// The server runs in dry-run mode.
        case dryRun = "dry-run"
        /// The user is trusted.
        case trustedUser = "trusted-user"
        /// The user holds the key for emergencies.
        case breakGlass = "break-glass"
        /// An operator made the object.
        case operatorMade = "operator"
        /// The client asks what would happen, perhaps before the companion exists.
        case serverDryRun = "server-dry-run"
        /// The companion may still be created.
        case grace
        /// The workload, which may be exempt, is not known.
        case unknownExemption = "unknown-exemption"
        /// Nothing that is deleted is held.
        case deletion
        /// The finding is but a hint.
        case hint
        /// What is absent could not be looked for in time.
        case unchecked
        /// The Namespace is one where denials only warn.
        case namespace
        /// Enforce mode would fill the field in at admission.
        case filledIn = "filled-in"
        /// The namespace holds software that others publish.
        case platform = "platform-namespace"
        /// A DaemonSet in a namespace for agents of the nodes.
        case agent = "agent-namespace"
        /// A service account made a Pod that ends by itself, or resizes a Pod.
        case finitePod = "service-account"
        /// A hook of Helm or Argo CD, which is made anew at each release.
        case hook
    }

    /// The rule.
    public let rule: Rule
    /// The finding.
    public let finding: Finding
    /// Where, for people: `containers[app].livenessProbe`.
    public let path: String
    /// Where, as the API names fields: `spec.template.spec.containers[0].livenessProbe`; empty unless it denies and is shown.
    public internal(set) var field = ""
    /// What to write instead, as text.
    public internal(set) var remedy: RemedyText
    /// The level of the rule here.
    public let level: Level
    /// What it does to the request.
    public let effect: Effect
    /// Why it only warns although the rule denies.
    public internal(set) var leniency: Leniency?
    /// What it is exempted by.
    public let exemption: Exemption?
    /// What it does to the request, with existing violations and hints told apart from other warnings: `deny`, `warn`, `existing`,
    /// `hint` or `exempt`.
    public var effectiveWord: String {
        switch (effect, leniency) {
        case (.warn, .existing): "existing"
        case (.warn, .hint): "hint"
        default: effect.rawValue
        }
    }
    /// More about an existing violation: `in revision 3`, `denied from 2027-01-31`; empty for nothing.
    var past = ""
    /// What is said after the message: why the object's past is unknown, or that admission fills the field in; empty for nothing.
    public internal(set) var remark = ""
}
