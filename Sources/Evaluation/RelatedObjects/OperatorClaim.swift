/// A service account's claim to be the operator of a custom resource: that it may write the status of the owner.
///
/// Only the API server's authorizer knows, so it is asked before a denial rests on the answer. Whoever may write everything is no
/// operator.
public struct OperatorClaim: Sendable, Hashable {
    /// The service account's user name.
    public let account: String
    /// The API group of the resource that it claims to operate.
    public let group: String
    /// The version of the group, as the owner reference has it.
    public let version: String
    /// The kind of the resource.
    public let kindName: String
    /// The namespace of the object that is made.
    public let namespace: String

    init(_ account: String, apiVersion: String, kindName: String, namespace: String) {
        let parts = apiVersion.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        self.account = account
        group = parts.count == 2 ? String(parts[0]) : ""
        version = parts.last.map { String($0) } ?? ""
        self.kindName = kindName
        self.namespace = namespace
    }
}
