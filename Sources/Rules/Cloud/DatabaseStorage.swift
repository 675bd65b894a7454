import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let databaseStorage = Rule(
        id: "database-storage",
        title: "Databases are encrypted, private, and backed up",
        group: .cloud,
        section: .keyManagement,
        rationale: """
            What a database stores outlives the cluster. Encryption cannot be switched on later, only by moving the data; a public \
            address is one leaked password from everybody.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(
            ResourceKinds(
                .rdsDBInstance, .rdsDBCluster, .elasticacheReplicationGroup, .elasticacheCacheCluster,
                .elasticacheServerlessCache)),
        clauses: [StorageClause.encrypted, StorageClause.notPublic, StorageClause.backups],
        examples: storageExamples,
        check: { (subject, _, findings) throws(CannotJudge) in
            guard let spec = try subject.field("spec").present else { return }
            switch subject.kind {
            case .rdsDBInstance, .rdsDBCluster: try checkDatabase(spec, subject, findings)
            case .elasticacheReplicationGroup:
                try checkEncryption(spec, "atRestEncryptionEnabled", findings)
                try checkSnapshots(spec, findings)
            case .elasticacheCacheCluster: try checkCacheCluster(spec, subject, findings)
            // Serverless caches are always encrypted.
            default: try checkSnapshots(spec, findings)
            }
        }
    )
}

/// What the rule checks; its examples stand in a file of their own.
enum StorageClause {
    static let encrypted = Clause("encrypted", "storage is encrypted")
    static let notPublic = Clause("not-public", "there is no public address")
    static let backups = Clause("backups", "automatic backups are kept for at least a day")
}

private func checkDatabase(
    _ spec: Field, _ subject: Subject, _ findings: FindingCollector
) throws(CannotJudge) {
    let isPublic = try spec["publiclyAccessible"]
    let seen = try isPublic.boolean()
    // After its creation ACK fills in what AWS decided.
    let isLeftToAWS = seen == nil && subject.kind == .rdsDBInstance && subject.review.operation == .create
    if seen ?? isLeftToAWS {
        findings.add(
            StorageClause.notPublic, at: isPublic,
            isLeftToAWS
                ? "is not set: AWS may give the database a public address"
                : "is true: the database has a public address",
            set: false)
    }
    // An Aurora member has its cluster's storage and backups; a replica its source's, which RDS refuses to have set anew.
    if subject.kind == .rdsDBInstance, try spec["dbClusterIdentifier"].filledText() != nil { return }
    if try spec.hasText(in: DatabaseOrigin.sources) { return }
    if try !spec.hasText(in: DatabaseOrigin.snapshots) { try checkEncryption(spec, "storageEncrypted", findings) }
    // Absent it is one day (RDS, CreateDBInstance).
    let days = try spec["backupRetentionPeriod"]
    if let seen = try days.integer(), seen < 1 {
        findings.add(StorageClause.backups, at: days, "is \(seen): there are no automatic backups", set: 7)
    }
}

private func checkCacheCluster(
    _ spec: Field, _ subject: Subject, _ findings: FindingCollector
) throws(CannotJudge) {
    // Memcached stores nothing; a member of a replication group is encrypted and backed up as that is.
    if try spec["engine"].equals("memcached") { return }
    if try spec["replicationGroupID"].filledText() != nil { return }
    if try spec["replicationGroupRef"].refers() { return }
    findings.add(
        StorageClause.encrypted, at: try subject.field("kind"), "is a CacheCluster, which has no encryption at rest"
    ) { $0.advice = "use a ReplicationGroup or a ServerlessCache with a KMS key" }
    try checkSnapshots(spec, findings)
}

private func checkEncryption(
    _ spec: Field, _ key: StaticString, _ findings: FindingCollector
) throws(CannotJudge) {
    let isEncrypted = try spec[key]
    if try isEncrypted.boolean() != true {
        findings.add(
            StorageClause.encrypted, at: isEncrypted,
            "is \(isEncrypted.isPresent ? "false" : "unset"): what is stored can be read", set: true
        ) {
            $0.advice = "it cannot be changed later: a database that is there already is copied through a snapshot"
        }
    }
}

/// The fields by which RDS makes a database from another one.
enum DatabaseOrigin {
    /// What a replica follows.
    static let sources: [StaticString] = ["sourceDBInstanceIdentifier", "replicationSourceIdentifier"]
    /// A snapshot, or another cluster's past, as which the new one is encrypted.
    static let snapshots: [StaticString] = [
        "dbSnapshotIdentifier", "dbClusterSnapshotIdentifier", "snapshotIdentifier", "sourceDBClusterIdentifier",
    ]
}

private func checkSnapshots(_ spec: Field, _ findings: FindingCollector) throws(CannotJudge) {
    let days = try spec["snapshotRetentionLimit"]
    let seen = try days.integer()
    // ElastiCache keeps none by default.
    guard seen ?? 0 < 1 else { return }
    findings.add(
        StorageClause.backups, at: days, "is \(seen.map(String.init) ?? "unset"): there are no automatic backups",
        set: 7)
}

extension Field {
    /// Whether one of its members names something; an empty text names nothing.
    func hasText(in keys: [StaticString]) throws(CannotJudge) -> Bool {
        for key in keys where try self[key].filledText() != nil { return true }
        return false
    }

    /// Whether it refers to another object by its name.
    fileprivate func refers() throws(CannotJudge) -> Bool { try self["from"]["name"].filledText() != nil }
}

extension Value {
    /// Whether it names a key that AWS manages, as in `alias/aws/rds`.
    var isAWSManagedKey: Bool { contentLength < 2048 && Glob("*alias/aws/*").matches(text) }
}
