import JSON
import Kubernetes

/// The parts of an object that a request changes.
enum Change {
    /// Any part can have changed.
    case all
    /// Only `metadata` and `status`.
    case metadata
    /// Only `metadata` of an object that is being deleted, to remove its finalizers.
    case finalizers

    init(of subject: Subject) {
        self = .all
        guard subject.review.operation == .update, let old = subject.review.oldObject else { return }
        let isDeleted = subject.metadata.deletionTimestamp != nil
        // An object of a known kind has about twelve members, and a comparison looks up each of them.
        guard Change.isNarrow(subject.object), Change.isNarrow(old), Change.isSame(subject.object, old) else { return }
        self = isDeleted ? .finalizers : .metadata
    }

    private static func isNarrow(_ object: Value) -> Bool {
        var count = 0
        for _ in object.members {
            count += 1
            if count > 100 { return false }
        }
        return true
    }

    /// True if two objects are equal except for `metadata`, `status`, `kind` and `apiVersion`.
    private static func isSame(_ new: Value, _ old: Value) -> Bool {
        covers(new, old) && isCovered(old, by: new)
    }

    /// True if the other object has every member; ``covers(_:_:)`` compares the values.
    private static func isCovered(_ left: Value, by right: Value) -> Bool {
        left.members.allSatisfy { isSkipped($0.key) || right[name: $0.key.text] != nil }
    }

    private static func covers(_ left: Value, _ right: Value) -> Bool {
        for member in left.members where !isSkipped(member.key) {
            let name = member.key.text
            guard let mine = left[name: name], let theirs = right[name: name], mine.isSame(as: theirs) else {
                return false
            }
        }
        return true
    }

    private static func isSkipped(_ key: Value) -> Bool {
        key.equals("metadata") || key.equals("status") || key.equals("kind") || key.equals("apiVersion")
    }
}
