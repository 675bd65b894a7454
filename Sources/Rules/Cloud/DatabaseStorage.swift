import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let databaseStorage = Rule(
        id: "database-storage",
        title: "Databases are encrypted, private and backed up",
        group: .cloud,
        section: .keyManagement,
        rationale: """
            Encryption cannot be enabled later without moving the data. A public database is open to anyone who gets its \
            password, and without backups its data can be lost.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(
            ResourceKinds(
                .rdsDBInstance, .rdsDBCluster, .elasticacheReplicationGroup, .elasticacheCacheCluster,
                .elasticacheServerlessCache)),
        clauses: [StorageClause.encrypted, StorageClause.notPublic, StorageClause.backups],
        examples: storageExamples,
        check: { (subject, _, findings) throws(CannotEvaluate) in
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

/// The rule's clauses, which its examples in another file use, too.
enum StorageClause {
    static let encrypted = Clause("encrypted", "storage is encrypted")
    static let notPublic = Clause("not-public", "the database has no public IP address")
    static let backups = Clause("backups", "automatic backups are kept for at least one day")
}

private func checkDatabase(
    _ spec: Field, _ subject: Subject, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let isPublic = try spec["publiclyAccessible"]
    let seen = try isPublic.boolean()
    // After the database is created, ACK writes the value that AWS chose.
    let isLeftToAWS = seen == nil && subject.kind == .rdsDBInstance && subject.review.operation == .create
    if seen ?? isLeftToAWS {
        findings.add(
            StorageClause.notPublic, at: isPublic,
            isLeftToAWS
                ? "is not set; AWS may give the database a public IP address"
                : "is true; the database has a public IP address",
            set: false)
    }
    // An Aurora instance has its cluster's storage and backups. A replica has its source's, and RDS rejects other values.
    if subject.kind == .rdsDBInstance, try spec["dbClusterIdentifier"].filledText() != nil { return }
    if try spec.hasText(in: DatabaseOrigin.sources) { return }
    if try !spec.hasText(in: DatabaseOrigin.snapshots) { try checkEncryption(spec, "storageEncrypted", findings) }
    // The default is one day (RDS, CreateDBInstance).
    let days = try spec["backupRetentionPeriod"]
    if let seen = try days.integer(), seen < 1 {
        findings.add(StorageClause.backups, at: days, "is \(seen); automatic backups are disabled", set: 7)
    }
}

private func checkCacheCluster(
    _ spec: Field, _ subject: Subject, _ findings: FindingCollector
) throws(CannotEvaluate) {
    // Memcached is not persistent. A member of a replication group has the group's encryption and backups.
    if try spec["engine"].equals("memcached") { return }
    if try spec["replicationGroupID"].filledText() != nil { return }
    if try spec["replicationGroupRef"].refers() { return }
    findings.add(
        StorageClause.encrypted, at: try subject.field("kind"),
        "is \"CacheCluster\", which does not support encryption at rest"
    ) { $0.advice = "use a ReplicationGroup or a ServerlessCache with a KMS key" }
    try checkSnapshots(spec, findings)
}

private func checkEncryption(
    _ spec: Field, _ key: StaticString, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let isEncrypted = try spec[key]
    if try isEncrypted.boolean() != true {
        findings.add(
            StorageClause.encrypted, at: isEncrypted,
            "is \(isEncrypted.isPresent ? "false" : "not set"); stored data is not encrypted", set: true
        ) {
            $0.advice = "this cannot be changed later; copy an existing database through a snapshot"
        }
    }
}

/// The fields with which RDS creates a database from another one.
enum DatabaseOrigin {
    /// The source of a replica.
    static let sources: [StaticString] = ["sourceDBInstanceIdentifier", "replicationSourceIdentifier"]
    /// A snapshot, or another cluster at a point in time; the new database has its encryption.
    static let snapshots: [StaticString] = [
        "dbSnapshotIdentifier", "dbClusterSnapshotIdentifier", "snapshotIdentifier", "sourceDBClusterIdentifier",
    ]
}

private func checkSnapshots(_ spec: Field, _ findings: FindingCollector) throws(CannotEvaluate) {
    let days = try spec["snapshotRetentionLimit"]
    let seen = try days.integer()
    // By default, ElastiCache keeps no snapshots.
    guard seen ?? 0 < 1 else { return }
    findings.add(
        StorageClause.backups, at: days, "is \(seen.map(String.init) ?? "not set"); automatic backups are disabled",
        set: 7)
}

extension Field {
    /// True if one of these members is a string that is not empty.
    func hasText(in keys: [StaticString]) throws(CannotEvaluate) -> Bool {
        for key in keys where try self[key].filledText() != nil { return true }
        return false
    }

    /// True if it refers to another object by name.
    fileprivate func refers() throws(CannotEvaluate) -> Bool { try self["from"]["name"].filledText() != nil }
}

extension Value {
    /// True if it names an AWS managed key, as in `alias/aws/rds`.
    var isAWSManagedKey: Bool { contentLength < 2048 && Glob("*alias/aws/*").matches(text) }
}
