/// Every rule, in the order in which findings are told.
public enum Catalogue {
    /// The rules.
    public static let rules: [Rule] = []

    private static let byID = Dictionary(uniqueKeysWithValues: rules.map { ($0.id, $0) })

    /// The rule with an id.
    public static func rule(_ id: String) -> Rule? { byID[id] }
}
