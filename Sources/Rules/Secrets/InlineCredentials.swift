import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let inlineCredentials = Rule(
        id: "inline-credentials",
        title: "No secret is written in plain text",
        group: .secrets,
        section: .kubernetesDeployment,
        rationale: """
            What stands in a manifest stands in the repository, in the pipeline's log and in everybody's terminal, for good. \
            Secrets come from AWS Secrets Manager or SSM by External Secrets, and reach the process from a Secret.
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
        check: { (subject, _, findings) throws(CannotJudge) in
            try subject.forEachPlainText { (text, credentials) throws(CannotJudge) in
                try findings.step()
                for credential in credentials where !text.isUserOfSMTP(credential) {
                    findings.add(
                        text.clause, at: Field(text.text),
                        "holds a secret in plain text\(credential.lineInWords): \(credential.kind.rawValue)",
                        mark: text.mark(of: credential)
                    ) { ($0.edits, $0.advice) = text.remedy(for: credential, in: subject, at: $0.place) }
                }
            }
        }
    )
}

/// What the rule checks; its examples stand in a file of their own.
enum CredentialClause {
    static let variable = Clause(
        "variable",
        "no variable of a container holds a secret; a word under `PASSWORD_SECRET` is the name of the Secret that has the password"
    )
    static let argument = Clause("argument", "no command or argument of a container holds a secret")
    static let handler = Clause(
        "handler", "no command or header of a probe or of a lifecycle handler holds a secret")
    static let entry = Clause("config-map", "no entry of a ConfigMap holds a secret")
    static let annotation = Clause("annotation", "no annotation holds a secret")
    static let chart = Clause(
        "chart-value", "no value or parameter of a chart in an Argo CD Application or a Flux HelmRelease holds a secret"
    )
    static let store = Clause(
        "secret-store", "no SecretStore of External Secrets holds secrets itself, as those of the provider `fake` do")
}

extension Credential {
    /// The line that it stands on, for a message: nothing on the first one.
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

    fileprivate func remedy(
        for credential: Credential, in subject: Subject, at pointer: Pointer
    ) -> (edits: [Edit], advice: String) {
        let secret = subject.secretName
        let change = "and rotate the secret, which has been exposed"
        if credential.kind.isAWS, let edit = removal(at: pointer) { return ([edit], AWSAdvice.roles) }
        switch place {
        case .variable(let name):
            let reference = SecretReference(secret, key: name.text)
            return (
                [.remove(pointer), .set(pointer.parent / "valueFrom", reference.source)],
                "let External Secrets write Secret \(secret), \(change)"
            )
        case .argument(let container, let flag):
            guard let rewritten = rewritten(credential, after: flag),
                let container = (try? subject.template())?.containers[container]
            else {
                return ([], "read it from Secret \(secret) into a variable, write $(NAME) or $NAME here, \(change)")
            }
            let reference = SecretReference(secret, key: rewritten.variable)
            return (
                [.set(pointer, .string(rewritten.text))] + reference.edits(in: container, of: subject),
                "let External Secrets write Secret \(secret), \(change)"
            )
        case .handler(let isHeader):
            let instead =
                isHeader
                ? "probe a path that needs no credentials"
                : "let a shell in the command read $NAME, a variable from Secret \(secret)"
            return ([], "\(instead), \(change)")
        case .chartValue:
            let instead =
                subject.kind == .helmRelease
                ? "name a Secret in valuesFrom"
                : "let the chart read an existing Secret, by the value that it has for that"
            return ([], "\(instead), written by External Secrets, \(change)")
        case .storedValue:
            return ([], "keep it in AWS Secrets Manager or SSM, with the provider aws, \(change)")
        case .entry, .annotation:
            guard credential.line == 1, let edit = removal(at: pointer) else {
                return ([], "take it out of the text, let the process read it from Secret \(secret) by env, \(change)")
            }
            return ([edit], "keep it in Secret \(secret), written by External Secrets, \(change)")
        }
    }

    /// Taking out what holds the text, where it can do without.
    func removal(at pointer: Pointer) -> Edit? {
        switch place {
        case .variable: .remove(pointer.parent)
        case .entry, .annotation: .remove(pointer)
        case .argument, .handler, .chartValue, .storedValue: nil
        }
    }

    /// An argument that names a variable where the secret was; nil where more than a flag would have to be repeated.
    private func rewritten(_ credential: Credential, after flag: Value?) -> (text: String, variable: String)? {
        withContents { bytes in
            guard credential.range.upperBound == bytes.count else { return nil }
            // An option of one letter names no variable.
            if let flag, flag.contentLength > 2, credential.range.lowerBound == 0 {
                let variable = SecretReference.variable(for: flag.text)
                return ("$(\(variable))", variable)
            }
            // `--password=`: nothing but a flag may stand before it.
            let separator = credential.range.lowerBound - 1
            guard separator > 0, bytes[separator] == UInt8(ascii: "=") else { return nil }
            var name: [UInt8] = []
            for at in 0..<separator {
                guard CredentialScan.isWord(bytes[at]) else { return nil }
                name.append(bytes[at])
            }
            let text = String(decoding: name, as: UTF8.self)
            let variable = SecretReference.variable(for: text)
            return ("\(text)=$(\(variable))", variable)
        }
    }
}
