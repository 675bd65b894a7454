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
    .good("a StorageClass with a key", EBSVolumes.storageClass("encrypted: 'true', kmsKeyId: '\(EBSVolumes.key)'")),
    .good(
        "the parameter's name in upper case", EBSVolumes.storageClass("encrypted: 'true', KMSKEYID: alias/shop")),
    .good(
        "a StorageClass that is not for EBS", EBSVolumes.storageClass("fsType: ext4", provisioner: "efs.csi.aws.com")),
    .good("node volumes with a key", EBSVolumes.devices("encrypted: true, kmsKeyID: '\(EBSVolumes.key)'")),
    .good("a node volume from a snapshot", EBSVolumes.devices("snapshotID: snap-0a1b2c3d")),
    .good(
        "both volumes of Bottlerocket",
        EBSVolumes.nodeClass(
            "blockDeviceMappings: [{deviceName: /dev/xvda, \(disk)}, {deviceName: /dev/xvdb, \(disk)}]",
            alias: "bottlerocket@v1.50.0")),
    .bad(
        "a StorageClass without a key", KeyedClause.parameter, at: "parameters.kmsKeyId",
        EBSVolumes.storageClass("encrypted: 'true'")),
    .bad(
        "the alias of an AWS managed key", KeyedClause.parameter, at: "parameters.kmsKeyId",
        EBSVolumes.storageClass("encrypted: 'true', kmsKeyId: 'arn:aws:kms:eu-west-1:222222222222:alias/aws/ebs'")),
    .bad(
        "an empty key", KeyedClause.parameter, at: "parameters.kmskeyid",
        EBSVolumes.storageClass("encrypted: 'true', kmskeyid: ''")),
    .bad(
        "node volumes without a key", KeyedClause.device, at: "spec.blockDeviceMappings[/dev/xvda].ebs.kmsKeyID",
        EBSVolumes.devices("encrypted: true")),
    .bad(
        "node volumes with an AWS managed key", KeyedClause.device,
        at: "spec.blockDeviceMappings[/dev/xvda].ebs.kmsKeyID",
        EBSVolumes.devices("encrypted: true, kmsKeyID: alias/aws/ebs")),
    .bad(
        "node volumes that Karpenter creates by default", KeyedClause.device, at: "spec.blockDeviceMappings",
        EBSVolumes.nodeClass("")),
    .bad(
        "only the root volume of Bottlerocket", KeyedClause.device, at: "spec.blockDeviceMappings",
        EBSVolumes.nodeClass(
            "blockDeviceMappings: [{deviceName: /dev/xvda, \(disk)}]", alias: "bottlerocket@v1.50.0")),
    .bad(
        "the volumes of a custom image", KeyedClause.device, at: "spec.blockDeviceMappings",
        EBSVolumes.nodeClass("amiFamily: Custom")),
    .good("EKS Auto Mode volumes with a key", autoModeClass(", \(named)")),
    .bad(
        "EKS Auto Mode volumes without a key", KeyedClause.data, at: "spec.ephemeralStorage.kmsKeyID", autoModeClass("")
    ),
    .good("a database with a key", object("rds", "DBInstance", "\(instance), kmsKeyRef: {from: {name: orders}}")),
    .good(
        "a database from a snapshot",
        object(
            "rds", "DBInstance",
            "dbInstanceIdentifier: orders, publiclyAccessible: false, dbSnapshotIdentifier: nightly")),
    .bad("a database without a key", KeyedClause.data, at: "spec.kmsKeyID", object("rds", "DBInstance", instance)),
    .bad(
        "an empty reference to a key", KeyedClause.data, at: "spec.kmsKeyID",
        object("rds", "DBInstance", "\(instance), kmsKeyRef: {}")),
    .bad(
        "a database cluster with an AWS managed key", KeyedClause.data, at: "spec.kmsKeyID",
        object("rds", "DBCluster", "dbClusterIdentifier: orders, storageEncrypted: true, kmsKeyID: alias/aws/rds")),
    .bad(
        "a cache without a key", KeyedClause.data, at: "spec.kmsKeyID",
        object("elasticache", "ReplicationGroup", group)),
    .bad(
        "a serverless cache without a key", KeyedClause.data, at: "spec.kmsKeyID",
        object(
            "elasticache", "ServerlessCache", "serverlessCacheName: carts, engine: valkey, snapshotRetentionLimit: 7")),
    .bad(
        "a file system without a key", KeyedClause.data, at: "spec.kmsKeyID",
        object("efs", "FileSystem", "encrypted: true")),
    .good("a queue with a key", object("sqs", "Queue", "queueName: orders, \(master)")),
    .bad(
        "a queue without a key", KeyedClause.data, at: "spec.kmsMasterKeyID",
        object("sqs", "Queue", "queueName: orders")),
    .good("a topic with a key", object("sns", "Topic", "name: orders, kmsMasterKeyRef: {from: {name: orders}}")),
    .bad(
        "a topic with an AWS managed key", KeyedClause.data, at: "spec.kmsMasterKeyID",
        object("sns", "Topic", "name: orders, kmsMasterKeyID: alias/aws/sns")),
    .good(
        "a table with a key",
        object("dynamodb", "Table", "tableName: orders, sseSpecification: {enabled: true, sseType: KMS, \(master)}")),
    .bad(
        "a table without a key", KeyedClause.data, at: "spec.sseSpecification.kmsMasterKeyID",
        object("dynamodb", "Table", "tableName: orders")),
    .good("a Secrets Manager secret with a key", object("secretsmanager", "Secret", "name: orders, \(named)")),
    .bad(
        "a Secrets Manager secret without a key", KeyedClause.data, at: "spec.kmsKeyID",
        object("secretsmanager", "Secret", "name: orders")),
    .good("a log group with a key", object("cloudwatchlogs", "LogGroup", "name: orders, \(named)")),
    .bad(
        "a log group without a key", KeyedClause.data, at: "spec.kmsKeyID",
        object("cloudwatchlogs", "LogGroup", "name: orders")),
    .good(
        "a bucket with a key",
        object(
            "s3", "Bucket",
            "name: orders, encryption: {rules: [{applyServerSideEncryptionByDefault: {sseAlgorithm: 'aws:kms', \(master)}}]}"
        )),
    .bad(
        "a bucket without encryption rules", KeyedClause.data, at: "spec.encryption.rules",
        object("s3", "Bucket", "name: orders")),
    .bad(
        "a bucket with S3 managed keys", KeyedClause.data,
        at: "spec.encryption.rules[0].applyServerSideEncryptionByDefault.kmsMasterKeyID",
        object(
            "s3", "Bucket",
            "name: orders, encryption: {rules: [{applyServerSideEncryptionByDefault: {sseAlgorithm: AES256}}]}")
    ),
    .bad(
        "a repository without a key", KeyedClause.data, at: "spec.encryptionConfiguration.kmsKey",
        repository("encryptionType: KMS")),
    .good(
        "a cluster that encrypts Secrets with a key",
        cluster(", encryptionConfig: [{provider: {keyARN: '\(EBSVolumes.key)'}, resources: [secrets]}]")),
    .bad("a cluster without a key for Secrets", KeyedClause.secrets, at: "spec.encryptionConfig", cluster("")),
]
