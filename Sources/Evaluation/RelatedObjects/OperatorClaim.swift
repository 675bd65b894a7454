/// A service account's claim to be the operator of a custom resource: it is allowed to update the owner's status.
///
/// The API server's authorizer checks the claim before a denial depends on it. An account that is allowed to update everything
/// is not an operator.
public struct OperatorClaim: Sendable, Hashable {
    /// The user name of the service account.
    public let account: String
    /// The API group of the custom resource.
    public let group: String
    /// The API version of the custom resource, from the owner reference.
    public let version: String
    /// The kind of the custom resource.
    public let kindName: String
    /// The namespace of the object that is created.
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
