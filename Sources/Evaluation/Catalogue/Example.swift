public import Kubernetes

/// An object that a rule is happy with, or not, as YAML.
///
/// The text is a fragment: what stands in it is merged into a complete object, by the words of its first key.
/// - `apiVersion: …`: a whole object (or several, separated by `---`; the first is judged).
/// - `spec: …` or `metadata: …`: merged into a Deployment (a Pod for its subresources, a Scale for that of a workload).
/// - anything else: merged into its pod spec.
///
/// A container of any list, in a whole object too, that omits a field has that of a good container; `null` takes a field out.
public struct Example: Sendable {
    /// What makes it worth showing.
    public let name: String
    /// The YAML.
    public let yaml: String
    /// The clause that it violates; nil for a good one.
    public let clause: Clause?
    /// Where the finding is, as a readable path.
    public let path: String?
    /// The other objects of its cluster, as YAML documents; nil: not known.
    public let relatedObjects: String?
    /// Kinds of which its cluster has no other object than those; of other kinds, what is not there is not known.
    public let without: ResourceKinds
    /// The object as it was, for an update.
    public let before: String?
    /// What happens to it.
    public let request: Request
    /// Settings of the environment that it needs.
    public let settings: [String: String]
    /// Whether the rule's fix turns it into a good one.
    public let isFixed: Bool
    /// Whether the finding is a hint that never denies.
    public let isHint: Bool

    /// What is asked of the API server in an example.
    public enum Request: Sendable {
        /// Somebody creates the object, or updates it where there is a ``Example/before``.
        case apply
        /// Somebody scales the workload.
        case scale
        /// Somebody adds ephemeral containers to a Pod.
        case debug
        /// Somebody resizes a running Pod.
        case resize
        /// Somebody asks for a token of a ServiceAccount.
        case token
        /// Somebody deletes the object.
        case delete
        /// A user by this name applies, or scales, the object.
        case by(String)
    }

    /// An object that the rule has nothing to say about.
    public static func good(
        _ name: String, _ yaml: String, relatedObjects: String? = nil, without: ResourceKinds = [],
        before: String? = nil,
        request: Request = .apply, settings: [String: String] = [:]
    ) -> Example {
        Example(
            name: name, yaml: withoutBlankLines(yaml), clause: nil, path: nil, relatedObjects: relatedObjects,
            without: without,
            before: before,
            request: request, settings: settings, isFixed: false, isHint: false)
    }

    /// An object with exactly one finding.
    public static func bad(
        _ name: String, _ clause: Clause, at path: String, _ yaml: String, relatedObjects: String? = nil,
        without: ResourceKinds = [], before: String? = nil, request: Request = .apply, settings: [String: String] = [:],
        isFixed: Bool = false,
        isHint: Bool = false
    ) -> Example {
        Example(
            name: name, yaml: withoutBlankLines(yaml), clause: clause, path: path, relatedObjects: relatedObjects,
            without: without,
            before: before, request: request, settings: settings, isFixed: isFixed, isHint: isHint)
    }
}

/// A text without lines of white space alone, which are what an example's frame has around a part that is left out.
private func withoutBlankLines(_ yaml: String) -> String {
    yaml.split(separator: "\n").filter { line in line.contains { $0 != " " } }.joined(separator: "\n")
}
