public import JSON
public import Kubernetes

/// Something that is not as the playbook has it: what, where, and what to write instead.
public struct Finding: Sendable {
    /// Which of the rule's clauses.
    public let clause: Clause
    /// Where, in the object; the place may not exist yet.
    public let place: Pointer
    /// What is wrong, with the value seen, after the place: "has no liveness probe".
    public internal(set) var message: String
    /// What to write instead.
    ///
    /// Carried out on the object, they make the finding go away.
    public var edits: [Edit] = []
    /// What to create beside the object instead.
    public var relatedObject: Literal?
    /// Whether that is to be created in the object's place.
    public var isReplacement = false
    /// What to do where no YAML says it, or what to know about the YAML.
    public var advice: String?
    /// Whether the edits are safe enough for the mutating endpoint.
    public var isFixable = false
    /// What was chosen, where the value is a choice: keeping a bad choice is old, making another one is new.
    public var choice: String?
    /// The same where the choice is a secret: a mark that this process alone can make, so that nothing of it outlives the process.
    var secretMark: String?
    /// How far a number is from what is allowed: moving further away is new.
    public var excess: Double?
    /// A hint: it warns even where the rule denies.
    public var isHint = false
    /// What is missing is another object, which may be about to be created.
    public var awaitsRelatedObject = false
    /// The kind of object whose absence makes it a finding: with one in the namespace it might be none.
    public var absent: ResourceKind?

    /// Creates a finding.
    ///
    /// - Parameters:
    ///   - clause: Which of the rule's clauses.
    ///   - place: Where, in the object.
    ///   - message: What is wrong, with the value seen.
    ///   - edits: What to write instead.
    public init(_ clause: Clause, at place: Pointer, _ message: String, edits: [Edit] = []) {
        self.clause = clause
        self.place = place
        self.message = message
        self.edits = edits
    }

    /// What was chosen, or the mark of a secret.
    var chosen: String? { choice ?? secretMark }

    /// The same finding with more said about it.
    public func with(_ change: (inout Finding) -> Void) -> Finding {
        var copy = self
        change(&copy)
        return copy
    }
}

extension Finding {
    /// What decides, beside its rule, whether a finding denies.
    public struct Traits: Equatable {
        /// A hint: it warns even where the rule denies.
        var isHint = false
        /// What is missing is another object, which may be about to be created.
        var awaitsRelatedObject = false
        /// The kind of object whose absence makes it a finding.
        var absent: ResourceKind?
        /// Whether the object had it before the request.
        var isExisting = false
        /// True if it lies in a pod template that was admitted before.
        var isInPastTemplate = false
        /// True if the field is not set.
        var isUnset = false
        /// True if the field is the workload's count of replicas.
        var isAboutCount = false

        /// The traits of a finding that denies wherever its rule does, unless more is said.
        public init(isHint: Bool = false, awaitsRelatedObject: Bool = false, absent: ResourceKind? = nil) {
            self.isHint = isHint
            self.awaitsRelatedObject = awaitsRelatedObject
            self.absent = absent
        }
    }

    /// What decides whether it denies, as far as the finding itself says.
    var ownTraits: Traits { Traits(isHint: isHint, awaitsRelatedObject: awaitsRelatedObject, absent: absent) }
}

extension Clause {
    /// The rule ran to its end; every rule has this clause.
    public static let bounded = Clause("bounded", "the object is small enough to be evaluated to the end")
}

extension Edit {
    /// Adds an element to the end of a list, which is made where it is absent.
    package static func append(_ element: Literal, to list: Field, at place: Pointer) -> Edit {
        list.isPresent ? .set(place / "-", element) : .set(place, [element])
    }
}
