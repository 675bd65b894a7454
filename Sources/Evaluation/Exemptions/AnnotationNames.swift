/// The names of the product's annotations, in the domain that `PLAYBOOK_ANNOTATION_DOMAIN` sets.
public final class AnnotationNames: Sendable, Equatable {
    /// The domain of the annotations.
    public let domain: String
    /// The annotation with the rules that an object is exempt from.
    public let exempt: String
    /// The annotation with the reason for an exemption.
    public let reason: String
    /// The annotation with the end date of an exemption.
    public let until: String
    /// The annotation with the level of all rules in a Namespace.
    public let level: String
    /// The annotation with the time since when the server enforces, on its ValidatingWebhookConfiguration.
    public let enforcedSince: String

    /// The names in the default domain.
    public static let standard = AnnotationNames(domain: "playbook.superinc.com")

    /// True if both have the same domain.
    public static func == (left: AnnotationNames, right: AnnotationNames) -> Bool {
        left === right || left.domain == right.domain
    }

    /// Creates the names for a domain.
    public init(domain: String) {
        self.domain = domain
        exempt = "\(domain)/exempt"
        reason = "\(domain)/exempt-reason"
        until = "\(domain)/exempt-until"
        level = "\(domain)/level"
        enforcedSince = "\(domain)/enforced-since"
    }
}
