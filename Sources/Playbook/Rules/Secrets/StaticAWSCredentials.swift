import JSON
import Kubernetes

extension Rule {
    static let staticAWSCredentials = Rule(
        id: "static-aws-credentials",
        title: "AWS is reached by a role, not by an access key",
        group: .secrets,
        section: .kubernetesDeployment,
        rationale: """
            An access key works for whoever has it, from anywhere, until somebody deactivates it. A role (IRSA or Pod Identity) \
            works for these pods alone, for an hour at a time, and nobody has to store or rotate anything.
            """,
        level: .deny,
        scope: Scope(
            [.holders, ResourceKinds(.configMap, .secret)], of: [.none, .ephemeralContainers], readsMetadata: true),
        clauses: [
            AWSClause.variable, AWSClause.source, AWSClause.plainText, AWSClause.secret, AWSClause.file,
        ],
        companions: [.secret],
        examples: staticAWSExamples,
        check: staticAWSFindings
    )
}

/// What the rule checks; its examples stand in a file of their own.
enum AWSClause {
    static let variable = Clause(
        "variable",
        "no variable is AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY, wherever its value comes from, nor names a credentials file"
    )
    static let source = Clause("env-from", "no Secret that holds an access key becomes variables as a whole")
    static let plainText = Clause(
        "plain-text", "no access key stands in a variable, a command, a ConfigMap or an annotation")
    static let secret = Clause("secret", "no Secret holds an access key")
    static let file = Clause("credentials-file", "no `.aws/credentials` is mounted")
}

private func staticAWSFindings(in subject: Subject, _ context: Context) throws(CannotJudge) -> [Finding] {
    if subject.kind == .secret { return try secretFindings(in: subject) }
    var findings: [Finding] = []
    var unknown: CannotJudge?
    if !subject.changesOnlyMetadata, let template = try subject.template() {
        let secretVolumes = SecretVolumes(of: template)
        for container in template.containers {
            try checkVariables(container, &findings)
            try checkMounts(container, secretVolumes, &findings)
            do throws(CannotJudge) {
                try checkSources(container, subject, context, &findings)
            } catch {
                unknown = error
            }
        }
    }
    for text in try subject.plainTexts() where !text.isNamedForAWS { findings += text.accessKeyFindings() }
    // What an object says of itself holds, whatever else there is.
    if findings.isEmpty, let unknown { throw unknown }
    return findings
}

// MARK: Variables

extension Value {
    /// Whether a variable of this name opens an AWS account, or says where the keys to one lie.
    fileprivate var isAWSVariable: Bool {
        switch contentLength {
        case 17: equals("AWS_ACCESS_KEY_ID")
        case 21: equals("AWS_SECRET_ACCESS_KEY")
        case 27: equals("AWS_SHARED_CREDENTIALS_FILE")
        default: false
        }
    }
}

extension PlainText {
    /// Whether it is the value of a variable that is found by its name.
    fileprivate var isNamedForAWS: Bool {
        if case .variable(_, _, let variable) = place { variable.name.isAWSVariable } else { false }
    }

    fileprivate func accessKeyFindings() -> [Finding] {
        credentials().compactMap { credential, mark in
            guard credential.kind.isAWS else { return nil }
            let line = credential.line > 1 ? " on line \(credential.line)" : ""
            return Finding(AWSClause.plainText, at: pointer, "holds an \(credential.kind.rawValue)\(line)").with {
                $0.secretMark = mark
                if credential.line == 1, let removal { $0.edits = [removal] }
                $0.advice = AWSAdvice.roles
            }
        }
    }
}

private func checkVariables(_ container: Container, _ findings: inout [Finding]) throws(CannotJudge) {
    var index = -1
    for entry in try container.environment() {
        index += 1
        guard let name = entry["name"], name.isAWSVariable || entry["valueFrom"]?.takesAWSKey ?? false else { continue }
        let variable = try EnvironmentVariable(entry)
        guard let value = variable.source ?? variable.value else { continue }
        let place = container.pointer / "env" / String(index)
        let origin = variable.source.map { " from \($0.origin)" }
        let what =
            name.equals("AWS_SHARED_CREDENTIALS_FILE")
            ? "names a file of access keys\(origin ?? "")" : "sets an AWS access key\(origin ?? " in plain text")"
        findings.append(
            Finding(AWSClause.variable, at: place, what, edits: [.remove(place)]).with {
                $0.secretMark = value.withContents { PlainText.mark(of: $0, 0..<$0.count) }
                $0.advice = AWSAdvice.roles
            })
    }
}

extension Value {
    /// Whether a variable's value is what a Secret or ConfigMap holds by such a name, whatever the variable is called.
    fileprivate var takesAWSKey: Bool {
        ["secretKeyRef", "configMapKeyRef"].contains { (source: StaticString) in
            self[source]?["key"]?.isAWSVariable ?? false
        }
    }

    /// Where a variable's value comes from, in words: `Secret aws`.
    fileprivate var origin: String {
        for (field, kind) in [("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")] {
            if let name = self[name: field]?["name"]?.string { return "\(kind) \(name)" }
        }
        return "somewhere else"
    }
}

// MARK: Secrets that become variables

private func checkSources(
    _ container: Container, _ subject: Subject, _ context: Context, _ findings: inout [Finding]
) throws(CannotJudge) {
    var index = -1
    for source in try container.environmentSources() {
        index += 1
        guard let name = try source.object("secretRef")?.string("name") else { continue }
        // A server has no right to read Secrets, and was asked about this one when it was written.
        if context.source == .server, !context.companions.knows(.secret, in: subject.namespace) { continue }
        let prefix = try source.string("prefix") ?? ""
        let secret = try context.companions.objects(.secret, in: subject.namespace).first { $0.name == name }
        guard case .array(let keys)? = secret?.fields["keys"] else { continue }
        let names = keys.compactMap { key -> String? in
            guard case .string(let key) = key else { return nil }
            let variable = prefix + key
            return variable == "AWS_ACCESS_KEY_ID" || variable == "AWS_SECRET_ACCESS_KEY" ? variable : nil
        }
        guard !names.isEmpty else { continue }
        let place = container.pointer / "envFrom" / String(index)
        let message = "sets \(names.joined(separator: " and ")) from Secret \(name)"
        findings.append(
            Finding(AWSClause.source, at: place, message, edits: [.remove(place)]).with {
                $0.choice = name
                $0.advice = AWSAdvice.roles
            })
    }
}

// MARK: Files

private func checkMounts(
    _ container: Container, _ secretVolumes: SecretVolumes, _ findings: inout [Finding]
) throws(CannotJudge) {
    var index = -1
    for mount in try container.volumeMounts() {
        index += 1
        guard let path = try mount.string("mountPath") else { continue }
        let parts = path.split(separator: "/")
        let isFile = parts.suffix(2) == [".aws", "credentials"]
        if !isFile {
            guard parts.last == ".aws", try secretVolumes.hold(mount) else { continue }
        }
        let place = container.pointer / "volumeMounts" / String(index)
        findings.append(
            Finding(AWSClause.file, at: place, "mounts credentials at \(path)", edits: [.remove(place)]).with {
                $0.choice = path
                $0.advice = AWSAdvice.roles
            })
    }
}

/// The volumes of a template that are made of Secrets, found when the first of them is asked for.
private final class SecretVolumes {
    private let template: PodTemplate
    private lazy var names = Result { () throws(CannotJudge) in try find() }

    init(of template: PodTemplate) { self.template = template }

    /// Whether the volume of a mount is made of a Secret; one of a ConfigMap has settings, as `.aws/config` is.
    func hold(_ mount: Value) throws(CannotJudge) -> Bool {
        guard let name = try mount.string("name") else { return false }
        return try names.get().contains(name)
    }

    private func find() throws(CannotJudge) -> Set<String> {
        var names: Set<String> = []
        for volume in try template.spec.objects("volumes") {
            guard let name = try volume.string("name") else { continue }
            var isSecret = volume.present("secret") != nil
            if !isSecret, let sources = try volume.object("projected")?.objects("sources") {
                for source in sources where source.present("secret") != nil { isSecret = true }
            }
            if isSecret { names.insert(name) }
        }
        return names
    }
}

// MARK: Secrets

private func secretFindings(in subject: Subject) throws(CannotJudge) -> [Finding] {
    guard !subject.changesOnlyMetadata, try !isOthersAffair(subject.object) else { return [] }
    var findings: [Finding] = []
    for (field, isEncoded) in [("data", true), ("stringData", false)] {
        guard let data = subject.object[name: field], !data.isNull else { continue }
        for entry in try data.asObject().members where !entry.value.isNull {
            guard entry.value.kind == .string else { throw .malformed(entry.value.id, expected: "a string") }
            guard let (kind, mark) = accessKey(in: entry, isEncoded: isEncoded) else { continue }
            let place = Pointer([field, entry.key.text])
            findings.append(
                Finding(AWSClause.secret, at: place, "holds an \(kind.rawValue)", edits: [.remove(place)]).with {
                    $0.secretMark = mark
                    $0.advice = AWSAdvice.roles
                })
        }
    }
    return findings
}

/// Whether a Secret is of a type whose contents are no credentials of an application: compressed releases, Kubernetes' own tokens.
private func isOthersAffair(_ secret: Value) throws(CannotJudge) -> Bool {
    guard let type = try secret.text("type") else { return false }
    return type.equals("helm.sh/release.v1") || type.equals("kubernetes.io/service-account-token")
        || type.equals("bootstrap.kubernetes.io/token")
}

private func accessKey(in entry: Value.Member, isEncoded: Bool) -> (Credential.Kind, mark: String)? {
    let name = CredentialName(entry.key)
    let bytes = isEncoded ? base64Decoded(entry.value.text) : Array(entry.value.text.utf8)
    guard let bytes, !bytes.isEmpty else { return nil }
    let text = bytes.span
    let isNamed = entry.key.isAWSVariable || name?.kind == .awsSecretAccessKey
    let found = Credential.all(in: text, named: name, atMost: 100).first { $0.kind.isAWS }
    guard found != nil || isNamed else { return nil }
    let kind = found?.kind ?? (name?.kind.isAWS ?? false ? .awsSecretAccessKey : .awsAccessKeyID)
    return (kind, PlainText.mark(of: text, 0..<text.count))
}
