/// Every rule, in the order in which findings are told.
public enum Catalogue {
    /// The rules.
    public static let rules: [Rule] = [
        // Application requirements
        .livenessProbe, .readinessProbe, .healthEndpoints, .replicas, .gracefulShutdown,
        // Containers
        .runAsNonRoot, .runAsIdentity, .privilegeEscalation, .memoryRequestEqualsLimit, .cpuRequest, .cpuLimit,
        // Availability and placement
        .topologySpread, .podDisruptionBudget, .disruptionAllowed, .unhealthyPodEviction, .controllerManaged,
        .defaultNamespace,
    ]

    private static let byID = Dictionary(uniqueKeysWithValues: rules.map { ($0.id, $0) })

    /// The rule with an id.
    public static func rule(_ id: String) -> Rule? { byID[id] }
}
