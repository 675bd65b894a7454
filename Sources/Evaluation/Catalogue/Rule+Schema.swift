import Kubernetes

extension Rule {
    /// The engine's rule about fields that the catalogue's rules cannot read.
    ///
    /// It is not in ``Catalogue/rules`` and has no check: a rule that reads a field of the wrong type stops there, and the
    /// collector reports the field once for all of these rules.
    public static let schema = Rule(
        id: "schema", title: "Kinds exist, and fields have the type that the API defines", group: .schema, section: nil,
        rationale: """
            This is not a rule of the playbook. A rule that reads a field of the wrong type stops there. The field is reported \
            once for all rules that read it, at the level of `schema`. With level `warn` or `off` the object is admitted \
            although these rules were not evaluated completely; with `off` they are only listed as not evaluated. In files, \
            `schema` also reports a kind that does not exist in its API group, a version that Kubernetes removed, and a missing \
            `apiVersion`, because an API server rejects such an object.
            """,
        level: .deny,
        concern: .reliability,
        scope: Scope(
            ResourceKinds(rawValue: .max), on: Operation.allCases, of: Subresource.allCases, readsMetadata: true,
            reachesSystemNamespaces: true),
        clauses: [.type, .kind], examples: [], checks: [])
}

extension Clause {
    /// The requirement that fields have the type that the API defines.
    public static let type = Clause("type", "fields that rules read have the type that the API defines")
}
