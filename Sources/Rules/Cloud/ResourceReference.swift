import Evaluation
import JSON
import Kubernetes

/// What an object of ACK refers to by `from`: a name, after its namespace where the reference says one.
struct ResourceReference {
    /// The two as in `shop/orders`.
    let text: String

    init(text: String) { self.text = text }

    /// Reads a reference; nil where it is absent or names nothing.
    init?(_ reference: Field) throws(CannotJudge) {
        guard let from = try reference["from"].present, let name = try from["name"].string() else { return nil }
        text = try from["namespace"].string().map { "\($0)/\(name)" } ?? name
    }

    /// Reads the reference of a related object.
    init?(_ reference: Value?) throws(CannotJudge) {
        guard let reference else { return nil }
        try self.init(Field(reference))
    }

    /// Whether it is to an object of the namespace in which the reference stands.
    func names(_ name: String, in namespace: String) -> Bool { text == name || text == "\(namespace)/\(name)" }
}
