public import Kubernetes

/// The rules that are evaluated, in the order in which findings are listed, with their settings.
public final class Catalogue: Sendable {
    /// The rules.
    public let rules: [Rule]
    /// The rules that findings name: those, and ``Rule/schema``.
    public let reported: [Rule]
    private let byID: [String: Rule]
    /// Every environment variable that is read, in the order of the documentation.
    public let settings: [Setting]

    /// The annotations that people set.
    public let annotations: AnnotationNames
    /// What is kept of the objects that rules look up.
    let related: RelatedKinds
    /// The kinds of the objects that rules look up.
    public var relatedKinds: ResourceKinds { related.kinds }
    /// Those of them that a server watches: all but Secrets and ConfigMaps, which it must have no right to read, and ``liveKinds``.
    public var watchedKinds: ResourceKinds {
        related.kinds.subtracting(ResourceKinds(.secret, .configMap)).subtracting(Catalogue.liveKinds)
    }

    /// The kinds that a server never watches, and asks for when a rule needs them.
    public static let liveKinds = ResourceKinds(
        .role, .clusterRole, .securityPolicy, .authorizationPolicy, .requestAuthentication, .gatewayClass)

    /// The kinds of the objects that the rules which are on read, other than subresources.
    public func kinds(at settings: Settings) -> [ResourceKind] {
        let all = rules.filter { settings.level(of: $0) != .off }.reduce(into: ResourceKinds()) {
            $0.formUnion($1.scope.kinds)
        }
        return all.subtracting(ResourceKinds(.scale, .tokenRequest)).kinds
    }

    /// Creates a catalogue.
    ///
    /// - Parameter rules: The rules; no two share an id.
    public convenience init(rules: [Rule]) { self.init(rules: rules, annotations: .standard) }

    /// The same rules with annotations in another domain.
    func with(_ annotations: AnnotationNames) -> Catalogue {
        annotations == self.annotations ? self : Catalogue(rules: rules, annotations: annotations)
    }

    private init(rules: [Rule], annotations: AnnotationNames) {
        self.annotations = annotations
        self.rules = rules
        reported = rules + [.schema]
        related = RelatedKinds(RelatedKind.ofEngine + rules.flatMap(\.related), annotations: annotations)
        byID = Dictionary(reported.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        var names: Set<String> = []
        let ofRules = rules.flatMap { $0.ownSettings.map(\.setting) }.filter { names.insert($0.name).inserted }
        settings = rules.isEmpty ? [] : Setting.ofEngine + ofRules + reported.map { Setting(levelOf: $0) }
    }

    /// The rule with an id, ``Rule/schema`` included.
    public subscript(id: String) -> Rule? { byID[id] }

    /// The id that is nearest to a word; nil when none is near.
    public func nearestRule(to word: String) -> String? { nearest(to: word, in: reported.map(\.id)) }
}
