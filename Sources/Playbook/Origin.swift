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
        let settings = context.settings
        if user.isControlPlane || user.isIn("system:nodes") {
            passedOver = "the control plane is not judged"
            leniency = nil
            return
        }
        if user.name.hasPrefix("eks:") || user.matches(settings.trustedUsers) {
            leniency = .trustedUser
        } else if !settings.breakGlass.isEmpty, user.matches(settings.breakGlass) || user.isInAny(settings.breakGlass) {
            leniency = .breakGlass
        } else {
            leniency = nil
        }
        guard subject.kind.isMadeByControllers, subject.review.operation != .delete,
            let owner = subject.metadata.controller
        else { return }
        if context.source == .cluster {
            // Who made it is not known, but the garbage collector deletes what has an owner that does not exist.
            if owner.kind.makesPods {
                passedOver = "its owner, \(owner.kindName) \(owner.name), is judged instead"
            } else {
                isOperatorMade = true
            }
        } else if owner.kind.makesPods {
            if user.isController || settings.trustedControllers.contains(user.name) {
                passedOver = "its owner, \(owner.kindName) \(owner.name), is judged instead"
            } else if user.serviceAccount != nil {
                untrustedController = user.name
            }
        } else if let account = user.serviceAccount, account.namespace != subject.namespace {
            isOperatorMade = true
        }
    }

    /// Whether a rule denies even what an operator made.
    static func holdsForOperators(_ rule: Rule) -> Bool {
        ["privilege-escalation", "host-isolation", "image-registry"].contains(rule.id)
    }
}

extension User {
    fileprivate var isControlPlane: Bool {
        isNamed("system:apiserver") || isNamed("system:kube-controller-manager") || isNamed("system:kube-scheduler")
    }

    /// Whether this is one of Kubernetes' own workload controllers, by its service account.
    fileprivate var isController: Bool {
        guard let account = serviceAccount, account.namespace == "kube-system" else { return false }
        return User.controllers.contains(account.name)
    }

    private static let controllers: Set<Substring> = [
        "replicaset-controller", "replication-controller", "statefulset-controller", "daemon-set-controller",
        "job-controller", "cronjob-controller", "deployment-controller",
    ]

    fileprivate func matches(_ patterns: [String]) -> Bool { patterns.contains { Glob($0).matches(name) } }

    fileprivate func isInAny(_ groups: [String]) -> Bool { groups.contains { isIn(group: $0) } }
}

extension ResourceKind {
    /// Whether controllers make such objects for an owner.
    fileprivate var isMadeByControllers: Bool { self == .pod || self == .replicaSet || self == .job }

    /// Whether objects of this kind are judged themselves and have pods made for them.
    fileprivate var makesPods: Bool { ResourceKinds.holders.contains(self) && self != .pod && self != .podTemplate }
}
