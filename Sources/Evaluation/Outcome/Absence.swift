public import Kubernetes

/// That a namespace has no object of a kind that would have spared a request a denial.
///
/// A watch lags behind: the object may have been created a moment ago. So the server asks the API server before it denies.
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

/// What came of looking again for something that is absent.
public struct Confirmation: Sendable {
    /// What was looked for.
    public let absence: Absence
    /// All objects of that kind in that namespace; nil where the question was not answered in time.
    public let found: RelatedObjects?

    /// Says what came of it.
    public init(_ absence: Absence, found: RelatedObjects?) {
        self.absence = absence
        self.found = found
    }
}
