import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let accountBoundary = Rule(
        id: "account-boundary",
        title: "IAM roles and ECR images belong to allowed AWS accounts",
        group: .secrets,
        section: .cloudEnvironment,
        rationale: """
            Accounts separate environments. A workload with a role or an image of another account can let staging affect \
            production, or depend on an account that you do not control.
            """,
        level: .warn,
        concern: .security,
        scope: Scope(
            [.withPodSpec, ResourceKinds(.serviceAccount, .eksPodIdentityAssociation)],
            of: [.none, .ephemeralContainers], readsMetadata: true),
        clauses: [role, image],
        settings: [RuleSettings.accounts],
        examples: roleCases + associationCases + imageCases,
        checks: [
            .init(.serviceAccount) { (subject, context, findings) throws(CannotEvaluate) in
                let annotations = try subject.field("metadata")["annotations"]
                try checkRole(annotations["eks.amazonaws.com/role-arn"], subject, context, findings)
            },
            .init(.eksPodIdentityAssociation) { (subject, context, findings) throws(CannotEvaluate) in
                let spec = try subject.field("spec")
                try checkRole(spec["roleARN"], subject, context, findings)
                try checkRole(spec["targetRoleARN"], subject, context, findings)
            },
            .init(.withPodSpec, checkImages),
        ]
    )
}

extension RuleSettings {
    static let accounts: RuleSetting<[AWSAccount]> = RuleSetting(
        "PLAYBOOK_AWS_ACCOUNTS",
        .parsedList("account IDs") { (text) throws(Misplaced) in
            guard let account = AWSAccount(text) else { throw Misplaced(expected: "an account ID of 12 digits") }
            return account
        }, default: [],
        "The AWS accounts that IAM roles and ECR images must belong to. If unset, all accounts are allowed.")
}

private let role = Clause(
    "role", "the roles of ServiceAccounts and PodIdentityAssociations belong to one of `PLAYBOOK_AWS_ACCOUNTS`")
private let image = Clause(
    "image",
    "each ECR image of a container or a volume belongs to one of `PLAYBOOK_AWS_ACCOUNTS` or to AWS's EKS add-ons"
)

private func checkImages(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    let accounts = context[RuleSettings.accounts]
    guard let first = accounts.first, !subject.changesOnlyMetadata else { return }
    for reference in try subject.images() {
        try findings.step()
        guard let account = reference.foreignAccount(to: accounts) else { continue }
        findings.add(
            image, at: Field(reference.text),
            "comes from AWS account \(account), which is not allowed",
            // A registry's host name starts with the account ID.
            set: .string("\(first)\(reference.text.text.dropFirst(12))"), choice: "\(account)"
        ) { $0.advice = advice(accounts) }
    }
}

private func checkRole(
    _ place: Field, _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let accounts = context[RuleSettings.accounts]
    guard let first = accounts.first else { return }
    // An empty value removes the role.
    guard let text = place.value?.string, !text.isEmpty else { return }
    // arn:aws:iam::ACCOUNT:role/NAME, at most 2,048 bytes.
    var parts: [String] = []
    if text.utf8.count <= 2048 {
        parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    }
    let isRole = parts.count >= 6 && parts[0] == "arn" && parts[2] == "iam" && parts[5].hasPrefix("role/")
    guard isRole, let account = AWSAccount(parts[4]) else {
        findings.add(
            role, at: place, "is \"\(text)\", which is not the ARN of an IAM role",
            set: .string("arn:aws:iam::\(first):role/\(subject.secretName)"), choice: text
        ) { $0.advice = advice(accounts) }
        return
    }
    if accounts.contains(account) { return }
    parts[4] = "\(first)"
    findings.add(
        role, at: place, "names a role of AWS account \(account), which is not allowed",
        set: .string(parts.joined(separator: ":")), choice: "\(account)"
    ) { $0.advice = advice(accounts) }
}

private func advice(_ accounts: [AWSAccount]) -> String {
    let known = accounts.prefix(5).map(\.description).joined(separator: ", ") + (accounts.count > 5 ? ", …" : "")
    return "allowed accounts: \(known) (PLAYBOOK_AWS_ACCOUNTS)"
}

extension ContainerImage {
    /// The account of the image's ECR registry; nil if it is one of these accounts or AWS's for EKS add-ons.
    fileprivate func foreignAccount(to accounts: [AWSAccount]) -> AWSAccount? {
        guard let host = ecr else { return nil }
        return accounts.contains(host.account) || host.isOfAddOns ? nil : host.account
    }
}

private let accounts = ["PLAYBOOK_AWS_ACCOUNTS": "222222222222, 012345678901"]

private func account(_ arn: String) -> String {
    """
    apiVersion: v1
    kind: ServiceAccount
    metadata: {name: web, namespace: shop, annotations: {eks.amazonaws.com/role-arn: '\(arn)'}}
    """
}

private let roleCases: [Example] = [
    .good("a role of an allowed account", account("arn:aws:iam::012345678901:role/shop/web"), settings: accounts),
    .good("an empty role", account(""), settings: accounts),
    .good(
        "no role", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web, namespace: shop}", settings: accounts),
    .good("any role if no accounts are configured", account("arn:aws:iam::333333333333:role/web")),
    .bad(
        "a role of another account", role, at: "metadata.annotations[eks.amazonaws.com/role-arn]",
        account("arn:aws:iam::333333333333:role/web"), settings: accounts),
    .bad(
        "a role of another account in another partition", role, at: "metadata.annotations[eks.amazonaws.com/role-arn]",
        account("arn:aws-cn:iam::333333333333:role/web"), settings: accounts),
    .bad(
        "an allowed account in the wrong part of the ARN", role, at: "metadata.annotations[eks.amazonaws.com/role-arn]",
        account("arn:aws:iam::33333333333:role/222222222222"), settings: accounts),
    .bad(
        "a role that is not an ARN", role, at: "metadata.annotations[eks.amazonaws.com/role-arn]", account("web"),
        settings: accounts),
    .bad(
        "a change to a role of another account", role, at: "metadata.annotations[eks.amazonaws.com/role-arn]",
        account("arn:aws:iam::333333333333:role/web"), before: account("arn:aws:iam::222222222222:role/web"),
        settings: accounts),
]

private func association(_ roles: String) -> String {
    """
    apiVersion: eks.services.k8s.aws/v1alpha1
    kind: PodIdentityAssociation
    metadata: {name: web, namespace: shop}
    spec: {clusterName: shop, namespace: shop, serviceAccount: web, \(roles)}
    """
}

private let associationCases: [Example] = [
    .good(
        "Pod Identity with roles of allowed accounts",
        association(
            "roleARN: 'arn:aws:iam::222222222222:role/web', targetRoleARN: 'arn:aws:iam::012345678901:role/web'"),
        settings: accounts),
    .good("a reference to a Role object", association("roleRef: {from: {name: web}}"), settings: accounts),
    .bad(
        "Pod Identity with a role of another account", role, at: "spec.roleARN",
        association("roleARN: 'arn:aws:iam::333333333333:role/web'"), settings: accounts),
    .bad(
        "Pod Identity with a target role of another account", role, at: "spec.targetRoleARN",
        association(
            "roleARN: 'arn:aws:iam::222222222222:role/web', targetRoleARN: 'arn:aws:iam::333333333333:role/web'"),
        settings: accounts),
]

private func app(_ registry: String) -> String {
    "containers: [{name: app, image: \(registry)/shop/web:1.4.2-9f3c1ab}]"
}

private let imageCases: [Example] = [
    .good("an image of an allowed account", "{}", settings: accounts),
    .good("any image if no accounts are configured", app("333333333333.dkr.ecr.eu-west-1.amazonaws.com")),
    .good(
        "an image of an EKS add-on",
        "containers: [{name: app, image: 602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/coredns:v1.11.4}]",
        settings: accounts),
    .good(
        "an image that is not in ECR", "containers: [{name: app, image: quay.io/shop/web:1.4.2-9f3c1ab}]",
        settings: accounts.merging(["PLAYBOOK_REGISTRIES": "quay.io"]) { $1 }),
    .bad(
        "an image of another account", image, at: "containers[app].image",
        app("333333333333.dkr.ecr.eu-west-1.amazonaws.com"), settings: accounts),
    .bad(
        "an image of another account in an init container", image, at: "initContainers[migrate].image",
        """
        initContainers:
        - name: migrate
          image: 333333333333.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1.4.2-9f3c1ab
        """, settings: accounts),
    .bad(
        "an image of another account in a sidecar container", image, at: "initContainers[proxy].image",
        """
        initContainers:
        - name: proxy
          restartPolicy: Always
          image: 333333333333.dkr-ecr.eu-west-1.on.aws/shop/proxy:1.4.2-9f3c1ab
        """, settings: accounts),
    .bad(
        "an image of another account in an ephemeral container", image, at: "ephemeralContainers[debugger].image",
        """
        ephemeralContainers:
        - name: debugger
          image: 333333333333.dkr.ecr.eu-west-1.amazonaws.com/tools/shell:1.0.0-9f3c1ab
        """, request: .debug, settings: accounts),
    .bad(
        "an image of another account in a volume", image, at: "volumes[models].image.reference",
        """
        volumes:
        - name: models
          image: {reference: 333333333333.dkr.ecr.eu-west-1.amazonaws.com/shop/models:1.4.2-9f3c1ab}
        """, settings: accounts),
    .bad(
        "a change from one disallowed account to another", image, at: "containers[app].image",
        app("444444444444.dkr.ecr.eu-west-1.amazonaws.com"),
        before: app("333333333333.dkr.ecr.eu-west-1.amazonaws.com"),
        settings: accounts),
]
