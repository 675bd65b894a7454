import Evaluation
import Languages

/// A registry, or a path in one, that includes every repository at or below it.
///
/// Whole path components are compared: `ghcr.io/team` includes `ghcr.io/team/app` but not `ghcr.io/teammate/app`.
public struct RepositoryPrefix: Sendable, Hashable, CustomStringConvertible {
    /// The registry's host.
    let registry: String
    /// The path in it; empty for all of it.
    let path: String

    /// Parses `quay.io` or `ghcr.io/team`.
    init(parsing text: String) throws(Misplaced) {
        // With another path component it must be a reference with a registry.
        guard let parts = try? ImageParts((text + "/x").utf8.span), let host = parts.registry, parts.tag == nil,
            parts.digest == nil
        else { throw Misplaced(expected: "a registry such as quay.io, or a path in one such as ghcr.io/team") }
        registry = parts.isDockerHub ? "docker.io" : String(text.prefix(host.count))
        path = String(text.dropFirst(host.count + 1))
    }

    /// The registry and the path.
    public var description: String { path.isEmpty ? registry : "\(registry)/\(path)" }

    /// True if the prefix includes the image.
    func holds(_ image: ImageParts, _ text: Span<UInt8>) -> Bool {
        let isSameRegistry =
            image.isDockerHub
            ? registry == "docker.io" : image.registry.map { text.isSame(string: registry, in: $0) } ?? false
        guard isSameRegistry else { return false }
        guard !path.isEmpty else { return true }
        // Docker Official Images are implicitly below `library`.
        guard image.isOfficial else { return text.begins(with: path, in: image.path) }
        if path == "library" { return true }
        return path.hasPrefix("library/") && text.isSame(string: String(path.dropFirst(8)), in: image.path)
    }
}

extension Span<UInt8> {
    /// True if a range is a path, or a path below it.
    fileprivate func begins(with path: String, in range: Range<Int>) -> Bool {
        let length = path.utf8.count
        guard range.count >= length, isSame(string: path, in: range.lowerBound..<range.lowerBound + length) else {
            return false
        }
        return range.count == length || self[range.lowerBound + length] == UInt8(ascii: "/")
    }
}

/// The pull-through caches in ECR, by registry (Amazon ECR, "Sync an upstream registry").
public struct PullThrough: Sendable, Equatable {
    /// A registry and its cache.
    struct Route: Sendable, Equatable, CustomStringConvertible {
        let upstream: RepositoryPrefix
        let cache: RepositoryPrefix
        var description: String { "\(upstream)=\(cache)" }

        init(parsing text: String) throws(Misplaced) {
            guard let sign = text.firstIndex(of: "=") else {
                throw Misplaced(expected: "an entry such as docker.io=ACCOUNT.dkr.ecr.REGION.amazonaws.com/docker-hub")
            }
            upstream = try RepositoryPrefix(parsing: String(text[..<sign]))
            do throws(Misplaced) {
                cache = try RepositoryPrefix(parsing: String(text[text.index(after: sign)...]))
            } catch {
                throw Misplaced(at: text.distance(from: text.startIndex, to: sign) + 1, expected: error.expected)
            }
        }
    }

    /// The routes, longest prefix first.
    private let routes: [Route]

    /// Parses routes that are separated by commas.
    init(parsing text: String) throws(Misplaced) {
        var upstreams: Set<RepositoryPrefix> = []
        self.init(
            try elements(of: text) { (entry) throws(Misplaced) in
                let route = try Route(parsing: entry)
                guard upstreams.insert(route.upstream).inserted else {
                    throw Misplaced(
                        expected: "a registry that is not listed yet; \(route.upstream) already has a cache")
                }
                return route
            })
    }

    init(_ routes: [Route]) {
        self.routes = routes.enumerated().sorted {
            ($1.element.upstream.path.utf8.count, $0.offset) < ($0.element.upstream.path.utf8.count, $1.offset)
        }.map(\.element)
    }

    /// The hosts of the caches.
    var cacheHosts: [String] { routes.map(\.cache.registry) }

    /// True if the image comes from a cache.
    func isCached(_ image: ImageParts, _ text: Span<UInt8>) -> Bool {
        for route in routes where route.cache.holds(image, text) { return true }
        return false
    }

    /// Returns the route for an image, if its registry has a cache.
    func route(_ image: ImageParts, _ text: Span<UInt8>) -> Route? {
        for route in routes where route.upstream.holds(image, text) { return route }
        return nil
    }

    /// Returns the image's name in the cache; the path below the prefix, the tag and the digest are kept.
    func rewritten(_ text: String) -> String? {
        let bytes = text.utf8.span
        guard let parts = try? ImageParts(bytes), let reference = try? ImageReference(text),
            let route = route(parts, bytes)
        else { return nil }
        let rest = reference.repository.dropFirst(route.upstream.path.isEmpty ? 0 : route.upstream.path.count + 1)
        return "\(route.cache)\(rest.isEmpty ? "" : "/")\(rest)\(reference.suffix)"
    }

    /// Returns an image's name in its upstream registry if it comes from a cache, else its name.
    func origin(of name: String) -> String {
        let caching = routes.filter { name == $0.cache.description || name.hasPrefix("\($0.cache)/") }
        guard let route = caching.max(by: { $0.cache.path.utf8.count < $1.cache.path.utf8.count }) else { return name }
        return "\(route.upstream)\(name.dropFirst(route.cache.description.count))"
    }

    /// The routes in the format of the setting, longest prefix first.
    var text: String { routes.map(\.description).joined(separator: ",") }
}
