import Evaluation

extension Coverage {
    static let vpcArchitecture = [
        Statement("An account has one VPC.", [.vpcLayout]),
        Statement(
            "Three public subnets, each a /24 in a zone of its own, hold little but load balancers and NAT gateways.",
            [.vpcLayout, .privateNodes],
            remainder: "What else is placed into a subnet is seen in AWS alone."),
        Statement(
            "Three private subnets, each a /19 in a zone of its own, hold most of what computes.",
            [.vpcLayout, .privateNodes]),
        Statement("Databases, ElastiCache and internal resources may have isolated subnets, each a /24.", [.vpcLayout]),
        Statement(
            "Public subnets reach the internet by an internet gateway.",
            remainder: "Where it is missing nothing is reached, so that nobody needs to be told."),
        Statement(
            "Private subnets reach the internet by a NAT gateway: one, or one for each zone, or `fck-nat` outside production.",
            [.vpcLayout],
            remainder: "Which of them it is, is a choice which the playbook leaves open."),
        Statement("Isolated subnets have no default route.", [.vpcLayout]),
        Statement(
            "CloudFront is the way in to static files and an ALB the way in to the API, each with a WAF.",
            [.webFirewall],
            remainder: "An ALB's web ACL is no field of any object that ACK knows."),
        Statement(
            "Services of AWS that are often used have VPC endpoints.", [.vpcLayout],
            remainder:
                "The rule sees that an endpoint is routed to; which services are often used is seen in AWS alone."),
        Statement("The VPC CNI delegates prefixes.", [.vpcCNIPrefixDelegation, .clusterAccess]),
    ]

    static let networkSecurity = [
        Statement(
            "The network is divided into public and private, and what can be private is.",
            [.vpcLayout, .privateNodes, .databaseStorage]),
        Statement(
            "All traffic comes in through a load balancer with a WAF.",
            [.loadBalancerService, .hostIsolation, .webFirewall],
            remainder: "An ALB's web ACL is no field of any object that ACK knows."),
        Statement("The WAF stands as early in the way of traffic as it can.", [.webFirewall]),
        Statement(
            "Traffic goes out through NAT, or not at all where an application needs none.",
            [.vpcLayout, .privateNodes, .broadNetworkRules, .networkPolicy],
            remainder: "Which outside APIs an application needs is in its code."),
        Statement(
            "Operators reach internal resources by a jump host or a VPN.", [.clusterAccess],
            remainder: "Jump hosts and VPNs stand outside the cluster; the rule keeps its endpoint from everybody."),
        Statement(
            "IAM knows all operators, and gives temporary credentials and roles instead of static keys.",
            [.iamUsers, .staticAWSCredentials]),
        Statement(
            "EKS is reached by access entries and `aws eks get-token`, without long-lived kubeconfigs or tokens.",
            [.clusterAccess, .accessEntries, .serviceAccountTokens, .tokenLifetime],
            remainder: "A kubeconfig lies on its owner's disk."),
        Statement(
            "Images come from ECR; those of upstream registries through its pull-through cache.", [.imageRegistry]),
        Statement(
            "Everything has security groups, with narrow rules: no 0.0.0.0/0, no 1-65535.",
            [.securityGroupRules, .targetGroupBinding, .broadNetworkRules]),
        Statement("Selected pods may have security groups of their own.", [.podSecurityGroup]),
        Statement("Services inside the VPC are reached by private endpoints.", [.vpcLayout, .clusterAccess]),
        Statement(
            "What is public is behind a WAF and TLS; admin pages ask for BasicAuth or OAuth.",
            [.publicTLS, .webFirewall, .adminAuthentication]),
    ]
}
