public import Kubernetes

/// The names and the team of the object that a decision is about.
///
/// A class because decisions are passed on, and most decisions of a server have no object.
public final class EvaluatedObject: Sendable {
    /// The kind, as far as rules know it.
    public let kind: ResourceKind
    /// The name of the kind, as sent.
    public let kindName: String
    /// The namespace of the object, as sent; empty for cluster-scoped objects.
    public let namespace: String
    /// The namespace for people, without secrets.
    public var shownNamespace: String { SecretMask.masked(namespace) }
    /// The name or the prefix of the generated name, as sent.
    public let name: String
    /// The value of the team label, without secrets; empty if the object and its pods have none.
    public let team: String
    /// The kind, namespace and name for people, without secrets: `Deployment shop/catalogue`.
    public let title: String

    /// The object of a server's decision without findings.
    static let unnamed = EvaluatedObject(.other, kindName: "", namespace: "", name: "", team: "", title: "")

    private init(
        _ kind: ResourceKind, kindName: String, namespace: String, name: String, team: String, title: String
    ) {
        self.kind = kind
        self.kindName = kindName
        self.namespace = namespace
        self.name = name
        self.team = team
        self.title = title
    }

    /// Creates the object of a request.
    ///
    /// - Parameters:
    ///   - review: The request.
    ///   - settings: The settings, with the team label.
    ///   - title: The title, in which secrets are replaced later; nil for the request's own title without secrets.
    convenience init(of review: AdmissionReview, _ settings: Settings, title: String? = nil) {
        self.init(
            review.kind, kindName: review.kindName,
            namespace: review.kind == .namespace ? "" : review.namespace ?? "", name: review.displayName,
            team: settings.team(of: review), title: title ?? review.shownTitle)
    }

    /// Returns the object with another title.
    func titled(_ title: String) -> EvaluatedObject {
        EvaluatedObject(kind, kindName: kindName, namespace: namespace, name: name, team: team, title: title)
    }
}

extension Decision {
    /// The object that was evaluated; without names for a server's decision without findings.
    public var subject: EvaluatedObject { object ?? .unnamed }

    /// Reads the names of the object if they have not been read yet.
    package mutating func identify(_ review: AdmissionReview, _ settings: Settings) {
        if object == nil { object = EvaluatedObject(of: review, settings) }
    }
}
