import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let customerManagedKey = Rule(
        id: "customer-managed-key",
        title: "Stored data is encrypted with a customer managed key",
        group: .nodes,
        section: .keyManagement,
        rationale: """
            You cannot edit the policy of a key that AWS manages, and data encrypted with it cannot be shared with a backup \
            account. A separate customer managed key for each risk domain limits the damage if one is misused.
            """,
        level: .warn,
        concern: .security,
        scope: Scope(
            StoredData.kinds.union(ResourceKinds(.storageClass, .ec2NodeClass, .eksCluster, .s3Bucket, .ecrRepository))),
        clauses: [KeyedClause.parameter, KeyedClause.device, KeyedClause.data, KeyedClause.secrets],
        examples: customerKeyExamples,
        checks: [
            .init(ResourceKinds(.storageClass)) { (subject, _, findings) throws(CannotEvaluate) in
                try EBSVolumes.forEachParameter("kmsKeyId", of: subject.root) { (key) throws(CannotEvaluate) in
                    try checkKey(KeyedClause.parameter, key, findings)
                }
            },
            .init(ResourceKinds(.ec2NodeClass), checkDevices), .init(.eksCluster, check: checkSecrets),
            .init(.s3Bucket, check: checkBucket), .init(.ecrRepository, check: checkRepository),
            .init(StoredData.kinds, checkData),
        ]
    )
}

/// The rule's clauses, which its examples in another file use, too.
enum KeyedClause {
    static let parameter = Clause(
        "parameter", "the `kmsKeyId` parameter of an EBS StorageClass names a customer managed key")
    static let device = Clause("device", "every volume of an EC2NodeClass names a customer managed key")
    static let data = Clause(
        "data", "ACK resources that store data, and volumes of EKS Auto Mode nodes, name a customer managed key")
    static let secrets = Clause("secrets", "an EKS Cluster encrypts Secrets with a customer managed key")
}

// MARK: Disks

private func checkDevices(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard let spec = try subject.field("spec").present else { return }
    let mappings = try spec["blockDeviceMappings"]
    let family = try AMIFamily(of: spec)
    let devices = family?.devices ?? []
    var listed: [String] = []
    for mapping in try mappings.objects() where listed.count < 64 {
        if let name = try mapping["deviceName"].string() { listed.append(name) }
    }
    let absent = devices.filter { !listed.contains($0.name) }
    // Karpenter creates the AMI's own volumes in this case.
    if listed.isEmpty || !absent.isEmpty {
        let names = absent.map(\.name).joined(separator: ", ")
        let message = listed.isEmpty ? "is empty" : "does not list \(names)"
        findings.add(
            KeyedClause.device, at: mappings,
            family == nil
                ? "\(message); the AMI determines whether its volumes are encrypted"
                : "\(message); the volume is encrypted with a key that AWS manages"
        ) {
            let list = absent.map { "\($0.name) (\($0.size))" }.joined(separator: " and ")
            $0.advice = """
                list \(list.isEmpty ? "the AMI's volumes" : list) and set, under ebs, encrypted: true and kmsKeyID to \
                the ARN of this risk domain's KMS key
                """
        }
    }
    try EBSVolumes.forEachDevice(of: spec, findings) { (ebs) throws(CannotEvaluate) in
        try checkKey(KeyedClause.device, ebs["kmsKeyID"], findings)
    }
}

/// The operating system of Karpenter's nodes, which decides the names of their volumes.
///
/// Source: karpenter-provider-aws, `pkg/providers/amifamily`.
private enum AMIFamily {
    case amazonLinux, bottlerocket, windows

    /// Reads the family; nil for a custom image.
    init?(of spec: Field) throws(CannotEvaluate) {
        var name = try spec["amiFamily"].string()
        for term in try spec["amiSelectorTerms"].objects() {
            guard name == nil, let alias = try term["alias"].string() else { continue }
            name = String(alias.prefix { $0 != "@" })
        }
        switch name?.lowercased() {
        case "al2", "al2023": self = .amazonLinux
        case "bottlerocket": self = .bottlerocket
        case let name? where name.hasPrefix("windows"): self = .windows
        default: return nil
        }
    }

    var devices: [(name: String, size: String)] {
        switch self {
        case .amazonLinux: [("/dev/xvda", "20Gi")]
        case .bottlerocket: [("/dev/xvda", "4Gi"), ("/dev/xvdb", "20Gi, the data")]
        case .windows: [("/dev/sda1", "50Gi")]
        }
    }
}

// MARK: ACK resources

/// ACK resources that store data and have one field for the key.
private enum StoredData {
    static let kinds = ResourceKinds(
        .rdsDBInstance, .rdsDBCluster, .elasticacheReplicationGroup, .elasticacheServerlessCache, .efsFileSystem,
        .sqsQueue, .snsTopic, .dynamodbTable, .secretsManagerSecret, .logGroup, .eksNodeClass)

    /// The field that names the key, and the reference to a Key that can replace it.
    static func key(of spec: Field, _ kind: ResourceKind) throws(CannotEvaluate) -> (key: Field, reference: Field?) {
        switch kind {
        case .sqsQueue, .snsTopic: (try spec["kmsMasterKeyID"], try spec["kmsMasterKeyRef"])
        case .dynamodbTable: (try spec["sseSpecification"]["kmsMasterKeyID"], nil)
        case .eksNodeClass: (try spec["ephemeralStorage"]["kmsKeyID"], nil)
        case .elasticacheReplicationGroup: (try spec["kmsKeyID"], nil)
        default: (try spec["kmsKeyID"], try spec["kmsKeyRef"])
        }
    }
}

private func checkData(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard let spec = try subject.field("spec").present, try !isEncryptedElsewhere(spec, subject.kind) else { return }
    let (key, reference) = try StoredData.key(of: spec, subject.kind)
    if let reference, try reference["from"]["name"].filledText() != nil { return }
    try checkKey(KeyedClause.data, key, findings)
}

/// True if a database uses the key of its cluster, source or snapshot.
private func isEncryptedElsewhere(_ spec: Field, _ kind: ResourceKind) throws(CannotEvaluate) -> Bool {
    guard kind == .rdsDBInstance || kind == .rdsDBCluster else { return false }
    if kind == .rdsDBInstance, try spec["dbClusterIdentifier"].filledText() != nil { return true }
    return try spec.hasText(in: DatabaseOrigin.sources + DatabaseOrigin.snapshots)
}

private func checkBucket(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard let spec = try subject.field("spec").present else { return }
    let rules = try spec["encryption"]["rules"]
    if try rules.objects().isEmpty { return try checkKey(KeyedClause.data, rules, findings) }
    for rule in try rules.objects() {
        try findings.step()
        try checkKey(KeyedClause.data, rule["applyServerSideEncryptionByDefault"]["kmsMasterKeyID"], findings)
    }
}

private func checkRepository(_ subject: Subject, _ context: Context, _ findings: FindingCollector)
    throws(CannotEvaluate)
{
    let encryption = try subject.field("spec")["encryptionConfiguration"]
    // `container-repository` reports encryption without KMS, which has no key.
    guard try encryption["encryptionType"].equals(oneOf: "KMS", "KMS_DSSE") else { return }
    try checkKey(KeyedClause.data, encryption["kmsKey"], findings)
}

private func checkSecrets(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard let spec = try subject.field("spec").present else { return }
    let configurations = try spec["encryptionConfig"]
    for configuration in try configurations.objects() {
        try findings.step()
        let provider = try configuration["provider"]
        if try provider["keyARN"].filledText() != nil { return }
        if try provider["keyRef"]["from"]["name"].filledText() != nil { return }
    }
    findings.add(
        KeyedClause.secrets, at: configurations, "names no key; Secrets are encrypted with a key that AWS owns"
    ) {
        $0.advice =
            "set provider.keyARN to this risk domain's KMS key, and resources: [secrets]; this cannot be undone"
    }
}

private func checkKey(_ clause: Clause, _ key: Field, _ findings: FindingCollector) throws(CannotEvaluate) {
    let seen = key.value?.kind == .array ? nil : try key.text()
    if seen?.namesOwnKey ?? false { return }
    var words: String { seen.map { $0.contentLength == 0 ? "is empty" : "is \"\($0.text)\"" } ?? "is not set" }
    findings.add(clause, at: key, "\(words); encrypted data uses a key that AWS manages", choice: seen?.text) {
        $0.advice = "set it to the ARN of this risk domain's KMS key"
    }
}

extension Value {
    fileprivate var namesOwnKey: Bool { contentLength > 0 && !isAWSManagedKey }
}
