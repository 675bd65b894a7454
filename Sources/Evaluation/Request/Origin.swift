import JSON
import Kubernetes

/// Where a request comes from, and what that changes (rules about controllers, operators and the control plane).
struct Origin {
    /// Why the request is skipped; nil when it is evaluated.
    private(set) var passedOver: String?
    /// What is believed of the object, which makes findings warn.
    private(set) var trust: Trust = .none
    /// A claim that would make the object operator-made, on which the API server has not been asked.
    private(set) var claim: OperatorClaim?
    /// The owner whose change would change the object; nil for none that is believed.
    private(set) var operatingOwner: Owner?
    /// The operator's service account that made the object; nil for none.
    private(set) var operatorAccount: String?
    /// A service account that is not believed and made an object with an owner.
    private(set) var untrustedController: String?
    /// Why denials to this user become warnings.
    let leniency: Judgement.Leniency?

    /// What is believed of an object.
    enum Trust {
        /// Nothing: everything is evaluated as its author's.
        case none
        /// An operator made it for a custom resource.
        case operatorMade
        /// A service account made a Pod that ends by itself, such as the job of a CI runner.
        case finitePod
        /// A hook that is made anew at each release.
        case hook
        /// A service account resizes a Pod.
        case resize
    }

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
        guard subject.review.operation != .delete else { return }
        if subject.isAdoptedFromAWS {
            trust = .operatorMade
        } else if subject.review.subresource == .scale {
            let workload = try? context.relatedObjects.workload(
                subject.scaledKind, subject.name ?? "", in: subject.namespace)
            if workload?.operatingOwner != nil { trust = .operatorMade }
        } else if context.source == .cluster {
            believe(audited: subject)
        } else {
            believe(subject, context)
        }
        if trust == .none, subject.review.operation == .create, subject.isHook { trust = .hook }
    }

    /// Decides by who sends the request.
    private mutating func believe(_ subject: Subject, _ context: Context) {
        // Most requests are about objects without an owner, by people.
        let owner = subject.metadata.operatingOwner
        guard owner != nil || subject.mayBeBelievedWithoutOwner && subject.review.user.mayBeServiceAccount else {
            return
        }
        switch Requester(of: subject.review, context) {
        case .workloadController:
            guard let owner, owner.isController, subject.kind.isMadeByControllers, owner.kind.makesPods else { return }
            passOver(for: owner)
        case .trustedController:
            guard let owner, owner.isController else { return }
            if subject.kind.isMadeByControllers, owner.kind.makesPods {
                passOver(for: owner)
            } else {
                trust = .operatorMade
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

    /// Decides about what a service account sends that is no deployer.
    private mutating func believe(serviceAccountOf subject: Subject, _ owner: Owner?, _ context: Context) {
        let user = subject.review.user
        let isNamed = user.matches(context.settings.operatorAccounts)
        // A token of a running Pod: what is impersonated or exported has none.
        guard isNamed || user.podUID != nil else { return }
        if let owner, subject.kind == .pod, owner.kind == .pod, !owner.uid.isEmpty, owner.uid == user.podUID {
            trust = .operatorMade
            return
        }
        let claim: OperatorClaim
        if let owner, owner.isCustom {
            claim = OperatorClaim(
                user.name, apiVersion: owner.apiVersion, kindName: owner.kindName, namespace: subject.namespace)
        } else if owner == nil, subject.review.operation == .update, !APIGroup.isBuiltIn(subject.review.group) {
            // The object's own controller writes down what is.
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

    /// Decides without knowing who sent the object: the garbage collector deletes what has an owner that does not exist.
    private mutating func believe(audited subject: Subject) {
        guard let owner = subject.metadata.operatingOwner, !subject.isWrittenByDeployer else { return }
        if owner.isController, subject.kind.isMadeByControllers, owner.kind.makesPods {
            passOver(for: owner)
        } else if owner.isCustom {
            trust = .operatorMade
        }
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
    /// True if a CustomResourceDefinition defines its kind, so that some operator acts on it; a Rollout is evaluated itself.
    var isCustom: Bool { !APIGroup.isBuiltIn(group) && kind != .rollout }
}

extension ResourceKind {
    /// Whether controllers make such objects for an owner.
    fileprivate var isMadeByControllers: Bool {
        self == .pod || self == .replicaSet || self == .job || self == .controllerRevision
    }

    /// True if objects of this kind are evaluated themselves and have pods made for them.
    fileprivate var makesPods: Bool {
        ResourceKinds.withPodSpec.contains(self) && self != .pod && self != .podTemplate && self != .controllerRevision
    }
}

extension Subject {
    /// True if the requester matters although the object has no owner.
    fileprivate var mayBeBelievedWithoutOwner: Bool {
        kind == .pod || review.operation == .update && !APIGroup.isBuiltIn(review.group)
    }

    /// True if it stands for something that exists in AWS and is only taken over or read (AWS Controllers for Kubernetes).
    fileprivate var isAdoptedFromAWS: Bool {
        guard review.group.hasSuffix(".services.k8s.aws") else { return false }
        return metadata.annotation("services.k8s.aws/read-only") == "true"
            || metadata.annotation("services.k8s.aws/adoption-policy") != nil
            || metadata.annotation("services.k8s.aws/adopted") == "true"
    }

    /// True if Helm or Argo CD makes it anew at each release, and it ends by itself.
    fileprivate var isHook: Bool {
        guard kind == .job || kind == .pod, !isLongRunning else { return false }
        if !commaSeparated(metadata.annotation("helm.sh/hook") ?? "").isEmpty { return true }
        // What Argo CD is to leave out (`Skip`) is no hook.
        return commaSeparated(metadata.annotation("argocd.argoproj.io/hook") ?? "").contains { $0 != "Skip" }
    }
}
