import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let staticAWSCredentials = Rule(
        id: "static-aws-credentials",
        title: "Workloads use IAM roles instead of AWS access keys",
        group: .secrets,
        section: .kubernetesDeployment,
        rationale: """
            A leaked access key can be used from anywhere until it is deactivated. A role (IRSA or EKS Pod Identity) gives only \
            these pods short-lived credentials, and no secret must be stored or rotated.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(
            [
                .withPodSpec, AWSKinds.texts, AWSKinds.stores, AWSKinds.triggers, ResourceKinds(.secret),
            ], of: [.none, .ephemeralContainers], readsMetadata: true),
        clauses: [
            AWSClause.variable, AWSClause.source, AWSClause.plainText, AWSClause.secret, AWSClause.file,
            AWSClause.store, AWSClause.trigger,
        ],
        relatedObjects: [.secret, .externalSecret],
        fault: .credential,
        examples: staticAWSExamples,
        checks: [
            .init(.secret, check: checkSecret),
            .init(AWSKinds.stores) { (subject, context, findings) throws(CannotEvaluate) in
                try checkStore(subject, findings)
                try checkTexts(subject, findings)
            },
            .init(AWSKinds.triggers, checkTrigger),
            .init([.withPodSpec, AWSKinds.texts], checkObject),
        ]
    )
}

/// Groups of kinds with the same checks.
private enum AWSKinds {
    static let texts = ResourceKinds(.configMap, .argoApplication, .helmRelease)
    static let stores = ResourceKinds(.secretStore, .clusterSecretStore)
    static let triggers = ResourceKinds(.triggerAuthentication, .clusterTriggerAuthentication)
}

/// The rule's clauses, which its examples in another file use, too.
enum AWSClause {
    static let variable = Clause(
        "variable",
        "no variable sets AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or a credentials file, from any source"
    )
    static let source = Clause(
        "env-from", "no `envFrom` uses a Secret that contains an access key or gets one from an ExternalSecret"
    )
    static let plainText = Clause(
        "plain-text", "no variable, command, ConfigMap or annotation contains an access key")
    static let secret = Clause("secret", "no Secret contains an access key")
    static let file = Clause("credentials-file", "no `.aws/credentials` is mounted")
    static let store = Clause("secret-store", "no SecretStore of External Secrets uses an access key for AWS")
    static let trigger = Clause("trigger", "no KEDA TriggerAuthentication uses an access key for AWS")
}

private func checkObject(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    if !subject.changesOnlyMetadata, let template = try subject.template() {
        let volumes = VolumeFiles(of: template)
        for container in template.containers {
            try checkVariables(container, findings)
            try checkMounts(container, volumes, findings)
            try findings.separately(checkSources(container, subject, context, findings))
        }
    }
    if subject.kind == .configMap { try checkKeys(subject, findings) }
    try checkTexts(subject, findings)
}

/// Reports the keys of a ConfigMap that become such variables with `envFrom`.
private func checkKeys(_ subject: Subject, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard !subject.changesOnlyMetadata, let entries = try subject.field("data").members() else { return }
    for entry in entries where entry.key.isAWSVariable && entry.value.byteCount > 0 {
        try findings.step()
        findings.add(
            AWSClause.plainText, at: Field(entry.value), "sets \(entry.key.text) in plain text",
            mark: PlainText.mark(of: entry.value)
        ) { $0.removeForRole() }
    }
}

private func checkTexts(_ subject: Subject, _ findings: FindingCollector) throws(CannotEvaluate) {
    try subject.forEachPlainText { (text, credentials) throws(CannotEvaluate) in
        try findings.step()
        guard !text.isNamedForAWS else { return }
        // If a text has more secrets than are kept, AWS keys can be among the others.
        let all = credentials.count < PlainTexts.mostOfOne ? credentials : text.allCredentials()[...]
        for credential in all where credential.kind.isAWS && !text.isUserOfSMTP(credential) {
            try findings.step()
            findings.add(
                AWSClause.plainText, at: Field(text.text),
                "contains an \(credential.kind.rawValue)\(credential.lineInWords)", mark: text.mark(of: credential)
            ) {
                if credential.line == 1, let removal = text.removal(at: $0.place) { $0.edits = [removal] }
                $0.advice = AWSAdvice.roles
            }
        }
    }
}

// MARK: Variables

extension Value {
    /// True if a variable with this name sets an AWS access key or the path of a credentials file.
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
    /// True if another check reports the text by the name of its variable or ConfigMap key.
    fileprivate var isNamedForAWS: Bool {
        switch place {
        case .variable(let name), .entry(let name): name.isAWSVariable
        default: false
        }
    }
}

private func checkVariables(_ container: Container, _ findings: FindingCollector) throws(CannotEvaluate) {
    for field in try container.env.objects() {
        let entry = field.base
        try findings.step()
        guard let name = entry["name"], name.isAWSVariable || entry["valueFrom"]?.takesAWSKey ?? false else { continue }
        let variable = try EnvironmentVariable(entry)
        guard let value = variable.source ?? variable.value else { continue }
        func message() -> String {
            let origin = variable.source.map { " from \($0.origin)" }
            return name.equals("AWS_SHARED_CREDENTIALS_FILE")
                ? "names an AWS credentials file\(origin ?? "")" : "sets an AWS access key\(origin ?? " in plain text")"
        }
        findings.add(AWSClause.variable, at: field, message(), mark: PlainText.mark(of: value)) { $0.removeForRole() }
    }
}

extension Finding {
    /// Suggests to remove the field and to give the pod a role.
    fileprivate mutating func removeForRole() {
        edits = [.remove(place)]
        advice = AWSAdvice.roles
    }
}

extension Value {
    /// True if a variable's value comes from a key of a Secret or ConfigMap with such a name.
    fileprivate var takesAWSKey: Bool {
        ["secretKeyRef", "configMapKeyRef"].contains { (source: StaticString) in
            self[source]?["key"]?.isAWSVariable ?? false
        }
    }

    /// The source of a variable's value for messages: `Secret aws`.
    fileprivate var origin: String {
        for (field, kind) in [("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")] {
            if let name = self[name: field]?["name"]?.string { return "\(kind) \(name)" }
        }
        return "another source"
    }
}

// MARK: Variables from whole Secrets

private func checkSources(
    _ container: Container, _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    for source in try container.envFrom.objects() {
        try findings.step()
        guard let name = try source["secretRef"]["name"].string() else { continue }
        let prefix = try source["prefix"].string() ?? ""
        func report(_ keys: [String], by kind: StaticString) -> Bool {
            let names = keys.compactMap { key -> String? in
                let variable = prefix + key
                return variable == "AWS_ACCESS_KEY_ID" || variable == "AWS_SECRET_ACCESS_KEY" ? variable : nil
            }
            guard !names.isEmpty else { return false }
            findings.add(
                AWSClause.source, at: source, "sets \(names.joined(separator: " and ")) from \(kind) \(name)",
                choice: name
            ) { $0.removeForRole() }
            return true
        }
        if context.relatedObjects.knows(.externalSecret, in: subject.namespace) {
            let externals = try context.relatedObjects.objects(.externalSecret, in: subject.namespace)
            try findings.step(externals.count)
            let keys = externals.filter { $0[.target] ?? $0.name == name }.flatMap { $0[.keys] ?? [] }
            if report(keys, by: "ExternalSecret") { continue }
        }
        // A server is not allowed to read Secrets, and has evaluated this one when it was written.
        if context.source == .server, !context.relatedObjects.knows(.secret, in: subject.namespace) { continue }
        let secret = try context.relatedObjects.object(.secret, named: name, in: subject.namespace)
        _ = report(secret?[.keys] ?? [], by: "Secret")
    }
}

// MARK: Files

private func checkMounts(
    _ container: Container, _ volumes: VolumeFiles, _ findings: FindingCollector
) throws(CannotEvaluate) {
    for mount in try container.volumeMounts.objects() {
        try findings.step()
        // The kernel's limit for paths.
        guard let path = try mount["mountPath"].text(), path.contentLength <= 4096 else { continue }
        let subPath = try mount["subPath"].text()
        guard path.mayBeCredentials || subPath?.mayBeCredentials ?? false || volumes.haveItems else { continue }
        guard try volumes.mountCredentials(mount, at: path.text, subPath?.text ?? "") else { continue }
        findings.add(AWSClause.file, at: mount, "mounts credentials at \(path.text)", choice: path.text) {
            $0.removeForRole()
        }
    }
}

extension Value {
    /// True if a path can end in `.aws` or `.aws/credentials`: its last letter is `s`, except for slashes.
    fileprivate var mayBeCredentials: Bool {
        withContents { path in
            var end = path.count
            while end > 0, path[end - 1] == UInt8(ascii: "/") { end -= 1 }
            return end > 0 && path[end - 1] == UInt8(ascii: "s")
        }
    }
}

/// The volumes of a template that can contain a credentials file; they are read at the first use.
private final class VolumeFiles {
    private struct Files {
        /// True if a source is a Secret; a ConfigMap contains settings, such as `.aws/config`.
        var isSecret = false
        /// The paths of the items; nil if all keys become files.
        var items: [String]?
    }

    private let template: PodTemplate
    private lazy var files = Result { () throws(CannotEvaluate) in try find() }
    /// True if some volume has items with such paths.
    private(set) lazy var haveItems = (try? files.get())?.values.contains { $0.items?.isEmpty == false } ?? false

    init(of template: PodTemplate) { self.template = template }

    /// Returns true if a mount adds a credentials file, or a Secret as the directory `.aws`.
    func mountCredentials(_ mount: Field, at path: String, _ subPath: String) throws(CannotEvaluate) -> Bool {
        if VolumeFiles.isCredentials(path) { return true }
        guard let name = try mount["name"].string(), let volume = try files.get()[name] else { return false }
        let isDirectory = path.split(separator: "/").last == ".aws"
        if volume.isSecret {
            if isDirectory, volume.items == nil { return true }
            if VolumeFiles.isCredentials(subPath) || subPath.split(separator: "/").last == ".aws" { return true }
        }
        // Only items below the mounted part of the volume.
        return volume.items?.contains { item in
            guard subPath.isEmpty || item.hasPrefix(subPath) else { return false }
            let parts = item.split(separator: "/")
            return VolumeFiles.isCredentials(item) || isDirectory && parts.last == "credentials"
        } ?? false
    }

    private static func isCredentials(_ path: String) -> Bool {
        path.split(separator: "/").suffix(2) == [".aws", "credentials"]
    }

    private func find() throws(CannotEvaluate) -> [String: Files] {
        var found: [String: Files] = [:]
        for volume in try template.volumes.objects() {
            var files = Files()
            var sources = [volume]
            let projected = try volume["projected"]["sources"]
            if projected.isPresent { sources += try projected.objects() }
            for source in sources {
                for kind: StaticString in ["secret", "configMap"] {
                    let object = try source[kind]
                    guard object.isPresent else { continue }
                    if kind.utf8CodeUnitCount == 6 { files.isSecret = true }
                    let items = try object["items"]
                    guard items.isPresent else { continue }
                    var paths = files.items ?? []
                    for item in try items.objects() {
                        // Other paths are not credentials files.
                        if let path = try item["path"].text(), path.byteCount <= 4096, path.mayBeCredentials {
                            paths.append(path.text)
                        }
                    }
                    files.items = paths
                }
            }
            guard files.isSecret || files.items != nil, let name = try volume["name"].string() else { continue }
            found[name] = files
        }
        return found
    }
}

// MARK: External Secrets and KEDA

/// Checks the AWS login of a SecretStore (external-secrets.io/v1, `provider.aws`, and Vault's IAM login).
private func checkStore(_ subject: Subject, _ findings: FindingCollector) throws(CannotEvaluate) {
    let provider = try subject.spec()?.object("provider")
    let logins = [
        try provider?.object("aws")?.object("auth"),
        try provider?.object("vault")?.object("auth")?.object("iam"),
    ]
    for login in logins {
        guard let reference = try login?.object("secretRef") else { continue }
        let name = try reference.object("accessKeyIDSecretRef")?.string("name")
        findings.add(
            AWSClause.store, at: Field(reference), "uses an AWS access key from \(secret(name))", choice: name
        ) {
            $0.advice = """
                use jwt.serviceAccountRef with a ServiceAccount that has a role (IRSA), or EKS Pod Identity, and \
                deactivate the key
                """
        }
    }
}

private func secret(_ name: String?) -> String { name.map { "Secret \($0)" } ?? "a Secret" }

/// Checks the AWS login of KEDA scalers (keda.sh/v1alpha1, `TriggerAuthentication`).
private func checkTrigger(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    let spec = try subject.field("spec")
    let lists = [
        try spec["secretTargetRef"], try spec["configMapTargetRef"], try spec["env"],
        try spec["hashiCorpVault"]["secrets"], try spec["awsSecretManager"]["secrets"],
        try spec["azureKeyVault"]["secrets"], try spec["gcpSecretManager"]["secrets"],
    ]
    for list in lists {
        for entry in try list.objects() {
            try findings.step()
            let parameter = try entry["parameter"].text()
            let isNamed = ["key", "name", "secretKey"].contains { (field: StaticString) in
                entry.base[field]?.isAWSVariable ?? false
            }
            guard isNamed || parameter?.isAWSParameter ?? false else { continue }
            findings.add(
                AWSClause.trigger, at: entry,
                "gives the scaler an AWS access key (parameter \(parameter?.text ?? ""))",
                choice: parameter?.text
            ) { $0.advice = AWSAdvice.podIdentity }
        }
    }
    guard let credentials = try subject.spec()?.object("awsSecretManager")?.object("credentials") else { return }
    let source = try credentials.object("accessKey")?.object("valueFrom")?.object("secretKeyRef")
    let name = try source?.string("name")
    findings.add(
        AWSClause.trigger, at: Field(credentials), "uses an AWS access key from \(secret(name))", choice: name
    ) { $0.advice = AWSAdvice.podIdentity }
}

extension Value {
    /// True if it is the name of a KEDA parameter for an AWS access key.
    fileprivate var isAWSParameter: Bool {
        guard contentLength <= 32 else { return false }
        return ["awsaccesskeyid", "awssecretaccesskey"].contains(text.lowercased())
    }
}

extension AWSAdvice {
    fileprivate static let podIdentity =
        "use podIdentity: {provider: aws} with a role for the ServiceAccount of KEDA or of the workload, and deactivate the key"
}

// MARK: Secrets

private func checkSecret(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    // These types do not contain application credentials: compressed Helm releases and Kubernetes tokens.
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
                AWSClause.secret, at: Field(entry.value), "contains an \(kind.rawValue)",
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
        let found = Credential.all(in: text, named: name).first {
            $0.kind.isAWS && !$0.isUserOfSMTP(in: text, named: entry.key)
        }
        guard found != nil || isNamed else { return nil }
        return found?.kind ?? (name?.kind.isAWS ?? false ? .awsSecretAccessKey : .awsAccessKeyID)
    }
    return kind ?? nil
}

/// Calls `body` with the decoded value of a Secret's entry; returns nil if the value is not valid base64.
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
    /// The names of the Secret's keys, without their values.
    static let secret = RelatedKind(.secret) { (object, fields) throws(CannotEvaluate) in
        var keys: [String] = []
        for data in [try object.object("data"), try object.object("stringData")] {
            for entry in data?.uniqueMembers ?? [] { keys.append(entry.key) }
        }
        fields[.keys] = keys
    }
}

extension RelatedKind {
    /// The Secret that an ExternalSecret writes, and the keys that it lists.
    static let externalSecret = RelatedKind(.externalSecret) { (object, fields) throws(CannotEvaluate) in
        guard let spec = try object.object("spec") else { return }
        let (target, template) = (try spec.object("target"), try spec.object("target")?.object("template"))
        fields[.target] = try target?.string("name")
        var keys: [String] = []
        // A template with data replaces the keys.
        let data = try template?.object("data")
        let isMerged = try template?.text("mergePolicy")?.equals("Merge") ?? false
        if data == nil || isMerged {
            for entry in try spec.objects("data") { if let key = try entry.string("secretKey") { keys.append(key) } }
        }
        for entry in data?.uniqueMembers ?? [] { keys.append(entry.key) }
        fields[.keys] = keys
    }
}

extension RelatedField<[String]> {
    fileprivate static let keys = Self("keys")
}

extension RelatedField<String> {
    fileprivate static let target = Self("target")
}
