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
        settings: [RuleSettings.adminPatterns],
        companions: [.middleware],
        examples: adminExamples,
        check: { (subject, context, findings) throws(CannotJudge) in
            guard let spec = try subject.spec() else { return }
            var search = AdminSearch(subject, context, findings)
            if subject.kind == .ingressRoute {
                try search.look(atRoutesOf: spec)
            } else {
                try search.look(atRulesOf: spec)
            }
            // What is certain holds whatever else there is.
            if !search.hasFindings, let unknown = search.unknown { throw .unknown(companion: unknown) }
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
    private let findings: FindingCollector
    private(set) var hasFindings = false
    private(set) var unknown: String?

    init(_ subject: Subject, _ context: Context, _ findings: FindingCollector) {
        self.subject = subject
        self.context = context
        self.findings = findings
        patterns = context.settings[RuleSettings.adminPatterns].map { Glob($0.lowercased()) }
    }

    /// Whether a host or a path has a word that says admin.
    private func saysAdmin(_ text: Span<UInt8>) -> Bool {
        var start = 0
        for at in 0...text.count {
            if at < text.count, AdminSearch.isInWord(text[at]) { continue }
            if start < at {
                let word = text.extracting(start..<at)
                for pattern in patterns where pattern.matches(word, ignoringCase: true) { return true }
            }
            start = at + 1
        }
        return false
    }

    private func saysAdmin(_ text: Value) -> Bool { text.withContents { saysAdmin($0) } }

    private static func isInWord(_ byte: UInt8) -> Bool {
        (byte | 32) &- 97 < 26 || byte &- 48 <= 9 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }

    // MARK: Traefik

    mutating func look(atRoutesOf spec: Value) throws(CannotJudge) {
        let redirects = spec.present("tls") == nil
        let isChild = try !spec.objects("parentRefs").isEmpty
        for route in try spec.objects("routes") {
            try findings.step()
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
            add(AdminClause.route, admin, at: route, answer, { ["name": .string($0)] }, to: "middlewares")
        }
    }

    /// What of a route says that it leads to an admin page; nil where nothing does.
    private func adminName(of route: Value) throws(CannotJudge) -> String? {
        // Traefik's own pages.
        for service in try route.objects("services") {
            try findings.step()
            if try service.text("name")?.equals("api@internal") ?? false { return "Traefik's dashboard" }
        }
        guard let text = try route.text("match"), let rule = TraefikRule(text) else { return nil }
        var admin: String?
        try rule.forEachValue(of: [.host, .hostExpression, .path]) {
            (value) throws(CannotJudge) in
            try findings.step()
            if admin == nil, saysAdmin(value.span) { admin = String(decoding: value, as: UTF8.self) }
        }
        return admin
    }

    // MARK: Gateway API

    mutating func look(atRulesOf spec: Value) throws(CannotJudge) {
        var host: String?
        if let hosts = try spec.strings("hostnames") {
            for element in hosts.elements where host == nil {
                try findings.step()
                if saysAdmin(element) { host = element.text }
            }
        }
        for (index, rule) in try spec.objects("rules").enumerated() {
            try findings.step()
            // The Gateway API has 16.
            guard index < 1000 else { throw .malformed(rule.id, expected: "one of at most 1000 rules") }
            let path = try adminPath(of: rule)
            guard let admin = host ?? path else { continue }
            var answer = Middlewares(that: .authenticates, in: context)
            var isAsked = false
            for filter in try rule.objects("filters") where !isAsked {
                try findings.step()
                isAsked = try asks(filter, &answer)
            }
            if isAsked { continue }
            let reference: (String) -> Literal = { name in
                [
                    "type": "ExtensionRef",
                    "extensionRef": ["group": "traefik.io", "kind": "Middleware", "name": .string(name)],
                ]
            }
            add(AdminClause.rule, admin, at: rule, answer, reference, to: "filters")
        }
    }

    private func adminPath(of rule: Value) throws(CannotJudge) -> String? {
        for match in try rule.objects("matches") {
            try findings.step()
            if let path = try match.object("path")?.text("value"), saysAdmin(path) { return path.text }
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
        _ clause: Clause, _ admin: String, at route: Value, _ answer: Middlewares,
        _ reference: (String) -> Literal, to key: StaticString
    ) {
        if let name = answer.unknown {
            unknown = unknown ?? name
            return
        }
        hasFindings = true
        let absent = answer.missing.map { ", and there is no Middleware \($0.name)" } ?? ""
        let isAbsentHere = answer.missing?.namespace == subject.namespace
        let traits = Finding.Traits(
            awaitsCompanion: answer.missing != nil, absent: isAbsentHere ? .middleware : nil)
        findings.add(at: route, choice: admin, traits: traits) { place in
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
                let (list, entry) = (place / "\(key)", reference(name))
                $0.edits = [route.present(key) == nil ? .set(list, [entry]) : .set(list / "-", entry)]
                if known == nil { $0.companion = middleware(name, subject.namespace) }
            }
        }
    }

    private func middleware(_ name: String, _ namespace: String) -> Literal {
        [
            "apiVersion": "traefik.io/v1alpha1", "kind": "Middleware",
            "metadata": ["name": .string(name), "namespace": .string(namespace)],
            "spec": ["basicAuth": ["secret": .string(name)]],
        ]
    }
}
