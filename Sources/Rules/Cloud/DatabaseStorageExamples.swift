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
    .good("an instance with a key of its own", instance("storageEncrypted: true, \(key)")),
    .good(
        "a key by its ARN, and backups for a day", instance("storageEncrypted: true, \(arn), backupRetentionPeriod: 1")),
    .good("a member of an Aurora cluster", instance("dbClusterIdentifier: orders")),
    .good("a replica", instance("sourceDBInstanceIdentifier: primary, backupRetentionPeriod: 0")),
    .good("what comes from a snapshot", instance("dbSnapshotIdentifier: nightly")),
    .bad("an instance that is not encrypted", StorageClause.encrypted, at: "spec.storageEncrypted", instance(key)),
    .bad(
        "encryption switched off", StorageClause.encrypted, at: "spec.storageEncrypted",
        instance("storageEncrypted: false, \(key)")),
    .bad(
        "a snapshot without a name", StorageClause.encrypted, at: "spec.storageEncrypted",
        instance("dbSnapshotIdentifier: '', \(key)")),
    .bad(
        "an address of everybody's", StorageClause.notPublic, at: "spec.publiclyAccessible",
        instance("storageEncrypted: true, \(key)", isPublic: "true")),
    .bad(
        "a cluster's member with one", StorageClause.notPublic, at: "spec.publiclyAccessible",
        instance("dbClusterIdentifier: orders", isPublic: "true")),
    .bad(
        "no backups", StorageClause.backups, at: "spec.backupRetentionPeriod",
        instance("storageEncrypted: true, \(key), backupRetentionPeriod: 0")),
    .good("a cluster", cluster("storageEncrypted: true, \(key), backupRetentionPeriod: 14")),
    .good("a cluster from a snapshot", cluster("snapshotIdentifier: nightly")),
    .good("a cluster from another one's past", cluster("sourceDBClusterIdentifier: carts")),
    .bad("a cluster that is not encrypted", StorageClause.encrypted, at: "spec.storageEncrypted", cluster(arn)),
    .good(
        "a replication group", group("atRestEncryptionEnabled: true, \(arn), snapshotRetentionLimit: 1")),
    .bad(
        "a replication group that is not encrypted", StorageClause.encrypted, at: "spec.atRestEncryptionEnabled",
        group("\(arn), snapshotRetentionLimit: 7")),
    .bad(
        "a replication group without snapshots", StorageClause.backups, at: "spec.snapshotRetentionLimit",
        group("atRestEncryptionEnabled: true, \(arn)")),
    .good("memcached, which stores nothing", cacheCluster("engine: memcached, numCacheNodes: 3")),
    .good("a member of a replication group", cacheCluster("engine: redis, replicationGroupID: carts")),
    .bad(
        "a Redis that cannot be encrypted", StorageClause.encrypted, at: "kind",
        cacheCluster("engine: redis, snapshotRetentionLimit: 7")),
    .good("a serverless cache", serverless("\(key), snapshotRetentionLimit: 7")),
    .bad(
        "a serverless cache without snapshots", StorageClause.backups, at: "spec.snapshotRetentionLimit",
        serverless("\(key), snapshotRetentionLimit: 0")),
    .bad(
        "an address that AWS decides on", StorageClause.notPublic, at: "spec.publiclyAccessible",
        instance("storageEncrypted: true, \(key)", isPublic: nil), request: .by("lena")),
    .bad(
        "a cluster's member whose address AWS decides on", StorageClause.notPublic, at: "spec.publiclyAccessible",
        instance("dbClusterIdentifier: orders", isPublic: nil), request: .by("lena")),
    .good(
        "an update that leaves out what ACK filled in",
        instance("storageEncrypted: true, \(key), backupRetentionPeriod: 14", isPublic: nil),
        before: instance("storageEncrypted: true, \(key)")),
]
