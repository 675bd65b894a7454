/// A change to a document.
public enum Edit: Sendable, Hashable {
    /// Sets a value; missing parents are created.
    ///
    /// A last token of `-` appends to an array.
    case set(Pointer, Literal)
    /// Removes a value.
    case remove(Pointer)

    /// The location of the change.
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
