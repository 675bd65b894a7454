import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let adminAuthentication = Rule(
        id: "admin-authentication",
        title: "Admin routes require authentication",
        group: .traffic,
        section: .networkSecurity,
        rationale: """
            The login of an admin page is often weak or missing. If the gateway requires authentication, attackers cannot \
            reach the page.
            """,
        level: .deny,
        concern: .security,
        scope: Scope(ResourceKinds(.ingressRoute, .httpRoute)),
        clauses: [AdminClause.route, AdminClause.rule],
        settings: [RuleSettings.adminPatterns],
        relatedObjects: [
            .middleware, .ingressRoute, .gateway, .gatewayClass, .securityPolicy, .authorizationPolicy,
            .requestAuthentication,
        ],
        examples: adminExamples,
        checks: [
            .init(.ingressRoute) { (subject, context, findings) throws(CannotEvaluate) in
                try AdminSearch(subject, context, findings).checkRoutes(of: subject.field("spec"))
            },
            .init(.httpRoute) { (subject, context, findings) throws(CannotEvaluate) in
                try AdminSearch(subject, context, findings).checkRules(of: subject.field("spec"))
            },
        ]
    )
}

extension RuleSettings {
    static let adminPatterns = RuleSetting(
        "PLAYBOOK_ADMIN_PATTERNS", .list("words"),
        default: ["admin", "adminer", "wp-admin", "administration"],
        "The words in a route's host or path that mark an admin page, in lower case. `*` matches any text.")
}

/// The rule's clauses, which its examples in another file use, too.
enum AdminClause {
    static let route = Clause(
        "route",
        "an admin route of an IngressRoute has an authentication middleware: basic, digest, forward or OIDC")
    static let rule = Clause(
        "rule",
        "an admin rule of an HTTPRoute has an `ExternalAuth` filter (Gateway API experimental channel), such a middleware, or a policy of its gateway"
    )
}

struct AdminSearch {
    private let subject: Subject
    private let context: Context
    private let patterns: [Glob]
    private let findings: FindingCollector

    init(_ subject: Subject, _ context: Context, _ findings: FindingCollector) {
        self.subject = subject
        self.context = context
        self.findings = findings
        patterns = context[RuleSettings.adminPatterns].map { Glob($0.lowercased()) }
    }

    /// The text that marks an admin page; below `/api`, the service may authenticate requests itself.
    private struct Admin {
        let name: String
        let isAPI: Bool
    }

    /// The place of a text.
    private enum Place {
        case host, hostExpression, path, pathExpression

        var isPath: Bool { self == .path || self == .pathExpression }
        var isExpression: Bool { self == .hostExpression || self == .pathExpression }
    }

    private func admin(_ text: Value, _ place: Place) -> Admin? { text.withContents { admin($0, place) } }

    /// Returns the admin page that a host, a path or an expression for them names; nil if it names none.
    private func admin(_ text: Span<UInt8>, _ place: Place) -> Admin? {
        isAPI(text, place).map { isAPI in
            Admin(name: String(decoding: text.indices.map { text[$0] }, as: UTF8.self), isAPI: isAPI)
        }
    }

    /// Returns true if each alternative that names an admin page is below `/api`; nil if none names one.
    private func isAPI(_ text: Span<UInt8>, _ place: Place) -> Bool? {
        guard place.isExpression || PathExpression.isLikely(text) else { return isAPI(plain: text, place) }
        // An expression that cannot be parsed is searched as written, and never counts as below `/api`.
        guard let texts = PathExpression.texts(of: text) else { return isAPI(plain: text, .host) }
        var isAPI: Bool?
        for text in texts where isAPI != false { isAPI = self.isAPI(plain: text.span, place) ?? isAPI }
        return isAPI
    }

    private func isAPI(plain text: Span<UInt8>, _ place: Place) -> Bool? {
        if text.indices.contains(where: { text[$0] == UInt8(ascii: "%") }) {
            return isAPI(decoded: AdminSearch.decoded(text.indices.map { text[$0] }).span, place)
        }
        return isAPI(decoded: text, place)
    }

    private func isAPI(decoded text: Span<UInt8>, _ place: Place) -> Bool? {
        adminWord(text).map { $0 > 1 && place.isPath && AdminSearch.api.matches(text, ignoringCase: true) }
    }

    private static let api = Glob("/api/*")

    /// Returns the start of the first word that names an admin page, or can name one.
    private func adminWord(_ text: Span<UInt8>) -> Int? {
        if let start = plainAdminWord(text) { return start }
        guard text.indices.contains(where: { text[$0] == PathExpression.anyLetter }) else { return nil }
        for pattern in patterns {
            if let start = PathExpression.start(of: pattern.text, in: text) { return start }
        }
        return nil
    }

    private func plainAdminWord(_ text: Span<UInt8>) -> Int? {
        var start = 0
        for at in 0...text.count {
            if at < text.count, AdminSearch.isInWord(text[at]) { continue }
            if start < at {
                let word = text.extracting(start..<at)
                for pattern in patterns where pattern.matches(word, ignoringCase: true) { return start }
            }
            start = at + 1
        }
        return nil
    }

    /// A path with its percent-encoded bytes decoded.
    private static func decoded(_ bytes: [UInt8]) -> [UInt8] {
        var decoded: [UInt8] = []
        var at = 0
        while at < bytes.count {
            if bytes[at] == UInt8(ascii: "%"), at + 2 < bytes.count,
                let byte = UInt8(String(decoding: bytes[(at + 1)...(at + 2)], as: UTF8.self), radix: 16)
            {
                decoded.append(byte)
                at += 3
            } else {
                decoded.append(bytes[at])
                at += 1
            }
        }
        return decoded
    }

    static func isInWord(_ byte: UInt8) -> Bool {
        (byte | 32) &- 97 < 26 || byte &- 48 <= 9 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }

    // MARK: Traefik

    func checkRoutes(of spec: Field) throws(CannotEvaluate) {
        let redirects = try !spec["tls"].isPresent
        /// The result for the parents, once it has been looked up: true if they authenticate, and what is unknown.
        var before: (asks: Bool, parents: ParentRoutes)?
        for route in try spec["routes"].objects() {
            try findings.step()
            guard let admin = try adminName(of: route) else { continue }
            let middlewares = try route["middlewares"]
            var answer = Middlewares(that: .authenticates, in: context)
            if try answer.contains(middlewares, from: subject.namespace) { continue }
            let parents: (asks: Bool, parents: ParentRoutes)
            if let before { parents = before } else { parents = try askParents(of: spec) }
            before = parents
            if parents.asks {
                if let unknown = parents.parents.unknown { findings.addUnknown(unknown) }
                continue
            }
            if redirects {
                var redirect = Middlewares(that: .redirects, in: context)
                if try redirect.contains(middlewares, from: subject.namespace) { continue }
            }
            add(
                AdminClause.route, admin, at: route, answer, { ["name": .string($0)] }, to: "middlewares",
                parent: parents.parents.missing)
        }
    }

    private func askParents(of spec: Field) throws(CannotEvaluate) -> (asks: Bool, parents: ParentRoutes) {
        var parents = ParentRoutes(context)
        let ask = parents.ask(try ParentRoutes.parents(spec), from: subject.namespace)
        return (ask, parents)
    }

    /// Returns the admin page that a route leads to; nil if it leads to none.
    private func adminName(of route: Field) throws(CannotEvaluate) -> Admin? {
        // Traefik's dashboard and API.
        for service in try route["services"].objects() {
            try findings.step()
            if try service["name"].equals("api@internal") { return Admin(name: "Traefik's dashboard", isAPI: false) }
        }
        guard let text = try route["match"].text(), let rule = TraefikRule(text) else { return nil }
        var search = Strongest()
        for (matchers, place) in AdminSearch.matchers {
            try rule.forEachValue(of: matchers) { (value) throws(CannotEvaluate) in
                try findings.step()
                if search.isOpen { search.add(admin(value.span, place)) }
            }
        }
        if search.isOpen {
            for path in try Middlewares.rewrites(route["middlewares"], from: subject.namespace, context) {
                try findings.step()
                search.add(admin(Array(path.utf8).span, .path))
            }
        }
        return search.found
    }

    private static let matchers: [(TraefikRule.Matchers, Place)] = [
        (.host, .host), (.hostExpression, .hostExpression), (.path, .path), (.pathExpression, .pathExpression),
    ]

    /// Keeps the first admin page that is not below `/api`, or else the first one.
    private struct Strongest {
        private(set) var found: Admin?

        var isOpen: Bool { found?.isAPI ?? true }

        mutating func add(_ admin: Admin?) {
            if let admin, isOpen, found == nil || !admin.isAPI { found = admin }
        }
    }

    // MARK: Gateway API

    func checkRules(of spec: Field) throws(CannotEvaluate) {
        var host: Admin?
        for element in try spec["hostnames"].strings() where host == nil {
            try findings.step()
            host = admin(element.base, .host)
        }
        var count = 0
        var gateways: GatewayAuthentication?
        for rule in try spec["rules"].objects() {
            try findings.step()
            count += 1
            // The Gateway API allows 16.
            guard count <= 1000 else { throw .tooLong(rule.base.id, expected: "one of at most 1000 rules") }
            let (path, target) = (try adminPath(of: rule), try adminTarget(of: rule))
            var search = Strongest()
            search.add(path)
            search.add(target)
            guard let admin = host ?? search.found else { continue }
            let filters = try rule["filters"]
            var answer = Middlewares(that: .authenticates, in: context)
            var isAsked = false
            for filter in try filters.objects() where !isAsked {
                try findings.step()
                isAsked = try asks(filter, &answer)
            }
            if isAsked { continue }
            let known: GatewayAuthentication
            if let gateways { known = gateways } else { known = try GatewayAuthentication(of: subject, context) }
            gateways = known
            let requests = RouteRequests(
                hosts: try hosts(of: spec, onlyAdmin: search.found == nil),
                matches: try matches(of: rule, areAdmin: host != nil || target != nil))
            let found = try known.answer(for: requests, of: rule["name"].string()) { (count) throws(CannotEvaluate) in
                try findings.step(count)
            }
            switch found {
            case .required: continue
            case .unknown(let objects):
                findings.addUnknown(objects)
                continue
            case .missing: break
            }
            let reference: (String) -> Literal = { name in
                [
                    "type": "ExtensionRef",
                    "extensionRef": ["group": "traefik.io", "kind": "Middleware", "name": .string(name)],
                ]
            }
            add(AdminClause.rule, admin, at: rule, answer, reference, to: "filters")
        }
    }

    /// Returns the hosts of a route, or only those of admin pages.
    private func hosts(of spec: Field, onlyAdmin: Bool) throws(CannotEvaluate) -> [String] {
        var hosts: [String] = []
        for host in try spec["hostnames"].strings() where !onlyAdmin || admin(host.base, .host) != nil {
            try findings.step()
            hosts.append(host.base.text)
        }
        return hosts
    }

    /// Returns the matches of a rule that lead to an admin page: all of them if a host or a rewrite does.
    private func matches(of rule: Field, areAdmin: Bool) throws(CannotEvaluate) -> [RouteRequests.Match] {
        var (all, admins): ([RouteRequests.Match], [RouteRequests.Match]) = ([], [])
        for match in try rule["matches"].objects() {
            try findings.step()
            let path = try match["path"]
            let text = try path["value"].string() ?? "/"
            let paths: RouteRequests.Path =
                switch try path["type"].string() {
                case "Exact": .exact(text)
                case "RegularExpression": .expression
                default: .prefix(text.count > 1 && text.hasSuffix("/") ? String(text.dropLast()) : text)
                }
            let found = RouteRequests.Match(path: paths, method: try match["method"].string())
            all.append(found)
            if try admin(path) != nil { admins.append(found) }
        }
        if all.isEmpty { return [RouteRequests.Match(path: .prefix("/"), method: nil)] }
        return areAdmin || admins.isEmpty ? all : admins
    }

    /// Returns the admin page that the path of a match names.
    private func admin(_ path: Field) throws(CannotEvaluate) -> Admin? {
        guard let value = try path["value"].text() else { return nil }
        return try admin(value, path["type"].equals("RegularExpression") ? .pathExpression : .path)
    }

    private func adminPath(of rule: Field) throws(CannotEvaluate) -> Admin? {
        var search = Strongest()
        for match in try rule["matches"].objects() {
            try findings.step()
            if let path = try match["path"].present { search.add(try admin(path)) }
        }
        return search.found
    }

    /// Returns the admin page to which a rule rewrites requests; nil if there is none.
    private func adminTarget(of rule: Field) throws(CannotEvaluate) -> Admin? {
        var search = Strongest()
        var filters = try Array(rule["filters"].objects())
        for backend in try rule["backendRefs"].objects() { filters += try backend["filters"].objects() }
        for filter in filters {
            try findings.step()
            let rewrite = try filter["urlRewrite"]
            for text in [try rewrite["path"]["replaceFullPath"], try rewrite["path"]["replacePrefixMatch"]] {
                if let text = try text.text() { search.add(admin(text, .path)) }
            }
            if let host = try rewrite["hostname"].text() { search.add(admin(host, .host)) }
        }
        return search.found
    }

    /// Returns true if a filter authenticates requests, or forwards none.
    private func asks(_ filter: Field, _ answer: inout Middlewares) throws(CannotEvaluate) -> Bool {
        let type = try filter["type"]
        if try type.equals(oneOf: "ExternalAuth", "RequestRedirect") { return true }
        let reference = try filter["extensionRef"]
        guard try type.equals("ExtensionRef"), let name = try reference["name"].string(),
            let kind = try reference["kind"].string()
        else { return false }
        if kind == "Middleware", try reference["group"].equals(oneOf: "traefik.io", "traefik.containo.us") {
            return answer.does(name, in: subject.namespace)
        }
        // A filter of another gateway, which may authenticate.
        findings.addUnknown("the \(kind) \(name)")
        return true
    }

    // MARK: Findings

    private func add(
        _ clause: Clause, _ admin: Admin, at route: Field, _ answer: Middlewares,
        _ reference: (String) -> Literal, to list: StaticString, parent: (name: String, namespace: String)? = nil
    ) {
        if let name = answer.unknown { return findings.addUnknown(name) }
        let absent =
            answer.missing.map { ", and Middleware \($0.name) does not exist" }
            ?? parent.map { ", and its parent IngressRoute \($0.name) does not exist" } ?? ""
        let missingKind: ResourceKind = answer.missing == nil ? .ingressRoute : .middleware
        let isAbsentHere = (answer.missing ?? parent)?.namespace == subject.namespace
        findings.add(
            clause, at: route, "serves \(admin.name) without authentication\(absent)", choice: admin.name,
            traits: .init(
                isHint: admin.isAPI, awaitsRelatedObject: answer.missing != nil || parent != nil,
                absent: isAbsentHere ? missingKind : nil)
        ) {
            if let (name, namespace) = answer.missing {
                $0.advice = "create Middleware \(name) in namespace \(namespace), with basicAuth, forwardAuth or OIDC"
                return
            }
            guard let known = Middlewares.first(that: .authenticates, in: subject.namespace, context) else {
                $0.advice =
                    "add authentication to the route: basicAuth, forwardAuth, OIDC, or a policy of its gateway"
                return
            }
            let members = route.member(list)
            guard route.base.byteCount <= 4096 else {
                $0.edits = [.append(reference(known), to: members, at: findings.place(of: members))]
                return
            }
            // The whole route, because pasted YAML replaces it.
            let entries = (members.value?.elements.map { Literal($0) } ?? []) + [reference(known)]
            let others = Literal(route.base).members.filter { $0.key != "\(list)" }
            $0.edits = [.set($0.place, .object(others + [.init("\(list)", .array(entries))]))]
        }
    }
}
