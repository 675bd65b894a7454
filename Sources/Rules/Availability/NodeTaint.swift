import Evaluation

/// A taint in the format of `kubectl taint`: `CriticalAddonsOnly`, `dedicated=base:NoSchedule`.
struct NodeTaint: Sendable, CustomStringConvertible {
    /// The taint's key.
    let key: String
    /// The taint's value; nil for any.
    let value: String?
    /// The taint's effect; nil if it is not set.
    let effect: String?

    init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        effect = parts.count > 1 ? String(parts[1]) : nil
        if let effect, !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(effect) { return nil }
        guard let label = NodeLabel(String(parts.first ?? "")) else { return nil }
        key = label.key
        value = label.value
    }

    var description: String { key + (value.map { "=\($0)" } ?? "") + (effect.map { ":\($0)" } ?? "") }
}

/// A node label in the format of `kubectl get -l`: `node-role/base`, `eks.amazonaws.com/nodegroup=base`.
struct NodeLabel: Sendable, CustomStringConvertible {
    /// The label's key.
    let key: String
    /// The label's value; nil for any.
    let value: String?

    init?(_ text: String) {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false)
        guard let key = parts.first, !key.isEmpty, parts.count <= 2,
            !text.contains(where: { $0.isWhitespace || $0 == ":" })
        else { return nil }
        self.key = String(key)
        value = parts.count > 1 ? String(parts[1]) : nil
    }

    var description: String { key + (value.map { "=\($0)" } ?? "") }
}
