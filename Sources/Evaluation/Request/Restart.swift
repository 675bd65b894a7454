import JSON
import Kubernetes

extension Subject {
    /// True if an UPDATE only restarts a workload's pods or raises its number of replicas, so that it adds nothing new to the
    /// cluster.
    func findOnlyRestarts() -> Bool {
        guard review.operation == .update, let old = review.oldObject, let count = count(in: object), let pastCount
        else { return false }
        if review.subresource == .scale { return count > pastCount }
        guard review.subresource == .none, let new = object["spec"], let before = old["spec"], new.kind == .object,
            before.kind == .object, count >= pastCount
        else { return false }
        switch kind {
        case .deployment, .statefulSet, .daemonSet, .rollout, .replicaSet, .replicationController: break
        default: return false
        }
        guard Subject.areSame(new, before, besides: ["replicas", "template"]) else { return false }
        guard let mine = new["template"], let theirs = before["template"] else {
            // A Rollout with workloadRef has no template.
            return new["template"] == nil && before["template"] == nil && count > pastCount
        }
        guard Subject.areSame(mine, theirs, besides: ["metadata"]) else { return false }
        guard let labels = mine["metadata"], let others = theirs["metadata"] else {
            let isRestart = Subject.isOnlyRestart(mine["metadata"], theirs["metadata"])
            return isRestart && (count > pastCount || mine["metadata"] != nil)
        }
        return Subject.areSame(labels, others, besides: ["annotations"]) && Subject.isOnlyRestart(labels, others)
            && (count > pastCount || !mine.isSame(as: theirs))
    }

    /// True for a scale request, and for an UPDATE that changes nothing in the spec but the number of replicas.
    var changesOnlyCount: Bool {
        if review.subresource == .scale { return true }
        guard let new = review.object?["spec"], let old = review.oldObject?["spec"] else { return false }
        return Subject.areSame(new, old, besides: ["replicas"])
    }

    /// True if two metadata have equal annotations except for the time of a restart.
    private static func isOnlyRestart(_ new: Value?, _ old: Value?) -> Bool {
        guard let mine = new?["annotations"], mine.kind == .object else { return old?["annotations"] == nil }
        guard let theirs = old?["annotations"], theirs.kind == .object else {
            return mine.members.allSatisfy { $0.key.equals("kubectl.kubernetes.io/restartedAt") }
        }
        return areSame(mine, theirs, besides: ["kubectl.kubernetes.io/restartedAt"])
    }

    /// True if two objects have equal members except for some keys.
    private static func areSame(_ left: Value, _ right: Value, besides keys: [StaticString]) -> Bool {
        func isCompared(_ key: Value) -> Bool { !keys.contains { key.equals($0) } }
        return left.members.allSatisfy { member in
            !isCompared(member.key) || right[name: member.key.text].map { member.value.isSame(as: $0) } ?? false
        } && right.members.allSatisfy { !isCompared($0.key) || left[name: $0.key.text] != nil }
    }
}
