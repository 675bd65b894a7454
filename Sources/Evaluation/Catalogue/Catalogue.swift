public import Kubernetes
import Languages

/// The rules that are evaluated, in the order of findings, and their settings.
public final class Catalogue: Sendable {
    /// The rules.
    public let rules: [Rule]
    /// The rules that findings can name: all rules and ``Rule/schema``.
    public let reported: [Rule]
    private let byID: [String: Rule]
    /// All environment variables, in the order of the documentation.
    public let settings: [Setting]

    /// The names of the annotations.
    public let annotations: AnnotationNames
    /// The parts of related objects that rules read.
    let related: RelatedKinds
    /// The kinds of related objects that rules read.
    public var relatedKinds: ResourceKinds { related.kinds }
    /// The kinds that a server watches: not Secrets and ConfigMaps, which it must have no permission to read, and not
    /// ``liveKinds``.
    public var watchedKinds: ResourceKinds {
        related.kinds.subtracting(ResourceKinds(.secret, .configMap)).subtracting(Catalogue.liveKinds)
    }

    /// The kinds that a server does not watch but reads when a rule needs them.
    public static let liveKinds = ResourceKinds(
        .role, .clusterRole, .securityPolicy, .authorizationPolicy, .requestAuthentication, .gatewayClass)

    /// Returns the kinds that the rules that are on read, without subresources.
    public func kinds(at settings: Settings) -> [ResourceKind] {
        let all = rules.filter { settings.level(of: $0) != .off }.reduce(into: ResourceKinds()) {
            $0.formUnion($1.scope.kinds)
        }
        return all.subtracting(ResourceKinds(.scale, .tokenRequest)).kinds
    }

    /// Creates a catalogue.
    ///
    /// - Parameter rules: The rules, with unique ids.
    public convenience init(rules: [Rule]) { self.init(rules: rules, annotations: .standard) }

    /// Returns the catalogue with annotations in another domain.
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

    /// The rule with an id, including ``Rule/schema``.
    public subscript(id: String) -> Rule? { byID[id] }

    /// Returns the id that is most similar to a word; nil if none is similar.
    public func nearestRule(to word: String) -> String? { nearest(to: word, in: reported.map(\.id)) }
}
