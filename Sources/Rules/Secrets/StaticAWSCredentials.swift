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
            .init(AWSKinds.stores) { (subject, context, findings) throws(CannotJudge) in
                try checkStore(subject, findings)
                try checkTexts(subject, findings)
            },
            .init(AWSKinds.triggers, checkTrigger),
            .init([.withPodSpec, AWSKinds.texts], checkObject),
        ]
    )
}

/// Kinds that the rule reads in the same way.
private enum AWSKinds {
    static let texts = ResourceKinds(.configMap, .argoApplication, .helmRelease)
    static let stores = ResourceKinds(.secretStore, .clusterSecretStore)
    static let triggers = ResourceKinds(.triggerAuthentication, .clusterTriggerAuthentication)
}

/// What the rule checks; its examples stand in a file of their own.
enum AWSClause {
    static let variable = Clause(
        "variable",
        "no variable is AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY, wherever its value comes from, nor names a credentials file"
    )
    static let source = Clause(
        "env-from", "no Secret that holds an access key, or gets one by an ExternalSecret, becomes variables as a whole"
    )
    static let plainText = Clause(
        "plain-text", "no access key stands in a variable, a command, a ConfigMap or an annotation")
    static let secret = Clause("secret", "no Secret holds an access key")
    static let file = Clause("credentials-file", "no `.aws/credentials` is mounted")
    static let store = Clause("secret-store", "no SecretStore of External Secrets reaches AWS by an access key")
    static let trigger = Clause("trigger", "no TriggerAuthentication of KEDA reaches AWS by an access key")
}

private func checkObject(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
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

/// Reports the keys of a ConfigMap that become variables of these names (`envFrom`).
private func checkKeys(_ subject: Subject, _ findings: FindingCollector) throws(CannotJudge) {
    guard !subject.changesOnlyMetadata, let entries = try subject.field("data").members() else { return }
    for entry in entries where entry.key.isAWSVariable && entry.value.byteCount > 0 {
        try findings.step()
        findings.add(
            AWSClause.plainText, at: Field(entry.value), "sets \(entry.key.text) in plain text",
            mark: PlainText.mark(of: entry.value)
        ) { $0.removeForRole() }
    }
}

private func checkTexts(_ subject: Subject, _ findings: FindingCollector) throws(CannotJudge) {
    try subject.forEachPlainText { (text, credentials) throws(CannotJudge) in
        try findings.step()
        guard !text.isNamedForAWS else { return }
        // Of a text with more secrets than are kept, AWS's may be among the others.
        let all = credentials.count < PlainTexts.mostOfOne ? credentials : text.allCredentials()[...]
        for credential in all where credential.kind.isAWS && !text.isUserOfSMTP(credential) {
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
    /// True if it is the value of a variable, or of a ConfigMap's key, that is found by its name.
    fileprivate var isNamedForAWS: Bool {
        switch place {
        case .variable(let name), .entry(let name): name.isAWSVariable
        default: false
        }
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
        // A server has no right to read Secrets, and was asked about this one when it was written.
        if context.source == .server, !context.relatedObjects.knows(.secret, in: subject.namespace) { continue }
        let secret = try context.relatedObjects.object(.secret, named: name, in: subject.namespace)
        _ = report(secret?[.keys] ?? [], by: "Secret")
    }
}

// MARK: Files

private func checkMounts(
    _ container: Container, _ volumes: VolumeFiles, _ findings: FindingCollector
) throws(CannotJudge) {
    for mount in try container.volumeMounts.objects() {
        try findings.step()
        // The kernel takes no longer path.
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
    /// Whether a path may end in `.aws` or `.aws/credentials`: by its last letter, slashes aside.
    fileprivate var mayBeCredentials: Bool {
        withContents { path in
            var end = path.count
            while end > 0, path[end - 1] == UInt8(ascii: "/") { end -= 1 }
            return end > 0 && path[end - 1] == UInt8(ascii: "s")
        }
    }
}

/// What the volumes of a template have of a file of credentials, found when the first of them is asked for.
private final class VolumeFiles {
    private struct Files {
        /// True if it is made of a Secret; one of a ConfigMap has settings, as `.aws/config` is.
        var isSecret = false
        /// The paths of its items, where they say which keys become files.
        var items: [String]?
    }

    private let template: PodTemplate
    private lazy var files = Result { () throws(CannotJudge) in try find() }
    /// True if some volume says where its files go.
    private(set) lazy var haveItems = (try? files.get())?.values.contains { $0.items?.isEmpty == false } ?? false

    init(of template: PodTemplate) { self.template = template }

    /// True if a mount brings a file of credentials, or a directory of a Secret where it is looked for.
    func mountCredentials(_ mount: Field, at path: String, _ subPath: String) throws(CannotJudge) -> Bool {
        if VolumeFiles.isCredentials(path) { return true }
        guard let name = try mount["name"].string(), let volume = try files.get()[name] else { return false }
        let isDirectory = path.split(separator: "/").last == ".aws"
        if volume.isSecret {
            if isDirectory, volume.items == nil { return true }
            if VolumeFiles.isCredentials(subPath) || subPath.split(separator: "/").last == ".aws" { return true }
        }
        // Only what lies below the part of the volume that is mounted.
        return volume.items?.contains { item in
            guard subPath.isEmpty || item.hasPrefix(subPath) else { return false }
            let parts = item.split(separator: "/")
            return VolumeFiles.isCredentials(item) || isDirectory && parts.last == "credentials"
        } ?? false
    }

    private static func isCredentials(_ path: String) -> Bool {
        path.split(separator: "/").suffix(2) == [".aws", "credentials"]
    }

    private func find() throws(CannotJudge) -> [String: Files] {
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
                        // The other keys do not matter.
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

// MARK: Products

/// Checks how a store of External Secrets reaches AWS (external-secrets.io/v1, `provider.aws`, and Vault's login by IAM).
private func checkStore(_ subject: Subject, _ findings: FindingCollector) throws(CannotJudge) {
    let provider = try subject.spec()?.object("provider")
    let logins = [
        try provider?.object("aws")?.object("auth"),
        try provider?.object("vault")?.object("auth")?.object("iam"),
    ]
    for login in logins {
        guard let reference = try login?.object("secretRef") else { continue }
        let name = try reference.object("accessKeyIDSecretRef")?.string("name")
        findings.add(
            AWSClause.store, at: Field(reference), "takes an AWS access key from \(secret(name))", choice: name
        ) {
            $0.advice =
                "use jwt.serviceAccountRef with a ServiceAccount that has a role (IRSA), or Pod Identity; and deactivate the key"
        }
    }
}

private func secret(_ name: String?) -> String { name.map { "Secret \($0)" } ?? "a Secret" }

/// Checks how KEDA's scalers reach AWS (keda.sh/v1alpha1, `TriggerAuthentication`).
private func checkTrigger(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
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
                "hands an AWS access key to the scaler (parameter \(parameter?.text ?? ""))",
                choice: parameter?.text
            ) { $0.advice = AWSAdvice.podIdentity }
        }
    }
    guard let credentials = try subject.spec()?.object("awsSecretManager")?.object("credentials") else { return }
    let source = try credentials.object("accessKey")?.object("valueFrom")?.object("secretKeyRef")
    let name = try source?.string("name")
    findings.add(
        AWSClause.trigger, at: Field(credentials), "takes an AWS access key from \(secret(name))", choice: name
    ) { $0.advice = AWSAdvice.podIdentity }
}

extension Value {
    /// True if a parameter of KEDA's AWS scalers is an access key.
    fileprivate var isAWSParameter: Bool {
        guard contentLength <= 32 else { return false }
        return ["awsaccesskeyid", "awssecretaccesskey"].contains(text.lowercased())
    }
}

extension AWSAdvice {
    fileprivate static let podIdentity =
        "use podIdentity: {provider: aws}, with a role for KEDA's ServiceAccount or the workload's; and deactivate the key"
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
        let found = Credential.all(in: text, named: name).first {
            $0.kind.isAWS && !$0.isUserOfSMTP(in: text, named: entry.key)
        }
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

extension RelatedKind {
    /// The Secret that it writes, and the keys of it that it names.
    static let externalSecret = RelatedKind(.externalSecret) { (object, fields) throws(CannotJudge) in
        guard let spec = try object.object("spec") else { return }
        let (target, template) = (try spec.object("target"), try spec.object("target")?.object("template"))
        fields[.target] = try target?.string("name")
        var keys: [String] = []
        // A template with data of its own replaces the keys.
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
