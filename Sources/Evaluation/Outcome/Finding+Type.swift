import JSON
import Kubernetes

extension Finding {
    /// Creates a finding about a field that has the wrong type or is longer than the limit.
    init(_ clause: Clause, _ node: NodeID, of subject: Subject, isNot expected: StaticString) {
        let place = subject.object.pointer(to: node) ?? Pointer()
        let seen = subject.object[at: place]?.kindInWords ?? "of another type"
        self.init(clause, at: place, "is \(seen), not \(expected)")
        advice = "write \(expected)"
    }
}

extension Value {
    /// The type of the value in words, for a message.
    fileprivate var kindInWords: String {
        switch kind {
        case .null: "null"
        case .true, .false: "a boolean"
        case .number: "the number \(String(text.prefix(20)))"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        case .opaque: "nested too deeply"
        }
    }
}
