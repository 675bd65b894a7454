import JSON
import Kubernetes

/// The origin of a request and its effect on the evaluation (rules about controllers, operators and the control plane).
struct Origin {
    /// The reason why the request is skipped; nil if it is evaluated.
    private(set) var skipReason: String?
    /// True if it is skipped because its owner is evaluated.
    private(set) var isSkippedForOwner = false
    /// The trusted origin of the object, which turns findings into warnings.
    private(set) var trust: Trust = .none
    /// A claim that would make the object operator-made and that has not been checked with the API server.
    private(set) var claim: OperatorClaim?
    /// The owner that the object is created from; nil if there is none or it is not trusted.
    private(set) var operatingOwner: Owner?
    /// The operator's service account that created the object; nil if there is none.
    private(set) var operatorAccount: String?
    /// A service account that is not trusted and created an object with an owner.
    private(set) var untrustedController: String?
    /// The reason why denials for this user become warnings.
    let leniency: DecidedFinding.Leniency?

    /// The trusted origin of an object.
    enum Trust {
        /// Not trusted: the requester counts as the author.
        case none
        /// Created by an operator for a custom resource.
        case operatorMade
        /// A Pod that terminates by itself, created by a service account, such as the job of a CI runner.
        case finitePod
        /// A hook that is created again for each release.
        case hook
        /// A Pod that a service account resizes.
        case resize
    }

    init(of subject: Subject, in context: Context) {
        let user = subject.review.user
        // Reads single settings: copying all of them costs more than the decision.
        if user.isControlPlane || user.isIn("system:nodes") {
            skipReason = "the requester is the control plane"
            leniency = nil
            return
        }
        if user.isNamed(beginningWith: "eks:") || user.matches(context.settings.trustedUsers) {
            leniency = .trustedUser
        } else if case let breakGlass = context.settings.breakGlass, !breakGlass.isEmpty,
            user.matches(breakGlass) || user.isInAny(breakGlass)
        {
            leniency = .breakGlass
        } else {
            leniency = nil
        }
        guard subject.review.operation != .delete else { return }
        if subject.isAdoptedFromAWS {
            trust = .operatorMade
        } else if subject.review.subresource == .scale {
            let workload = try? context.relatedObjects.workload(
                subject.scaledKind, subject.name ?? "", in: subject.namespace)
            operatingOwner = workload?.operatingOwner
            if operatingOwner != nil { trust = .operatorMade }
        } else if context.source == .cluster {
            believe(audited: subject, context)
        } else {
            believe(subject, context)
        }
        if trust == .none, subject.review.operation == .create, subject.isHook { trust = .hook }
    }

    /// Decides by the requester.
    private mutating func believe(_ subject: Subject, _ context: Context) {
        // Most requests come from people and are about objects without an owner.
        let owner = subject.metadata.operatingOwner
        guard owner != nil || subject.mayBeBelievedWithoutOwner && subject.review.user.mayBeServiceAccount else {
            return
        }
        switch Requester(of: subject.review, context) {
        case .workloadController:
            guard let owner, owner.isController, subject.kind.isMadeByControllers, owner.kind.makesPods else { return }
            skip(for: owner)
        case .trustedController:
            guard let owner, owner.isController else { return }
            if subject.kind.isMadeByControllers, owner.kind.makesPods {
                skip(for: owner)
            } else {
                trust = .operatorMade
                operatingOwner = owner
            }
        case .serviceAccount:
            if subject.review.subresource == .resize {
                trust = .resize
                return
            }
            believe(serviceAccountOf: subject, owner, context)
            if trust != .operatorMade, owner != nil { untrustedController = subject.review.user.name }
        case .deployer: break
        }
    }

    /// Decides about an object of a service account that is not a deployer.
    private mutating func believe(serviceAccountOf subject: Subject, _ owner: Owner?, _ context: Context) {
        let user = subject.review.user
        let isNamed = user.matches(context.settings.operatorAccounts)
        // Requires the token of a running Pod; impersonated and exported tokens have no pod UID.
        guard isNamed || user.podUID != nil else { return }
        if let owner, subject.kind == .pod, owner.kind == .pod, !owner.uid.isEmpty, owner.uid == user.podUID {
            trust = .operatorMade
            operatingOwner = owner
            return
        }
        let claim: OperatorClaim
        if let owner, owner.isCustom {
            claim = OperatorClaim(
                user.name, apiVersion: owner.apiVersion, kindName: owner.kindName, namespace: subject.namespace)
        } else if owner == nil, subject.review.operation == .update, !APIGroup.isBuiltIn(subject.review.group) {
            // The controller of the custom resource updates it with the observed state.
            claim = OperatorClaim(
                user.name, apiVersion: subject.review.groupVersion, kindName: subject.review.kindName,
                namespace: subject.namespace)
        } else {
            if owner == nil, subject.kind == .pod, subject.review.operation == .create, !subject.isLongRunning {
                trust = .finitePod
            }
            return
        }
        switch isNamed ? true : context.relatedObjects.answer(to: claim) {
        case true?:
            trust = .operatorMade
            operatorAccount = user.name
            operatingOwner = owner
        case false?: break
        case nil: self.claim = claim
        }
    }

    /// Decides without a requester: the garbage collector deletes objects whose owner does not exist.
    private mutating func believe(audited subject: Subject, _ context: Context) {
        guard let owner = subject.metadata.operatingOwner, !subject.isWrittenByDeployer else { return }
        if owner.isController, subject.kind.isMadeByControllers, owner.kind.makesPods {
            let key = OwnerKey(owner, in: subject.namespace)
            // A list written by hand can contain owners in a circle.
            let isEvaluated = context.evaluatedOwners.map { $0.contains(key) && subject.kind.isMade(by: owner.kind) }
            if isEvaluated ?? true { skip(for: owner) }
        } else if owner.isCustom {
            trust = .operatorMade
            operatingOwner = owner
        }
    }

    private mutating func skip(for owner: Owner) {
        skipReason = "its owner \(owner.kindName) \(owner.name) is evaluated instead"
        isSkippedForOwner = true
    }
}

extension User {
    fileprivate var isControlPlane: Bool {
        isNamed("system:apiserver") || isNamed("system:kube-controller-manager") || isNamed("system:kube-scheduler")
    }

    fileprivate func isInAny(_ groups: [String]) -> Bool { groups.contains { isIn(group: $0) } }
}

extension Owner {
    /// True if a CustomResourceDefinition defines the kind, so that an operator manages it; a Rollout is evaluated itself.
    var isCustom: Bool { !APIGroup.isBuiltIn(group) && kind != .rollout }
}

extension ResourceKind {
    /// True if controllers create objects of this kind for an owner.
    fileprivate var isMadeByControllers: Bool {
        self == .pod || self == .replicaSet || self == .job || self == .controllerRevision
    }

    /// True if a controller of Kubernetes creates objects of this kind for an owner of that kind.
    fileprivate func isMade(by owner: ResourceKind) -> Bool {
        switch self {
        case .job: owner == .cronJob
        case .replicaSet: owner == .deployment || owner == .rollout
        case .controllerRevision: owner == .statefulSet || owner == .daemonSet
        default: owner != .cronJob && owner != .deployment
        }
    }

    /// True if objects of this kind are evaluated and have pods created for them.
    fileprivate var makesPods: Bool {
        ResourceKinds.withPodSpec.contains(self) && self != .pod && self != .podTemplate && self != .controllerRevision
    }
}

extension Subject {
    /// True if the requester matters even if the object has no owner.
    fileprivate var mayBeBelievedWithoutOwner: Bool {
        kind == .pod || review.operation == .update && !APIGroup.isBuiltIn(review.group)
    }

    /// True if the object represents an AWS resource that is only adopted or read (AWS Controllers for Kubernetes).
    fileprivate var isAdoptedFromAWS: Bool {
        guard review.isOfGroup(endingWith: ".services.k8s.aws") else { return false }
        return metadata.annotation("services.k8s.aws/read-only") == "true"
            || metadata.annotation("services.k8s.aws/adoption-policy") != nil
            || metadata.annotation("services.k8s.aws/adopted") == "true"
    }

    /// True if Helm or Argo CD creates the object again for each release, and it terminates by itself.
    fileprivate var isHook: Bool {
        guard kind == .job || kind == .pod, !isLongRunning else { return false }
        if !commaSeparated(metadata.annotation("helm.sh/hook") ?? "").isEmpty { return true }
        // With `Skip`, Argo CD ignores the object; it is not a hook.
        return commaSeparated(metadata.annotation("argocd.argoproj.io/hook") ?? "").contains { $0 != "Skip" }
    }
}
