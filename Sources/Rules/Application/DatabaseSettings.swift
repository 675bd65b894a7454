import Evaluation
import JSON
import Kubernetes

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

private func checkVariables(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    guard let template = try subject.template() else { return }
    for container in template.containers {
        for entry in try container.env.objects() {
            try findings.step()
            let variable = try EnvironmentVariable(entry.base)
            guard let content = variable.value ?? variable.source,
                let kind = ConnectionString.Kind(variable.name, variable.value)
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
                $0.advice = "the application builds the connection string itself"
            }
        }
    }
}

private func checkEntries(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    guard let entries = try subject.field("data").members() else { return }
    for entry in entries where entry.value.kind == .string {
        try findings.step()
        guard entry.value.byteCount > 0 else { continue }
        guard ConnectionString.Kind(entry.key, entry.value) != nil else {
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
            $0.advice = "read the user and the password from a Secret"
        }
    }
}

private func checkLines(of entry: Value.Member, _ findings: FindingCollector) throws(CannotJudge) {
    let value = entry.value
    let areSettings = SettingsText.isOne(entry.key.text, value)
    let lines = value.withContents { text in
        ConnectionString.lines(of: text, areSettings: areSettings).map {
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
