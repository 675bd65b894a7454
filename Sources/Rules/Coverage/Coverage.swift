public import Evaluation

/// The playbook, statement by statement, and which rules hold each: `docs/playbook-coverage.md` is printed from it.
public enum Coverage {
    /// What the playbook states under one of its headings, in its order.
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

    /// A statement of the playbook, and what becomes of it.
    public struct Statement: Sendable {
        /// What the playbook demands, in our own words.
        public let text: String
        /// The rules that hold it.
        public let rules: [Rule]
        /// What of it no rule can hold, and why; nil where nothing is left.
        public let remainder: String?

        init(_ text: String, _ rules: [Rule] = [], remainder: String? = nil) {
            self.text = text
            self.rules = rules
            self.remainder = remainder
        }
    }
}
