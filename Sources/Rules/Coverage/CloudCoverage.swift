import Evaluation

extension Coverage {
    static let cloudEnvironment = [
        Statement(
            "Resources are spread over accounts by their boundaries of isolation and security.",
            remainder: "Where ACK makes accounts, an Account has a name; no field says what it is for."),
        Statement(
            "The management account holds billing, the organization's administrators and a root user whom nobody uses daily, and no "
                + "IAM users.",
            [.iamUsers],
            remainder: "The root user is no object, and no field tells a billing role from another."),
        Statement(
            "IAM users or IAM Identity Center live in the identity account; users assume roles in the others.",
            [.iamUsers, .staticAWSCredentials],
            remainder: "IAM Identity Center is set up outside the cluster."),
        Statement(
            "The shared account holds what staging and production share, such as the root DNS zone.", [.hostedZone],
            remainder: "A load balancer that is shared is an exception which the playbook leaves open."),
        Statement(
            "The backup account stores backups, with AWS Backup.", [.databaseStorage, .hostedZone],
            remainder:
                "A BackupPlan says which vault backups are copied to, not that the vault is the backup account's."),
        Statement(
            "Staging, production and each further environment have an account of their own.", [.accountBoundary],
            remainder:
                "An object does not say which environment it is meant for; `PLAYBOOK_AWS_ACCOUNTS` of each cluster says which accounts are its own."
        ),
        Statement(
            "Logs and metrics of all accounts are gathered in one for monitoring.",
            remainder: "Where agents send what they gather is in their own configuration."),
        Statement(
            "Terraform's state lies in the management account.",
            remainder: "Terraform does not go through the API server."),
    ]

    static let keyManagement = [
        Statement(
            "Everything that can be encrypted is encrypted with a KMS key of one's own, not with the one that AWS manages.",
            [.encryptedStorage, .customerManagedKey, .databaseStorage, .containerRepository, .trail]),
        Statement(
            "Keys may lie in the management account, as long as it holds little else.",
            remainder: "It is a choice which the playbook leaves open."),
        Statement("CloudTrail records what is done with the keys.", [.trail]),
        Statement("Those who administer a key and those who use it are two groups.", [.kmsKeyPolicy]),
        Statement("Access is ruled by the key policy, which comes before IAM's policies.", [.kmsKeyPolicy]),
        Statement(
            "There is one key for each domain of risk.",
            remainder: "What a key is used for is not written in it, and which data share a risk is for people to say."),
        Statement("Keys rotate automatically.", [.kmsKeyRotation]),
        Statement("Keys are never deleted, but scheduled for it when nothing needs them any more.", [.kmsKeyDeletion]),
        Statement(
            "Alerts tell when a key is disabled, scheduled for deletion, or gets another policy.",
            remainder: "Alerts are for what happens in AWS, and are set up there."),
        Statement("Keys have aliases.", [.kmsKeyPolicy]),
        Statement(
            "Keys of databases that may ever live in several Regions are multi-Region from the start.",
            [.kmsMultiRegion]),
    ]

    static let dnsStructure = [
        Statement("Each account has a zone below the shared domain.", [.hostedZone, .dnsZone]),
        Statement(
            "The root zone, in the shared account, delegates to the accounts' zones by NS records.", [.hostedZone],
            remainder: "Whether a record names the servers of the zone below is seen in DNS alone."),
        Statement("The apex and `www` are alias records: an apex cannot be a CNAME.", [.hostedZone, .dnsZone]),
        Statement(
            "Load balancers, CloudFront, ingress and certificates of an account are under its own zone.", [.dnsZone],
            remainder: "ACM issues a certificate only after its name's own zone has confirmed it."),
        Statement(
            "The test infrastructure is under the staging zone.", [.dnsZone],
            remainder: "`PLAYBOOK_DNS_ZONES` of each cluster says which zone is its own."),
        Statement(
            "A load balancer is shared between accounts only to save money.",
            remainder: "It is an exception which the playbook leaves open."),
    ]
}
