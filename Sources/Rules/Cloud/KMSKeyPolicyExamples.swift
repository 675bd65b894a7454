import Evaluation

private func key(_ policy: String?) -> String {
    """
    apiVersion: kms.services.k8s.aws/v1alpha1
    kind: Key
    metadata: {name: orders, namespace: shop}
    spec:
      description: encrypts the orders
      enableKeyRotation: true
    """ + (policy.map { "\n  policy: '{\"Version\": \"2012-10-17\", \"Statement\": [\($0)]}'" } ?? "")
}

private func statement(_ name: String, _ principal: String, _ actions: String) -> String {
    "{\"Sid\": \"\(name)\", \"Effect\": \"Allow\", \"Principal\": \(principal), \"Action\": \(actions), \"Resource\": \"*\"}"
}

private let other = "{\"AWS\": \"arn:aws:iam::333333333333:root\"}"

private func conditional(_ principal: String, _ actions: String) -> String {
    statement("conditional", principal, actions).dropLast()
        + ", \"Condition\": {\"StringEquals\": {\"kms:CallerAccount\": \"222222222222\"}}}"
}

private let root = statement("account", "{\"AWS\": \"arn:aws:iam::222222222222:root\"}", "\"kms:*\"")
private let administrators = statement(
    "administrators", "{\"AWS\": \"arn:aws:iam::222222222222:role/keys\"}",
    "[\"kms:Put*\", \"kms:Disable*\", \"kms:ScheduleKeyDeletion\"]")
private let users = statement(
    "users", "{\"AWS\": [\"arn:aws:iam::222222222222:role/orders\"]}",
    "[\"kms:Encrypt\", \"kms:Decrypt\", \"kms:GenerateDataKey*\"]")
private let good = [root, administrators, users].joined(separator: ", ")

/// A key policy that violates no rule, as a field of a Key's spec.
let keyPolicyField = "policy: '{\"Version\": \"2012-10-17\", \"Statement\": [\(good)]}'"

private func alias(_ name: String, of key: String = "orders", in namespace: String? = nil) -> String {
    """
    apiVersion: kms.services.k8s.aws/v1alpha1
    kind: Alias
    metadata: {name: \(name), namespace: shop}
    spec: {name: alias/\(name), targetKeyRef: {from: {name: \(key)\(namespace.map { ", namespace: \($0)" } ?? "")}}}
    """
}

let keyPolicyExamples: [Example] = [
    .good("separate statements for administrators and users", key(good)),
    .good("a key with an alias", key(good), relatedObjects: alias("orders")),
    .good(
        "an alias that refers to a key by id", key(good),
        relatedObjects: """
            apiVersion: kms.services.k8s.aws/v1alpha1
            kind: Alias
            metadata: {name: legacy, namespace: shop}
            spec: {name: alias/legacy, targetKeyID: 0a1b2c3d-1111-2222-3333-444455556666}
            """),
    .good(
        "a statement that denies everyone",
        key("\(good), {\"Effect\": \"Deny\", \"Principal\": \"*\", \"Action\": \"kms:*\", \"Resource\": \"*\"}")),
    .bad("a key without a policy", KeyClause.written, at: "spec.policy", key(nil)),
    .bad(
        "a role with all permissions", KeyClause.separate, at: "spec.policy",
        key("\(root), \(statement("all", "{\"AWS\": \"arn:aws:iam::222222222222:role/orders\"}", "\"kms:*\""))")),
    .bad(
        "a role that administers and uses the key", KeyClause.separate, at: "spec.policy",
        key(
            statement(
                "both", "{\"AWS\": \"arn:aws:iam::222222222222:role/orders\"}",
                "[\"kms:Decrypt\", \"kms:PutKeyPolicy\"]"))),
    .bad(
        "all permissions for everyone", KeyClause.open, at: "spec.policy", key(statement("open", "\"*\"", "\"kms:*\""))),
    .bad(
        "all permissions for every AWS account", KeyClause.open, at: "spec.policy",
        key(statement("open", "{\"AWS\": \"*\"}", "[\"kms:*\"]"))),
    .bad(
        "a key without an alias", KeyClause.alias, at: "metadata.name", key(good),
        relatedObjects: alias("carts", of: "carts"), settings: ["PLAYBOOK_COMPANION_GRACE": "0s"]),
    .good(
        "a new key whose alias may follow", key(good), relatedObjects: alias("carts", of: "carts"),
        settings: ["PLAYBOOK_COMPANION_GRACE": "5m"]),
    .bad(
        "an alias that refers to a key in another namespace", KeyClause.alias, at: "metadata.name", key(good),
        relatedObjects: alias("orders", in: "carts"), settings: ["PLAYBOOK_COMPANION_GRACE": "0s"]),
    .good("an alias that names its own namespace", key(good), relatedObjects: alias("orders", in: "shop")),
    .good("an alias", alias("orders")),
    .good(
        "deleting an alias of a key in another namespace", alias("carts", in: "carts"),
        relatedObjects: [key(good), alias("carts", in: "carts")].joined(separator: "\n---\n"), request: .delete),
    .good(
        "deleting one of two aliases", alias("orders"),
        relatedObjects: [key(good), alias("orders"), alias("orders-2")].joined(separator: "\n---\n"), request: .delete),
    .bad(
        "deleting the last alias", KeyClause.lastAlias, at: "spec.targetKeyRef", alias("orders"),
        relatedObjects: [key(good), alias("orders")].joined(separator: "\n---\n"), request: .delete),
    .bad(
        "use of the key for everyone", KeyClause.open, at: "spec.policy",
        key("\(good), \(statement("open", "\"*\"", "[\"kms:Decrypt\"]"))")),
    .good(
        "use of the key for everyone, with a condition",
        key("\(good), \(conditional("\"*\"", "[\"kms:Decrypt\", \"kms:GenerateDataKey*\"]"))")),
    .bad(
        "all permissions for another account", KeyClause.foreign, at: "spec.policy",
        key("\(good), \(statement("other", other, "\"kms:*\""))")),
    .bad(
        "use of the key for another account by its id", KeyClause.foreign, at: "spec.policy",
        key("\(good), \(statement("other", "{\"AWS\": \"333333333333\"}", "\"kms:Decrypt\""))")),
    .good(
        "use of the key for another account, with a condition", key("\(good), \(conditional(other, "\"kms:Decrypt\""))")
    ),
    .good(
        "use of the key for another of the configured accounts",
        key("\(good), \(statement("other", other, "\"kms:Decrypt\""))"),
        settings: ["PLAYBOOK_AWS_ACCOUNTS": "222222222222,333333333333"]),
    .bad(
        "an account that is not configured", KeyClause.foreign, at: "spec.policy", key(root),
        settings: ["PLAYBOOK_AWS_ACCOUNTS": "333333333333"]),
]
