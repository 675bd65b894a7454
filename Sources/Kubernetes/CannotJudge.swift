public import JSON

/// The reasons why a check cannot be completed.
public enum CannotEvaluate: Error, Sendable {
    /// A field has the wrong type.
    ///
    /// - Parameters:
    ///   - node: The value.
    ///   - expected: The expected type, as in "a number".
    case malformed(NodeID, expected: StaticString)

    /// A list is longer than the limit and is not read completely.
    ///
    /// - Parameters:
    ///   - node: The list, or its first element that is not read.
    ///   - expected: The limit, as in "a list of at most 1000 names".
    case tooLong(NodeID, expected: StaticString)

    /// Related objects are needed, and it is unknown if they exist.
    ///
    /// - Parameter relatedObject: The kind of those objects, as in "PodDisruptionBudgets".
    case unknown(relatedObject: String)

    /// The request has no steps left.
    case tooMuchWork
}
