import JSON
import Kubernetes

extension Rule {
    static let adminAuthentication = Rule(
        id: "admin-authentication",
        title: "Admin pages ask who is there",
        group: .traffic,
        section: .networkSecurity,
        rationale: """
            An admin page has a login of its own at best, written for friends. A gateway that asks first keeps strangers from ever \
            trying it.
            """,
        level: .deny,
        scope: Scope(ResourceKinds(.ingressRoute, .httpRoute)),
        clauses: [AdminClause.route, AdminClause.rule],
        settings: ["PLAYBOOK_ADMIN_PATTERNS"],
        companions: [.middleware],
        examples: adminExamples,
        check: { (subject, context) throws(CannotJudge) in
            guard let spec = try subject.spec() else { return [] }
            var search = AdminSearch(subject, context)
            if subject.kind == .ingressRoute {
                try search.look(atRoutesOf: spec)
            } else {
                try search.look(atRulesOf: spec)
            }
            // What is certain holds whatever else there is.
            if search.findings.isEmpty, let unknown = search.unknown { throw .unknown(companion: unknown) }
            return search.findings
        }
    )
}

/// What the rule checks; its examples stand in a file of their own.
enum AdminClause {
    static let route = Clause(
        "route",
        "an admin page's route of an IngressRoute has a middleware for authentication: basic, digest, forward, OIDC")
    static let rule = Clause(
        "rule", "an admin page's rule of an HTTPRoute has an `ExternalAuth` filter, or such a middleware")
}

private struct AdminSearch {
    private let subject: Subject
    private let context: Context
    private let patterns: [Glob]
    private(set) var findings: [Finding] = []
    private(set) var unknown: String?

    init(_ subject: Subject, _ context: Context) {
        self.subject = subject
        self.context = context
        patterns = context.settings.traffic.adminPatterns.map { Glob($0.lowercased()) }
    }

    /// Whether a host or a path has a word that says admin.
    private func saysAdmin(_ text: String) -> Bool {
        let words = text.utf8.split { byte in
            !((byte | 32) &- 97 < 26 || byte &- 48 <= 9 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_"))
        }
        return words.contains { word in
            let word = String(decoding: word, as: UTF8.self).lowercased()
            return patterns.contains { $0.matches(word) }
        }
    }

    // MARK: Traefik

    mutating func look(atRoutesOf spec: Value) throws(CannotJudge) {
        let redirects = spec.present("tls") == nil
        let isChild = try !spec.objects("parentRefs").isEmpty
        for (index, route) in try spec.objects("routes").enumerated() {
            guard let admin = try adminName(of: route) else { continue }
            // Its parent may have asked already.
            if isChild { unknown = unknown ?? "the parent IngressRoute" }
            var answer = Middlewares(that: .authenticates, in: context)
            let isAsked = try answer.contains(route.objects("middlewares"), from: subject.namespace)
            if isChild || isAsked { continue }
            if redirects {
                var redirect = Middlewares(that: .redirects, in: context)
                if try redirect.contains(route.objects("middlewares"), from: subject.namespace) { continue }
            }
            let list: Pointer = "/spec/routes" / String(index) / "middlewares"
            add(
                AdminClause.route, admin, at: list.parent, answer,
                { ["name": .string($0)] }, to: list, isThere: route.present("middlewares") != nil)
        }
    }

    /// What of a route says that it leads to an admin page; nil where nothing does.
    private func adminName(of route: Value) throws(CannotJudge) -> String? {
        // Traefik's own pages.
        for service in try route.objects("services") where try service.text("name")?.equals("api@internal") ?? false {
            return "Traefik's dashboard"
        }
        guard let text = try route.string("match"), let rule = TraefikRule(text) else { return nil }
        return rule.matchers("host", "hostheader", "hostregexp", "path", "pathprefix", "pathregexp")
            .flatMap(\.values).first { saysAdmin($0) }
    }

    // MARK: Gateway API

    mutating func look(atRulesOf spec: Value) throws(CannotJudge) {
        var host: String?
        if let hosts = try spec.strings("hostnames") {
            host = hosts.elements.first { saysAdmin($0.text) }?.text
        }
        for (index, rule) in try spec.objects("rules").enumerated() {
            let path = try adminPath(of: rule)
            guard let admin = host ?? path else { continue }
            var answer = Middlewares(that: .authenticates, in: context)
            var isAsked = false
            for filter in try rule.objects("filters") where !isAsked {
                isAsked = try asks(filter, &answer)
            }
            if isAsked { continue }
            let list: Pointer = "/spec/rules" / String(index) / "filters"
            add(
                AdminClause.rule, admin, at: list.parent, answer,
                { name in
                    [
                        "type": "ExtensionRef",
                        "extensionRef": ["group": "traefik.io", "kind": "Middleware", "name": .string(name)],
                    ]
                }, to: list, isThere: rule.present("filters") != nil)
        }
    }

    private func adminPath(of rule: Value) throws(CannotJudge) -> String? {
        for match in try rule.objects("matches") {
            if let path = try match.object("path")?.string("value"), saysAdmin(path) { return path }
        }
        return nil
    }

    /// Whether a filter asks who is there, or lets nobody through at all.
    private mutating func asks(_ filter: Value, _ answer: inout Middlewares) throws(CannotJudge) -> Bool {
        guard let type = try filter.text("type") else { return false }
        if type.equals("ExternalAuth") || type.equals("RequestRedirect") { return true }
        guard type.equals("ExtensionRef"), let reference = try filter.object("extensionRef"),
            let name = try reference.string("name"), let kind = try reference.string("kind")
        else { return false }
        if kind == "Middleware", try reference.text("group")?.equals("traefik.io") ?? false {
            return answer.does(name, in: subject.namespace)
        }
        // Another gateway's filter, which may ask or not.
        unknown = unknown ?? "the \(kind) \(name)"
        return true
    }

    // MARK: Findings

    private mutating func add(
        _ clause: Clause, _ admin: String, at place: Pointer, _ answer: Middlewares,
        _ reference: (String) -> Literal, to list: Pointer, isThere: Bool
    ) {
        if let name = answer.unknown {
            unknown = unknown ?? name
            return
        }
        let absent = answer.missing.map { ", and there is no Middleware \($0.name)" } ?? ""
        findings.append(
            Finding(clause, at: place, "answers to \(admin) without asking who is there\(absent)").with {
                $0.choice = admin
                if let (name, namespace) = answer.missing {
                    $0.companion = middleware(name, namespace)
                    $0.awaitsCompanion = true
                    if namespace == subject.namespace { $0.absent = .middleware }
                    return
                }
                let known = Middlewares.first(that: .authenticates, in: subject.namespace, context)
                let name = known ?? "\(subject.name ?? "admin")-authentication"
                let entry = reference(name)
                $0.edits = [isThere ? .set(list / "-", entry) : .set(list, [entry])]
                if known == nil { $0.companion = middleware(name, subject.namespace) }
            })
    }

    private func middleware(_ name: String, _ namespace: String) -> Literal {
        [
            "apiVersion": "traefik.io/v1alpha1", "kind": "Middleware",
            "metadata": ["name": .string(name), "namespace": .string(namespace)],
            "spec": ["basicAuth": ["secret": .string(name)]],
        ]
    }
}
