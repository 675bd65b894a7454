import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let hostedZone = Rule(
        id: "hosted-zone",
        title: "Hosted zones are below a shared domain and have no CNAME at the apex",
        group: .cloud,
        section: .dnsStructure,
        rationale: """
            An account that owns only its own subzone cannot break the DNS names of other accounts. DNS does not allow a CNAME \
            at the zone apex, because the zone's SOA and NS records are there.
            """,
        level: .warn,
        concern: .convention,
        scope: Scope(ResourceKinds(.route53HostedZone, .route53RecordSet, .backupPlan)),
        clauses: [subzone, apex, copy],
        settings: [RuleSettings.rootZones],
        examples: cases,
        checks: [
            .init(.route53HostedZone, check: checkZone), .init(.route53RecordSet, check: checkRecord),
            .init(.backupPlan, check: checkPlan),
        ]
    )
}

extension RuleSettings {
    static let rootZones: RuleSetting<[DomainName]> = RuleSetting(
        "PLAYBOOK_ROOT_ZONES", .zones, default: [],
        "The domains that all accounts share; public hosted zones must be below one of them. If empty, zones are not checked."
    )
}

private let subzone = Clause("subzone", "a public hosted zone is below one of the shared domains")
private let copy = Clause("copy", "a backup plan copies backups to another vault, such as the backup account's")
private let apex = Clause("apex", "the zone apex has no CNAME record")

private func checkZone(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    let (spec, roots) = (try subject.field("spec"), context[RuleSettings.rootZones])
    let name = try spec["name"]
    // Private zones are visible only in their VPC.
    guard !roots.isEmpty, try !spec["vpc"].isPresent, let text = try name.string() else { return }
    if try spec["hostedZoneConfig"]["privateZone"].boolean() ?? false { return }
    let zone = DomainName(text)
    let isRoot = roots.contains(zone)
    if !isRoot, roots.contains(where: { zone.isWithin($0) }) { return }
    findings.add(
        subzone, at: name,
        isRoot ? "is \"\(zone)\", which the shared account owns" : "is \"\(zone)\", which is not below a shared domain",
        choice: zone.description
    ) {
        $0.advice = """
            create a zone for this account, such as production.\(roots[0]), and delegate to it from the root zone; \
            if this is the shared account, exempt its Namespace
            """
    }
}

private func checkRecord(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    let spec = try subject.field("spec")
    let type = try spec["recordType"]
    guard try type.equals("CNAME") else { return }
    // The controller prepends the name to the zone's name; without one, the record is at the apex.
    if let name = try spec["name"].filledText(), !name.equals("@") { return }
    findings.add(apex, at: type, "is \"CNAME\" at the zone apex, which DNS does not allow") {
        $0.advice =
            "use recordType: A with an aliasTarget (the DNS name and zone of the load balancer or distribution)"
    }
}

private func checkPlan(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard let spec = try subject.field("spec").present else { return }
    let rules = try spec["rules"]
    for rule in try rules.objects() {
        try findings.step()
        for action in try rule["copyActions"].objects() {
            try findings.step()
            if try action["destinationBackupVaultARN"].filledText() != nil { return }
            if try action["destinationBackupVaultRef"]["from"]["name"].filledText() != nil { return }
        }
    }
    findings.add(
        copy, at: rules, "has no copyActions; backups are only in this account's vault", traits: .init(isHint: true)
    ) {
        $0.advice = "add copyActions with the ARN of a vault in the backup account"
    }
}

private func plan(_ lines: String) -> String {
    """
    apiVersion: backup.services.k8s.aws/v1alpha1
    kind: BackupPlan
    metadata: {name: nightly, namespace: production}
    spec: {name: nightly, rules: [{ruleName: nightly, targetBackupVaultName: production\(lines)}]}
    """
}

private func zone(_ spec: String) -> String {
    """
    apiVersion: route53.services.k8s.aws/v1alpha1
    kind: HostedZone
    metadata: {name: production, namespace: production}
    spec: {\(spec)}
    """
}

private func record(_ spec: String) -> String {
    """
    apiVersion: route53.services.k8s.aws/v1alpha1
    kind: RecordSet
    metadata: {name: shop, namespace: production}
    spec: {hostedZoneRef: {from: {name: production}}, \(spec)}
    """
}

private let shared = ["PLAYBOOK_ROOT_ZONES": "superinc.com"]

private let cases: [Example] = [
    .good("a subzone of the shared domain", zone("name: production.superinc.com."), settings: shared),
    .good("a private zone", zone("name: internal, vpc: {vpcID: vpc-0a1b2c3d, vpcRegion: eu-west-1}"), settings: shared),
    .good(
        "a private zone by its configuration", zone("name: internal, hostedZoneConfig: {privateZone: true}"),
        settings: shared),
    .good("any zone if no shared domain is set", zone("name: example.org")),
    .bad("the root zone", subzone, at: "spec.name", zone("name: superinc.com"), settings: shared),
    .bad("the root zone in another case", subzone, at: "spec.name", zone("name: SuperInc.com."), settings: shared),
    .bad("a zone of another domain", subzone, at: "spec.name", zone("name: production.example.org"), settings: shared),
    .bad(
        "a domain that only ends with the same text", subzone, at: "spec.name", zone("name: notsuperinc.com"),
        settings: shared),
    .good(
        "a CNAME below the apex",
        record("name: www, recordType: CNAME, ttl: 300, resourceRecords: [{value: d1.cloudfront.net}]")),
    .good(
        "an alias at the apex",
        record(
            "recordType: A, aliasTarget: {dnsName: d1.cloudfront.net, hostedZoneID: Z2FDTNDATAQYW2, evaluateTargetHealth: false}"
        )),
    .bad(
        "a CNAME at the apex", apex, at: "spec.recordType",
        record("recordType: CNAME, ttl: 300, resourceRecords: [{value: d1.cloudfront.net}]")),
    .bad(
        "a CNAME with the name @", apex, at: "spec.recordType",
        record("name: '@', recordType: CNAME, ttl: 300, resourceRecords: [{value: d1.cloudfront.net}]")),
    .good(
        "a backup plan that copies",
        plan(
            ", copyActions: [{destinationBackupVaultARN: 'arn:aws:backup:eu-west-1:333333333333:backup-vault:production'}]"
        )),
    .bad("a backup plan without copies", copy, at: "spec.rules", plan(""), isHint: true),
]
