import JSON
import Kubernetes

/// What an object of ACK refers to by `from`: a name, after its namespace where the reference says one.
struct ResourceReference {
    /// The two as in `shop/orders`.
    let text: String

    init(text: String) { self.text = text }

    /// Reads a reference; nil where it is absent or names nothing.
    init?(_ reference: Value?) throws(CannotJudge) {
        guard let from = try reference?.object("from"), let name = try from.string("name") else { return nil }
        text = try from.string("namespace").map { "\($0)/\(name)" } ?? name
    }

    /// Whether it is to an object of the namespace in which the reference stands.
    func names(_ name: String, in namespace: String) -> Bool { text == name || text == "\(namespace)/\(name)" }
}
