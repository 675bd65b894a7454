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
        check: evaluateStaticKeys
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

private func evaluateStaticKeys(
    of subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    if subject.kind == .secret { return try evaluateSecret(subject, findings) }
    var unknown: CannotJudge?
    if !subject.changesOnlyMetadata, let template = try subject.template() {
        let secretVolumes = SecretVolumes(of: template)
        for container in template.containers {
            try evaluateVariables(container, findings)
            try evaluateMounts(container, secretVolumes, findings)
            do throws(CannotJudge) {
                try evaluateSources(container, subject, context, findings)
            } catch {
                guard case .unknown = error else { throw error }
                unknown = error
            }
        }
    }
    try subject.forEachPlainText { (text, credentials) throws(CannotJudge) in
        try findings.step()
        guard !text.isNamedForAWS else { return }
        // Of a text with more secrets than are kept, AWS's may be among the others.
        let all = credentials.count < PlainTexts.mostOfOne ? credentials : text.allCredentials()[...]
        for credential in all where credential.kind.isAWS {
            try findings.step()
            findings.add(at: text.text, choice: text.mark(of: credential)) { text.accessKeyFinding(credential, at: $0) }
        }
    }
    // What an object says of itself holds, whatever else there is.
    if let unknown { throw unknown }
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
        if case .variable(let name) = place { name.isAWSVariable } else { false }
    }

    fileprivate func accessKeyFinding(_ credential: Credential, at place: Pointer) -> Finding {
        let line = credential.line > 1 ? " on line \(credential.line)" : ""
        return Finding(AWSClause.plainText, at: place, "holds an \(credential.kind.rawValue)\(line)").with {
            $0.secretMark = mark(of: credential)
            if credential.line == 1, let removal = removal(at: place) { $0.edits = [removal] }
            $0.advice = AWSAdvice.roles
        }
    }
}

private func evaluateVariables(_ container: Container, _ findings: FindingCollector) throws(CannotJudge) {
    for entry in try container.env.objects() {
        let entry = entry.base
        try findings.step()
        guard let name = entry["name"], name.isAWSVariable || entry["valueFrom"]?.takesAWSKey ?? false else { continue }
        let variable = try EnvironmentVariable(entry)
        guard let value = variable.source ?? variable.value else { continue }
        findings.add(at: entry, choice: PlainText.mark(of: value)) { place in
            let origin = variable.source.map { " from \($0.origin)" }
            let what =
                name.equals("AWS_SHARED_CREDENTIALS_FILE")
                ? "names a file of access keys\(origin ?? "")" : "sets an AWS access key\(origin ?? " in plain text")"
            return Finding(AWSClause.variable, at: place, what, edits: [.remove(place)]).with {
                $0.secretMark = PlainText.mark(of: value)
                $0.advice = AWSAdvice.roles
            }
        }
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

private func evaluateSources(
    _ container: Container, _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    for source in try container.envFrom.objects() {
        let source = source.base
        try findings.step()
        guard let name = try source.object("secretRef")?.string("name") else { continue }
        // A server has no right to read Secrets, and was asked about this one when it was written.
        if context.source == .server, !context.companions.knows(.secret, in: subject.namespace) { continue }
        let prefix = try source.string("prefix") ?? ""
        let secret = try context.companions.object(.secret, named: name, in: subject.namespace)
        guard case .array(let keys)? = secret?.fields["keys"] else { continue }
        let names = keys.compactMap { key -> String? in
            guard case .string(let key) = key else { return nil }
            let variable = prefix + key
            return variable == "AWS_ACCESS_KEY_ID" || variable == "AWS_SECRET_ACCESS_KEY" ? variable : nil
        }
        guard !names.isEmpty else { continue }
        findings.add(at: source, choice: name) { place in
            let message = "sets \(names.joined(separator: " and ")) from Secret \(name)"
            return Finding(AWSClause.source, at: place, message, edits: [.remove(place)]).with {
                $0.choice = name
                $0.advice = AWSAdvice.roles
            }
        }
    }
}

// MARK: Files

private func evaluateMounts(
    _ container: Container, _ secretVolumes: SecretVolumes, _ findings: FindingCollector
) throws(CannotJudge) {
    for mount in try container.volumeMounts.objects() {
        let mount = mount.base
        try findings.step()
        // The kernel takes no longer path.
        guard let value = try mount.text("mountPath"), value.contentLength <= 4096, value.mayBeCredentials else {
            continue
        }
        let path = value.text
        let parts = path.split(separator: "/")
        let isFile = parts.suffix(2) == [".aws", "credentials"]
        if !isFile {
            guard parts.last == ".aws", try secretVolumes.hold(mount) else { continue }
        }
        findings.add(at: mount, choice: path) { place in
            Finding(AWSClause.file, at: place, "mounts credentials at \(path)", edits: [.remove(place)]).with {
                $0.choice = path
                $0.advice = AWSAdvice.roles
            }
        }
    }
}

extension Value {
    /// Whether a path may end in `.aws` or `.aws/credentials`: by its last letter, slashes aside.
    fileprivate var mayBeCredentials: Bool {
        withContents { path in
            var end = path.count
            while end > 0, path[end - 1] == UInt8(ascii: "/") { end -= 1 }
            return end > 0 && path[end - 1] == UInt8(ascii: "s")
        }
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
        for volume in try template.volumes.objects() {
            let volume = volume.base
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

private func evaluateSecret(_ subject: Subject, _ findings: FindingCollector) throws(CannotJudge) {
    guard !subject.changesOnlyMetadata, try !isOthersAffair(subject.object) else { return }
    for (field, isEncoded) in [("data", true), ("stringData", false)] {
        guard let data = subject.object[name: field], !data.isNull else { continue }
        for entry in try data.asObject().members where !entry.value.isNull {
            try findings.step()
            guard entry.value.kind == .string else { throw .malformed(entry.value.id, expected: "a string") }
            guard let kind = accessKey(in: entry, isEncoded: isEncoded) else { continue }
            let mark = { contents(of: entry, isEncoded: isEncoded) { PlainText.mark(of: $0, $0.indices) } ?? "" }
            findings.add(at: entry.value, choice: mark()) { place in
                Finding(AWSClause.secret, at: place, "holds an \(kind.rawValue)", edits: [.remove(place)]).with {
                    $0.secretMark = mark()
                    $0.advice = AWSAdvice.roles
                }
            }
        }
    }
}

/// Whether a Secret is of a type whose contents are no credentials of an application: compressed releases, Kubernetes' own tokens.
private func isOthersAffair(_ secret: Value) throws(CannotJudge) -> Bool {
    guard let type = try secret.text("type") else { return false }
    return type.equals("helm.sh/release.v1") || type.equals("kubernetes.io/service-account-token")
        || type.equals("bootstrap.kubernetes.io/token")
}

private func accessKey(in entry: Value.Member, isEncoded: Bool) -> Credential.Kind? {
    let kind = contents(of: entry, isEncoded: isEncoded) { text -> Credential.Kind? in
        guard !text.isEmpty else { return nil }
        let name = CredentialName(entry.key)
        let isNamed = entry.key.isAWSVariable || name?.kind == .awsSecretAccessKey
        let found = Credential.all(in: text, named: name, atMost: 100).first { $0.kind.isAWS }
        guard found != nil || isNamed else { return nil }
        return found?.kind ?? (name?.kind.isAWS ?? false ? .awsSecretAccessKey : .awsAccessKeyID)
    }
    return kind ?? nil
}

/// Hands out what an entry of a Secret stands for; nil where it is no base64 and ought to be.
private func contents<Result>(
    of entry: Value.Member, isEncoded: Bool, _ body: (Span<UInt8>) -> Result
) -> Result? {
    entry.value.withContents { text in
        guard isEncoded else { return body(text) }
        return base64Decoded(text).map { body($0.span) }
    }
}
