/// The effect of a rule's findings.
public enum Level: String, Sendable, CaseIterable, Comparable {
    /// The request is denied.
    case deny
    /// The request is allowed with a warning.
    case warn
    /// The rule is not evaluated.
    case off

    /// True if one level is more severe than the other.
    public static func < (left: Level, right: Level) -> Bool { left.severity < right.severity }

    private var severity: Int {
        switch self {
        case .deny: 0
        case .warn: 1
        case .off: 2
        }
    }
}

/// The kind of harm that a rule prevents.
///
/// It decides who can exempt objects from the rule, and the rule's level in platform namespaces and in the profile `start`.
public enum Concern: String, Sendable, CaseIterable {
    /// Unauthorized access, or more permissions than intended.
    case security
    /// An outage of a workload or of others.
    case reliability
    /// Practices that differ between teams.
    case convention
}

/// The parts of the catalogue, for reports and documentation.
public enum Group: String, Sendable, CaseIterable {
    case application = "Application requirements"
    case secrets = "Secrets and identity"
    case containers = "Containers"
    case availability = "Availability and placement"
    case traffic = "Traffic"
    case nodes = "Nodes and storage"
    case cloud = "AWS resources managed through ACK"
    /// The group of ``Rule/schema``, which is not in the catalogue.
    case schema = "API schema"
}

/// The headings of the playbook that rules are based on.
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
