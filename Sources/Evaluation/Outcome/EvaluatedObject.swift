public import Kubernetes

/// The object that a decision is about: its names and its team, read from the request once.
///
/// A class, since decisions are passed on and most requests to a server end without one.
public final class EvaluatedObject: Sendable {
    /// The kind as far as rules know it.
    public let kind: ResourceKind
    /// The kind's name as sent.
    public let kindName: String
    /// The namespace that holds the object, as sent; empty for cluster-wide objects.
    public let namespace: String
    /// The namespace for people, without secrets.
    public var shownNamespace: String { SecretMask.masked(namespace) }
    /// The name as sent, or the prefix of a name that is still to be generated.
    public let name: String
    /// The value of the team label, without secrets; empty if the object and its pods have none.
    public let team: String
    /// The kind, namespace and name for people, without secrets: `Deployment shop/catalogue`.
    public let title: String

    /// The object of a decision that says nothing and was made for a server.
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

    /// Reads the object of a request.
    ///
    /// - Parameters:
    ///   - review: The request.
    ///   - settings: The settings that name the team label.
    ///   - title: The title, where secrets are replaced later; nil for the request's own title without secrets.
    convenience init(of review: AdmissionReview, _ settings: Settings, title: String? = nil) {
        self.init(
            review.kind, kindName: review.kindName,
            namespace: review.kind == .namespace ? "" : review.namespace ?? "", name: review.displayName,
            team: settings.team(of: review), title: title ?? review.shownTitle)
    }

    /// Returns the same object under another title.
    func titled(_ title: String) -> EvaluatedObject {
        EvaluatedObject(kind, kindName: kindName, namespace: namespace, name: name, team: team, title: title)
    }
}

extension Verdict {
    /// The object that was evaluated; without names if the decision was made for a server and says nothing.
    public var subject: EvaluatedObject { object ?? .unnamed }

    /// Reads the names of the object if that was not needed before.
    package mutating func identify(_ review: AdmissionReview, _ settings: Settings) {
        if object == nil { object = EvaluatedObject(of: review, settings) }
    }
}
