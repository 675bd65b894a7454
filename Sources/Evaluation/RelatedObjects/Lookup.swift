public import Kubernetes

/// A question about the cluster that the API server is asked before a denial rests on the answer.
public enum Lookup: Sendable, Hashable {
    /// True if a namespace has an object of a kind by now: a watch lags behind.
    case absence(Absence)
    /// True if the requester is the operator of the object's owner.
    case claim(OperatorClaim)
    /// The pod templates that a workload had before, or that its object is made from.
    case templates(TemplateQuery)
}

/// The answer to a lookup; nil where there was none in time.
public enum LookupAnswer: Sendable {
    /// All objects of a kind in a namespace.
    case absence(Absence, found: RelatedObjects?)
    /// True if the requester is an operator.
    case claim(OperatorClaim, Bool?)
    /// The templates, newest first.
    case templates(TemplateQuery, [PastTemplate]?)
    /// The template that a recorded request went back to; nil where the API server gave no answer.
    case recorded(PastTemplate?)

    /// Creates the answer that there was none in time.
    public init(unanswered lookup: Lookup) {
        self =
            switch lookup {
            case .absence(let absence): .absence(absence, found: nil)
            case .claim(let claim): .claim(claim, nil)
            case .templates(let query): .templates(query, nil)
            }
    }
}

/// A kind of object of which a namespace has none, where one would have spared a request a denial.
public struct Absence: Sendable, Hashable {
    /// The kind.
    public let kind: ResourceKind
    /// The namespace.
    public let namespace: String

    /// Names what is absent.
    public init(_ kind: ResourceKind, in namespace: String) {
        self.kind = kind
        self.namespace = namespace
    }
}

extension RelatedObjects {
    /// The same related objects with what the API server was asked for one evaluation.
    public func answering(_ answers: [LookupAnswer]) -> RelatedObjects {
        var copy = self
        copy.answers = answers
        return copy
    }

    /// All objects of a kind in a namespace as the API server had them: nil if it was not asked, a nil inside if it gave no answer.
    func answer(_ kind: ResourceKind, _ namespace: String) -> RelatedObjects?? {
        for case .absence(let absence, let found) in answers
        where absence.kind == kind && absence.namespace == namespace {
            return .some(found)
        }
        return nil
    }

    /// True if the API server was asked, be it in vain.
    func hasAsked(_ lookup: Lookup) -> Bool {
        answers.contains { answer in
            switch (answer, lookup) {
            case (.absence(let asked, _), .absence(let absence)): asked == absence
            case (.claim(let asked, _), .claim(let claim)): asked == claim
            case (.templates(let asked, _), .templates(let query)): asked == query
            default: false
            }
        }
    }

    /// True if what is absent could not be looked for.
    func isInDoubt(_ absence: Absence) -> Bool {
        if case .some(nil) = answer(absence.kind, absence.namespace) { return true }
        return false
    }

    /// True if a requester is an operator; nil where that is not known.
    func answer(to claim: OperatorClaim) -> Bool? {
        for case .claim(claim, let answer) in answers { return answer }
        return nil
    }
}
