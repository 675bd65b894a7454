import JSON

/// Why a document cannot be evaluated as a review.
public enum ReviewError: Error, Equatable, CustomStringConvertible {
    /// It is no review in a version that is served, or has no uid to answer with.
    ///
    /// - Parameter reason: What is wrong, and what is served.
    case notAReview(_ reason: String)
    /// It is a review whose request is not what the API says.
    ///
    /// - Parameters:
    ///   - envelope: What to answer with.
    ///   - reason: The member of the request, and what is wrong with it.
    case cannotBeEvaluated(Envelope, reason: String)

    /// What is wrong.
    public var description: String {
        switch self {
        case .notAReview(let reason): reason
        case .cannotBeEvaluated(_, let reason): "the review cannot be evaluated: \(reason)"
        }
    }
}

extension JSON.Kind {
    /// What it is, for people.
    var name: StaticString {
        switch self {
        case .null: "null"
        case .true, .false: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        case .opaque: "nested too deep"
        }
    }
}
