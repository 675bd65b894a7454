import JSON
import Kubernetes

/// How much of an object a request changes.
enum Change {
    /// Everything may be new.
    case all
    /// Nothing outside `metadata` and `status`.
    case metadata
    /// Nothing outside `metadata`, of an object that is being deleted: its finalizers come off.
    case finalizers

    init(of subject: Subject, _ names: AnnotationNames) {
        self = .all
        guard subject.review.operation == .update, let old = subject.review.oldObject else { return }
        let isDeleted = subject.metadata.deletionTimestamp != nil
        // An object of a known kind has a dozen members, and a comparison looks each of them up.
        guard Change.isNarrow(subject.object), Change.isNarrow(old), Change.isSame(subject.object, old) else { return }
        if isDeleted {
            self = .finalizers
        } else if let exemption = ExemptionAnnotations(ObjectMeta(of: old), names),
            exemption != ExemptionAnnotations(subject.metadata, names)
        {
            // Taken off in a request of its own, an exemption would leave what it covered behind as old.
            self = .all
        } else {
            self = .metadata
        }
    }

    private static func isNarrow(_ object: Value) -> Bool {
        var count = 0
        for _ in object.members {
            count += 1
            if count > 100 { return false }
        }
        return true
    }

    /// Whether both objects are the same but for `metadata`, `status` and what names their type.
    private static func isSame(_ new: Value, _ old: Value) -> Bool {
        covers(new, old) && isCovered(old, by: new)
    }

    /// Whether every member is there at all; that it is the same has been seen the other way round.
    private static func isCovered(_ left: Value, by right: Value) -> Bool {
        left.members.allSatisfy { isPassedOver($0.key) || right[name: $0.key.text] != nil }
    }

    private static func covers(_ left: Value, _ right: Value) -> Bool {
        for member in left.members where !isPassedOver(member.key) {
            let name = member.key.text
            guard let mine = left[name: name], let theirs = right[name: name], mine.isSame(as: theirs) else {
                return false
            }
        }
        return true
    }

    private static func isPassedOver(_ key: Value) -> Bool {
        key.equals("metadata") || key.equals("status") || key.equals("kind") || key.equals("apiVersion")
    }
}
