import JSON

/// The security settings of a container or a pod, found in one pass (`v1.SecurityContext`, `v1.PodSecurityContext`).
struct SecurityFields {
    var runAsNonRoot, runAsUser, runAsGroup, windowsOptions: Value?

    init(of settings: Value?) {
        guard let settings else { return }
        for member in settings.members {
            let value = member.value.isNull ? nil : member.value
            switch member.key.contentLength {
            case 9 where member.key.equals("runAsUser"): runAsUser = value
            case 10 where member.key.equals("runAsGroup"): runAsGroup = value
            case 12 where member.key.equals("runAsNonRoot"): runAsNonRoot = value
            case 14 where member.key.equals("windowsOptions"): windowsOptions = value
            default: break
            }
        }
    }
}

/// The effective security settings of a container, which override those of its pod.
public struct SecurityContext {
    private let own: SecurityFields
    private let pod: SecurityFields

    /// Combines the settings of a container with those of its pod.
    public init(of container: Container, in template: borrowing PodTemplate) throws(CannotEvaluate) {
        own = SecurityFields(of: try container.securityContext.object())
        pod = try template.securityFields()
    }

    /// Returns true if the container must not run as root; nil if it is not set.
    public func runAsNonRoot() throws(CannotEvaluate) -> Bool? {
        try (own.runAsNonRoot ?? pod.runAsNonRoot)?.asBoolean()
    }

    /// Returns the uid of the container; nil if the image decides.
    public func user() throws(CannotEvaluate) -> Int? { try (own.runAsUser ?? pod.runAsUser)?.asInteger() }

    /// Returns the gid of the container; nil if the image decides.
    public func group() throws(CannotEvaluate) -> Int? { try (own.runAsGroup ?? pod.runAsGroup)?.asInteger() }

    /// Returns the user name of the container on Windows.
    public func windowsUser() throws(CannotEvaluate) -> String? {
        if let name = try own.windowsOptions?.asObject().string("runAsUserName") { return name }
        return try pod.windowsOptions?.asObject().string("runAsUserName")
    }

    /// Returns true for a HostProcess container on Windows.
    public func isHostProcess() throws(CannotEvaluate) -> Bool {
        if let value = try own.windowsOptions?.asObject().boolean("hostProcess") { return value }
        return try pod.windowsOptions?.asObject().boolean("hostProcess") ?? false
    }
}
