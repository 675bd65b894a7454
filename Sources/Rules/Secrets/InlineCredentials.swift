import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let inlineCredentials = Rule(
        id: "inline-credentials",
        title: "Manifests do not contain secrets in plain text",
        group: .secrets,
        section: .kubernetesDeployment,
        rationale: """
            A secret in a manifest is exposed to everyone who can read the repository, the pipeline's log or the object in the \
            cluster. External Secrets copies secrets from AWS Secrets Manager or SSM into a Secret.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(
            [
                .withPodSpec,
                ResourceKinds(.configMap, .argoApplication, .helmRelease, .secretStore, .clusterSecretStore),
            ], of: [.none, .ephemeralContainers], readsMetadata: true),
        clauses: [
            CredentialClause.variable, CredentialClause.argument, CredentialClause.handler, CredentialClause.entry,
            CredentialClause.annotation, CredentialClause.chart, CredentialClause.store,
        ],
        fault: .credential,
        examples: inlineCredentialExamples,
        check: { (subject, _, findings) throws(CannotEvaluate) in
            try subject.forEachPlainText { (text, credentials) throws(CannotEvaluate) in
                try findings.step()
                var onLine = SecretsOnLine()
                for credential in credentials where !text.isUserOfSMTP(credential) {
                    let count = onLine.count(with: credential)
                    findings.add(
                        text.clause, at: Field(text.text),
                        "contains \(count == 1 ? "a secret" : "secret \(count)") in plain text\(credential.lineInWords): \(credential.kind.rawValue)",
                        mark: text.mark(of: credential)
                    ) { ($0.edits, $0.advice) = text.change(for: credential, in: subject, at: $0.place) }
                }
            }
        }
    )
}

/// The rule's clauses, which its examples in another file use, too.
enum CredentialClause {
    static let variable = Clause(
        "variable",
        "no environment variable of a container contains a secret; a value that is one word counts as the name of a Secret in a variable such as `PASSWORD_SECRET`"
    )
    static let argument = Clause("argument", "no command or argument of a container contains a secret")
    static let handler = Clause(
        "handler", "no command or header of a probe or lifecycle handler contains a secret")
    static let entry = Clause("config-map", "no entry of a ConfigMap contains a secret")
    static let annotation = Clause("annotation", "no annotation contains a secret")
    static let chart = Clause(
        "chart-value", "no chart value or parameter in an Argo CD Application or a Flux HelmRelease contains a secret"
    )
    static let store = Clause(
        "secret-store", "no SecretStore of External Secrets contains secrets, as with the provider `fake`")
}

/// Numbers the secrets of each kind on a line.
private struct SecretsOnLine {
    private var last: Credential?
    /// The secrets of the line, if it has several; there are few kinds.
    private var counts: [(kind: Credential.Kind, count: Int)] = []

    /// Returns the number of secrets of the same kind on the line, with the next one.
    mutating func count(with next: Credential) -> Int {
        defer { last = next }
        guard let last, last.line == next.line else {
            counts.removeAll(keepingCapacity: true)
            return 1
        }
        if counts.isEmpty { counts.append((last.kind, 1)) }
        let index = counts.firstIndex { $0.kind == next.kind } ?? counts.count
        if index == counts.count { counts.append((next.kind, 0)) }
        counts[index].count += 1
        return counts[index].count
    }
}

extension Credential {
    /// The line of the credential for a message; empty for the first line.
    var lineInWords: String { line > 1 ? " on line \(line)" : "" }
}

extension PlainText {
    fileprivate var clause: Clause {
        switch place {
        case .variable: CredentialClause.variable
        case .argument: CredentialClause.argument
        case .handler: CredentialClause.handler
        case .entry: CredentialClause.entry
        case .annotation: CredentialClause.annotation
        case .chartValue: CredentialClause.chart
        case .storedValue: CredentialClause.store
        }
    }

    fileprivate func change(
        for credential: Credential, in subject: Subject, at pointer: Pointer
    ) -> (edits: [Edit], advice: String) {
        let secret = subject.secretName
        let change = "rotate the value, since it has been exposed"
        if credential.kind.isAWS, let edit = removal(at: pointer) { return ([edit], AWSAdvice.roles) }
        switch place {
        case .variable(let name):
            let reference = SecretReference(secret, key: name.text)
            return (
                [.remove(pointer), .set(pointer.parent / "valueFrom", reference.source)],
                "\(change); store the new value in Secret \(secret) with External Secrets"
            )
        case .argument(let container, let flag):
            guard let rewritten = rewritten(credential, after: flag),
                let container = (try? subject.template())?.containers[container]
            else {
                return (
                    [], "\(change); store the new value in Secret \(secret), and use a variable here ($(NAME) or $NAME)"
                )
            }
            let reference = SecretReference(secret, key: rewritten.variable)
            return (
                [.set(pointer, .string(rewritten.text))] + reference.edits(in: container, of: subject),
                "\(change); store the new value in Secret \(secret) with External Secrets"
            )
        case .handler(let isHeader):
            let instead =
                isHeader
                ? "use a path that needs no credentials"
                : "store the new value in Secret \(secret), and run a shell that reads it from a variable ($NAME)"
            return ([], "\(change); \(instead)")
        case .chartValue:
            let instead =
                subject.kind == .helmRelease
                ? "use valuesFrom with a Secret"
                : "set the chart's value for an existing Secret to one"
            return ([], "\(change); \(instead) that External Secrets writes")
        case .storedValue:
            return ([], "\(change); store the new value in AWS Secrets Manager or SSM, and use the provider aws")
        case .entry, .annotation:
            guard credential.line == 1, let edit = removal(at: pointer) else {
                return ([], "\(change); remove it from the text, and read the new value from Secret \(secret) with env")
            }
            return ([edit], "\(change); store the new value in Secret \(secret) with External Secrets")
        }
    }

    /// The edit that removes the field with the text; nil if the field is required.
    func removal(at pointer: Pointer) -> Edit? {
        switch place {
        case .variable: .remove(pointer.parent)
        case .entry, .annotation: .remove(pointer)
        case .argument, .handler, .chartValue, .storedValue: nil
        }
    }

    /// The argument with a reference to a variable in place of the secret; nil if other text than a flag surrounds the secret.
    private func rewritten(_ credential: Credential, after flag: Value?) -> (text: String, variable: String)? {
        withContents { bytes in
            guard credential.range.upperBound == bytes.count else { return nil }
            // A one-letter option is not a name for a variable.
            if let flag, flag.contentLength > 2, credential.range.lowerBound == 0 {
                let variable = SecretReference.variable(for: flag.text)
                return ("$(\(variable))", variable)
            }
            // `--password=`: only a flag can precede the secret.
            let separator = credential.range.lowerBound - 1
            guard separator > 0, bytes[separator] == UInt8(ascii: "=") else { return nil }
            var name: [UInt8] = []
            for at in 0..<separator {
                guard NameWords.isInName(bytes[at]) else { return nil }
                name.append(bytes[at])
            }
            let text = String(decoding: name, as: UTF8.self)
            let variable = SecretReference.variable(for: text)
            return ("\(text)=$(\(variable))", variable)
        }
    }
}
