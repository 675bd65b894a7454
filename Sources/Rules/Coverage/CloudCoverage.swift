import Evaluation

extension Coverage {
    static let cloudEnvironment = [
        Statement(
            "Resources are distributed across accounts along isolation and security boundaries.",
            remainder: "An Account of ACK has a name; no field states its purpose."),
        Statement(
            "The management account contains billing, the organization's administrators and a root user that is not used daily; "
                + "it has no IAM users.",
            [.iamUsers],
            remainder: "The root user is not an object, and no field identifies a billing role."),
        Statement(
            "IAM users or IAM Identity Center are in the identity account; users assume roles in other accounts.",
            [.iamUsers, .staticAWSCredentials],
            remainder: "IAM Identity Center is set up outside the cluster."),
        Statement(
            "The shared account contains resources that staging and production share, such as the root DNS zone.",
            [.hostedZone],
            remainder: "The playbook allows a shared load balancer as an exception."),
        Statement(
            "The backup account stores backups, with AWS Backup.", [.databaseStorage, .hostedZone],
            remainder:
                "A BackupPlan names the vault that backups are copied to, but not the account of the vault."),
        Statement(
            "Staging, production and every other environment have separate accounts.", [.accountBoundary],
            remainder:
                "An object does not state its environment; `PLAYBOOK_AWS_ACCOUNTS` lists the accounts of each cluster."
        ),
        Statement(
            "Logs and metrics of all accounts are collected in a monitoring account.",
            remainder: "The configuration of the agents determines the destination."),
        Statement(
            "Terraform state is stored in the management account.",
            remainder: "Terraform does not use the API server."),
    ]

    static let keyManagement = [
        Statement(
            "Everything that can be encrypted is encrypted with a customer managed KMS key, not with an AWS managed key.",
            [.encryptedStorage, .customerManagedKey, .databaseStorage, .containerRepository, .trail]),
        Statement(
            "Keys can be in the management account, if it contains few other resources.",
            remainder: "The playbook leaves this choice open."),
        Statement("CloudTrail records key operations.", [.trail]),
        Statement("Key administrators and key users are separate.", [.kmsKeyPolicy]),
        Statement("The key policy controls access, and takes precedence over IAM policies.", [.kmsKeyPolicy]),
        Statement(
            "Each risk domain has its own key.",
            remainder: "A key does not state its purpose, and people decide which data share a risk."),
        Statement("Keys rotate automatically.", [.kmsKeyRotation]),
        Statement(
            "Keys are not deleted; deletion is scheduled only when a key is no longer needed.", [.kmsKeyDeletion]),
        Statement(
            "Alerts fire when a key is disabled or scheduled for deletion, or when its policy changes.",
            remainder: "Alerts on AWS events are configured in AWS."),
        Statement("Keys have aliases.", [.kmsKeyPolicy]),
        Statement(
            "Keys of databases that can ever be in several Regions are multi-Region from the start.",
            [.kmsMultiRegion]),
    ]

    static let dnsStructure = [
        Statement("Each account has a zone below the shared domain.", [.hostedZone, .dnsZone]),
        Statement(
            "The root zone, in the shared account, delegates to the accounts' zones by NS records.", [.hostedZone],
            remainder: "Only DNS shows if a record names the servers of the delegated zone."),
        Statement("The apex and `www` are alias records: an apex cannot be a CNAME.", [.hostedZone, .dnsZone]),
        Statement(
            "Load balancers, CloudFront, ingress and certificates of an account are under its own zone.", [.dnsZone],
            remainder: "ACM issues a certificate only after validation in the zone of its name."),
        Statement(
            "The test infrastructure is under the staging zone.", [.dnsZone],
            remainder: "`PLAYBOOK_DNS_ZONES` lists the zones of each cluster."),
        Statement(
            "A load balancer is shared between accounts only to save money.",
            remainder: "The playbook allows this as an exception."),
    ]
}
