package import Kubernetes

/// A workload that creates pods from a template, with its number of replicas.
package struct PodOwner {
    let kind: ResourceKind
    let name: String
    /// The number of replicas without an autoscaler; nil if it is unknown.
    package let replicas: Int?
}

/// Numbers of replicas.
extension RelatedObjects {
    /// Returns the workloads that create pods from a workload's template: itself, and the Rollout that references it.
    ///
    /// A Deployment with no replicas has been replaced by its Rollout, and its autoscaler is inactive.
    package func podOwners(of kind: ResourceKind, _ name: String, _ replicas: Int?, in namespace: String) -> [PodOwner]
    {
        let own = PodOwner(kind: kind, name: name, replicas: replicas)
        guard let rollout = rollout(inPlaceOf: kind, name, in: namespace) else { return [own] }
        let other = PodOwner(kind: rollout.kind, name: rollout.name, replicas: rollout.replicas)
        return replicas == 0 ? [other] : [own, other]
    }

    /// Returns the minimum number of pods, with the minimum of autoscalers; nil if it is unknown.
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
        do throws(CannotEvaluate) {
            let autoscaler = try autoscalers(targeting: podOwner.kind, podOwner.name, in: namespace).first
            return autoscaler?.minimum ?? podOwner.replicas
        } catch {
            return nil
        }
    }

    /// True if known autoscalers set all numbers of replicas.
    package func areAutoscaled(_ podOwners: [PodOwner], in namespace: String) -> Bool {
        podOwners.allSatisfy {
            !((try? autoscalers(targeting: $0.kind, $0.name, in: namespace)) ?? []).isEmpty
        }
    }
}
