public import JSON

/// A container's security settings as they are in force: its own over the pod's (`v1.SecurityContext`, `v1.PodSecurityContext`).
public struct SecurityContext {
    /// The container's own settings.
    public let own: Value?
    private let pod: Value?

    /// Combines the settings of a container with those of its pod.
    public init(of container: Container, in template: PodTemplate) throws(CannotJudge) {
        own = try container.securityContext()
        pod = try template.securityContext()
    }

    /// Whether the container may not run as root.
    public func runAsNonRoot() throws(CannotJudge) -> Bool? {
        if let value = try own?.boolean("runAsNonRoot") { return value }
        return try pod?.boolean("runAsNonRoot")
    }

    /// The uid that it runs as; nil leaves it to the image.
    public func user() throws(CannotJudge) -> Int? {
        if let value = try own?.integer("runAsUser") { return value }
        return try pod?.integer("runAsUser")
    }

    /// The gid that it runs as; nil leaves it to the image.
    public func group() throws(CannotJudge) -> Int? {
        if let value = try own?.integer("runAsGroup") { return value }
        return try pod?.integer("runAsGroup")
    }

    /// On Windows, the name of the user that it runs as.
    public func windowsUser() throws(CannotJudge) -> String? {
        if let name = try own?.object("windowsOptions")?.string("runAsUserName") { return name }
        return try pod?.object("windowsOptions")?.string("runAsUserName")
    }

    /// On Windows, whether it runs on the node itself.
    public func isHostProcess() throws(CannotJudge) -> Bool {
        if let value = try own?.object("windowsOptions")?.boolean("hostProcess") { return value }
        return try pod?.object("windowsOptions")?.boolean("hostProcess") ?? false
    }
}
