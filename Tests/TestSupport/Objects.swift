public import JSON
import YAML

/// Reads and changes objects for tests.
extension Literal {
    /// Reads the first document of a YAML text.
    public init(yaml: String) throws {
        let (documents, error) = Reader.documents(in: Array(yaml.utf8))
        if let error { throw error }
        self = try documents.first.map { try Literal(json: $0.json) } ?? .null
    }

    /// Reads JSON text.
    public init(json: [UInt8]) throws {
        let document = try Document(parsing: json)
        self = withExtendedLifetime(document) { Literal(document.root) }
    }

    /// Reads all documents of a YAML text.
    public static func all(yaml: String) throws -> [Literal] {
        let (documents, error) = Reader.documents(in: Array(yaml.utf8))
        if let error { throw error }
        return try documents.map { try Literal(json: $0.json) }
    }

    /// Returns the value with a fragment merged in.
    ///
    /// Objects are merged by member, and lists of named elements by element. `null` removes a member, and any other value
    /// replaces the previous one.
    public func merging(_ fragment: Literal) -> Literal {
        switch (self, fragment) {
        case (.object(var members), .object(let changes)):
            for change in changes where change.key != "$patch" {
                let index = members.firstIndex { $0.key == change.key }
                if change.value == .null {
                    if let index { members.remove(at: index) }
                } else if let index {
                    members[index].value = members[index].value.merging(change.value)
                } else {
                    members.append(.init(change.key, Literal.object([]).merged(change.value)))
                }
            }
            return .object(members)
        case (.array(var elements), .array(let changes)):
            guard let key = Literal.identityKey(of: changes) else { return fragment }
            for change in changes {
                let index = elements.firstIndex { $0[key] == change[key] }
                if change["$patch"] == "delete" {
                    if let index { elements.remove(at: index) }
                } else if let index {
                    elements[index] = elements[index].merging(change)
                } else {
                    elements.append(Literal.object([]).merged(change))
                }
            }
            return .array(elements)
        default: return fragment
        }
    }

    /// Merges a fragment into nothing, which drops its `null` members.
    private func merged(_ value: Literal) -> Literal {
        if case .object = value { return Literal.object([]).merging(value) }
        return value
    }

    private static func identityKey(of elements: [Literal]) -> String? {
        ["name", "topologyKey", "containerPort", "key", "deviceName"].first { key in
            !elements.isEmpty && elements.allSatisfy { $0[key] != nil }
        }
    }
}
