/// How much a rule insists.
public enum Level: String, Sendable, CaseIterable, Comparable {
    /// The request is refused.
    case deny
    /// The request passes with a warning to whoever sent it.
    case warn
    /// The rule is not looked at.
    case off

    /// Whether one is graver than the other, in their order.
    public static func < (left: Level, right: Level) -> Bool { left.severity < right.severity }

    private var severity: Int {
        switch self {
        case .deny: 0
        case .warn: 1
        case .off: 2
        }
    }
}

/// The harm that a rule keeps off.
///
/// It decides who may exempt from the rule, what it says of other people's software in platform namespaces, and what the profile
/// `start` makes of it.
public enum Concern: String, Sendable, CaseIterable {
    /// Somebody gets in, or gets further than they should.
    case security
    /// A workload fails, or stops others.
    case reliability
    /// Work that differs from team to team.
    case convention
}

/// The parts of the playbook that rules belong to.
public enum Group: String, Sendable, CaseIterable {
    case application = "Application requirements"
    case secrets = "Secrets and identity"
    case containers = "Containers"
    case availability = "Availability and placement"
    case traffic = "Traffic"
    case nodes = "Nodes and storage"
    case cloud = "The cloud around the cluster"
    /// Of ``Rule/schema`` alone, which is not in the catalogue.
    case schema = "API schema"
}

/// The headings of the playbook that rules are taken from.
public enum Section: String, Sendable, CaseIterable {
    case applicationRequirements = "Application Requirements"
    case cloudEnvironment = "Cloud Environment Structure"
    case keyManagement = "KMS Key Management (Optional)"
    case dnsStructure = "DNS Structure"
    case vpcArchitecture = "Design the Virtual Private Cloud (VPC) architecture"
    case networkSecurity = "Network Security"
    case kubernetesDeployment = "Kubernetes Deployment and Management"
    case scalingAndResources = "Node Groups, Scaling, and Resource Allocation"
    case containerization = "Containerization Strategy"
    case database = "Database"
}
