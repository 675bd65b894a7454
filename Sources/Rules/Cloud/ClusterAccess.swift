import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let clusterAccess = Rule(
        id: "cluster-access",
        title: "EKS clusters use access entries and a private endpoint",
        group: .cloud,
        section: .networkSecurity,
        rationale: """
            Access entries are managed through the EKS API; one mistake in the aws-auth ConfigMap can lock everyone out. A public \
            endpoint can be attacked from the internet. Base nodes are reserved for the cluster's components, and prefix \
            delegation lets a node run more pods.
            """,
        level: .warn,
        concern: .security,
        scope: Scope(ResourceKinds(.eksCluster, .eksNodegroup, .eksAddon, .eksAccessEntry)),
        clauses: [
            AccessClause.entries, AccessClause.privateEndpoint, AccessClause.publicEndpoint, AccessClause.taints,
            AccessClause.prefixes, AccessClause.logs, AccessClause.deletion, AccessClause.roles,
        ],
        examples: accessExamples,
        checks: [
            .init(.eksCluster, check: checkCluster), .init(.eksNodegroup, check: checkNodegroup),
            .init(.eksAddon, check: checkAddon), .init(.eksAccessEntry, check: checkEntry),
        ]
    )
}

/// The rule's clauses.
private enum AccessClause {
    static let entries = Clause("entries", "a Cluster grants access only through access entries")
    static let privateEndpoint = Clause("private-endpoint", "the API server has a private endpoint")
    static let publicEndpoint = Clause(
        "public-endpoint", "the public endpoint is disabled or restricted to some addresses")
    static let taints = Clause("taints", "a managed Nodegroup has a taint that keeps applications off its nodes")
    static let logs = Clause("logs", "a Cluster enables the control plane logs `api`, `audit` and `authenticator`")
    static let deletion = Clause("deletion", "a Cluster has deletion protection")
    static let roles = Clause("roles", "an AccessEntry is for a role, not for an IAM user")
    static let prefixes = Clause("prefixes", "the VPC CNI add-on enables prefix delegation")
}

private func checkCluster(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard let spec = try subject.field("spec").present else { return }
    let mode = try spec["accessConfig"]["authenticationMode"]
    if try !mode.equals("API") {
        findings.add(
            AccessClause.entries, at: mode,
            "is \(mode.quoted); unless it is \"API\", the aws-auth ConfigMap also grants access",
            set: "API"
        ) { $0.advice = "first create access entries for everything in aws-auth; this change cannot be undone" }
    }
    try checkOperation(spec, findings)
    let network = try spec["resourcesVPCConfig"]
    let isPrivate = try network["endpointPrivateAccess"]
    if try isPrivate.boolean() != true {
        findings.add(
            AccessClause.privateEndpoint, at: isPrivate, "is not true; nodes reach the API server through the internet",
            set: true)
    }
    // The default is a public endpoint that is open to every address (EKS, VpcConfigRequest).
    let isPublic = try network["endpointPublicAccess"]
    if try isPublic.boolean() ?? true, try isOpen(network["publicAccessCIDRs"]) {
        findings.add(AccessClause.publicEndpoint, at: isPublic, "is enabled for every IP address", set: false) {
            $0.advice = "or set publicAccessCIDRs to the addresses of the VPN"
        }
    }
}

/// Checks control plane logs and deletion protection; both findings are hints.
private func checkOperation(_ spec: Field, _ findings: FindingCollector) throws(CannotEvaluate) {
    let place = try spec["logging"]["clusterLogging"]
    var types: [String] = []
    for entry in try place.objects() where try entry["enabled"].boolean() ?? false {
        for type in try entry["types"].strings() where types.count < 100 { types.append(type.base.text) }
    }
    let missing = ["api", "audit", "authenticator"].filter { !types.contains($0) }
    if !missing.isEmpty {
        findings.add(
            AccessClause.logs, at: place, "does not enable the log types \(missing.joined(separator: ", "))",
            set: [["enabled": true, "types": .array((types + missing).map { .string($0) })]],
            traits: .init(isHint: true))
    }
    let protection = try spec["deletionProtection"]
    if try protection.boolean() != true {
        findings.add(
            AccessClause.deletion, at: protection, "is not true; the cluster can be deleted by mistake", set: true,
            traits: .init(isHint: true))
    }
}

private func checkEntry(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    let principal = try subject.field("spec")["principalARN"]
    guard let arn = try principal.text(), arn.contentLength <= 2048, Glob("arn:*:iam::*:user/*").matches(arn.text)
    else {
        return
    }
    findings.add(AccessClause.roles, at: principal, "is an IAM user; its access keys do not expire", choice: arn.text) {
        $0.advice = "use a role that people and programs assume"
    }
}

private func isOpen(_ blocks: Field) throws(CannotEvaluate) -> Bool {
    var isEmpty = true
    for block in try blocks.strings() {
        if AddressBlock(block.base)?.isEverywhere ?? false { return true }
        isEmpty = false
    }
    return isEmpty
}

/// Checks a managed node group, which is always for base nodes: Karpenter creates all other nodes.
private func checkNodegroup(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard let spec = try subject.field("spec").present else { return }
    let taints = try spec["taints"]
    for taint in try taints.objects() {
        if try taint["effect"].equals(oneOf: "NO_SCHEDULE", "NO_EXECUTE") { return }
    }
    findings.add(AccessClause.taints, at: taints, "has no taint that keeps applications off the base nodes") {
        let taint: Literal = ["key": "CriticalAddonsOnly", "value": "true", "effect": "NO_SCHEDULE"]
        $0.edits = [.append(taint, to: taints, at: $0.place)]
    }
}

private func checkAddon(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    let spec = try subject.field("spec")
    guard try spec["name"].equals("vpc-cni") else { return }
    let values = try spec["configurationValues"]
    guard let text = try values.filledText() else {
        findings.add(
            AccessClause.prefixes, at: values, "is not set; prefix delegation is disabled",
            set: #"{"env":{"ENABLE_PREFIX_DELEGATION":"true"}}"#)
        return
    }
    if setsPrefixDelegation(text.text) { return }
    findings.add(AccessClause.prefixes, at: values, "does not set ENABLE_PREFIX_DELEGATION to \"true\"") {
        $0.advice = "add env: {ENABLE_PREFIX_DELEGATION: \"true\"} to the values"
    }
}

/// True if an add-on's values, JSON or YAML in a string, contain `ENABLE_PREFIX_DELEGATION: "true"`.
///
/// JSON and YAML differ only in quotes and spaces here, and no other variable's name contains this one.
private func setsPrefixDelegation(_ values: String) -> Bool {
    let bytes = Array(values.utf8)
    let name = Array("ENABLE_PREFIX_DELEGATION".utf8)
    let isMark: (UInt8) -> Bool = { $0 == 0x22 || $0 == 0x27 || $0 == 0x20 || $0 == 0x3A }
    guard bytes.count > name.count else { return false }
    for start in 0...(bytes.count - name.count) where bytes[start] == name[0] {
        guard bytes[start..<(start + name.count)].elementsEqual(name) else { continue }
        if bytes[(start + name.count)...].drop(while: isMark).starts(with: Array("true".utf8)) { return true }
    }
    return false
}

private func object(_ kind: String, _ lines: String) -> String {
    """
    apiVersion: eks.services.k8s.aws/v1alpha1
    kind: \(kind)
    metadata: {name: production, namespace: production}
    spec: {\(lines)}
    """
}

private func cluster(
    _ access: String = "accessConfig: {authenticationMode: API}",
    network: String = "endpointPrivateAccess: true, endpointPublicAccess: false",
    logs: String = "{enabled: true, types: [api, audit, authenticator]}", protection: String = "true"
) -> String {
    object(
        "Cluster",
        "name: production, \(access.isEmpty ? "" : access + ", ")resourcesVPCConfig: {\(network)}, logging: {clusterLogging: [\(logs)]}, deletionProtection: \(protection), encryptionConfig: [{provider: {keyRef: {from: {name: production}}}, resources: [secrets]}]"
    )
}

private func entry(_ principal: String) -> String {
    object("AccessEntry", "clusterName: production, principalARN: '\(principal)'")
}

private func nodegroup(_ taints: String) -> String {
    object("Nodegroup", "name: base, clusterRef: {from: {name: production}}\(taints)")
}

private func addon(_ lines: String) -> String {
    object("Addon", "clusterRef: {from: {name: production}}, \(lines)")
}

private let accessExamples: [Example] = [
    .good("a cluster with a private endpoint only", cluster()),
    .good(
        "a public endpoint for the VPN's addresses only",
        cluster(network: "endpointPrivateAccess: true, endpointPublicAccess: true, publicAccessCIDRs: [192.0.2.0/28]")),
    .bad("no authentication mode", AccessClause.entries, at: "spec.accessConfig.authenticationMode", cluster("")),
    .bad(
        "the ConfigMap beside access entries", AccessClause.entries, at: "spec.accessConfig.authenticationMode",
        cluster("accessConfig: {authenticationMode: API_AND_CONFIG_MAP}")),
    .bad(
        "no private endpoint", AccessClause.privateEndpoint, at: "spec.resourcesVPCConfig.endpointPrivateAccess",
        cluster(network: "endpointPublicAccess: false")),
    .bad(
        "a public endpoint by default", AccessClause.publicEndpoint, at: "spec.resourcesVPCConfig.endpointPublicAccess",
        cluster(network: "endpointPrivateAccess: true")),
    .bad(
        "a public endpoint for 0.0.0.0/0", AccessClause.publicEndpoint,
        at: "spec.resourcesVPCConfig.endpointPublicAccess",
        cluster(network: "endpointPrivateAccess: true, endpointPublicAccess: true, publicAccessCIDRs: [0.0.0.0/0]")),
    .bad(
        "a public endpoint for both halves of the address range", AccessClause.publicEndpoint,
        at: "spec.resourcesVPCConfig.endpointPublicAccess",
        cluster(network: "endpointPrivateAccess: true, publicAccessCIDRs: [0.0.0.0/1, 128.0.0.0/1]")),
    .good(
        "a node group with a taint",
        nodegroup(", taints: [{key: CriticalAddonsOnly, value: 'true', effect: NO_SCHEDULE}]")),
    .bad("a node group without a taint", AccessClause.taints, at: "spec.taints", nodegroup("")),
    .bad(
        "a taint with the effect PREFER_NO_SCHEDULE", AccessClause.taints, at: "spec.taints",
        nodegroup(", taints: [{key: CriticalAddonsOnly, value: 'true', effect: PREFER_NO_SCHEDULE}]")),
    .good(
        "prefix delegation in JSON",
        addon(#"name: vpc-cni, configurationValues: '{"env": {"ENABLE_PREFIX_DELEGATION": "true"}}'"#)),
    .good(
        "prefix delegation in YAML",
        addon(#"name: vpc-cni, configurationValues: "env:\n  ENABLE_PREFIX_DELEGATION: 'true'\n""#)),
    .good("another add-on", addon("name: coredns")),
    .bad("the VPC CNI without values", AccessClause.prefixes, at: "spec.configurationValues", addon("name: vpc-cni")),
    .bad(
        "the VPC CNI with prefix delegation disabled", AccessClause.prefixes, at: "spec.configurationValues",
        addon(#"name: vpc-cni, configurationValues: '{"env": {"ENABLE_PREFIX_DELEGATION": "false"}}'"#)),
    .bad(
        "no control plane logs", AccessClause.logs, at: "spec.logging.clusterLogging", cluster(logs: ""), isHint: true),
    .bad(
        "some of the control plane logs", AccessClause.logs, at: "spec.logging.clusterLogging",
        cluster(logs: "{enabled: true, types: [api, scheduler]}, {enabled: false, types: [audit, authenticator]}"),
        isHint: true),
    .bad(
        "no deletion protection", AccessClause.deletion, at: "spec.deletionProtection",
        cluster(protection: "false"), isHint: true),
    .good("an access entry for a role", entry("arn:aws:iam::222222222222:role/deployer")),
    .bad(
        "an access entry for a user", AccessClause.roles, at: "spec.principalARN",
        entry("arn:aws:iam::222222222222:user/lena")),
]
