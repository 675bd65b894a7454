import Kubernetes

/// Where a request comes from, and what that changes (rules about controllers, operators and the control plane).
struct Origin {
    /// Why the request is passed over; nil when it is to be judged.
    private(set) var passedOver: String?
    /// Whether an operator made the object for something that no rule judges.
    private(set) var isOperatorMade = false
    /// A controller that made the object for a judged owner and is not trusted.
    private(set) var untrustedController: String?
    /// Why denials to this user become warnings.
    let leniency: Judgement.Leniency?

    init(of subject: Subject, in context: Context) {
        let user = subject.review.user
        // Each setting is read where it is needed: a copy of all of them would cost more than the decision.
        if user.isControlPlane || user.isIn("system:nodes") {
            passedOver = "the control plane is not judged"
            leniency = nil
            return
        }
        if user.name.hasPrefix("eks:") || user.matches(context.settings.trustedUsers) {
            leniency = .trustedUser
        } else if case let breakGlass = context.settings.breakGlass, !breakGlass.isEmpty,
            user.matches(breakGlass) || user.isInAny(breakGlass)
        {
            leniency = .breakGlass
        } else {
            leniency = nil
        }
        guard subject.kind.isMadeByControllers, subject.review.operation != .delete,
            let owner = subject.metadata.controller
        else { return }
        if context.source == .cluster {
            believe(owner, ofAudited: subject)
        } else {
            believe(owner, of: subject, Requester(of: subject.review, context))
        }
    }

    /// Decides by who sends the request.
    private mutating func believe(_ owner: Owner, of subject: Subject, _ requester: Requester) {
        guard owner.kind.makesPods else {
            isOperatorMade = owner.isCustom && subject.isByOperator(requester)
            return
        }
        switch requester {
        case .workloadController, .trustedController: passOver(for: owner)
        case .serviceAccount: untrustedController = subject.review.user.name
        case .deployer: break
        }
    }

    /// Decides without knowing who sent the object: the garbage collector deletes what has an owner that does not exist.
    private mutating func believe(_ owner: Owner, ofAudited subject: Subject) {
        guard !subject.isWrittenByDeployer else { return }
        if owner.kind.makesPods { passOver(for: owner) } else { isOperatorMade = owner.isCustom }
    }

    private mutating func passOver(for owner: Owner) {
        passedOver = "its owner, \(owner.kindName) \(owner.name), is judged instead"
    }
}

extension User {
    fileprivate var isControlPlane: Bool {
        isNamed("system:apiserver") || isNamed("system:kube-controller-manager") || isNamed("system:kube-scheduler")
    }

    fileprivate func isInAny(_ groups: [String]) -> Bool { groups.contains { isIn(group: $0) } }
}

extension Owner {
    /// Whether its kind is one that Kubernetes does not serve itself, so that some operator acts on it.
    fileprivate var isCustom: Bool { !APIGroup.isBuiltIn(group) }
}

extension ResourceKind {
    /// Whether controllers make such objects for an owner.
    fileprivate var isMadeByControllers: Bool { self == .pod || self == .replicaSet || self == .job }

    /// Whether objects of this kind are judged themselves and have pods made for them.
    fileprivate var makesPods: Bool { ResourceKinds.withPodSpec.contains(self) && self != .pod && self != .podTemplate }
}
