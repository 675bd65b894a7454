import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let databaseSettings = Rule(
        id: "database-settings",
        title: "Database connections use separate settings",
        group: .application,
        section: .applicationRequirements,
        rationale: """
            A connection string contains the password together with the host, port, name and user, so the password cannot be \
            stored and rotated separately.
            """,
        level: .warn,
        concern: .convention,
        scope: Scope([.withPodSpec, ResourceKinds(.configMap)], of: [.none, .ephemeralContainers]),
        clauses: [DatabaseClause.name, DatabaseClause.value, DatabaseClause.entry],
        examples: databaseExamples,
        checks: [.init(.withPodSpec, checkVariables), .init(ResourceKinds(.configMap), checkEntries)]
    )
}

/// The clauses of `database-settings`.
enum DatabaseClause {
    static let name = Clause(
        "name",
        "no environment variable is named like a connection string (DATABASE_URL, DB_URI, *_DSN, ConnectionStrings__*)")
    static let value = Clause(
        "value", "no environment variable contains a connection string (`scheme://user@host/name`, `jdbc:…`)")
    static let entry = Clause(
        "config-map",
        "no key of a ConfigMap is named like a connection string or contains one, also in a line of a settings file")
}

private func checkVariables(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate)
{
    guard let template = try subject.template() else { return }
    for container in template.containers {
        for entry in try container.env.objects() {
            try findings.step()
            let variable = try EnvironmentVariable(entry.base)
            guard let content = variable.value ?? variable.source,
                let kind = ConnectionString.Kind(variable.name, variable.value, hasSecret: hasSecret)
            else { continue }
            findings.add(
                kind == .named ? DatabaseClause.name : DatabaseClause.value, at: entry,
                variable.value == nil
                    ? "reads a connection string with valueFrom; use separate settings"
                    : "is a connection string; use separate settings",
                mark: PlainText.mark(of: content)
            ) {
                let parts = ConnectionString(variable.value).variables(
                    instead: variable.name, subject, container.env, at: findings.place(of: container.env))
                $0.edits = [.remove($0.place)] + parts
                $0.advice = "first change the application, so that it builds the connection string from these variables"
            }
        }
    }
}

private func checkEntries(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard let entries = try subject.field("data").members() else { return }
    for entry in entries where entry.value.kind == .string {
        try findings.step()
        guard entry.value.byteCount > 0 else { continue }
        guard ConnectionString.Kind(entry.key, entry.value, hasSecret: hasSecret) != nil else {
            try checkLines(of: entry, findings)
            continue
        }
        findings.add(
            DatabaseClause.entry, at: Field(entry.value), "is a connection string; use separate settings",
            mark: PlainText.mark(of: entry.value)
        ) {
            let data = $0.place.parent
            let parts = ConnectionString(entry.value).settings(instead: entry.key)
            $0.edits = [.remove($0.place)] + parts.map { .set(data / $0.name, .string($0.value)) }
            $0.advice =
                "first change the application, so that it reads these keys; it reads the user and the password from a Secret"
        }
    }
}

private func checkLines(of entry: Value.Member, _ findings: FindingCollector) throws(CannotEvaluate) {
    let value = entry.value
    let areSettings = SettingsText.isOne(entry.key.text, value)
    let lines = value.withContents { text in
        ConnectionString.lines(of: text, areSettings: areSettings, hasSecret: hasSecret).map {
            ($0.number, PlainText.mark(of: text, $0.range))
        }
    }
    for (number, mark) in lines {
        try findings.step()
        findings.add(
            DatabaseClause.entry, at: Field(value), "contains a connection string on line \(number)", mark: mark
        ) {
            $0.advice =
                "use separate settings for <host>, <port> and <name>, and read the user and the password from a Secret"
        }
    }
}

private func hasSecret(_ text: Span<UInt8>) -> Bool { Credential.first(in: text, named: nil) != nil }

extension ConnectionString {
    /// Returns the edits that add the separate variables; existing variables are kept.
    ///
    /// Nothing is suggested for a container with very many variables, because each of them would be compared.
    fileprivate func variables(instead whole: Value, _ subject: Subject, _ env: Field, at place: Pointer) -> [Edit] {
        guard let present = try? env.objects(), env.value?.nodeCount ?? 0 < 10_000 else { return [] }
        let prefix = ConnectionString.prefix(whole.text)
        var variables = settings(instead: whole).map {
            ["name": .string($0.name), "value": .string($0.value)] as Literal
        }
        for key in ["\(prefix)_USER", "\(prefix)_PASSWORD"] {
            let reference = SecretReference(subject.secretName, key: key)
            variables.append(["name": .string(key), "valueFrom": reference.source])
        }
        return variables.filter { variable in
            let name = variable["name"]?.text ?? ""
            return !present.contains { $0.base["name"]?.equals(string: name) ?? false }
        }.map { .set(place / "-", $0) }
    }
}
