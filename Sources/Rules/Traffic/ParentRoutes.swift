import Evaluation
import JSON
import Kubernetes

/// The parents of a Traefik IngressRoute: every request to the child comes through a route of a parent.
///
/// `parentRefs` as in Traefik 3.6's CRD.
struct ParentRoutes {
    /// The objects that are unknown, if the answer depends on them.
    private(set) var unknown: String?

    /// The first parent that does not exist, if the answer depends on it: it may be applied with the child.
    private(set) var missing: (name: String, namespace: String)?

    private let context: Context
    /// The most parents and middlewares that are read of a route; with more, the route does not authenticate.
    private static let most = 16
    /// The results for the parents so far, which end cycles; only a few parents are followed.
    private var answers: [String: Bool] = [:]

    init(_ context: Context) { self.context = context }

    /// Returns true if each parent authenticates requests or is unknown; one that does not exist does not authenticate.
    mutating func ask(_ references: [Literal], from namespace: String) -> Bool {
        guard references.count <= ParentRoutes.most else { return false }
        for reference in references {
            guard let name = reference["name"]?.text else { return false }
            guard asks(name, in: reference["namespace"]?.text ?? namespace) else { return false }
        }
        return !references.isEmpty
    }

    private mutating func asks(_ name: String, in namespace: String) -> Bool {
        let key = "\(namespace)/\(name)"
        if let answer = answers[key] { return answer }
        guard answers.count < ParentRoutes.most else { return false }
        // A cycle of parents does not authenticate.
        answers[key] = false
        let answer = read(name, in: namespace)
        answers[key] = answer
        return answer
    }

    private mutating func read(_ name: String, in namespace: String) -> Bool {
        let parent: RelatedObject?
        do throws(CannotEvaluate) {
            parent = try context.relatedObjects.object(.ingressRoute, named: name, in: namespace)
        } catch {
            unknown = unknown ?? ResourceKind.ingressRoute.pluralName
            return true
        }
        guard let parent else {
            missing = (name, namespace)
            return false
        }
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

    /// Reads an IngressRoute: the middlewares of its routes, if there are few, and its parents.
    fileprivate static func read(_ object: Value, _ fields: inout RelatedFields) throws(CannotEvaluate) {
        let spec = try Field(object)["spec"]
        var routes: [Literal] = []
        for route in try spec["routes"].objects() where routes.count <= 64 {
            var middlewares: [Literal] = []
            for reference in try route["middlewares"].objects() where middlewares.count <= most {
                middlewares.append(try self.reference(reference))
            }
            // With more, nothing is known to authenticate.
            if middlewares.count > most { middlewares = [] }
            routes.append(.array(middlewares))
        }
        if routes.count <= 64 { fields[.routes] = routes }
        fields[.parentRoutes] = try parents(spec)
    }

    /// The parents of an IngressRoute.
    static func parents(_ spec: Field) throws(CannotEvaluate) -> [Literal] {
        var parents: [Literal] = []
        for parent in try spec["parentRefs"].objects() where parents.count <= most {
            parents.append(try reference(parent))
        }
        return parents
    }

    /// The name and namespace of a reference.
    private static func reference(_ field: Field) throws(CannotEvaluate) -> Literal {
        var members: [Literal.Member] = []
        if let name = try field["name"].string() { members.append(.init("name", .string(name))) }
        if let namespace = try field["namespace"].string() { members.append(.init("namespace", .string(namespace))) }
        return .object(members)
    }
}

extension RelatedKind {
    static let ingressRoute = RelatedKind(.ingressRoute, read: ParentRoutes.read)
}

extension RelatedField<[Literal]> {
    fileprivate static let routes = Self("routes")
    fileprivate static let parentRoutes = Self("parents")
}
