import JSON

/// Requests of a route: each path on each host.
struct RouteRequests {
    /// The paths of a match.
    enum Path {
        case exact(String)
        /// The path and everything below it.
        case prefix(String)
        /// A regular expression.
        case expression
    }

    /// A match of a route's rule.
    struct Match {
        let path: Path
        /// The method; nil for all.
        let method: String?
    }

    /// The hosts; empty for all.
    let hosts: [String]
    let matches: [Match]

    /// True if a policy with any of these operations applies to all of the requests.
    func areCovered(by operations: [PolicyOperations]) -> Bool {
        matches.allSatisfy { match in operations.contains { $0.covers(match, hosts) } }
    }
}

/// The operations of a rule in an AuthorizationPolicy of Istio; without any, the rule applies to all requests.
struct PolicyOperations {
    private let operations: [Literal]

    init(_ operations: Literal) { self.operations = operations.elements }

    /// The number of operations and of the texts in their lists.
    var count: Int {
        operations.reduce(0) { $0 + 1 + $1.members.reduce(0) { $0 + $1.value.elements.count } }
    }

    /// True if the operations include all requests of a match.
    fileprivate func covers(_ match: RouteRequests.Match, _ hosts: [String]) -> Bool {
        if operations.isEmpty { return true }
        return operations.contains { operation in
            guard operation["ports"] == nil, operation["notPorts"] == nil else { return false }
            if let methods = operation.texts("methods") {
                guard methods.contains("*") || match.method.map(methods.contains) ?? false else { return false }
            }
            if let methods = operation.texts("notMethods") {
                guard let method = match.method, !methods.contains(method) else { return false }
            }
            if let patterns = operation.hostPatterns("hosts") {
                guard patterns.contains(.prefix("")) || !hosts.isEmpty && hosts.allSatisfy({ patterns.match(host: $0) })
                else { return false }
            }
            if let patterns = operation.hostPatterns("notHosts") {
                guard !hosts.isEmpty, !hosts.contains(where: { patterns.mayMatch(host: $0) }) else { return false }
            }
            if let patterns = operation.patterns("paths"), !patterns.cover(match.path) { return false }
            if let patterns = operation.patterns("notPaths"), patterns.mayMatch(match.path) { return false }
            return true
        }
    }

    /// False if the operations certainly include none of the requests.
    func mayMatch(_ requests: RouteRequests) -> Bool {
        if operations.isEmpty { return true }
        return operations.contains { operation in
            let hosts = requests.hosts
            if let patterns = operation.hostPatterns("hosts"), !hosts.isEmpty,
                !hosts.contains(where: { patterns.mayMatch(host: $0) })
            {
                return false
            }
            if let patterns = operation.hostPatterns("notHosts"), !hosts.isEmpty,
                hosts.allSatisfy({ patterns.match(host: $0) })
            {
                return false
            }
            return requests.matches.contains { match in
                if let method = match.method {
                    if let methods = operation.texts("methods"), !methods.contains("*"), !methods.contains(method) {
                        return false
                    }
                    if operation.texts("notMethods")?.contains(method) ?? false { return false }
                }
                if let patterns = operation.patterns("paths"), !patterns.mayMatch(match.path) { return false }
                if let patterns = operation.patterns("notPaths"), patterns.cover(match.path) { return false }
                return true
            }
        }
    }
}

/// A pattern of an AuthorizationPolicy: `/admin`, `/admin/*`, `*/admin` or `/admin/{**}`.
private enum PolicyPattern: Equatable {
    case exact(String)
    case prefix(String)
    case suffix(String)
    /// Texts with a prefix, but not all of them.
    case partly(String)

    init(_ text: String) {
        if let brace = text.firstIndex(of: "{") {
            let start = String(text[..<brace])
            self = text[brace...] == "{**}" ? .prefix(start) : .partly(start)
        } else if text.hasSuffix("*") {
            self = .prefix(String(text.dropLast()))
        } else if text.hasPrefix("*") {
            self = .suffix(String(text.dropFirst()))
        } else {
            self = .exact(text)
        }
    }

    func matches(_ text: String) -> Bool {
        switch self {
        case .exact(let exact): text == exact
        case .prefix(let start): text.hasPrefix(start)
        case .suffix(let end): text.hasSuffix(end)
        case .partly: false
        }
    }

    func mayMatch(_ text: String) -> Bool {
        if case .partly(let start) = self { text.hasPrefix(start) } else { matches(text) }
    }

    /// True if it matches every text with a prefix.
    func matchesAll(below prefix: String) -> Bool {
        if case .prefix(let start) = self { prefix.hasPrefix(start) } else { false }
    }

    /// False if it certainly matches no text with a prefix.
    func mayMatch(below prefix: String) -> Bool {
        switch self {
        case .exact(let exact): exact.hasPrefix(prefix)
        case .prefix(let start), .partly(let start): start.hasPrefix(prefix) || prefix.hasPrefix(start)
        case .suffix: true
        }
    }
}

extension [PolicyPattern] {
    /// True if they match all paths of a match together.
    func cover(_ path: RouteRequests.Path) -> Bool {
        switch path {
        case .exact(let path): contains { $0.matches(path) }
        case .prefix(let path):
            contains { $0.matches(path) } && contains { $0.matchesAll(below: path + (path.hasSuffix("/") ? "" : "/")) }
        case .expression: contains(.prefix("")) || contains(.prefix("/"))
        }
    }

    /// False if they certainly match no path of a match.
    func mayMatch(_ path: RouteRequests.Path) -> Bool {
        switch path {
        case .exact(let path): contains { $0.mayMatch(path) }
        case .prefix(let path):
            contains { $0.mayMatch(path) || $0.mayMatch(below: path + (path.hasSuffix("/") ? "" : "/")) }
        case .expression: true
        }
    }

    /// True if one of them matches a host, which can be `*.example.com`.
    func match(host: String) -> Bool { contains { $0.matches(host.lowercased()) } }

    /// False if they certainly match no host.
    func mayMatch(host: String) -> Bool {
        guard host.hasPrefix("*") else { return match(host: host) }
        let end = host.dropFirst().lowercased()
        return contains { pattern in
            switch pattern {
            case .exact(let exact): exact.hasSuffix(end)
            case .suffix(let other): other.hasSuffix(end) || end.hasSuffix(other)
            case .prefix, .partly: true
            }
        }
    }
}

extension Literal {
    /// A list of texts; nil if it is absent or empty.
    fileprivate func texts(_ key: String) -> [String]? {
        guard let texts = self[key]?.elements.compactMap(\.text), !texts.isEmpty else { return nil }
        return texts
    }

    fileprivate func patterns(_ key: String) -> [PolicyPattern]? { texts(key)?.map { PolicyPattern($0) } }

    /// Patterns of hosts, in lower case and without a port.
    fileprivate func hostPatterns(_ key: String) -> [PolicyPattern]? {
        texts(key)?.map { PolicyPattern(($0.split(separator: ":").first.map(String.init) ?? $0).lowercased()) }
    }
}
