public import JSON

/// An object's metadata (`metav1.ObjectMeta`).
public struct ObjectMeta {
    /// The metadata object; nil when the object has none.
    public let value: Value?

    /// Reads `metadata` of an object; what is no object there counts as absent.
    public init(of object: Value) {
        let metadata = object["metadata"]
        value = metadata?.kind == .object ? metadata : nil
    }

    /// Takes metadata that stands elsewhere, as a pod template's.
    public init(metadata: Value) { value = metadata }

    private func text(_ key: StaticString) -> String? { value?[key]?.string }

    /// The name; absent while `generateName` is still to be filled in.
    public var name: String? { text("name") }
    /// The beginning of a name that the API server makes up.
    public var generateName: String? { text("generateName") }
    /// The namespace.
    public var namespace: String? { text("namespace") }
    /// When deletion was asked for; the object stays while it has finalizers.
    public var deletionTimestamp: String? { text("deletionTimestamp") }
    /// When the object was created.
    public var creationTimestamp: Timestamp? { text("creationTimestamp").flatMap { Timestamp($0) } }

    /// An annotation.
    public func annotation(_ key: StaticString) -> String? { value?["annotations"]?[key]?.string }

    /// The labels; those that are no strings are passed over.
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

    /// The owner with `controller: true`, else the only owner.
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
    /// The owner's kind, as in `kind:`.
    public let kindName: String
    /// The owner's API group and version.
    public let apiVersion: String
    /// The owner's name.
    public let name: String
    /// The owner's uid; empty where there is none.
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

    /// The owner's API group; empty for the core group.
    public var group: String { apiVersion.firstIndex(of: "/").map { String(apiVersion[..<$0]) } ?? "" }

    /// The owner's kind, if some rule reads it.
    public var kind: ResourceKind { ResourceKind(kind: kindName, apiVersion: apiVersion) }
}
