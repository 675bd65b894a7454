import Evaluation
import JSON
import Kubernetes
import Languages

/// A search for a Traefik Middleware with an effect: by name, through chains, in any namespace.
struct Middlewares {
    /// The effect that a rule looks for.
    enum Effect {
        /// Rejects unauthenticated requests.
        case authenticates
        /// Redirects HTTP requests to HTTPS.
        case redirects

        fileprivate var field: RelatedField<Bool> { self == .authenticates ? .authenticates : .redirectsToTLS }
    }

    private let effect: RelatedField<Bool>
    private let context: Context
    /// The Middlewares seen so far, which end cycles; only a few are followed.
    private var seen: Set<String> = []
    /// The first referenced Middleware that does not exist.
    private(set) var missing: (name: String, namespace: String)?
    /// The objects that are unknown, if one of them may have the effect.
    private(set) var unknown: String?

    init(that effect: Effect, in context: Context) {
        self.effect = effect.field
        self.context = context
    }

    /// Returns true if a reference in a list leads to a Middleware with the effect.
    mutating func contains(_ references: Field, from namespace: String) throws(CannotEvaluate) -> Bool {
        for reference in try references.objects() {
            guard let name = try reference["name"].string() else { continue }
            if does(name, in: try reference["namespace"].string() ?? namespace) { return true }
        }
        return false
    }

    /// Returns true if a Middleware, or one in its chain, has the effect.
    mutating func does(_ name: String, in namespace: String) -> Bool {
        guard seen.count < 64, seen.insert("\(namespace)/\(name)").inserted else { return false }
        // The middleware comes from another provider, such as a file.
        guard !name.utf8.contains(UInt8(ascii: "@")) else {
            unknown = unknown ?? "the middleware \(name)"
            return false
        }
        let found: RelatedObject
        do throws(CannotEvaluate) {
            guard let known = try context.relatedObjects.object(.middleware, named: name, in: namespace) else {
                missing = missing ?? (name, namespace)
                return false
            }
            found = known
        } catch {
            unknown = unknown ?? "Middlewares"
            return false
        }
        if found[effect] == true { return true }
        for link in found[.chain] ?? [] {
            guard let name = link["name"]?.text else { continue }
            if does(name, in: link["namespace"]?.text ?? namespace) { return true }
        }
        return false
    }

    /// The name of a Middleware in a namespace that has the effect without a chain.
    static func first(that effect: Effect, in namespace: String, _ context: Context) -> String? {
        (try? context.relatedObjects.objects(.middleware, in: namespace))?.first { $0[effect.field] == true }?.name
    }

    /// The paths to which the known Middlewares of a list rewrite requests.
    static func rewrites(
        _ references: Field, from namespace: String, _ context: Context
    ) throws(CannotEvaluate) -> [String] {
        var paths: [String] = []
        for reference in try references.objects() where paths.count < 64 {
            guard let name = try reference["name"].string() else { continue }
            let namespace = try reference["namespace"].string() ?? namespace
            guard let found = try? context.relatedObjects.object(.middleware, named: name, in: namespace) else {
                continue
            }
            paths += found[.rewrites] ?? []
        }
        return paths
    }

    /// Reads the fields of a Middleware that rules use.
    fileprivate static func read(_ object: Value, _ fields: inout RelatedFields) throws(CannotEvaluate) {
        guard let spec = try Field(object)["spec"].present else { return }
        if try authenticates(spec) { fields[.authenticates] = true }
        if try spec["redirectScheme"]["scheme"].equals("https") { fields[.redirectsToTLS] = true }
        let paths = [
            try spec["addPrefix"]["prefix"], try spec["replacePath"]["path"],
            try spec["replacePathRegex"]["replacement"],
        ]
        var rewrites: [String] = []
        for path in paths { if let path = try path.string() { rewrites.append(path) } }
        if !rewrites.isEmpty { fields[.rewrites] = rewrites }
        if let chain = try spec["chain"].present {
            var links: [Literal] = []
            for link in try chain["middlewares"].objects() { links.append(Literal(link.base)) }
            fields[.chain] = links
        }
    }

    private static func authenticates(_ spec: Field) throws(CannotEvaluate) -> Bool {
        for kind: StaticString in ["basicAuth", "digestAuth", "forwardAuth"] where try spec[kind].object() != nil {
            return true
        }
        guard let plugins = try spec["plugin"].members() else { return false }
        return plugins.contains { saysAuthentication($0.key.text) }
    }

    /// Returns true if a plugin's name, which users choose, indicates authentication.
    static func saysAuthentication(_ name: String) -> Bool {
        let words = ["auth", "oidc", "openid", "jwt", "keycloak", "saml", "ldap", "apikey", "key-auth"]
        let name = name.lowercased()
        return words.contains { Glob("*\($0)*").matches(name) }
    }
}

extension RelatedKind {
    static let middleware = RelatedKind(.middleware, read: Middlewares.read)
}

extension RelatedField<Bool> {
    fileprivate static let authenticates = Self("authenticates")
    fileprivate static let redirectsToTLS = Self("redirects")
}

extension RelatedField<[String]> {
    fileprivate static let rewrites = Self("rewrites")
}

extension RelatedField<[Literal]> {
    fileprivate static let chain = Self("chain")
}
