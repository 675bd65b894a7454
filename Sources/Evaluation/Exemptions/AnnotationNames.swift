/// The names of the annotations that people set, in the domain that `PLAYBOOK_ANNOTATION_DOMAIN` names.
public final class AnnotationNames: Sendable, Equatable {
    /// The domain.
    public let domain: String
    /// The rules that an object is exempt from.
    public let exempt: String
    /// The reason for an exemption.
    public let reason: String
    /// The end of an exemption.
    public let until: String
    /// The level of all rules in a Namespace.
    public let level: String
    /// Since when the server enforces, on its own ValidatingWebhookConfiguration.
    public let enforcedSince: String

    /// The names in the default domain.
    public static let standard = AnnotationNames(domain: "playbook.superinc.com")

    /// True if both are in the same domain.
    public static func == (left: AnnotationNames, right: AnnotationNames) -> Bool {
        left === right || left.domain == right.domain
    }

    /// Creates the names of a domain.
    public init(domain: String) {
        self.domain = domain
        exempt = "\(domain)/exempt"
        reason = "\(domain)/exempt-reason"
        until = "\(domain)/exempt-until"
        level = "\(domain)/level"
        enforcedSince = "\(domain)/enforced-since"
    }
}
