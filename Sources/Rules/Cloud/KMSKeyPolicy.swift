import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let kmsKeyPolicy = Rule(
        id: "kms-key-policy",
        title: "A key's policy tells its administrators from its users, and keys have names",
        group: .cloud,
        section: .keyManagement,
        rationale: """
            The key policy comes before IAM: who is not in it cannot use the key, and who administers a key should not read what \
            it encrypts. A key without an alias is mistaken for another.
            """,
        level: .warn,
        concern: .security,
        scope: Scope(ResourceKinds(.kmsKey, .kmsAlias), on: [.create, .update, .delete]),
        clauses: [KeyClause.written, KeyClause.separate, KeyClause.open, KeyClause.alias, KeyClause.lastAlias],
        relatedObjects: [.kmsAlias, .kmsKey],
        examples: keyPolicyExamples,
        checks: [
            .init(.kmsKey) { (subject, context, findings) throws(CannotJudge) in
                guard subject.review.operation != .delete else { return }
                try checkPolicy(subject.field("spec")["policy"], findings)
                try checkAlias(subject, context, findings)
            },
            .init(.kmsAlias) { (subject, context, findings) throws(CannotJudge) in
                if subject.review.operation == .delete { try checkLastAlias(subject, context, findings) }
            },
        ]
    )
}

/// What the rule checks; its examples stand in a file of their own.
enum KeyClause {
    static let written = Clause("written", "a key policy is written, instead of the default that leaves it to IAM")
    static let separate = Clause(
        "separate", "no statement lets anybody but the account itself both administer and use the key")
    static let open = Clause("open", "no statement gives everybody every right")
    static let alias = Clause("alias", "an Alias in the namespace names the key")
    static let lastAlias = Clause("last-alias", "a key's last Alias is not deleted")
}

// MARK: The policy

private func checkPolicy(_ field: Field, _ findings: FindingCollector) throws(CannotJudge) {
    guard let text = try field.filledText() else {
        findings.add(KeyClause.written, at: field, "is unset: IAM alone decides who may use the key") {
            $0.advice =
                "write a policy with the account's root for kms:*, a statement for administrators (kms:Put*, kms:Disable*, ...) and one for users (kms:Encrypt, kms:Decrypt, ...)"
        }
        return
    }
    // AWS KMS takes no longer one.
    guard text.contentLength <= 32 << 10 else { throw .tooLong(text.id, expected: "a key policy of at most 32 KiB") }
    guard let policy = try? Literal(parsing: Array(text.text.utf8)), case .object = policy
    else { throw .malformed(text.id, expected: "a key policy in JSON") }
    for (index, literal) in KeyPolicyStatement.all(in: policy).enumerated() {
        let statement = KeyPolicyStatement(literal)
        guard let (clause, message) = statement.fault else { continue }
        // Whom it is for is the choice, wherever the statement stands and whatever it is called.
        findings.add(
            clause, at: field, "\(message) (statement \(literal["Sid"]?.text ?? String(index)))",
            choice: "\(clause.name) \(statement.principals.joined(separator: " "))"
        ) {
            $0.advice =
                "write one statement for administrators and one for users, each with the roles that it is for"
        }
    }
}

extension KeyPolicyStatement {
    /// What is wrong with it, if anything.
    fileprivate var fault: (Clause, String)? {
        if isEverybody, isAll { return (KeyClause.open, "gives everybody every right") }
        if administers, uses, !isAccountAlone {
            return (KeyClause.separate, "lets the same roles administer and use the key")
        }
        return nil
    }
}

// MARK: The aliases

private func checkAlias(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    guard let name = subject.name else { return }
    let aliases = try context.relatedObjects.objects(.kmsAlias, in: subject.namespace)
    if aliases.contains(where: { $0.mayName(name, in: subject.namespace) }) { return }
    findings.add(
        KeyClause.alias, at: try subject.field("metadata")["name"], "is the name of a key without an Alias",
        traits: .init(awaitsRelatedObject: true, absent: .kmsAlias)
    ) {
        $0.relatedObject = [
            "apiVersion": "kms.services.k8s.aws/v1alpha1", "kind": "Alias",
            "metadata": ["name": .string(name), "namespace": .string(subject.namespace)],
            "spec": ["name": .string("alias/\(name)"), "targetKeyRef": ["from": ["name": .string(name)]]],
        ]
    }
}

private func checkLastAlias(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    let target = try subject.field("spec")["targetKeyRef"]
    guard let reference = try ResourceReference(target),
        let key = try context.relatedObjects.objects(.kmsKey, in: subject.namespace)
            .first(where: { reference.names($0.name, in: subject.namespace) })?.name
    else { return }
    let others = try context.relatedObjects.objects(.kmsAlias, in: subject.namespace).filter { $0.name != subject.name }
    if others.contains(where: { $0.mayName(key, in: subject.namespace) }) { return }
    findings.add(KeyClause.lastAlias, at: target, "is Key \(key), which has no other Alias") {
        $0.advice = "give the key another Alias"
    }
}

extension RelatedObject {
    /// Whether an Alias is, or may be, the name of a key in its namespace: one that names it by an id can be anybody's.
    fileprivate func mayName(_ key: String, in namespace: String) -> Bool {
        guard let text = self[.key] else { return true }
        return ResourceReference(text: text).names(key, in: namespace)
    }
}

extension RelatedKind {
    static let kmsKey = RelatedKind(.kmsKey) { _, _ in }
    static let kmsAlias = RelatedKind(.kmsAlias) { (object, fields) throws(CannotJudge) in
        fields[.key] = try ResourceReference(object.object("spec")?.object("targetKeyRef"))?.text
    }
}

extension RelatedField<String> {
    fileprivate static let key = Self("key")
}
