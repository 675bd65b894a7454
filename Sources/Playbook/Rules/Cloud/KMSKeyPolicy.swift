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
        scope: Scope(ResourceKinds(.kmsKey, .kmsAlias), on: [.create, .update, .delete]),
        clauses: [KeyClause.written, KeyClause.separate, KeyClause.open, KeyClause.alias, KeyClause.lastAlias],
        companions: [.kmsAlias, .kmsKey],
        examples: keyPolicyExamples,
        check: { (subject, context) throws(CannotJudge) in
            let isDeletion = subject.review.operation == .delete
            if subject.kind == .kmsAlias { return isDeletion ? try lastAliasFindings(subject, context) : [] }
            if isDeletion { return [] }
            var findings = try policyFindings(subject)
            do throws(CannotJudge) {
                if let finding = try aliasFinding(subject, context) { findings.append(finding) }
            } catch {
                // What the key says of itself holds whatever else there is.
                if findings.isEmpty { throw error }
            }
            return findings
        }
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

private func policyFindings(_ subject: Subject) throws(CannotJudge) -> [Finding] {
    let place: Pointer = "/spec/policy"
    guard let text = try subject.spec()?.text("policy"), text.contentLength > 0 else {
        return [
            Finding(KeyClause.written, at: place, "is unset: IAM alone decides who may use the key").with {
                $0.advice =
                    "write a policy with the account's root for kms:*, a statement for administrators (kms:Put*, kms:Disable*, ...) and one for users (kms:Encrypt, kms:Decrypt, ...)"
            }
        ]
    }
    guard let policy = try? Literal(parsing: Array(text.text.utf8)), case .object = policy else {
        throw .malformed(text.id, expected: "a key policy, as JSON in a string")
    }
    return policy.listed("Statement").enumerated().compactMap { index, statement in
        Statement(statement).fault.map { clause, message in
            let name = statement["Sid"].flatMap { if case .string(let name) = $0 { name } else { nil } } ?? "\(index)"
            return Finding(clause, at: place, "\(message) (statement \(name))").with {
                $0.choice = name
                $0.advice =
                    "write one statement for administrators and one for users, each with the roles that it is for"
            }
        }
    }
}

/// A statement of a policy, as far as it matters here.
private struct Statement {
    let isEverybody: Bool
    let isAccountAlone: Bool
    let administers: Bool
    let uses: Bool
    let isAll: Bool

    init(_ statement: Literal) {
        let allows = statement["Effect"] == "Allow"
        let actions = statement.listed("Action").compactMap(\.word)
        // All rights but some are both kinds at once.
        let isInverted = statement["NotAction"] != nil
        isAll = allows && actions.contains { $0 == "*" || $0 == "kms:*" }
        administers = allows && (isInverted || Statement.matches(actions, Statement.administration))
        uses = allows && (isInverted || Statement.matches(actions, Statement.use))
        let principals = statement["Principal"].map { $0["AWS"] == nil ? $0.list : $0.listed("AWS") } ?? []
        let words = principals.compactMap(\.word)
        isEverybody = words.contains("*")
        // The account's root stands for its IAM policies, and without it nobody could mend the policy.
        isAccountAlone = !words.isEmpty && words.allSatisfy { $0.hasSuffix(":root") || $0.utf8.count == 12 }
    }

    private static let administration = ["kms:putkeypolicy", "kms:schedulekeydeletion", "kms:disablekey"]
    private static let use = ["kms:encrypt", "kms:decrypt", "kms:generatedatakey", "kms:sign"]

    private static func matches(_ patterns: [String], _ actions: [String]) -> Bool {
        patterns.contains { pattern in
            let glob = Glob(pattern)
            return actions.contains { glob.matches($0) }
        }
    }

    var fault: (Clause, String)? {
        if isEverybody, isAll { return (KeyClause.open, "gives everybody every right") }
        if administers, uses, !isAccountAlone {
            return (KeyClause.separate, "lets the same roles administer and use the key")
        }
        return nil
    }
}

extension Literal {
    /// What a member holds, which policies write alone or in a list.
    fileprivate func listed(_ key: String) -> [Literal] { self[key]?.list ?? [] }

    fileprivate var list: [Literal] { if case .array(let elements) = self { elements } else { [self] } }

    /// A name in lower case: actions are compared without regard to case.
    fileprivate var word: String? { if case .string(let text) = self { text.lowercased() } else { nil } }
}

// MARK: The aliases

private func aliasFinding(_ subject: Subject, _ context: Context) throws(CannotJudge) -> Finding? {
    guard let name = subject.name else { return nil }
    let aliases = try context.companions.objects(.kmsAlias, in: subject.namespace)
    // One that names its key by an id can be anybody's.
    if aliases.contains(where: { $0.fields["key"] == nil || $0.fields["key"] == .string(name) }) { return nil }
    return Finding(KeyClause.alias, at: "/metadata/name", "is the name of a key without an Alias").with {
        $0.companion = [
            "apiVersion": "kms.services.k8s.aws/v1alpha1", "kind": "Alias",
            "metadata": ["name": .string(name), "namespace": .string(subject.namespace)],
            "spec": ["name": .string("alias/\(name)"), "targetKeyRef": ["from": ["name": .string(name)]]],
        ]
        $0.awaitsCompanion = true
        $0.absent = .kmsAlias
    }
}

private func lastAliasFindings(_ subject: Subject, _ context: Context) throws(CannotJudge) -> [Finding] {
    guard let key = try subject.spec()?.object("targetKeyRef")?.object("from")?.string("name") else { return [] }
    guard try context.companions.objects(.kmsKey, in: subject.namespace).contains(where: { $0.name == key }) else {
        return []
    }
    let others = try context.companions.objects(.kmsAlias, in: subject.namespace).filter { $0.name != subject.name }
    if others.contains(where: { $0.fields["key"] == nil || $0.fields["key"] == .string(key) }) { return [] }
    return [
        Finding(KeyClause.lastAlias, at: "/spec/targetKeyRef", "is Key \(key), which has no other Alias").with {
            $0.advice = "give the key another Alias"
        }
    ]
}
