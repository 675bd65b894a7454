import JSON

/// Who asks (`authentication.k8s.io/v1`, UserInfo).
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

    /// Whether this is the user's name.
    public func isNamed(_ name: StaticString) -> Bool { username?.equals(name) ?? false }

    /// Whether the user is in a group.
    public func isIn(_ group: StaticString) -> Bool { groups?.elements.contains { $0.equals(group) } ?? false }

    /// Whether the user is in a group.
    public func isIn(group: String) -> Bool { groups?.elements.contains { $0.equals(string: group) } ?? false }

    /// The Pod that the token is bound to (`authentication.kubernetes.io/pod-uid`); nil for other tokens.
    public var podUID: String? { extra?["authentication.kubernetes.io/pod-uid"]?.elements.first { _ in true }?.string }

    /// True if the name begins as a service account's does.
    public var mayBeServiceAccount: Bool { username?.string?.hasPrefix("system:serviceaccount:") ?? false }

    /// The namespace and name of a service account.
    public var serviceAccount: (namespace: Substring, name: Substring)? {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "system", parts[1] == "serviceaccount" else { return nil }
        return (parts[2], parts[3])
    }
}
