public import Kubernetes

/// A question about the cluster that the API server must answer before a denial depends on it.
public enum Lookup: Sendable, Hashable {
    /// The objects of a kind that a namespace has by now: a watch lags behind.
    case absence(Absence)
    /// The claim that the requester is the operator of the object's owner.
    case claim(OperatorClaim)
    /// The earlier pod templates of a workload, or the template that the object is created from.
    case templates(TemplateQuery)
    /// The fact that the API server serves a kind, so that its product is installed.
    case served(ResourceKind)
}

/// The answer to a lookup; nil if there was none in time.
public enum LookupAnswer: Sendable {
    /// All objects of a kind in a namespace.
    case absence(Absence, found: RelatedObjects?)
    /// True if the requester is an operator.
    case claim(OperatorClaim, Bool?)
    /// The templates, newest first.
    case templates(TemplateQuery, [PastTemplate]?)
    /// True if the API server serves the kind.
    case served(ResourceKind, Bool?)
    /// The template that a recorded request went back to; nil if the API server gave no answer.
    case recorded(PastTemplate?)

    /// Creates an answer without a result, for a lookup that was not answered in time.
    public init(unanswered lookup: Lookup) {
        self =
            switch lookup {
            case .absence(let absence): .absence(absence, found: nil)
            case .claim(let claim): .claim(claim, nil)
            case .templates(let query): .templates(query, nil)
            case .served(let kind): .served(kind, nil)
            }
    }
}

/// A kind of object that is missing in a namespace and would have prevented a denial.
public struct Absence: Sendable, Hashable {
    /// The kind.
    public let kind: ResourceKind
    /// The namespace.
    public let namespace: String
    /// The name of the object; nil for all objects of the kind.
    public let name: String?

    /// Creates an absence.
    public init(_ kind: ResourceKind, in namespace: String, named name: String? = nil) {
        self.kind = kind
        self.namespace = namespace
        self.name = name
    }
}

extension RelatedObjects {
    /// Returns the related objects with answers of the API server, for one evaluation.
    public func answering(_ answers: [LookupAnswer]) -> RelatedObjects {
        var copy = self
        copy.answers = answers
        return copy
    }

    /// Returns the API server's objects of a kind in a namespace; nil if it was not asked, `.some(nil)` if it gave no answer.
    ///
    /// With a name, an answer about that object alone is enough.
    func answer(_ kind: ResourceKind, _ namespace: String, named name: String? = nil) -> RelatedObjects?? {
        for case .absence(let absence, let found) in answers
        where absence.kind == kind && absence.namespace == namespace && (absence.name == nil || absence.name == name) {
            return .some(found)
        }
        return nil
    }

    /// True if the API server was asked, even if it gave no answer.
    package func hasAsked(_ lookup: Lookup) -> Bool {
        answers.contains { answer in
            switch (answer, lookup) {
            case (.absence(let asked, _), .absence(let absence)): asked == absence
            case (.claim(let asked, _), .claim(let claim)): asked == claim
            case (.templates(let asked, _), .templates(let query)): asked == query
            case (.served(let asked, _), .served(let kind)): asked == kind
            default: false
            }
        }
    }

    /// True if the API server was asked for the objects and gave no answer.
    func isInDoubt(_ absence: Absence) -> Bool {
        if case .some(nil) = answer(absence.kind, absence.namespace, named: absence.name) { return true }
        return false
    }

    /// True if a requester is an operator; nil if that was not checked.
    func answer(to claim: OperatorClaim) -> Bool? {
        for case .claim(claim, let answer) in answers { return answer }
        return nil
    }
}
