import Evaluation

private func object(_ group: String, _ kind: String, _ lines: String) -> String {
    """
    apiVersion: \(group).services.k8s.aws/v1alpha1
    kind: \(kind)
    metadata: {name: orders, namespace: shop}
    spec: {\(lines)}
    """
}

private func instance(_ lines: String, isPublic: String? = "false") -> String {
    object(
        "rds", "DBInstance",
        "dbInstanceIdentifier: orders, dbInstanceClass: db.t4g.medium, engine: postgres, \(isPublic.map { "publiclyAccessible: \($0), " } ?? "")\(lines)"
    )
}

private func cluster(_ lines: String) -> String {
    object("rds", "DBCluster", "dbClusterIdentifier: orders, engine: aurora-postgresql, \(lines)")
}

private func group(_ lines: String) -> String {
    object("elasticache", "ReplicationGroup", "replicationGroupID: carts, description: carts, \(lines)")
}

private func cacheCluster(_ lines: String) -> String {
    object("elasticache", "CacheCluster", "cacheClusterID: carts, \(lines)")
}

private func serverless(_ lines: String) -> String {
    object("elasticache", "ServerlessCache", "serverlessCacheName: carts, engine: valkey, \(lines)")
}

private let key = "kmsKeyRef: {from: {name: orders}}"
private let arn = "kmsKeyID: 'arn:aws:kms:eu-west-1:222222222222:key/0a1b2c3d-1111-2222-3333-444455556666'"

let storageExamples: [Example] = [
    .good("an encrypted instance", instance("storageEncrypted: true, \(key)")),
    .good(
        "an encrypted instance with backups for one day",
        instance("storageEncrypted: true, \(arn), backupRetentionPeriod: 1")),
    .good("an instance of an Aurora cluster", instance("dbClusterIdentifier: orders")),
    .good("a replica", instance("sourceDBInstanceIdentifier: primary, backupRetentionPeriod: 0")),
    .good("an instance from a snapshot", instance("dbSnapshotIdentifier: nightly")),
    .bad("an instance without encryption", StorageClause.encrypted, at: "spec.storageEncrypted", instance(key)),
    .bad(
        "an instance with encryption disabled", StorageClause.encrypted, at: "spec.storageEncrypted",
        instance("storageEncrypted: false, \(key)")),
    .bad(
        "an empty snapshot identifier", StorageClause.encrypted, at: "spec.storageEncrypted",
        instance("dbSnapshotIdentifier: '', \(key)")),
    .bad(
        "a public instance", StorageClause.notPublic, at: "spec.publiclyAccessible",
        instance("storageEncrypted: true, \(key)", isPublic: "true")),
    .bad(
        "a public instance of a cluster", StorageClause.notPublic, at: "spec.publiclyAccessible",
        instance("dbClusterIdentifier: orders", isPublic: "true")),
    .bad(
        "an instance without backups", StorageClause.backups, at: "spec.backupRetentionPeriod",
        instance("storageEncrypted: true, \(key), backupRetentionPeriod: 0")),
    .good("an encrypted cluster", cluster("storageEncrypted: true, \(key), backupRetentionPeriod: 14")),
    .good("a cluster from a snapshot", cluster("snapshotIdentifier: nightly")),
    .good("a cluster restored from another cluster", cluster("sourceDBClusterIdentifier: carts")),
    .bad("a cluster without encryption", StorageClause.encrypted, at: "spec.storageEncrypted", cluster(arn)),
    .good(
        "an encrypted replication group", group("atRestEncryptionEnabled: true, \(arn), snapshotRetentionLimit: 1")),
    .bad(
        "a replication group without encryption", StorageClause.encrypted, at: "spec.atRestEncryptionEnabled",
        group("\(arn), snapshotRetentionLimit: 7")),
    .bad(
        "a replication group without snapshots", StorageClause.backups, at: "spec.snapshotRetentionLimit",
        group("atRestEncryptionEnabled: true, \(arn)")),
    .good("Memcached, which is not persistent", cacheCluster("engine: memcached, numCacheNodes: 3")),
    .good("a member of a replication group", cacheCluster("engine: redis, replicationGroupID: carts")),
    .bad(
        "a Redis cache cluster, which cannot be encrypted", StorageClause.encrypted, at: "kind",
        cacheCluster("engine: redis, snapshotRetentionLimit: 7")),
    .good("a serverless cache with snapshots", serverless("\(key), snapshotRetentionLimit: 7")),
    .bad(
        "a serverless cache without snapshots", StorageClause.backups, at: "spec.snapshotRetentionLimit",
        serverless("\(key), snapshotRetentionLimit: 0")),
    .bad(
        "an instance that does not set public access", StorageClause.notPublic, at: "spec.publiclyAccessible",
        instance("storageEncrypted: true, \(key)", isPublic: nil), request: .by("lena")),
    .bad(
        "an instance of a cluster that does not set public access", StorageClause.notPublic,
        at: "spec.publiclyAccessible",
        instance("dbClusterIdentifier: orders", isPublic: nil), request: .by("lena")),
    .good(
        "an update that does not set public access",
        instance("storageEncrypted: true, \(key), backupRetentionPeriod: 14", isPublic: nil),
        before: instance("storageEncrypted: true, \(key)")),
]
