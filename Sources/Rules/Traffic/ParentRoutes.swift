import Evaluation
import JSON
import Kubernetes

/// The IngressRoutes that a child of Traefik's has as parents: whatever comes to it has come through one of their routes.
///
/// `parentRefs` as in Traefik 3.6's CRD.
struct ParentRoutes {
    /// What would have to be known to say that all of them ask.
    private(set) var unknown: String?

    private let context: Context
    /// What has been looked at, so that a ring ends; not more than a few are followed.
    private var answers: [String: Bool] = [:]

    init(_ context: Context) { self.context = context }

    /// Whether each of the parents asks who is there, as far as is known; one that does not exist does not.
    mutating func ask(_ references: [Literal], from namespace: String) -> Bool {
        for reference in references {
            guard let name = reference["name"]?.text else { return false }
            guard asks(name, in: reference["namespace"]?.text ?? namespace) else { return false }
        }
        return !references.isEmpty
    }

    private mutating func asks(_ name: String, in namespace: String) -> Bool {
        let key = "\(namespace)/\(name)"
        if let answer = answers[key] { return answer }
        guard answers.count < 16 else { return false }
        // A ring of parents does not ask.
        answers[key] = false
        let answer = read(name, in: namespace)
        answers[key] = answer
        return answer
    }

    private mutating func read(_ name: String, in namespace: String) -> Bool {
        let parent: RelatedObject?
        do throws(CannotJudge) {
            parent = try context.relatedObjects.object(.ingressRoute, named: name, in: namespace)
        } catch {
            unknown = unknown ?? ResourceKind.ingressRoute.pluralName
            return true
        }
        guard let parent else { return false }
        if let routes = parent[.routes], !routes.isEmpty, routes.allSatisfy({ asks($0, in: namespace) }) { return true }
        return ask(parent[.parentRoutes] ?? [], from: namespace)
    }

    private mutating func asks(_ route: Literal, in namespace: String) -> Bool {
        var answer = Middlewares(that: .authenticates, in: context)
        for reference in route.elements {
            guard let name = reference["name"]?.text else { continue }
            if answer.does(name, in: reference["namespace"]?.text ?? namespace) { return true }
        }
        unknown = unknown ?? answer.unknown
        return answer.unknown != nil
    }

    /// What is kept of an IngressRoute: the middlewares of its routes, of a few, and its own parents.
    fileprivate static func read(_ object: Value, _ fields: inout RelatedFields) throws(CannotJudge) {
        let spec = try Field(object)["spec"]
        var routes: [Literal] = []
        for route in try spec["routes"].objects() where routes.count <= 64 {
            var middlewares: [Literal] = []
            for reference in try route["middlewares"].objects() { middlewares.append(Literal(reference.base)) }
            routes.append(.array(middlewares))
        }
        if routes.count <= 64 { fields[.routes] = routes }
        fields[.parentRoutes] = try parents(spec)
    }

    /// The parents that an IngressRoute names.
    static func parents(_ spec: Field) throws(CannotJudge) -> [Literal] {
        var parents: [Literal] = []
        for parent in try spec["parentRefs"].objects() where parents.count <= 16 {
            parents.append(Literal(parent.base))
        }
        return parents
    }
}

extension RelatedKind {
    static let ingressRoute = RelatedKind(.ingressRoute, read: ParentRoutes.read)
}

extension RelatedField<[Literal]> {
    fileprivate static let routes = Self("routes")
    fileprivate static let parentRoutes = Self("parents")
}
