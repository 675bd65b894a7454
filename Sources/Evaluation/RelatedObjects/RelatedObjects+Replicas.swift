package import Kubernetes

/// What makes pods of a template: a workload, and how many.
package struct PodOwner {
    let kind: ResourceKind
    let name: String
    /// How many where no autoscaler chooses; nil when that is not known.
    package let replicas: Int?
}

/// How many pods there are.
extension RelatedObjects {
    /// What makes pods of a workload's template: itself, and the Rollout that borrows it.
    ///
    /// A Deployment at none has handed over to its Rollout, and an autoscaler of its own rests.
    package func podOwners(of kind: ResourceKind, _ name: String, _ replicas: Int?, in namespace: String) -> [PodOwner]
    {
        let own = PodOwner(kind: kind, name: name, replicas: replicas)
        guard let rollout = rollout(inPlaceOf: kind, name, in: namespace) else { return [own] }
        let other = PodOwner(kind: rollout.kind, name: rollout.name, replicas: rollout.replicas)
        return replicas == 0 ? [other] : [own, other]
    }

    /// How many pods there are at least: the minimum of an autoscaler where one owns the count; nil when that is not known.
    package func count(of podOwners: [PodOwner], in namespace: String) -> Int? {
        guard !podOwners.isEmpty else { return nil }
        var total = 0
        for podOwner in podOwners {
            guard let count = count(of: podOwner, in: namespace) else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(count)
            if overflow { return nil }
            total = sum
        }
        return total
    }

    private func count(of podOwner: PodOwner, in namespace: String) -> Int? {
        do throws(CannotJudge) {
            let autoscaler = try autoscalers(targeting: podOwner.kind, podOwner.name, in: namespace).first
            return autoscaler?.minimum ?? podOwner.replicas
        } catch {
            return nil
        }
    }

    /// Whether an autoscaler is known to choose each count.
    package func areAutoscaled(_ podOwners: [PodOwner], in namespace: String) -> Bool {
        podOwners.allSatisfy {
            !((try? autoscalers(targeting: $0.kind, $0.name, in: namespace)) ?? []).isEmpty
        }
    }
}
