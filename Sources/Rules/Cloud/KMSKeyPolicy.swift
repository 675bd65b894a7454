import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let kmsKeyPolicy = Rule(
        id: "kms-key-policy",
        title: "KMS key policies separate administrators from users, and keys have an alias",
        group: .cloud,
        section: .keyManagement,
        rationale: """
            Administrators of a key should not be able to read the data that it encrypts. A key without an alias is easily \
            mistaken for another key.
            """,
        level: .warn,
        concern: .security,
        scope: Scope(ResourceKinds(.kmsKey, .kmsAlias), on: [.create, .update, .delete]),
        clauses: [
            KeyClause.written, KeyClause.separate, KeyClause.open, KeyClause.foreign, KeyClause.alias,
            KeyClause.lastAlias,
        ],
        sharedSettings: ["PLAYBOOK_COMPANION_GRACE", "PLAYBOOK_AWS_ACCOUNTS"],
        relatedObjects: [.kmsAlias, .kmsKey],
        examples: keyPolicyExamples,
        checks: [
            .init(.kmsKey) { (subject, context, findings) throws(CannotEvaluate) in
                guard subject.review.operation != .delete else { return }
                try checkPolicy(subject.field("spec")["policy"], context[RuleSettings.accounts], findings)
                try checkAlias(subject, context, findings)
            },
            .init(.kmsAlias) { (subject, context, findings) throws(CannotEvaluate) in
                if subject.review.operation == .delete { try checkLastAlias(subject, context, findings) }
            },
        ]
    )
}

/// The rule's clauses, which its examples in another file use, too.
enum KeyClause {
    static let written = Clause("written", "the key has a policy; the default policy leaves access to IAM")
    static let separate = Clause(
        "separate", "no statement allows principals other than the account's root to both administer and use the key")
    static let open = Clause(
        "open",
        "no statement grants everyone all permissions, or allows everyone to use or administer the key without a condition"
    )
    static let foreign = Clause(
        "foreign", "no statement allows another account's root to use or administer the key without a condition")
    static let alias = Clause("alias", "an Alias in the namespace refers to the key")
    static let lastAlias = Clause("last-alias", "a key's last Alias is not deleted")
}

// MARK: The policy

private func checkPolicy(
    _ field: Field, _ accounts: [AWSAccount], _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard let text = try field.filledText() else {
        findings.add(KeyClause.written, at: field, "is not set; only IAM policies control access to the key") {
            $0.advice = """
                set a policy with a statement for the account's root (kms:*), one for administrators (kms:Put*, \
                kms:Disable*, ...) and one for users (kms:Encrypt, kms:Decrypt, ...)
                """
        }
        return
    }
    // The limit of AWS KMS.
    guard text.contentLength <= 32 << 10 else { throw .tooLong(text.id, expected: "a key policy of at most 32 KiB") }
    guard let policy = try? Literal(parsing: Array(text.text.utf8)), case .object = policy
    else { throw .malformed(text.id, expected: "a key policy in JSON") }
    let literals = KeyPolicyStatement.all(in: policy)
    let statements = literals.map { KeyPolicyStatement($0) }
    // The key's account is the first one that is granted all permissions, as in AWS's default policy.
    let own =
        accounts.isEmpty
        ? statements.first { $0.isAll && $0.isAccountAlone }.map { Array($0.rootAccounts.prefix(1)) } ?? []
        : accounts.map(\.description)
    for (index, (literal, statement)) in zip(literals, statements).enumerated() {
        guard let (clause, message) = statement.fault(in: own) else { continue }
        // The choice is the principals, so that moving or renaming a statement is not a new violation.
        findings.add(
            clause, at: field, "\(message) (statement \(literal["Sid"]?.text ?? String(index)))",
            choice: "\(clause.name) \(statement.principals.joined(separator: " "))"
        ) {
            $0.advice =
                "use one statement for administrators and one for users, each with its own roles"
        }
    }
}

extension KeyPolicyStatement {
    /// Returns the clause that the statement violates in a key of one of these accounts, and the message; nil if none.
    fileprivate func fault(in own: [String]) -> (Clause, String)? {
        if isEverybody, isAll { return (KeyClause.open, "grants everyone all permissions") }
        if isEverybody, uses || administers, !hasCondition {
            return (KeyClause.open, "allows everyone to \(uses ? "use" : "administer") the key without a condition")
        }
        if !own.isEmpty, uses || administers, !hasCondition,
            let other = rootAccounts.first(where: { !own.contains($0) })
        {
            return (
                KeyClause.foreign,
                "allows account \(other) to \(uses ? "use" : "administer") the key without a condition"
            )
        }
        if administers, uses, !isAccountAlone {
            return (KeyClause.separate, "allows the same principals to administer and use the key")
        }
        return nil
    }
}

// MARK: The aliases

private func checkAlias(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard let name = subject.name, !mayBeAwaitingAlias(subject, context) else { return }
    let aliases = try context.relatedObjects.objects(.kmsAlias, in: subject.namespace)
    if aliases.contains(where: { $0.mayName(name, in: subject.namespace) }) { return }
    findings.add(
        KeyClause.alias, at: try subject.field("metadata")["name"],
        "names a key that no Alias in this namespace refers to",
        traits: .init(awaitsRelatedObject: true, absent: .kmsAlias)
    ) {
        $0.relatedObject = [
            "apiVersion": "kms.services.k8s.aws/v1alpha1", "kind": "Alias",
            "metadata": ["name": .string(name), "namespace": .string(subject.namespace)],
            "spec": ["name": .string("alias/\(name)"), "targetKeyRef": ["from": ["name": .string(name)]]],
        ]
    }
}

/// True if the key is so new that its Alias may still be created.
private func mayBeAwaitingAlias(_ subject: Subject, _ context: Context) -> Bool {
    let grace = context.settings.relatedObjectGrace.components.seconds
    guard context.source == .server || context.source == .recording, grace > 0 else { return false }
    guard subject.review.operation == .update else { return true }
    return subject.metadata.creationTimestamp.map { context.now.seconds - $0.seconds <= grace } ?? false
}

private func checkLastAlias(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let target = try subject.field("spec")["targetKeyRef"]
    guard let reference = try ResourceReference(target),
        let key = try context.relatedObjects.objects(.kmsKey, in: subject.namespace)
            .first(where: { reference.names($0.name, in: subject.namespace) })?.name
    else { return }
    let others = try context.relatedObjects.objects(.kmsAlias, in: subject.namespace).filter { $0.name != subject.name }
    if others.contains(where: { $0.mayName(key, in: subject.namespace) }) { return }
    findings.add(KeyClause.lastAlias, at: target, "refers to Key \(key), which has no other Alias") {
        $0.advice = "create another Alias for the key first"
    }
}

extension RelatedObject {
    /// True if an Alias refers, or may refer, to a key in its namespace: the target of one that uses a key id is unknown.
    fileprivate func mayName(_ key: String, in namespace: String) -> Bool {
        guard let text = self[.key] else { return true }
        return ResourceReference(text: text).names(key, in: namespace)
    }
}

extension RelatedKind {
    static let kmsKey = RelatedKind(.kmsKey) { _, _ in }
    static let kmsAlias = RelatedKind(.kmsAlias) { (object, fields) throws(CannotEvaluate) in
        fields[.key] = try ResourceReference(object.object("spec")?.object("targetKeyRef"))?.text
    }
}

extension RelatedField<String> {
    fileprivate static let key = Self("key")
}
