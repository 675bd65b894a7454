public import JSON

/// One variable of a container's environment (`v1.EnvVar`).
public struct EnvironmentVariable {
    /// Its name, as it is written in the document.
    public let name: Value
    /// The literal that it holds; nil where it holds none, or the empty one.
    public let value: Value?
    /// Where its value comes from instead.
    public let source: Value?

    /// Reads an entry of `env`.
    ///
    /// - Parameter entry: The entry.
    /// - Throws: ``CannotJudge/malformed(_:expected:)`` where a field is not as the API has it, or there is no name.
    public init(_ entry: Value) throws(CannotJudge) {
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
        // In a patch of kustomize's an entry may be an instruction: `$patch: replace`.
        guard let name = name ?? entry["$patch"], name.kind == .string else {
            throw .malformed((name ?? entry).id, expected: "a variable with a name")
        }
        if let value, value.kind != .string { throw .malformed(value.id, expected: "a string") }
        self.name = name
        self.value = value?.byteCount == 0 ? nil : value
        self.source = try source?.asObject()
    }
}
