import Kubernetes

extension Rule {
    /// The engine's own rule, which reports fields that the catalogue's rules cannot read.
    ///
    /// It is not in ``Catalogue/rules`` and has no check: a rule that reads a field of the wrong type ends there, and the collector
    /// reports the field once, whatever the number of rules that read it.
    public static let schema = Rule(
        id: "schema", title: "Fields have the type that the API gives them", group: .schema, section: nil,
        rationale: """
            This is not a rule of the playbook. A rule that reads a field of the wrong type ends there. The field is reported once \
            for all rules that read it, at the level of `schema`. With level `warn` or `off` the object is admitted although these \
            rules were not evaluated to their end; `off` only lists them as not evaluated.
            """,
        level: .deny,
        concern: .reliability,
        scope: Scope(
            ResourceKinds(rawValue: .max), on: Operation.allCases, of: Subresource.allCases, readsMetadata: true,
            reachesSystemNamespaces: true),
        clauses: [.type], examples: [], checks: [])
}

extension Clause {
    /// A field is not of the type that the API gives it.
    public static let type = Clause("type", "every field that a rule reads is of the type that the API gives it")
}
