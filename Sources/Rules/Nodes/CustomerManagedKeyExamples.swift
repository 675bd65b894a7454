import Evaluation

private func object(_ group: String, _ kind: String, _ lines: String) -> String {
    """
    apiVersion: \(group).services.k8s.aws/v1alpha1
    kind: \(kind)
    metadata: {name: orders, namespace: shop}
    spec: {\(lines)}
    """
}

private func autoModeClass(_ storage: String) -> String {
    """
    apiVersion: eks.amazonaws.com/v1
    kind: NodeClass
    metadata: {name: default}
    spec: {role: shop-nodes, ephemeralStorage: {size: 80Gi\(storage)}}
    """
}

private func cluster(_ lines: String) -> String {
    object(
        "eks", "Cluster",
        "name: production, accessConfig: {authenticationMode: API}, resourcesVPCConfig: {endpointPrivateAccess: true, endpointPublicAccess: false}, deletionProtection: true, logging: {clusterLogging: [{enabled: true, types: [api, audit, authenticator]}]}\(lines)"
    )
}

private func repository(_ lines: String) -> String {
    object("ecr", "Repository", "name: shop/web, encryptionConfiguration: {\(lines)}")
}

private let disk = "ebs: {volumeSize: 20Gi, encrypted: true, kmsKeyID: '\(EBSVolumes.key)'}"
private let named = "kmsKeyID: '\(EBSVolumes.key)'"
private let master = "kmsMasterKeyID: '\(EBSVolumes.key)'"
private let instance =
    "dbInstanceIdentifier: orders, engine: postgres, storageEncrypted: true, publiclyAccessible: false"
private let group = "replicationGroupID: carts, atRestEncryptionEnabled: true, snapshotRetentionLimit: 7"

let customerKeyExamples: [Example] = [
    .good("a class with a key", EBSVolumes.storageClass("encrypted: 'true', kmsKeyId: '\(EBSVolumes.key)'")),
    .good(
        "whatever the case of the name", EBSVolumes.storageClass("encrypted: 'true', KMSKEYID: alias/shop")),
    .good("another kind of storage", EBSVolumes.storageClass("fsType: ext4", provisioner: "efs.csi.aws.com")),
    .good("disks of nodes with a key", EBSVolumes.devices("encrypted: true, kmsKeyID: '\(EBSVolumes.key)'")),
    .good("a disk from a snapshot, encrypted as that is", EBSVolumes.devices("snapshotID: snap-0a1b2c3d")),
    .good(
        "both disks of Bottlerocket",
        EBSVolumes.nodeClass(
            "blockDeviceMappings: [{deviceName: /dev/xvda, \(disk)}, {deviceName: /dev/xvdb, \(disk)}]",
            alias: "bottlerocket@v1.50.0")),
    .bad(
        "a class without a key", KeyedClause.parameter, at: "parameters.kmsKeyId",
        EBSVolumes.storageClass("encrypted: 'true'")),
    .bad(
        "AWS's key by its alias", KeyedClause.parameter, at: "parameters.kmsKeyId",
        EBSVolumes.storageClass("encrypted: 'true', kmsKeyId: 'arn:aws:kms:eu-west-1:222222222222:alias/aws/ebs'")),
    .bad(
        "an empty key", KeyedClause.parameter, at: "parameters.kmskeyid",
        EBSVolumes.storageClass("encrypted: 'true', kmskeyid: ''")),
    .bad(
        "disks of nodes without a key", KeyedClause.device, at: "spec.blockDeviceMappings[/dev/xvda].ebs.kmsKeyID",
        EBSVolumes.devices("encrypted: true")),
    .bad(
        "disks of nodes with AWS's key", KeyedClause.device, at: "spec.blockDeviceMappings[/dev/xvda].ebs.kmsKeyID",
        EBSVolumes.devices("encrypted: true, kmsKeyID: alias/aws/ebs")),
    .bad(
        "disks that Karpenter makes by itself", KeyedClause.device, at: "spec.blockDeviceMappings",
        EBSVolumes.nodeClass("")),
    .bad(
        "the root disk of Bottlerocket alone", KeyedClause.device, at: "spec.blockDeviceMappings",
        EBSVolumes.nodeClass(
            "blockDeviceMappings: [{deviceName: /dev/xvda, \(disk)}]", alias: "bottlerocket@v1.50.0")),
    .bad(
        "the disks of an image of one's own", KeyedClause.device, at: "spec.blockDeviceMappings",
        EBSVolumes.nodeClass("amiFamily: Custom")),
    .good("disks of EKS Auto Mode with a key", autoModeClass(", \(named)")),
    .bad(
        "disks of EKS Auto Mode without", KeyedClause.data, at: "spec.ephemeralStorage.kmsKeyID", autoModeClass("")),
    .good("a database with a key", object("rds", "DBInstance", "\(instance), kmsKeyRef: {from: {name: orders}}")),
    .good(
        "a database from a snapshot",
        object(
            "rds", "DBInstance",
            "dbInstanceIdentifier: orders, publiclyAccessible: false, dbSnapshotIdentifier: nightly")),
    .bad("a database with AWS's key", KeyedClause.data, at: "spec.kmsKeyID", object("rds", "DBInstance", instance)),
    .bad(
        "a reference to no key", KeyedClause.data, at: "spec.kmsKeyID",
        object("rds", "DBInstance", "\(instance), kmsKeyRef: {}")),
    .bad(
        "a cluster with AWS's key by name", KeyedClause.data, at: "spec.kmsKeyID",
        object("rds", "DBCluster", "dbClusterIdentifier: orders, storageEncrypted: true, kmsKeyID: alias/aws/rds")),
    .bad(
        "a cache with AWS's key", KeyedClause.data, at: "spec.kmsKeyID",
        object("elasticache", "ReplicationGroup", group)),
    .bad(
        "a serverless cache with AWS's key", KeyedClause.data, at: "spec.kmsKeyID",
        object(
            "elasticache", "ServerlessCache", "serverlessCacheName: carts, engine: valkey, snapshotRetentionLimit: 7")),
    .bad(
        "a file system with AWS's key", KeyedClause.data, at: "spec.kmsKeyID",
        object("efs", "FileSystem", "encrypted: true")),
    .good("a queue with a key", object("sqs", "Queue", "queueName: orders, \(master)")),
    .bad("a queue without", KeyedClause.data, at: "spec.kmsMasterKeyID", object("sqs", "Queue", "queueName: orders")),
    .good("a topic with a key", object("sns", "Topic", "name: orders, kmsMasterKeyRef: {from: {name: orders}}")),
    .bad(
        "a topic with AWS's key", KeyedClause.data, at: "spec.kmsMasterKeyID",
        object("sns", "Topic", "name: orders, kmsMasterKeyID: alias/aws/sns")),
    .good(
        "a table with a key",
        object("dynamodb", "Table", "tableName: orders, sseSpecification: {enabled: true, sseType: KMS, \(master)}")),
    .bad(
        "a table without", KeyedClause.data, at: "spec.sseSpecification.kmsMasterKeyID",
        object("dynamodb", "Table", "tableName: orders")),
    .good("a secret of AWS with a key", object("secretsmanager", "Secret", "name: orders, \(named)")),
    .bad(
        "a secret of AWS without", KeyedClause.data, at: "spec.kmsKeyID",
        object("secretsmanager", "Secret", "name: orders")),
    .good("a log group with a key", object("cloudwatchlogs", "LogGroup", "name: orders, \(named)")),
    .bad(
        "a log group without", KeyedClause.data, at: "spec.kmsKeyID",
        object("cloudwatchlogs", "LogGroup", "name: orders")),
    .good(
        "a bucket with a key",
        object(
            "s3", "Bucket",
            "name: orders, encryption: {rules: [{applyServerSideEncryptionByDefault: {sseAlgorithm: 'aws:kms', \(master)}}]}"
        )),
    .bad("a bucket without", KeyedClause.data, at: "spec.encryption.rules", object("s3", "Bucket", "name: orders")),
    .bad(
        "a bucket with S3's own encryption", KeyedClause.data,
        at: "spec.encryption.rules[0].applyServerSideEncryptionByDefault.kmsMasterKeyID",
        object(
            "s3", "Bucket",
            "name: orders, encryption: {rules: [{applyServerSideEncryptionByDefault: {sseAlgorithm: AES256}}]}")
    ),
    .bad(
        "a repository with AWS's key", KeyedClause.data, at: "spec.encryptionConfiguration.kmsKey",
        repository("encryptionType: KMS")),
    .good(
        "a cluster that encrypts Secrets",
        cluster(", encryptionConfig: [{provider: {keyARN: '\(EBSVolumes.key)'}, resources: [secrets]}]")),
    .bad("a cluster that leaves Secrets to AWS", KeyedClause.secrets, at: "spec.encryptionConfig", cluster("")),
]
