public import Kubernetes

/// An object that complies with a rule or violates it, as YAML.
///
/// The text is a fragment that is merged into a complete object, depending on its first key.
/// - `apiVersion: …`: a complete object (or several, separated by `---`; the first one is evaluated).
/// - `spec: …` or `metadata: …`: merged into a Deployment (a Pod for its subresources, a Scale for that of a workload).
/// - any other key: merged into its pod spec.
///
/// A container that omits a field gets that of a compliant container, also in a complete object; `null` removes a field.
public struct Example: Sendable {
    /// The title of the example.
    public let name: String
    /// The YAML.
    public let yaml: String
    /// The clause that it violates; nil for a compliant example.
    public let clause: Clause?
    /// The readable path of the finding.
    public let path: String?
    /// The related objects in the cluster, as YAML documents; nil if they are unknown.
    public let relatedObjects: String?
    /// Kinds of which the cluster has no further objects; further objects of all other kinds are unknown.
    public let without: ResourceKinds
    /// The old object, for an UPDATE.
    public let before: String?
    /// The request for the object.
    public let request: Request
    /// The settings that it needs.
    public let settings: [String: String]
    /// True if the rule's fix makes it compliant.
    public let isFixed: Bool
    /// True if the finding is a hint that never denies.
    public let isHint: Bool

    /// The request of an example.
    public enum Request: Sendable {
        /// A user creates the object, or updates it if there is a ``Example/before``.
        case apply
        /// A user scales the workload.
        case scale
        /// A user adds ephemeral containers to a Pod.
        case debug
        /// A user resizes a running Pod.
        case resize
        /// A user requests a token of a ServiceAccount.
        case token
        /// A user deletes the object.
        case delete
        /// A user with this name applies or scales the object.
        case by(String)
    }

    /// Creates an example without findings.
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

    /// Creates an example with exactly one finding.
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

/// Returns a text without blank lines, which result from parts that an example omits.
private func withoutBlankLines(_ yaml: String) -> String {
    yaml.split(separator: "\n").filter { line in line.contains { $0 != " " } }.joined(separator: "\n")
}
