package import Kubernetes

/// The settings of rules, each declared beside the check that reads it.
package enum RuleSettings {}

extension RuleSettings {
    static let livenessPaths = RuleSetting(
        "PLAYBOOK_LIVENESS_PATHS", .paths, default: ["/livez", "/healthz"], "Paths that a liveness probe may ask for.")

    static let readinessPaths = RuleSetting(
        "PLAYBOOK_READINESS_PATHS", .paths, default: ["/readyz"], "Paths that a readiness probe may ask for.")

    static let healthPort = RuleSetting(
        "PLAYBOOK_HEALTH_PORT", .optional(.integer(1...65535)), default: nil,
        "The port number that all probes ask at; unset: any declared port.")

    static let minimumReplicas = RuleSetting(
        "PLAYBOOK_MIN_REPLICAS", .integer(1...1000), default: 2, "The fewest replicas, other than 0.")

    static let minimumGraceSeconds = RuleSetting(
        "PLAYBOOK_MIN_GRACE_SECONDS", .integer(1...86400), default: 5, "The shortest termination grace period.")

    static let metricsPort = RuleSetting(
        "PLAYBOOK_METRICS_PORT", .optional(.integer(1...65535)), default: nil,
        "The port number that all applications serve metrics at; unset: any.")

    static let maximumSkew = RuleSetting(
        "PLAYBOOK_MAX_SKEW", .integer(1...1000), default: 1, "The largest skew between zones.")

    static let registries: RuleSetting<[RepositoryPrefix]> = RuleSetting(
        "PLAYBOOK_REGISTRIES",
        .parsedList("registries or paths in them") { (text) throws(Misplaced) in try RepositoryPrefix(parsing: text) },
        default: [],
        "Where images may come from beside ECR: `quay.io`, `ghcr.io/team`, an alias of the public gallery (`public.ecr.aws/bitnami`). Docker's own are `docker.io/library`."
    )

    static let pullThrough = RuleSetting(
        "PLAYBOOK_PULL_THROUGH",
        .parsed("REGISTRY=CACHE, separated by commas", written: { $0.text }) { (text) throws(Misplaced) in
            try PullThrough(parsing: text)
        }, default: PullThrough([]),
        "Registries that ECR caches: `docker.io=ACCOUNT.dkr.ecr.REGION.amazonaws.com/docker-hub`. Their images are to be named by the cache, and the fix does so; the longest prefix counts."
    )

    static let ownRepositories: RuleSetting<[RepositoryPrefix]> = RuleSetting(
        "PLAYBOOK_OWN_REPOSITORIES",
        .parsedList("registries or paths in them") { (text) throws(Misplaced) in try RepositoryPrefix(parsing: text) },
        default: [],
        "Where the images are that are built here, whose tags name a version and a commit; unset: all of ECR but the caches of `PLAYBOOK_PULL_THROUGH` and AWS's own."
    )

    static let tagPattern = RuleSetting(
        "PLAYBOOK_IMAGE_TAG_PATTERN",
        .parsed("pattern", written: { $0.text }) { (text) throws(Misplaced) in try TagPattern(parsing: text) },
        default: TagPattern.standard,
        "What the tags of images that are built here look like. `{semver}` is 1.4.2 or 1.4.2-rc.1, `{sha}` 7 to 40 hex digits, `{number}` digits, `*` any text, `?` any character, `[…]` may be left out, `|` stands between alternatives. `latest` is refused whatever it says."
    )

    static let writers: RuleSetting<[String]> = RuleSetting(
        "PLAYBOOK_SECRET_WRITERS", .list("names"), default: [],
        "Users who may write Opaque Secrets, beside the External Secrets operator: `system:serviceaccount:argocd:*`. `*` stands for any text."
    )

    static let operators: RuleSetting<[String]> = RuleSetting(
        "PLAYBOOK_OPERATORS", .list("names"), default: [],
        "Users, groups and service accounts (`system:serviceaccount:NAMESPACE:NAME`) who may be bound to `cluster-admin`, beside `system:masters`. `*` stands for any text."
    )

    static let maximumTokenLifetime = RuleSetting(
        "PLAYBOOK_MAX_TOKEN_LIFETIME", .duration, default: .seconds(24 * 3600),
        "The longest that a ServiceAccount's token may hold; the API makes none for less than 10m.")

    static let accounts: RuleSetting<[AWSAccount]> = RuleSetting(
        "PLAYBOOK_AWS_ACCOUNTS",
        .parsedList("account numbers") { (text) throws(Misplaced) in
            guard let account = AWSAccount(text) else { throw Misplaced(expected: "an account's twelve digits") }
            return account
        }, default: [],
        "The AWS accounts that roles and images in ECR may be of; unset: any.")

    static let schedulers = RuleSetting(
        "PLAYBOOK_SCHEDULERS", .list("names"), default: ["default-scheduler", "fargate-scheduler"],
        "Schedulers that pods may name.")

    static let baseNodeTaints = RuleSetting(
        "PLAYBOOK_BASE_NODE_TAINTS",
        .parsedList("taints") { (text) throws(Misplaced) in
            guard let taint = NodeTaint(text) else {
                throw Misplaced(expected: "a taint such as CriticalAddonsOnly or dedicated=base:NoSchedule")
            }
            return taint
        }, default: [NodeTaint("CriticalAddonsOnly")].compactMap(\.self),
        "Taints of the base node group, `key`, `key=value` or `key=value:effect`; where no effect is said it is `NoSchedule`."
    )

    static let baseNodeLabels: RuleSetting<[NodeLabel]> = RuleSetting(
        "PLAYBOOK_BASE_NODE_LABELS",
        .parsedList("labels") { (text) throws(Misplaced) in
            guard let label = NodeLabel(text) else {
                throw Misplaced(expected: "a label such as eks.amazonaws.com/nodegroup=base")
            }
            return label
        }, default: [],
        "Labels of the base node group's nodes, `key` or `key=value`, which no pod may ask for. Empty: none.")

    package static let dnsZones: RuleSetting<[DomainName]> = RuleSetting(
        "PLAYBOOK_DNS_ZONES", .zones, default: [],
        "The DNS zones of this cluster's account, in which every host name lies. Empty: host names are not looked at.")

    static let adminPatterns = RuleSetting(
        "PLAYBOOK_ADMIN_PATTERNS", .list("words"),
        default: ["admin", "admin-*", "admin_*", "*admin", "administration", "adminer"],
        "What names an admin page: a word of a route's host or path, in small letters. `*` stands for any text.")

    static let tlsPlace = RuleSetting(
        "PLAYBOOK_TLS_AT", .choice(), default: TLSPlace.loadBalancer,
        "Where connections from outside are decrypted: `load-balancer` (in ACK's Listeners) or `gateway` (in Gateways and IngressRoutes)."
    )

    static let tlsEntryPoints = RuleSetting(
        "PLAYBOOK_TLS_ENTRY_POINTS", .list("names"), default: ["websecure"],
        "Traefik's entry points that speak TLS by Traefik's own configuration, whatever an IngressRoute says.")

    static let maximumPortRange = RuleSetting(
        "PLAYBOOK_MAX_PORT_RANGE", .integer(1...65536), default: 100,
        "The most ports that one entry of a NetworkPolicy opens.")

    static let loadBalancerGroups = RuleSetting(
        "PLAYBOOK_LOAD_BALANCER_GROUPS", .list("names"),
        default: ["*load-balancer*", "*alb*", "*nlb*", "lb-*", "*-lb", "*-lb-*"],
        "The security groups of load balancers, which let everybody in at 80 and 443. `*` stands for any text.")

    static let maximumGroupPorts = RuleSetting(
        "PLAYBOOK_MAX_GROUP_PORTS", .integer(1...65536), default: 100,
        "The most ports that one entry of a security group opens.")

    static let identityNamespaces: RuleSetting<[String]> = RuleSetting(
        "PLAYBOOK_IDENTITY_NAMESPACES", .list("names"), default: [],
        "The namespaces whose IAM users are in the identity account. `*` stands for any text.")

    static let rootZones: RuleSetting<[DomainName]> = RuleSetting(
        "PLAYBOOK_ROOT_ZONES", .zones, default: [],
        "The domains that accounts share; every other account has a zone below one of them. Empty: zones are not looked at."
    )
}

/// Where connections from outside are decrypted.
public enum TLSPlace: String, Sendable, CaseIterable {
    /// At the load balancer, before the cluster.
    case loadBalancer = "load-balancer"
    /// At the gateway, in the cluster.
    case gateway
}
