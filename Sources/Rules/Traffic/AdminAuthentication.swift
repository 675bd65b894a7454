import Evaluation
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
        concern: .security,
        scope: Scope(ResourceKinds(.ingressRoute, .httpRoute)),
        clauses: [AdminClause.route, AdminClause.rule],
        settings: [RuleSettings.adminPatterns],
        relatedObjects: [.middleware],
        examples: adminExamples,
        checks: [
            .init(.ingressRoute) { (subject, context, findings) throws(CannotJudge) in
                try AdminSearch(subject, context, findings).checkRoutes(of: subject.field("spec"))
            },
            .init(.httpRoute) { (subject, context, findings) throws(CannotJudge) in
                try AdminSearch(subject, context, findings).checkRules(of: subject.field("spec"))
            },
        ]
    )
}

extension RuleSettings {
    static let adminPatterns = RuleSetting(
        "PLAYBOOK_ADMIN_PATTERNS", .list("words"),
        default: ["admin", "admin-*", "admin_*", "*admin", "administration", "adminer"],
        "What names an admin page: a word of a route's host or path, in small letters. `*` stands for any text.")
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

    init(_ subject: Subject, _ context: Context, _ findings: FindingCollector) {
        self.subject = subject
        self.context = context
        self.findings = findings
        patterns = context[RuleSettings.adminPatterns].map { Glob($0.lowercased()) }
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

    func checkRoutes(of spec: Field) throws(CannotJudge) {
        let redirects = try !spec["tls"].isPresent
        let isChild = try !spec["parentRefs"].objects().isEmpty
        for route in try spec["routes"].objects() {
            try findings.step()
            guard let admin = try adminName(of: route) else { continue }
            let middlewares = try route["middlewares"]
            // Its parent may have asked already.
            if isChild { findings.addUnknown("the parent IngressRoute") }
            var answer = Middlewares(that: .authenticates, in: context)
            let isAsked = try answer.contains(middlewares, from: subject.namespace)
            if isChild || isAsked { continue }
            if redirects {
                var redirect = Middlewares(that: .redirects, in: context)
                if try redirect.contains(middlewares, from: subject.namespace) { continue }
            }
            add(AdminClause.route, admin, at: route, answer, { ["name": .string($0)] }, to: middlewares)
        }
    }

    /// What of a route says that it leads to an admin page; nil where nothing does.
    private func adminName(of route: Field) throws(CannotJudge) -> String? {
        // Traefik's own pages.
        for service in try route["services"].objects() {
            try findings.step()
            if try service["name"].equals("api@internal") { return "Traefik's dashboard" }
        }
        guard let text = try route["match"].text(), let rule = TraefikRule(text) else { return nil }
        var admin: String?
        try rule.forEachValue(of: [.host, .hostExpression, .path]) {
            (value) throws(CannotJudge) in
            try findings.step()
            if admin == nil, saysAdmin(value.span) { admin = String(decoding: value, as: UTF8.self) }
        }
        return admin
    }

    // MARK: Gateway API

    func checkRules(of spec: Field) throws(CannotJudge) {
        var host: String?
        for element in try spec["hostnames"].strings() where host == nil {
            try findings.step()
            if saysAdmin(element.base) { host = element.base.text }
        }
        var count = 0
        for rule in try spec["rules"].objects() {
            try findings.step()
            count += 1
            // The Gateway API has 16.
            guard count <= 1000 else { throw .tooLong(rule.base.id, expected: "one of at most 1000 rules") }
            let path = try adminPath(of: rule)
            guard let admin = host ?? path else { continue }
            let filters = try rule["filters"]
            var answer = Middlewares(that: .authenticates, in: context)
            var isAsked = false
            for filter in try filters.objects() where !isAsked {
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
            add(AdminClause.rule, admin, at: rule, answer, reference, to: filters)
        }
    }

    private func adminPath(of rule: Field) throws(CannotJudge) -> String? {
        for match in try rule["matches"].objects() {
            try findings.step()
            if let path = try match["path"]["value"].text(), saysAdmin(path) { return path.text }
        }
        return nil
    }

    /// Whether a filter asks who is there, or lets nobody through at all.
    private func asks(_ filter: Field, _ answer: inout Middlewares) throws(CannotJudge) -> Bool {
        let type = try filter["type"]
        if try type.equals(oneOf: "ExternalAuth", "RequestRedirect") { return true }
        let reference = try filter["extensionRef"]
        guard try type.equals("ExtensionRef"), let name = try reference["name"].string(),
            let kind = try reference["kind"].string()
        else { return false }
        if kind == "Middleware", try reference["group"].equals("traefik.io") {
            return answer.does(name, in: subject.namespace)
        }
        // Another gateway's filter, which may ask or not.
        findings.addUnknown("the \(kind) \(name)")
        return true
    }

    // MARK: Findings

    private func add(
        _ clause: Clause, _ admin: String, at route: Field, _ answer: Middlewares,
        _ reference: (String) -> Literal, to list: Field
    ) {
        if let name = answer.unknown { return findings.addUnknown(name) }
        let absent = answer.missing.map { ", and there is no Middleware \($0.name)" } ?? ""
        let isAbsentHere = answer.missing?.namespace == subject.namespace
        findings.add(
            clause, at: route, "answers to \(admin) without asking who is there\(absent)", choice: admin,
            traits: .init(awaitsRelatedObject: answer.missing != nil, absent: isAbsentHere ? .middleware : nil)
        ) {
            if let (name, namespace) = answer.missing {
                $0.relatedObject = middleware(name, namespace)
                return
            }
            let known = Middlewares.first(that: .authenticates, in: subject.namespace, context)
            let name = known ?? "\(subject.name ?? "admin")-authentication"
            $0.edits = [.append(reference(name), to: list, at: findings.place(of: list))]
            if known == nil { $0.relatedObject = middleware(name, subject.namespace) }
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
