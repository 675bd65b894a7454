import Evaluation
import Rules

/// Returns environment variables that turn all but some rules off.
///
/// - Parameters:
///   - levels: The levels of the rules that are on, by id.
///   - further: Other variables.
/// - Returns: Variables by name.
public func environment(
    onlyWith levels: [String: String], _ further: [String: String] = [:]
) -> [String: String] {
    var variables = further
    for rule in Catalogue.playbook.rules { variables[rule.variable] = levels[rule.id] ?? "off" }
    return variables
}
