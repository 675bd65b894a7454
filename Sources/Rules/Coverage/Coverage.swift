public import Evaluation

/// The playbook's statements and the rules that enforce each; the source of `docs/playbook-coverage.md`.
public enum Coverage {
    /// Returns the playbook's statements under a heading, in its order.
    public static func statements(of section: Section) -> [Statement] {
        switch section {
        case .applicationRequirements: applicationRequirements
        case .cloudEnvironment: cloudEnvironment
        case .keyManagement: keyManagement
        case .dnsStructure: dnsStructure
        case .vpcArchitecture: vpcArchitecture
        case .networkSecurity: networkSecurity
        case .kubernetesDeployment: kubernetesDeployment
        case .scalingAndResources: scalingAndResources
        case .containerization: containerization
        case .database: database
        }
    }

    /// A statement of the playbook, and its rules.
    public struct Statement: Sendable {
        /// The requirement of the playbook, reworded.
        public let text: String
        /// The rules that enforce it.
        public let rules: [Rule]
        /// The part that no rule can enforce, and why; nil if there is none.
        public let remainder: String?

        init(_ text: String, _ rules: [Rule] = [], remainder: String? = nil) {
            self.text = text
            self.rules = rules
            self.remainder = remainder
        }
    }
}
