/// A change that is asked for: all that a rule may wish.
public enum Edit: Sendable, Hashable {
    /// The value there shall be this one; what is missing on the way is made. A last token of `-` appends to an array.
    case set(Pointer, Literal)
    /// Nothing shall be there.
    case remove(Pointer)

    /// Where.
    public var pointer: Pointer {
        switch self {
        case .set(let pointer, _), .remove(let pointer): pointer
        }
    }

    /// The same change below `parent`.
    public func below(_ parent: Pointer) -> Edit {
        switch self {
        case .set(let pointer, let value): .set(parent + pointer, value)
        case .remove(let pointer): .remove(parent + pointer)
        }
    }
}
