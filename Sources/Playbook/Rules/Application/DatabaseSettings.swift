import JSON
import Kubernetes

extension Rule {
    static let databaseSettings = Rule(
        id: "database-settings",
        title: "Database settings are separate",
        group: .application,
        section: .applicationRequirements,
        rationale: """
            With the host, the port, the name, the user and the password apart, the password can live in a password manager and be \
            put into the process, and rotated, without anybody taking a connection string to pieces.
            """,
        level: .warn,
        scope: Scope([.holders, ResourceKinds(.configMap)], of: [.none, .ephemeralContainers]),
        clauses: [DatabaseClause.name, DatabaseClause.value, DatabaseClause.entry],
        examples: databaseExamples,
        check: { (subject, _, findings) throws(CannotJudge) in
            if subject.kind == .configMap {
                try evaluateEntries(of: subject, findings)
            } else {
                try evaluateVariables(of: subject, findings)
            }
        }
    )
}

/// What the rule checks; its examples stand in a file of their own.
enum DatabaseClause {
    static let name = Clause(
        "name", "no variable is called a database's connection string (DATABASE_URL, DB_URI, *_DSN)")
    static let value = Clause(
        "value", "no variable holds one, whatever it is called (`scheme://user@host/name`, `jdbc:…`)")
    static let entry = Clause("config-map", "no key of a ConfigMap is or holds one")
}

private func evaluateVariables(of subject: Subject, _ findings: FindingCollector) throws(CannotJudge) {
    guard let template = try subject.template() else { return }
    for container in template.containers {
        for entry in try container.env.objects() {
            let entry = entry.base
            try findings.step()
            let variable = try EnvironmentVariable(entry)
            guard let content = variable.value ?? variable.source,
                let kind = ConnectionString.Kind(variable.name, variable.value)
            else { continue }
            findings.add(at: entry, choice: PlainText.mark(of: content)) { place in
                let clause = kind == .named ? DatabaseClause.name : DatabaseClause.value
                let message =
                    variable.value == nil
                    ? "takes a whole connection string from elsewhere" : "is a whole connection string"
                let edits = ConnectionString(variable.value).variables(instead: variable.name, subject, container)
                return Finding(clause, at: place, message, edits: [.remove(place)] + edits).with {
                    $0.secretMark = PlainText.mark(of: content)
                    $0.advice = "the process puts the parts together itself"
                }
            }
        }
    }
}

private func evaluateEntries(of subject: Subject, _ findings: FindingCollector) throws(CannotJudge) {
    guard let data = try subject.object.object("data") else { return }
    for entry in data.members where entry.value.kind == .string {
        try findings.step()
        guard entry.value.byteCount > 0, ConnectionString.Kind(entry.key, entry.value) != nil else { continue }
        findings.add(at: entry.value, choice: PlainText.mark(of: entry.value)) { place in
            let parts = ConnectionString(entry.value).settings(instead: entry.key)
            let edits: [Edit] = parts.map { .set("/data" / $0.name, .string($0.value)) }
            return Finding(
                DatabaseClause.entry, at: place, "is a whole connection string", edits: [.remove(place)] + edits
            ).with {
                $0.secretMark = PlainText.mark(of: entry.value)
                $0.advice = "the user and the password come from a Secret"
            }
        }
    }
}
