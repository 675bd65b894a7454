import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let clusterAccess = Rule(
        id: "cluster-access",
        title: "Clusters are reached by access entries and from inside",
        group: .cloud,
        section: .networkSecurity,
        rationale: """
            Access entries are seen and taken away with IAM; the old ConfigMap is edited by hand and locks everybody out by one \
            mistake. The base nodes are for what the cluster itself needs, and prefixes let a node hold as many pods as it can run.
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

/// What the rule checks; its examples stand below.
private enum AccessClause {
    static let entries = Clause("entries", "a Cluster knows who may enter by access entries alone")
    static let privateEndpoint = Clause("private-endpoint", "the API server has a private endpoint")
    static let publicEndpoint = Clause("public-endpoint", "there is no endpoint that everybody reaches")
    static let taints = Clause("taints", "a managed Nodegroup has a taint that keeps applications off")
    static let logs = Clause("logs", "a Cluster logs what its API server, audit and authenticator say")
    static let deletion = Clause("deletion", "a Cluster is protected against deletion")
    static let roles = Clause("roles", "an AccessEntry is for a role, not for an IAM user")
    static let prefixes = Clause("prefixes", "the VPC CNI add-on delegates prefixes")
}

private func checkCluster(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard let spec = try subject.field("spec").present else { return }
    let mode = try spec["accessConfig"]["authenticationMode"]
    if try !mode.equals("API") {
        findings.add(
            AccessClause.entries, at: mode, "is \(mode.value?.text ?? "unset"), not API: aws-auth lets people in, too",
            set: "API"
        ) { $0.advice = "make access entries of what aws-auth says first; there is no way back" }
    }
    try checkOperation(spec, findings)
    let network = try spec["resourcesVPCConfig"]
    let isPrivate = try network["endpointPrivateAccess"]
    if try isPrivate.boolean() != true {
        findings.add(
            AccessClause.privateEndpoint, at: isPrivate, "is not true: nodes go through the internet", set: true)
    }
    // Absent it is on, for everybody (EKS, VpcConfigRequest).
    let isPublic = try network["endpointPublicAccess"]
    if try isPublic.boolean() ?? true, try isOpen(network["publicAccessCIDRs"]) {
        findings.add(AccessClause.publicEndpoint, at: isPublic, "is on for every address", set: false) {
            $0.advice = "or publicAccessCIDRs with the addresses of the VPN"
        }
    }
}

/// What warns as a hint: logs of the control plane, and protection against deletion.
private func checkOperation(_ spec: Field, _ findings: FindingCollector) throws(CannotJudge) {
    let place = try spec["logging"]["clusterLogging"]
    var types: [String] = []
    for entry in try place.objects() where try entry["enabled"].boolean() ?? false {
        for type in try entry["types"].strings() where types.count < 100 { types.append(type.base.text) }
    }
    let missing = ["api", "audit", "authenticator"].filter { !types.contains($0) }
    if !missing.isEmpty {
        findings.add(
            AccessClause.logs, at: place, "does not enable \(missing.joined(separator: ", "))",
            set: [["enabled": true, "types": .array((types + missing).map { .string($0) })]],
            traits: .init(isHint: true))
    }
    let protection = try spec["deletionProtection"]
    if try protection.boolean() != true {
        findings.add(
            AccessClause.deletion, at: protection, "is not true", set: true, traits: .init(isHint: true))
    }
}

private func checkEntry(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    let principal = try subject.field("spec")["principalARN"]
    guard let arn = try principal.text(), arn.contentLength <= 2048, Glob("arn:*:iam::*:user/*").matches(arn.text)
    else {
        return
    }
    findings.add(AccessClause.roles, at: principal, "is an IAM user, whose keys do not expire", choice: arn.text) {
        $0.advice = "name a role that people and programs assume"
    }
}

private func isOpen(_ blocks: Field) throws(CannotJudge) -> Bool {
    var isEmpty = true
    for block in try blocks.strings() {
        if AddressBlock(block.base)?.isEverywhere ?? false { return true }
        isEmpty = false
    }
    return isEmpty
}

/// Whatever is no base node group comes from Karpenter, so that each Nodegroup is one.
private func checkNodegroup(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard let spec = try subject.field("spec").present else { return }
    let taints = try spec["taints"]
    for taint in try taints.objects() {
        if try taint["effect"].equals(oneOf: "NO_SCHEDULE", "NO_EXECUTE") { return }
    }
    findings.add(AccessClause.taints, at: taints, "keep no application off the base nodes") {
        let taint: Literal = ["key": "CriticalAddonsOnly", "value": "true", "effect": "NO_SCHEDULE"]
        $0.edits = [.append(taint, to: taints, at: $0.place)]
    }
}

private func checkAddon(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    let spec = try subject.field("spec")
    guard try spec["name"].equals("vpc-cni") else { return }
    let values = try spec["configurationValues"]
    guard let text = try values.filledText() else {
        findings.add(
            AccessClause.prefixes, at: values, "are unset: prefix delegation is off",
            set: #"{"env":{"ENABLE_PREFIX_DELEGATION":"true"}}"#)
        return
    }
    if setsPrefixDelegation(text.text) { return }
    findings.add(AccessClause.prefixes, at: values, "do not set ENABLE_PREFIX_DELEGATION to true") {
        $0.advice = "add env: {ENABLE_PREFIX_DELEGATION: \"true\"} to the values"
    }
}

/// Whether an add-on's values, JSON or YAML in a string, have `ENABLE_PREFIX_DELEGATION: "true"` somewhere.
///
/// Both write it alike, but for quotes and spaces; no other variable has that name within its own.
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
    .good("a cluster that is reached from inside", cluster()),
    .good(
        "a public endpoint for the VPN alone",
        cluster(network: "endpointPrivateAccess: true, endpointPublicAccess: true, publicAccessCIDRs: [192.0.2.0/28]")),
    .bad("no word on access", AccessClause.entries, at: "spec.accessConfig.authenticationMode", cluster("")),
    .bad(
        "the ConfigMap beside access entries", AccessClause.entries, at: "spec.accessConfig.authenticationMode",
        cluster("accessConfig: {authenticationMode: API_AND_CONFIG_MAP}")),
    .bad(
        "no private endpoint", AccessClause.privateEndpoint, at: "spec.resourcesVPCConfig.endpointPrivateAccess",
        cluster(network: "endpointPublicAccess: false")),
    .bad(
        "an endpoint for everybody", AccessClause.publicEndpoint, at: "spec.resourcesVPCConfig.endpointPublicAccess",
        cluster(network: "endpointPrivateAccess: true")),
    .bad(
        "an endpoint for everybody by its block", AccessClause.publicEndpoint,
        at: "spec.resourcesVPCConfig.endpointPublicAccess",
        cluster(network: "endpointPrivateAccess: true, endpointPublicAccess: true, publicAccessCIDRs: [0.0.0.0/0]")),
    .bad(
        "an endpoint for everybody by halves", AccessClause.publicEndpoint,
        at: "spec.resourcesVPCConfig.endpointPublicAccess",
        cluster(network: "endpointPrivateAccess: true, publicAccessCIDRs: [0.0.0.0/1, 128.0.0.0/1]")),
    .good(
        "a base group with a taint",
        nodegroup(", taints: [{key: CriticalAddonsOnly, value: 'true', effect: NO_SCHEDULE}]")),
    .bad("a base group without", AccessClause.taints, at: "spec.taints", nodegroup("")),
    .bad(
        "a taint that only discourages", AccessClause.taints, at: "spec.taints",
        nodegroup(", taints: [{key: CriticalAddonsOnly, value: 'true', effect: PREFER_NO_SCHEDULE}]")),
    .good(
        "prefix delegation in JSON",
        addon(#"name: vpc-cni, configurationValues: '{"env": {"ENABLE_PREFIX_DELEGATION": "true"}}'"#)),
    .good(
        "prefix delegation in YAML",
        addon(#"name: vpc-cni, configurationValues: "env:\n  ENABLE_PREFIX_DELEGATION: 'true'\n""#)),
    .good("another add-on", addon("name: coredns")),
    .bad("the CNI by default", AccessClause.prefixes, at: "spec.configurationValues", addon("name: vpc-cni")),
    .bad(
        "the CNI with other values", AccessClause.prefixes, at: "spec.configurationValues",
        addon(#"name: vpc-cni, configurationValues: '{"env": {"ENABLE_PREFIX_DELEGATION": "false"}}'"#)),
    .bad("no logs", AccessClause.logs, at: "spec.logging.clusterLogging", cluster(logs: ""), isHint: true),
    .bad(
        "logs of some kinds", AccessClause.logs, at: "spec.logging.clusterLogging",
        cluster(logs: "{enabled: true, types: [api, scheduler]}, {enabled: false, types: [audit, authenticator]}"),
        isHint: true),
    .bad(
        "no protection against deletion", AccessClause.deletion, at: "spec.deletionProtection",
        cluster(protection: "false"), isHint: true),
    .good("an access entry for a role", entry("arn:aws:iam::222222222222:role/deployer")),
    .bad(
        "an access entry for a user", AccessClause.roles, at: "spec.principalARN",
        entry("arn:aws:iam::222222222222:user/lena")),
]
