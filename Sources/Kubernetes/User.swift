import JSON

/// The requester (`authentication.k8s.io/v1`, UserInfo).
public struct User {
    private let username: Value?
    private let groups: Value?
    private let extra: Value?

    init(_ value: Value?) {
        extra = value?["extra"]
        username = value?["username"]
        groups = value?["groups"]
    }

    /// The name, as in `system:serviceaccount:shop:deployer`.
    public var name: String { username?.string ?? "" }

    /// True if the user has this name.
    public func isNamed(_ name: StaticString) -> Bool { username?.equals(name) ?? false }

    /// True if the user is in a group.
    public func isIn(_ group: StaticString) -> Bool { groups?.elements.contains { $0.equals(group) } ?? false }

    /// True if the user is in a group.
    public func isIn(group: String) -> Bool { groups?.elements.contains { $0.equals(string: group) } ?? false }

    /// The uid of the Pod that the token is bound to (`authentication.kubernetes.io/pod-uid`); nil for other tokens.
    public var podUID: String? { extra?["authentication.kubernetes.io/pod-uid"]?.elements.first { _ in true }?.string }

    /// True if the name begins with a prefix.
    public func isNamed(beginningWith prefix: StaticString) -> Bool { username?.begins(with: prefix) ?? false }

    /// True if the name has the prefix of service accounts.
    public var mayBeServiceAccount: Bool { isNamed(beginningWith: "system:serviceaccount:") }

    /// The namespace and name of a service account; nil for other users.
    public var serviceAccount: (namespace: Substring, name: Substring)? {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "system", parts[1] == "serviceaccount" else { return nil }
        return (parts[2], parts[3])
    }
}
