/// A setting whose default has changed: reported at the start of a server that leaves it unset, and on the page Upgrading.
public struct ChangedDefault: Sendable {
    /// The setting's name.
    public let setting: String
    /// The earlier default.
    public let before: String
    /// The current default.
    public let now: String

    /// All settings whose default has changed.
    public static let all = [
        ChangedDefault(setting: "PLAYBOOK_COMPANION_GRACE", before: "0s", now: "5m"),
        ChangedDefault(setting: "PLAYBOOK_RULE_IMAGE_REGISTRY", before: "deny", now: "warn"),
        ChangedDefault(
            setting: "PLAYBOOK_TRUSTED_CONTROLLERS", before: "Argo Rollouts", now: "Argo Rollouts and KEDA's operator"),
        ChangedDefault(setting: "PLAYBOOK_MAX_BODY", before: "32Mi", now: "16Mi"),
        ChangedDefault(setting: "PLAYBOOK_LISTEN", before: "0.0.0.0:8443", now: ":8443"),
        ChangedDefault(setting: "PLAYBOOK_HEALTH_LISTEN", before: "0.0.0.0:8080", now: ":8080"),
    ]
}
