public import JSON

/// The ways in which a check has no answer.
public enum CannotJudge: Error, Sendable {
    /// A field is not of the type that the API gives it.
    ///
    /// - Parameters:
    ///   - node: The value that is wrong.
    ///   - expected: What the API has there, as in "a number".
    case malformed(NodeID, expected: StaticString)

    /// A list is longer than anybody needs, and is not read to its end.
    ///
    /// - Parameters:
    ///   - node: The list, or its first element that is not read.
    ///   - expected: The bound, as in "a list of at most 1000 names".
    case tooLong(NodeID, expected: StaticString)

    /// Other objects would be needed, and whether they exist is not known.
    ///
    /// - Parameter companion: The kind of those objects, as in "PodDisruptionBudgets".
    case unknown(relatedObject: String)

    /// The request's budget of work is used up.
    case tooMuchWork
}
