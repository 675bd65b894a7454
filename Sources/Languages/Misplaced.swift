/// A text that cannot be read, with the number of characters before the error; nil if the whole text is wrong.
public struct Misplaced: Error {
    /// The number of characters before the error.
    public var at: Int?
    /// The text that is expected there.
    public let expected: String

    /// Creates an error.
    public init(at: Int? = 0, expected: String) {
        self.at = at
        self.expected = expected
    }
}
