public import JSON

/// An environment variable of a container (`v1.EnvVar`).
public struct EnvironmentVariable {
    /// The name.
    public let name: Value
    /// The literal value; nil if there is none or it is empty.
    public let value: Value?
    /// The source of the value; nil for a literal.
    public let source: Value?

    /// Reads an entry of `env`.
    ///
    /// - Parameter entry: The entry.
    /// - Throws: ``CannotEvaluate/malformed(_:expected:)`` if a field has the wrong type or the name is missing.
    public init(_ entry: Value) throws(CannotEvaluate) {
        var (name, value, source): (Value?, Value?, Value?)
        for member in entry.members where !member.value.isNull {
            if member.key.equals("name") {
                name = member.value
            } else if member.key.equals("value") {
                value = member.value
            } else if member.key.equals("valueFrom") {
                source = member.value
            }
        }
        // An entry of a kustomize patch can be a directive: `$patch: replace`.
        guard let name = name ?? entry["$patch"], name.kind == .string else {
            throw .malformed((name ?? entry).id, expected: "a variable with a name")
        }
        if let value, value.kind != .string { throw .malformed(value.id, expected: "a string") }
        self.name = name
        self.value = value?.byteCount == 0 ? nil : value
        self.source = try source?.asObject()
    }
}
