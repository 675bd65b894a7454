import Evaluation
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
        concern: .security,
        scope: Scope(
            [.withPodSpec, ResourceKinds(.configMap, .secret)], of: [.none, .ephemeralContainers], readsMetadata: true),
        clauses: [
            AWSClause.variable, AWSClause.source, AWSClause.plainText, AWSClause.secret, AWSClause.file,
        ],
        relatedObjects: [.secret],
        examples: staticAWSExamples,
        checks: [.init(.secret, check: checkSecret), .init([.withPodSpec, ResourceKinds(.configMap)], checkObject)]
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

private func checkObject(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    if !subject.changesOnlyMetadata, let template = try subject.template() {
        let secretVolumes = SecretVolumes(of: template)
        for container in template.containers {
            try checkVariables(container, findings)
            try checkMounts(container, secretVolumes, findings)
            try findings.separately(checkSources(container, subject, context, findings))
        }
    }
    try subject.forEachPlainText { (text, credentials) throws(CannotJudge) in
        try findings.step()
        guard !text.isNamedForAWS else { return }
        // Of a text with more secrets than are kept, AWS's may be among the others.
        let all = credentials.count < PlainTexts.mostOfOne ? credentials : text.allCredentials()[...]
        for credential in all where credential.kind.isAWS {
            try findings.step()
            findings.add(
                AWSClause.plainText, at: Field(text.text),
                "holds an \(credential.kind.rawValue)\(credential.lineInWords)", mark: text.mark(of: credential)
            ) {
                if credential.line == 1, let removal = text.removal(at: $0.place) { $0.edits = [removal] }
                $0.advice = AWSAdvice.roles
            }
        }
    }
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
}

private func checkVariables(_ container: Container, _ findings: FindingCollector) throws(CannotJudge) {
    for field in try container.env.objects() {
        let entry = field.base
        try findings.step()
        guard let name = entry["name"], name.isAWSVariable || entry["valueFrom"]?.takesAWSKey ?? false else { continue }
        let variable = try EnvironmentVariable(entry)
        guard let value = variable.source ?? variable.value else { continue }
        func message() -> String {
            let origin = variable.source.map { " from \($0.origin)" }
            return name.equals("AWS_SHARED_CREDENTIALS_FILE")
                ? "names a file of access keys\(origin ?? "")" : "sets an AWS access key\(origin ?? " in plain text")"
        }
        findings.add(AWSClause.variable, at: field, message(), mark: PlainText.mark(of: value)) { $0.removeForRole() }
    }
}

extension Finding {
    /// Takes out what it is about: the pod gets a role instead.
    fileprivate mutating func removeForRole() {
        edits = [.remove(place)]
        advice = AWSAdvice.roles
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
    _ container: Container, _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    for source in try container.envFrom.objects() {
        try findings.step()
        guard let name = try source["secretRef"]["name"].string() else { continue }
        // A server has no right to read Secrets, and was asked about this one when it was written.
        if context.source == .server, !context.relatedObjects.knows(.secret, in: subject.namespace) { continue }
        let prefix = try source["prefix"].string() ?? ""
        let secret = try context.relatedObjects.object(.secret, named: name, in: subject.namespace)
        let names = (secret?[.keys] ?? []).compactMap { key -> String? in
            let variable = prefix + key
            return variable == "AWS_ACCESS_KEY_ID" || variable == "AWS_SECRET_ACCESS_KEY" ? variable : nil
        }
        guard !names.isEmpty else { continue }
        findings.add(
            AWSClause.source, at: source, "sets \(names.joined(separator: " and ")) from Secret \(name)",
            choice: name
        ) { $0.removeForRole() }
    }
}

// MARK: Files

private func checkMounts(
    _ container: Container, _ secretVolumes: SecretVolumes, _ findings: FindingCollector
) throws(CannotJudge) {
    for mount in try container.volumeMounts.objects() {
        try findings.step()
        // The kernel takes no longer path.
        guard let value = try mount["mountPath"].text(), value.contentLength <= 4096, value.mayBeCredentials else {
            continue
        }
        let path = value.text
        let parts = path.split(separator: "/")
        let isFile = parts.suffix(2) == [".aws", "credentials"]
        if !isFile {
            guard parts.last == ".aws", try secretVolumes.hold(mount) else { continue }
        }
        findings.add(AWSClause.file, at: mount, "mounts credentials at \(path)", choice: path) { $0.removeForRole() }
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
    func hold(_ mount: Field) throws(CannotJudge) -> Bool {
        guard let name = try mount["name"].string() else { return false }
        return try names.get().contains(name)
    }

    private func find() throws(CannotJudge) -> Set<String> {
        var names: Set<String> = []
        for volume in try template.volumes.objects() {
            guard let name = try volume["name"].string() else { continue }
            var isSecret = try volume["secret"].isPresent
            if !isSecret {
                for source in try volume["projected"]["sources"].objects() where try source["secret"].isPresent {
                    isSecret = true
                }
            }
            if isSecret { names.insert(name) }
        }
        return names
    }
}

// MARK: Secrets

private func checkSecret(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    // Of these types no credentials of an application are the contents: compressed releases, Kubernetes' own tokens.
    let isOthersAffair = try subject.field("type").equals(
        oneOf: "helm.sh/release.v1", "kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token")
    guard !subject.changesOnlyMetadata, !isOthersAffair else { return }
    for (key, isEncoded) in [("data", true), ("stringData", false)] as [(StaticString, Bool)] {
        guard let entries = try subject.field(key).members() else { continue }
        for entry in entries where !entry.value.isNull {
            try findings.step()
            guard entry.value.kind == .string else { throw .malformed(entry.value.id, expected: "a string") }
            guard let kind = accessKey(in: entry, isEncoded: isEncoded) else { continue }
            findings.add(
                AWSClause.secret, at: Field(entry.value), "holds an \(kind.rawValue)",
                mark: contents(of: entry, isEncoded: isEncoded) { PlainText.mark(of: $0, $0.indices) } ?? ""
            ) { $0.removeForRole() }
        }
    }
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

// MARK: Secrets

extension RelatedKind {
    /// The names of its keys, and nothing of what they hold.
    static let secret = RelatedKind(.secret) { (object, fields) throws(CannotJudge) in
        var keys: [String] = []
        for data in [try object.object("data"), try object.object("stringData")] {
            for entry in data?.uniqueMembers ?? [] { keys.append(entry.key) }
        }
        fields[.keys] = keys
    }
}

extension RelatedField<[String]> {
    fileprivate static let keys = Self("keys")
}
