public import JSON
public import Kubernetes

/// A violation of a rule: its clause, field, message and suggested change.
public struct Finding: Sendable {
    /// The clause of the rule.
    public let clause: Clause
    /// The path of the field, which does not have to exist.
    public let place: Pointer
    /// The message after the path, with the value seen: "has no liveness probe".
    public internal(set) var message: String
    /// The edits that remove the violation.
    public var edits: [Edit] = []
    /// The related object to create, as the suggested change.
    public var relatedObject: Literal?
    /// True if the related object replaces the object.
    public var isReplacement = false
    /// The suggested change in words, or a comment on the suggested YAML.
    public var advice: String?
    /// True if the mutating webhook can apply the edits.
    public var isFixable = false
    /// The violating choice: keeping it is an existing violation, another choice is a new one.
    public var choice: String?
    /// The mark of a choice that is a secret; it is specific to the process, so that it cannot be used outside of it.
    var secretMark: String?
    /// The distance between a number and the allowed range: a larger distance is a new violation.
    public var excess: Double?
    /// True for a hint, which warns even if the rule denies.
    public var isHint = false
    /// True if the finding is about a missing related object, which might be created later.
    public var awaitsRelatedObject = false
    /// The kind of object whose absence causes the finding: an object of this kind in the namespace might remove it.
    public var absent: ResourceKind?

    /// Creates a finding.
    ///
    /// - Parameters:
    ///   - clause: The clause of the rule.
    ///   - place: The path of the field.
    ///   - message: The message, with the value seen.
    ///   - edits: The edits that remove the violation.
    public init(_ clause: Clause, at place: Pointer, _ message: String, edits: [Edit] = []) {
        self.clause = clause
        self.place = place
        self.message = message
        self.edits = edits
    }

    /// The choice or the mark of a secret.
    var chosen: String? { choice ?? secretMark }

    /// Returns the finding with changed properties.
    public func with(_ change: (inout Finding) -> Void) -> Finding {
        var copy = self
        change(&copy)
        return copy
    }
}

extension Finding {
    /// The properties of a finding that decide, together with its rule, whether it denies.
    public struct Traits: Equatable, Sendable {
        /// True for a hint, which warns even if the rule denies.
        var isHint = false
        /// True if the finding is about a missing related object, which might be created later.
        var awaitsRelatedObject = false
        /// The kind of object whose absence causes the finding.
        var absent: ResourceKind?
        /// True if the violation existed before the request.
        var isExisting = false
        /// True if the field is in a pod template that was admitted before.
        var isInPastTemplate = false
        /// True if nothing sets the value: neither the field nor another one, such as the pod's.
        private(set) var isUnset = false
        /// True if the field is the workload's number of replicas.
        var isAboutCount = false

        /// Creates the traits of a finding; by default it denies if its rule does.
        public init(
            isHint: Bool = false, awaitsRelatedObject: Bool = false, absent: ResourceKind? = nil,
            isUnset: Bool = false
        ) {
            self.isHint = isHint
            self.isUnset = isUnset
            self.awaitsRelatedObject = awaitsRelatedObject
            self.absent = absent
        }
    }

    /// The traits that the finding itself has.
    var ownTraits: Traits { Traits(isHint: isHint, awaitsRelatedObject: awaitsRelatedObject, absent: absent) }
}

extension Clause {
    /// The clause of all rules that the object must be small enough to evaluate.
    public static let bounded = Clause("bounded", "the object is small enough to be evaluated completely")
}

extension Edit {
    /// Returns an edit that appends an element to a list, which is created if it is absent.
    package static func append(_ element: Literal, to list: Field, at place: Pointer) -> Edit {
        list.isPresent ? .set(place / "-", element) : .set(place, [element])
    }
}
