public import Evaluation

extension Catalogue {
    /// The rules of the playbook.
    public static let playbook = Catalogue(
        rules: application + secrets + containers + availability + traffic + nodes + cloud)

    private static let application: [Rule] = [
        .livenessProbe, .readinessProbe, .healthEndpoints, .replicas, .gracefulShutdown, .signalForwarding,
        .environmentConfig, .databaseSettings, .metricsEndpoint,
    ]

    private static let secrets: [Rule] = [
        .inlineCredentials, .staticAWSCredentials, .externalSecrets, .serviceAccountTokens, .accessEntries,
        .rbacLeastPrivilege, .anonymousBinding, .tokenLifetime, .accountBoundary,
    ]

    private static let containers: [Rule] = [
        .runAsNonRoot, .runAsIdentity, .privilegeEscalation, .hostIsolation, .imageRegistry, .imageTag,
        .memoryRequestEqualsLimit, .cpuRequest, .cpuLimit,
    ]

    private static let availability: [Rule] = [
        .topologySpread, .podDisruptionBudget, .disruptionAllowed, .unhealthyPodEviction, .autoscaler,
        .autoscalerBounds, .verticalAutoscaler, .verticalAutoscalerConflict, .consolidationBlocked, .spotPlacement,
        .rollingUpdate, .schedulerPlacement, .baseNodeGroup, .controllerManaged, .defaultNamespace, .namespaceQuota,
        .limitRange, .namespacePerApplication, .podSecurityGroup,
    ]

    private static let traffic: [Rule] = [
        .gatewayAPI, .loadBalancerService, .targetGroupBinding, .dnsZone, .adminAuthentication, .publicTLS,
        .broadNetworkRules, .networkPolicy, .vpcCNIPrefixDelegation,
    ]

    private static let nodes: [Rule] = [
        .nodePoolScope, .nodePoolLifecycle, .privateNodes, .encryptedStorage, .customerManagedKey,
    ]

    private static let cloud: [Rule] = [
        .kmsKeyRotation, .kmsKeyDeletion, .kmsKeyPolicy, .kmsMultiRegion, .containerRepository, .vpcLayout,
        .securityGroupRules,
        .hostedZone, .iamUsers,
        .databaseStorage, .webFirewall, .trail, .clusterAccess,
    ]
}

extension Settings {
    /// Creates the settings of an empty environment.
    public init() { self.init(catalogue: .playbook) }

    /// Reads the environment, with the rules of the playbook; see ``init(environment:catalogue:)``.
    public init(environment: [String: String]) throws(SettingsError) {
        try self.init(environment: environment, catalogue: .playbook)
    }
}
