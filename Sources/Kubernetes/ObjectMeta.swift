public import JSON

/// The metadata of an object (`metav1.ObjectMeta`).
public struct ObjectMeta {
    /// The metadata object; nil if there is none.
    public let value: Value?

    /// Reads `metadata` of an object; a value that is not an object counts as absent.
    public init(of object: Value) {
        let metadata = object["metadata"]
        value = metadata?.kind == .object ? metadata : nil
    }

    /// Creates metadata from a value, such as that of a pod template.
    public init(metadata: Value) { value = metadata }

    private func text(_ key: StaticString) -> String? { value?[key]?.string }

    /// The name; nil before it is generated from `generateName`.
    public var name: String? { text("name") }
    /// The prefix of a name that the API server generates.
    public var generateName: String? { text("generateName") }
    /// The namespace.
    public var namespace: String? { text("namespace") }
    /// The time of the deletion request; the object exists as long as it has finalizers.
    public var deletionTimestamp: String? { text("deletionTimestamp") }
    /// The time of creation.
    public var creationTimestamp: Timestamp? { text("creationTimestamp").flatMap { Timestamp($0) } }

    /// Returns the value of an annotation.
    public func annotation(_ key: StaticString) -> String? { value?["annotations"]?[key]?.string }

    /// The labels; empty if one of them is not a string.
    public var labels: Labels { (try? value?.labels("labels")) ?? .none }

    /// The labels, copied.
    public var labelTexts: [String: String] {
        var texts: [String: String] = [:]
        for member in value?["labels"]?.uniqueMembers ?? [] { texts[member.key] = member.value.string }
        return texts
    }

    /// The owner with `controller: true`.
    public var controller: Owner? {
        guard let references = value?["ownerReferences"], references.kind == .array else { return nil }
        for reference in references.elements where reference["controller"]?.bool == true { return Owner(reference) }
        return nil
    }

    /// The owner with `controller: true`, or else the only owner.
    public var operatingOwner: Owner? {
        guard let references = value?["ownerReferences"], references.kind == .array else { return nil }
        if let controller { return controller }
        var elements = references.elements.makeIterator()
        guard let only = elements.next(), elements.next() == nil else { return nil }
        return Owner(only)
    }
}

/// An owner reference (`metav1.OwnerReference`).
public struct Owner: Sendable {
    /// The kind of the owner.
    public let kindName: String
    /// The API group and version of the owner.
    public let apiVersion: String
    /// The name of the owner.
    public let name: String
    /// The uid of the owner; empty if there is none.
    public let uid: String
    /// True if it manages the object (`controller: true`).
    public let isController: Bool

    init(_ reference: Value) {
        kindName = reference["kind"]?.string ?? ""
        apiVersion = reference["apiVersion"]?.string ?? ""
        name = reference["name"]?.string ?? ""
        uid = reference["uid"]?.string ?? ""
        isController = reference["controller"]?.bool ?? false
    }

    /// The API group of the owner; empty for the core group.
    public var group: String { apiVersion.firstIndex(of: "/").map { String(apiVersion[..<$0]) } ?? "" }

    /// The kind of the owner, as far as rules know it.
    public var kind: ResourceKind { ResourceKind(kind: kindName, apiVersion: apiVersion) }
}
