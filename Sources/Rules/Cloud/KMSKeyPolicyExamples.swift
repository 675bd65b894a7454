import Evaluation

private func key(_ policy: String?) -> String {
    """
    apiVersion: kms.services.k8s.aws/v1alpha1
    kind: Key
    metadata: {name: orders, namespace: shop}
    spec:
      description: what the orders are encrypted with
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

/// A key policy that no rule has anything against, as a field of a Key's spec.
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
    .good("administrators and users apart", key(good)),
    .good("the same beside its alias", key(good), relatedObjects: alias("orders")),
    .good(
        "an alias of some key by its id", key(good),
        relatedObjects: """
            apiVersion: kms.services.k8s.aws/v1alpha1
            kind: Alias
            metadata: {name: legacy, namespace: shop}
            spec: {name: alias/legacy, targetKeyID: 0a1b2c3d-1111-2222-3333-444455556666}
            """),
    .good(
        "what is denied to everybody",
        key("\(good), {\"Effect\": \"Deny\", \"Principal\": \"*\", \"Action\": \"kms:*\", \"Resource\": \"*\"}")),
    .bad("no policy", KeyClause.written, at: "spec.policy", key(nil)),
    .bad(
        "roles that may do everything", KeyClause.separate, at: "spec.policy",
        key("\(root), \(statement("all", "{\"AWS\": \"arn:aws:iam::222222222222:role/orders\"}", "\"kms:*\""))")),
    .bad(
        "roles that administer and use", KeyClause.separate, at: "spec.policy",
        key(
            statement(
                "both", "{\"AWS\": \"arn:aws:iam::222222222222:role/orders\"}",
                "[\"kms:Decrypt\", \"kms:PutKeyPolicy\"]"))),
    .bad("every right for everybody", KeyClause.open, at: "spec.policy", key(statement("open", "\"*\"", "\"kms:*\""))),
    .bad(
        "every right for every AWS account", KeyClause.open, at: "spec.policy",
        key(statement("open", "{\"AWS\": \"*\"}", "[\"kms:*\"]"))),
    .bad(
        "no alias of its own", KeyClause.alias, at: "metadata.name", key(good),
        relatedObjects: alias("carts", of: "carts"), settings: ["PLAYBOOK_COMPANION_GRACE": "0s"]),
    .good(
        "a new key whose alias is to come", key(good), relatedObjects: alias("carts", of: "carts"),
        settings: ["PLAYBOOK_COMPANION_GRACE": "5m"]),
    .bad(
        "an alias of another namespace's key", KeyClause.alias, at: "metadata.name", key(good),
        relatedObjects: alias("orders", in: "carts"), settings: ["PLAYBOOK_COMPANION_GRACE": "0s"]),
    .good("an alias that says its own namespace", key(good), relatedObjects: alias("orders", in: "shop")),
    .good("an alias", alias("orders")),
    .good(
        "an alias of another namespace's key goes", alias("carts", in: "carts"),
        relatedObjects: [key(good), alias("carts", in: "carts")].joined(separator: "\n---\n"), request: .delete),
    .good(
        "one of two aliases goes", alias("orders"),
        relatedObjects: [key(good), alias("orders"), alias("orders-2")].joined(separator: "\n---\n"), request: .delete),
    .bad(
        "the last alias goes", KeyClause.lastAlias, at: "spec.targetKeyRef", alias("orders"),
        relatedObjects: [key(good), alias("orders")].joined(separator: "\n---\n"), request: .delete),
    .bad(
        "use for everybody", KeyClause.open, at: "spec.policy",
        key("\(good), \(statement("open", "\"*\"", "[\"kms:Decrypt\"]"))")),
    .good(
        "use for everybody through a service",
        key("\(good), \(conditional("\"*\"", "[\"kms:Decrypt\", \"kms:GenerateDataKey*\"]"))")),
    .bad(
        "every right for another account", KeyClause.foreign, at: "spec.policy",
        key("\(good), \(statement("other", other, "\"kms:*\""))")),
    .bad(
        "use for another account by its number", KeyClause.foreign, at: "spec.policy",
        key("\(good), \(statement("other", "{\"AWS\": \"333333333333\"}", "\"kms:Decrypt\""))")),
    .good("use for another account on a condition", key("\(good), \(conditional(other, "\"kms:Decrypt\""))")),
    .good(
        "use for another account of the team's", key("\(good), \(statement("other", other, "\"kms:Decrypt\""))"),
        settings: ["PLAYBOOK_AWS_ACCOUNTS": "222222222222,333333333333"]),
    .bad(
        "an account that is none of the team's", KeyClause.foreign, at: "spec.policy", key(root),
        settings: ["PLAYBOOK_AWS_ACCOUNTS": "333333333333"]),
]
