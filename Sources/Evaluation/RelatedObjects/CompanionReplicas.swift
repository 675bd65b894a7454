package import Kubernetes

/// What makes pods of a template: a workload, and how many.
package struct Runner {
    let kind: ResourceKind
    let name: String
    /// How many where no autoscaler chooses; nil when that is not known.
    package let replicas: Int?
}

/// How many pods there are.
extension Companions {
    /// What makes pods of a workload's template: itself, and the Rollout that borrows it.
    ///
    /// A Deployment at none has handed over to its Rollout, and an autoscaler of its own rests.
    package func runners(of kind: ResourceKind, _ name: String, _ replicas: Int?, in namespace: String) -> [Runner] {
        let own = Runner(kind: kind, name: name, replicas: replicas)
        guard let rollout = rollout(inPlaceOf: kind, name, in: namespace) else { return [own] }
        let other = Runner(kind: rollout.kind, name: rollout.name, replicas: rollout.replicas)
        return replicas == 0 ? [other] : [own, other]
    }

    /// How many pods there are at least: the minimum of an autoscaler where one owns the count; nil when that is not known.
    package func count(of runners: [Runner], in namespace: String) -> Int? {
        guard !runners.isEmpty else { return nil }
        var total = 0
        for runner in runners {
            guard let count = count(of: runner, in: namespace) else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(count)
            if overflow { return nil }
            total = sum
        }
        return total
    }

    private func count(of runner: Runner, in namespace: String) -> Int? {
        do throws(CannotJudge) {
            let autoscaler = try autoscalers(targeting: runner.kind, runner.name, in: namespace).first
            return autoscaler?.minimum ?? runner.replicas
        } catch {
            return nil
        }
    }

    /// Whether an autoscaler is known to choose each count.
    package func areAutoscaled(_ runners: [Runner], in namespace: String) -> Bool {
        runners.allSatisfy {
            !((try? autoscalers(targeting: $0.kind, $0.name, in: namespace)) ?? []).isEmpty
        }
    }
}
