import JSON

/// The reasons why a document cannot be evaluated as a review.
public enum ReviewError: Error, Equatable, CustomStringConvertible {
    /// The document is not a review in a supported version, or has no uid.
    ///
    /// - Parameter reason: The error and the supported versions.
    case notAReview(_ reason: String)
    /// The request of the review is not valid.
    ///
    /// - Parameters:
    ///   - envelope: The members that the response needs.
    ///   - reason: The member of the request and its error.
    case cannotBeEvaluated(Envelope, reason: String)

    /// The error, for messages.
    public var description: String {
        switch self {
        case .notAReview(let reason): reason
        case .cannotBeEvaluated(_, let reason): "the review cannot be evaluated: \(reason)"
        }
    }
}

extension JSON.Kind {
    /// The type, for people.
    var name: StaticString {
        switch self {
        case .null: "null"
        case .true, .false: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        case .opaque: "nested too deeply"
        }
    }
}
