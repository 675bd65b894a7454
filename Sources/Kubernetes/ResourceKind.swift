public import JSON

/// The kinds that rules read; all others are ``other``.
public enum ResourceKind: UInt8, Sendable, CaseIterable {
    case other
    // Kinds with a pod template.
    case pod, podTemplate, replicationController, replicaSet, deployment, statefulSet, daemonSet, job, cronJob, rollout
    // Kinds about workloads.
    case scale, podDisruptionBudget, horizontalPodAutoscaler, scaledObject
    case namespace, resourceQuota, limitRange, service, configMap, secret, serviceAccount
    case verticalPodAutoscaler, securityGroupPolicy, podMonitor, serviceMonitor
    // RBAC and secrets.
    case role, clusterRole, roleBinding, clusterRoleBinding, tokenRequest, externalSecret
    // Traffic.
    case ingress, legacyIngress, networkPolicy, targetGroupBinding, dnsEndpoint
    case gateway, listenerSet, experimentalListenerSet, httpRoute, grpcRoute, tlsRoute
    case ingressRoute, ingressRouteTCP, middleware
    // Nodes and storage.
    case nodePool, ec2NodeClass, storageClass
    // AWS Controllers for Kubernetes.
    case kmsKey, kmsAlias, ecrRepository, ec2VPC, ec2Subnet, ec2NATGateway, ec2RouteTable, ec2VPCEndpoint,
        ec2SecurityGroup
    case route53HostedZone, route53RecordSet, iamUser, rdsDBInstance, rdsDBCluster
    case elasticacheReplicationGroup, elasticacheCacheCluster, elasticacheServerlessCache
    case cloudfrontDistribution, elbv2LoadBalancer, elbv2Listener, cloudtrailTrail, eksCluster, eksNodegroup, eksAddon
    // EKS Auto Mode, the AWS Load Balancer Controller and EKS network policies.
    case eksNodeClass, eksTargetGroupBinding, eksIngressClassParams, applicationNetworkPolicy, clusterNetworkPolicy,
        gatewayClass, loadBalancerConfiguration, globalAccelerator
    // Third-party kinds.
    case certificate, istioVirtualService, istioGateway, securityPolicy, authorizationPolicy, requestAuthentication,
        secretStore, clusterSecretStore, triggerAuthentication, clusterTriggerAuthentication, argoApplication,
        helmRelease, persistentVolume, controllerRevision
    // AWS Controllers for Kubernetes, continued.
    case eksAccessEntry, eksPodIdentityAssociation, iamRole, iamPolicy, elbv2TargetGroup, acmCertificate, efsFileSystem,
        organizationsAccount, backupPlan, s3Bucket, sqsQueue, snsTopic, dynamodbTable, secretsManagerSecret, logGroup

    /// The name.
    public var name: StaticString { row.name }

    /// The API group; empty for the core group.
    public var group: StaticString { row.group }

    /// A served version of the group, for generated manifests.
    public var version: StaticString { row.version }

    private static let known = Array(allCases.dropFirst())

    /// Finds a kind by name and group.
    public init(name: Value, group: Value?) {
        self = .other
        for kind in ResourceKind.known {
            let row = kind.row
            guard name.equals(row.name), group?.equals(row.group) ?? (row.group.utf8CodeUnitCount == 0) else {
                continue
            }
            self = kind
            return
        }
        if group?.equals("traefik.containo.us") ?? false {
            self = ResourceKind.ofTraefik.first { name.equals($0.name) } ?? .other
        }
    }

    /// The kinds that Traefik 2 also has in the group `traefik.containo.us`.
    private static let ofTraefik: [ResourceKind] = [.ingressRoute, .ingressRouteTCP, .middleware]

    /// Finds a kind by the `kind` and `apiVersion` of an object or reference, in any version of the group.
    public init(kind: String, apiVersion: String) {
        let parts = apiVersion.split(separator: "/", omittingEmptySubsequences: false)
        let written = parts.count > 1 ? String(parts[0]) : ""
        let group = written == "traefik.containo.us" ? "traefik.io" : written
        self = ResourceKind.allCases.dropFirst().first { "\($0.name)" == kind && "\($0.group)" == group } ?? .other
    }

    private var row: (name: StaticString, group: StaticString, version: StaticString) {
        switch self {
        case .other: ("", "-", "")
        case .pod: ("Pod", "", "v1")
        case .podTemplate: ("PodTemplate", "", "v1")
        case .replicationController: ("ReplicationController", "", "v1")
        case .replicaSet: ("ReplicaSet", "apps", "v1")
        case .deployment: ("Deployment", "apps", "v1")
        case .statefulSet: ("StatefulSet", "apps", "v1")
        case .daemonSet: ("DaemonSet", "apps", "v1")
        case .job: ("Job", "batch", "v1")
        case .cronJob: ("CronJob", "batch", "v1")
        case .rollout: ("Rollout", "argoproj.io", "v1alpha1")
        case .scale: ("Scale", "autoscaling", "v1")
        case .podDisruptionBudget: ("PodDisruptionBudget", "policy", "v1")
        case .horizontalPodAutoscaler: ("HorizontalPodAutoscaler", "autoscaling", "v2")
        case .scaledObject: ("ScaledObject", "keda.sh", "v1alpha1")
        case .namespace: ("Namespace", "", "v1")
        case .resourceQuota: ("ResourceQuota", "", "v1")
        case .limitRange: ("LimitRange", "", "v1")
        case .service: ("Service", "", "v1")
        case .configMap: ("ConfigMap", "", "v1")
        case .secret: ("Secret", "", "v1")
        case .serviceAccount: ("ServiceAccount", "", "v1")
        case .verticalPodAutoscaler: ("VerticalPodAutoscaler", "autoscaling.k8s.io", "v1")
        case .securityGroupPolicy: ("SecurityGroupPolicy", "vpcresources.k8s.aws", "v1beta1")
        case .podMonitor: ("PodMonitor", "monitoring.coreos.com", "v1")
        case .serviceMonitor: ("ServiceMonitor", "monitoring.coreos.com", "v1")
        case .role: ("Role", "rbac.authorization.k8s.io", "v1")
        case .clusterRole: ("ClusterRole", "rbac.authorization.k8s.io", "v1")
        case .roleBinding: ("RoleBinding", "rbac.authorization.k8s.io", "v1")
        case .clusterRoleBinding: ("ClusterRoleBinding", "rbac.authorization.k8s.io", "v1")
        case .tokenRequest: ("TokenRequest", "authentication.k8s.io", "v1")
        case .externalSecret: ("ExternalSecret", "external-secrets.io", "v1")
        case .ingress: ("Ingress", "networking.k8s.io", "v1")
        case .legacyIngress: ("Ingress", "extensions", "v1beta1")
        case .networkPolicy: ("NetworkPolicy", "networking.k8s.io", "v1")
        case .targetGroupBinding: ("TargetGroupBinding", "elbv2.k8s.aws", "v1beta1")
        case .dnsEndpoint: ("DNSEndpoint", "externaldns.k8s.io", "v1alpha1")
        case .gateway: ("Gateway", "gateway.networking.k8s.io", "v1")
        case .listenerSet: ("ListenerSet", "gateway.networking.k8s.io", "v1")
        case .experimentalListenerSet: ("XListenerSet", "gateway.networking.x-k8s.io", "v1alpha1")
        case .httpRoute: ("HTTPRoute", "gateway.networking.k8s.io", "v1")
        case .grpcRoute: ("GRPCRoute", "gateway.networking.k8s.io", "v1")
        case .tlsRoute: ("TLSRoute", "gateway.networking.k8s.io", "v1alpha2")
        case .ingressRoute: ("IngressRoute", "traefik.io", "v1alpha1")
        case .ingressRouteTCP: ("IngressRouteTCP", "traefik.io", "v1alpha1")
        case .middleware: ("Middleware", "traefik.io", "v1alpha1")
        case .nodePool: ("NodePool", "karpenter.sh", "v1")
        case .ec2NodeClass: ("EC2NodeClass", "karpenter.k8s.aws", "v1")
        case .storageClass: ("StorageClass", "storage.k8s.io", "v1")
        case .kmsKey: ("Key", "kms.services.k8s.aws", "v1alpha1")
        case .kmsAlias: ("Alias", "kms.services.k8s.aws", "v1alpha1")
        case .ecrRepository: ("Repository", "ecr.services.k8s.aws", "v1alpha1")
        case .ec2VPC: ("VPC", "ec2.services.k8s.aws", "v1alpha1")
        case .ec2Subnet: ("Subnet", "ec2.services.k8s.aws", "v1alpha1")
        case .ec2NATGateway: ("NATGateway", "ec2.services.k8s.aws", "v1alpha1")
        case .ec2RouteTable: ("RouteTable", "ec2.services.k8s.aws", "v1alpha1")
        case .ec2VPCEndpoint: ("VPCEndpoint", "ec2.services.k8s.aws", "v1alpha1")
        case .ec2SecurityGroup: ("SecurityGroup", "ec2.services.k8s.aws", "v1alpha1")
        case .route53HostedZone: ("HostedZone", "route53.services.k8s.aws", "v1alpha1")
        case .route53RecordSet: ("RecordSet", "route53.services.k8s.aws", "v1alpha1")
        case .iamUser: ("User", "iam.services.k8s.aws", "v1alpha1")
        case .rdsDBInstance: ("DBInstance", "rds.services.k8s.aws", "v1alpha1")
        case .rdsDBCluster: ("DBCluster", "rds.services.k8s.aws", "v1alpha1")
        case .elasticacheReplicationGroup: ("ReplicationGroup", "elasticache.services.k8s.aws", "v1alpha1")
        case .elasticacheCacheCluster: ("CacheCluster", "elasticache.services.k8s.aws", "v1alpha1")
        case .elasticacheServerlessCache: ("ServerlessCache", "elasticache.services.k8s.aws", "v1alpha1")
        case .cloudfrontDistribution: ("Distribution", "cloudfront.services.k8s.aws", "v1alpha1")
        case .elbv2LoadBalancer: ("LoadBalancer", "elbv2.services.k8s.aws", "v1alpha1")
        case .elbv2Listener: ("Listener", "elbv2.services.k8s.aws", "v1alpha1")
        case .cloudtrailTrail: ("Trail", "cloudtrail.services.k8s.aws", "v1alpha1")
        case .eksCluster: ("Cluster", "eks.services.k8s.aws", "v1alpha1")
        case .eksNodegroup: ("Nodegroup", "eks.services.k8s.aws", "v1alpha1")
        case .eksAddon: ("Addon", "eks.services.k8s.aws", "v1alpha1")
        case .eksNodeClass: ("NodeClass", "eks.amazonaws.com", "v1")
        case .eksTargetGroupBinding: ("TargetGroupBinding", "eks.amazonaws.com", "v1")
        case .eksIngressClassParams: ("IngressClassParams", "eks.amazonaws.com", "v1")
        case .applicationNetworkPolicy: ("ApplicationNetworkPolicy", "networking.k8s.aws", "v1alpha1")
        case .clusterNetworkPolicy: ("ClusterNetworkPolicy", "networking.k8s.aws", "v1alpha1")
        case .gatewayClass: ("GatewayClass", "gateway.networking.k8s.io", "v1")
        case .loadBalancerConfiguration: ("LoadBalancerConfiguration", "gateway.k8s.aws", "v1beta1")
        case .globalAccelerator: ("GlobalAccelerator", "aga.k8s.aws", "v1beta1")
        case .certificate: ("Certificate", "cert-manager.io", "v1")
        case .istioVirtualService: ("VirtualService", "networking.istio.io", "v1")
        case .istioGateway: ("Gateway", "networking.istio.io", "v1")
        case .securityPolicy: ("SecurityPolicy", "gateway.envoyproxy.io", "v1alpha1")
        case .authorizationPolicy: ("AuthorizationPolicy", "security.istio.io", "v1")
        case .requestAuthentication: ("RequestAuthentication", "security.istio.io", "v1")
        case .secretStore: ("SecretStore", "external-secrets.io", "v1")
        case .clusterSecretStore: ("ClusterSecretStore", "external-secrets.io", "v1")
        case .triggerAuthentication: ("TriggerAuthentication", "keda.sh", "v1alpha1")
        case .clusterTriggerAuthentication: ("ClusterTriggerAuthentication", "keda.sh", "v1alpha1")
        case .argoApplication: ("Application", "argoproj.io", "v1alpha1")
        case .helmRelease: ("HelmRelease", "helm.toolkit.fluxcd.io", "v2")
        case .persistentVolume: ("PersistentVolume", "", "v1")
        case .controllerRevision: ("ControllerRevision", "apps", "v1")
        case .eksAccessEntry: ("AccessEntry", "eks.services.k8s.aws", "v1alpha1")
        case .eksPodIdentityAssociation: ("PodIdentityAssociation", "eks.services.k8s.aws", "v1alpha1")
        case .iamRole: ("Role", "iam.services.k8s.aws", "v1alpha1")
        case .iamPolicy: ("Policy", "iam.services.k8s.aws", "v1alpha1")
        case .elbv2TargetGroup: ("TargetGroup", "elbv2.services.k8s.aws", "v1alpha1")
        case .acmCertificate: ("Certificate", "acm.services.k8s.aws", "v1alpha1")
        case .efsFileSystem: ("FileSystem", "efs.services.k8s.aws", "v1alpha1")
        case .organizationsAccount: ("Account", "organizations.services.k8s.aws", "v1alpha1")
        case .backupPlan: ("BackupPlan", "backup.services.k8s.aws", "v1alpha1")
        case .s3Bucket: ("Bucket", "s3.services.k8s.aws", "v1alpha1")
        case .sqsQueue: ("Queue", "sqs.services.k8s.aws", "v1alpha1")
        case .snsTopic: ("Topic", "sns.services.k8s.aws", "v1alpha1")
        case .dynamodbTable: ("Table", "dynamodb.services.k8s.aws", "v1alpha1")
        case .secretsManagerSecret: ("Secret", "secretsmanager.services.k8s.aws", "v1alpha1")
        case .logGroup: ("LogGroup", "cloudwatchlogs.services.k8s.aws", "v1alpha1")
        }
    }

    /// The name in URLs and webhook configurations, as in `networkpolicies`: the plural in lower case.
    public var plural: String {
        pluralName.lowercased()
    }

    /// The plural for people: `NetworkPolicies`.
    public var pluralName: String { ResourceKind.pluralNames[Int(rawValue)] }

    // Rules that need related objects name the kind whenever it is not known.
    private static let pluralNames = allCases.map { Kubernetes.plural(of: "\($0.name)") }

    /// The `apiVersion` of a manifest: `apps/v1`, or `v1` for the core group.
    public var apiVersion: String { group.utf8CodeUnitCount == 0 ? "\(version)" : "\(group)/\(version)" }
}

/// A set of kinds.
public struct ResourceKinds: OptionSet, Sendable {
    /// The bits of the kinds.
    public let rawValue: UInt128

    /// Creates a set from its bits.
    public init(rawValue: UInt128) { self.rawValue = rawValue }

    /// Creates a set of kinds.
    public init(_ kinds: ResourceKind...) { rawValue = kinds.reduce(0) { $0 | 1 << UInt128($1.rawValue) } }

    /// True if the set contains a kind.
    public func contains(_ kind: ResourceKind) -> Bool { rawValue & 1 << UInt128(kind.rawValue) != 0 }

    /// All kinds with a pod spec.
    public static let withPodSpec = ResourceKinds(
        .pod, .podTemplate, .replicationController, .replicaSet, .deployment, .statefulSet, .daemonSet, .job, .cronJob,
        .rollout, .controllerRevision)

    /// Workloads with a configurable number of replicas: Deployment, StatefulSet, Rollout.
    public static let replicated = ResourceKinds(.deployment, .statefulSet, .rollout)

    /// Cluster-scoped kinds.
    public static let clusterWide = ResourceKinds(
        .namespace, .clusterRole, .clusterRoleBinding, .storageClass, .nodePool, .ec2NodeClass, .eksNodeClass,
        .eksIngressClassParams, .clusterNetworkPolicy, .gatewayClass, .clusterSecretStore,
        .clusterTriggerAuthentication,
        .persistentVolume)

    /// The kinds, in their order.
    public var kinds: [ResourceKind] { ResourceKind.allCases.filter { contains($0) } }
}

/// Returns the plural of a kind's name, as the API forms it: `NetworkPolicies`.
func plural(of name: String) -> String {
    let vowels: [Character] = ["a", "e", "i", "o", "u"]
    if name.hasSuffix("Params") { return name }
    if name.hasSuffix("s") { return name + "es" }
    guard name.hasSuffix("y"), let before = name.dropLast().last, !vowels.contains(before) else { return name + "s" }
    return name.dropLast() + "ies"
}
