import Evaluation
import Rules

/// An environment in which only some rules are on.
///
/// - Parameters:
///   - levels: The levels of the rules that are on, by id.
///   - further: Further variables.
/// - Returns: Variables by name.
public func environment(
    onlyWith levels: [String: String], _ further: [String: String] = [:]
) -> [String: String] {
    var variables = further
    for rule in Catalogue.playbook.rules { variables[rule.variable] = levels[rule.id] ?? "off" }
    return variables
}
