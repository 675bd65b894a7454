import Evaluation
import JSON
import Kubernetes

/// The target of an ACK reference (`from`): a name, with a namespace if the reference has one.
struct ResourceReference {
    /// The name, or the namespace and the name, as in `shop/orders`.
    let text: String

    init(text: String) { self.text = text }

    /// Reads a reference; nil if it is absent or has no name.
    init?(_ reference: Field) throws(CannotEvaluate) {
        guard let from = try reference["from"].present, let name = try from["name"].string() else { return nil }
        text = try from["namespace"].string().map { "\($0)/\(name)" } ?? name
    }

    /// Reads the reference of a related object.
    init?(_ reference: Value?) throws(CannotEvaluate) {
        guard let reference else { return nil }
        try self.init(Field(reference))
    }

    /// True if it refers to the named object, where `namespace` is the namespace of the object that has the reference.
    func names(_ name: String, in namespace: String) -> Bool { text == name || text == "\(namespace)/\(name)" }
}
