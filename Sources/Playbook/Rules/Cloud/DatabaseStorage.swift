import JSON
import Kubernetes

extension Rule {
    static let databaseStorage = Rule(
        id: "database-storage",
        title: "Databases are encrypted with a key of one's own, private, and backed up",
        group: .cloud,
        section: .keyManagement,
        rationale: """
            What a database stores outlives the cluster. Encryption cannot be switched on later, only by moving the data; a key of \
            AWS's own cannot be shared with a backup account; a public address is one leaked password from everybody.
            """,
        level: .deny,
        scope: Scope(
            ResourceKinds(
                .rdsDBInstance, .rdsDBCluster, .elasticacheReplicationGroup, .elasticacheCacheCluster,
                .elasticacheServerlessCache)),
        clauses: [StorageClause.encrypted, StorageClause.key, StorageClause.notPublic, StorageClause.backups],
        examples: storageExamples,
        check: { (subject, _) throws(CannotJudge) in
            guard let spec = try subject.spec() else { return [] }
            var findings: [Finding] = []
            switch subject.kind {
            case .rdsDBInstance, .rdsDBCluster: try judgeDatabase(spec, subject.kind, to: &findings)
            case .elasticacheReplicationGroup:
                try judgeEncryption(spec, "atRestEncryptionEnabled", to: &findings)
                try judgeSnapshots(spec, to: &findings)
            case .elasticacheCacheCluster: try judgeCacheCluster(spec, to: &findings)
            default:
                // Serverless caches are always encrypted; the question is with whose key.
                try judgeKey(spec, to: &findings)
                try judgeSnapshots(spec, to: &findings)
            }
            return findings
        }
    )
}

/// What the rule checks; its examples stand in a file of their own.
enum StorageClause {
    static let encrypted = Clause("encrypted", "storage is encrypted")
    static let key = Clause("key", "a KMS key of one's own is named")
    static let notPublic = Clause("not-public", "there is no public address")
    static let backups = Clause("backups", "automatic backups are kept for at least a day")
}

private func judgeDatabase(
    _ spec: Value, _ kind: ResourceKind, to findings: inout [Finding]
) throws(CannotJudge) {
    if try spec.boolean("publiclyAccessible") ?? false {
        let place: Pointer = "/spec/publiclyAccessible"
        findings.append(
            Finding(
                StorageClause.notPublic, at: place, "is true: the database has a public address",
                edits: [.set(place, false)]))
    }
    // An Aurora member has its cluster's storage and backups; a replica its source's, which RDS refuses to have set anew.
    if kind == .rdsDBInstance, try spec.names("dbClusterIdentifier") { return }
    for source: StaticString in ["sourceDBInstanceIdentifier", "replicationSourceIdentifier"] {
        if try spec.names(source) { return }
    }
    // What comes from a snapshot, or from another cluster's past, is encrypted as that is.
    let snapshots: [StaticString] = [
        "dbSnapshotIdentifier", "dbClusterSnapshotIdentifier", "snapshotIdentifier", "sourceDBClusterIdentifier",
    ]
    var isRestored = false
    for snapshot in snapshots where try spec.names(snapshot) { isRestored = true }
    if !isRestored { try judgeEncryption(spec, "storageEncrypted", to: &findings) }
    // Absent it is one day (RDS, CreateDBInstance).
    if let days = try spec.integer("backupRetentionPeriod"), days < 1 {
        let place: Pointer = "/spec/backupRetentionPeriod"
        findings.append(
            Finding(
                StorageClause.backups, at: place, "is \(days): there are no automatic backups", edits: [.set(place, 7)])
        )
    }
}

private func judgeCacheCluster(_ spec: Value, to findings: inout [Finding]) throws(CannotJudge) {
    // Memcached stores nothing; a member of a replication group is encrypted and backed up as that is.
    if try spec.text("engine")?.equals("memcached") ?? false { return }
    let isNamed = try spec.names("replicationGroupID")
    let isReferredTo = try spec.refers("replicationGroupRef")
    if isNamed || isReferredTo { return }
    findings.append(
        Finding(StorageClause.encrypted, at: "/kind", "is a CacheCluster, which has no encryption at rest").with {
            $0.advice = "use a ReplicationGroup or a ServerlessCache with a KMS key"
        })
    try judgeSnapshots(spec, to: &findings)
}

private func judgeEncryption(
    _ spec: Value, _ field: StaticString, to findings: inout [Finding]
) throws(CannotJudge) {
    let isEncrypted = try spec.boolean(field)
    if isEncrypted != true {
        let place: Pointer = "/spec" / "\(field)"
        findings.append(
            Finding(
                StorageClause.encrypted, at: place,
                "is \(isEncrypted == nil ? "unset" : "false"): what is stored can be read",
                edits: [.set(place, true)]
            ).with {
                $0.advice = "it cannot be changed later: a database that is there already is copied through a snapshot"
            })
    }
    try judgeKey(spec, to: &findings)
}

private func judgeKey(_ spec: Value, to findings: inout [Finding]) throws(CannotJudge) {
    if try spec.refers("kmsKeyRef") { return }
    let key = try spec.text("kmsKeyID")
    if let key, key.contentLength > 0, !key.isAWSManagedKey { return }
    findings.append(
        Finding(
            StorageClause.key, at: "/spec/kmsKeyID",
            key.map { $0.contentLength == 0 ? "is empty: AWS's own key is used" : "is AWS's own key" }
                ?? "is unset: AWS's own key is used"
        ).with { $0.advice = "set kmsKeyID to the ARN of a KMS key of this risk domain" })
}

private func judgeSnapshots(_ spec: Value, to findings: inout [Finding]) throws(CannotJudge) {
    let days = try spec.integer("snapshotRetentionLimit")
    // ElastiCache keeps none by default.
    guard days ?? 0 < 1 else { return }
    let place: Pointer = "/spec/snapshotRetentionLimit"
    findings.append(
        Finding(
            StorageClause.backups, at: place, "is \(days.map(String.init) ?? "unset"): there are no automatic backups",
            edits: [.set(place, 7)]))
}

extension Value {
    /// Whether a member names something; an empty text names nothing.
    fileprivate func names(_ key: StaticString) throws(CannotJudge) -> Bool { try text(key)?.contentLength ?? 0 > 0 }

    /// Whether a member refers to another object by its name.
    fileprivate func refers(_ key: StaticString) throws(CannotJudge) -> Bool {
        try object(key)?.object("from")?.names("name") ?? false
    }

    /// Whether it names a key that AWS manages, as in `alias/aws/rds`.
    var isAWSManagedKey: Bool { contentLength < 2048 && Glob("*alias/aws/*").matches(text) }
}
