import Evaluation

extension Coverage {
    static let vpcArchitecture = [
        Statement("An account has one VPC.", [.vpcLayout]),
        Statement(
            "Three public subnets, each a /24 in a separate zone, contain mostly load balancers and NAT gateways.",
            [.vpcLayout, .privateNodes],
            remainder: "Only AWS shows what else is in a subnet."),
        Statement(
            "Three private subnets, each a /19 in a separate zone, contain most compute resources.",
            [.vpcLayout, .privateNodes]),
        Statement("Databases, ElastiCache and internal resources can have isolated subnets, each a /24.", [.vpcLayout]),
        Statement(
            "Public subnets reach the internet through an internet gateway.",
            remainder: "Without it, connections fail visibly; no rule is needed."),
        Statement(
            "Private subnets reach the internet through one NAT gateway, one in each zone, or `fck-nat` outside production.",
            [.vpcLayout],
            remainder: "The playbook leaves this choice open."),
        Statement("Isolated subnets have no default route.", [.vpcLayout]),
        Statement(
            "CloudFront serves static files and an ALB serves the API, each with a WAF.",
            [.webFirewall],
            remainder: "No ACK object has a field for an ALB's web ACL."),
        Statement(
            "AWS services that are often used have VPC endpoints.", [.vpcLayout],
            remainder:
                "The rule checks that endpoints are in route tables; only AWS shows which services are often used."),
        Statement("The VPC CNI uses prefix delegation.", [.vpcCNIPrefixDelegation, .clusterAccess]),
    ]

    static let networkSecurity = [
        Statement(
            "The network has public and private parts, and everything that can be private is private.",
            [.vpcLayout, .privateNodes, .databaseStorage]),
        Statement(
            "All traffic enters through a load balancer with a WAF.",
            [.loadBalancerService, .hostIsolation, .webFirewall],
            remainder: "No ACK object has a field for an ALB's web ACL."),
        Statement("The WAF is as close to the entry of traffic as possible.", [.webFirewall]),
        Statement(
            "Outgoing traffic goes through NAT, or is blocked if an application does not need it.",
            [.vpcLayout, .privateNodes, .broadNetworkRules, .networkPolicy],
            remainder: "The application's code determines which external APIs it needs."),
        Statement(
            "Operators reach internal resources through a jump host or a VPN.", [.clusterAccess],
            remainder:
                "Jump hosts and VPNs are outside the cluster; the rule checks that the cluster endpoint is not public."),
        Statement(
            "Operators use IAM with roles and temporary credentials instead of static keys.",
            [.iamUsers, .staticAWSCredentials]),
        Statement(
            "Access to EKS uses access entries and `aws eks get-token`, not long-lived kubeconfigs or tokens.",
            [.clusterAccess, .accessEntries, .serviceAccountTokens, .tokenLifetime],
            remainder: "A kubeconfig is a file on its owner's machine."),
        Statement(
            "Images come from ECR; images of upstream registries come through its pull-through cache.", [.imageRegistry]
        ),
        Statement(
            "Everything has security groups, with narrow rules: no 0.0.0.0/0, no 1-65535.",
            [.securityGroupRules, .targetGroupBinding, .broadNetworkRules]),
        Statement("Selected pods can have their own security groups.", [.podSecurityGroup]),
        Statement("Services inside the VPC are reached through private endpoints.", [.vpcLayout, .clusterAccess]),
        Statement(
            "Public endpoints are behind a WAF and TLS; admin pages require BasicAuth or OAuth.",
            [.publicTLS, .webFirewall, .adminAuthentication]),
    ]
}
