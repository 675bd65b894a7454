import JSON
import Kubernetes

extension Rule {
    static let publicTLS = Rule(
        id: "public-tls",
        title: "What the public reaches speaks TLS",
        group: .traffic,
        section: .networkSecurity,
        rationale: """
            What is sent in plain text is read and changed on the way. A plain listener is there for one thing: to send browsers to \
            where TLS is spoken.
            """,
        level: .deny,
        scope: Scope(
            ResourceKinds(
                .elbv2Listener, .gateway, .listenerSet, .experimentalListenerSet, .httpRoute, .ingressRoute)),
        clauses: [TLSClause.loadBalancer, TLSClause.listener, TLSClause.attached, TLSClause.ingressRoute],
        settings: [RuleSettings.tlsPlace, RuleSettings.tlsEntryPoints],
        companions: [
            .elbv2LoadBalancer, .httpRoute, .gateway, .listenerSet, .experimentalListenerSet, .middleware,
        ],
        examples: tlsExamples,
        check: { (subject, context, findings) throws(CannotJudge) in
            let isAtGateway = context.settings[RuleSettings.tlsPlace] == .gateway
            guard isAtGateway == (subject.kind != .elbv2Listener), let spec = try subject.spec() else { return }
            switch subject.kind {
            case .elbv2Listener: findings.add(contentsOf: try loadBalancerFindings(spec, subject, context))
            case .httpRoute: try evaluateParents(spec, subject, context, findings)
            case .ingressRoute: findings.add(contentsOf: try ingressRouteFindings(spec, subject, context, findings))
            default: try evaluateListeners(spec, subject, context, findings)
            }
        }
    )
}

/// What the rule checks; its examples stand in a file of their own.
enum TLSClause {
    static let loadBalancer = Clause(
        "load-balancer", "a listener of a public load balancer speaks TLS, or only redirects to HTTPS")
    static let listener = Clause("listener", "a gateway's listener speaks TLS, or only redirects to HTTPS")
    static let attached = Clause(
        "attached", "an HTTPRoute that does more than redirect to HTTPS is attached to no listener that speaks HTTP")
    static let ingressRoute = Clause("ingress-route", "an IngressRoute speaks TLS, or only redirects to HTTPS")
}

// MARK: ACK's listeners

private func loadBalancerFindings(
    _ spec: Value, _ subject: Subject, _ context: Context
) throws(CannotJudge) -> [Finding] {
    guard let name = try spec.text("protocol") else { return [] }
    // What else goes over TCP encrypts by itself, or not: nothing shows it.
    let port = try spec.integer("port")
    let isPlain = name.equals("HTTP") || port == 80 && (name.equals("TCP") || name.equals("TCP_UDP"))
    guard isPlain, try !onlyRedirects(spec) else { return [] }
    let balancer = try LoadBalancerReference(spec, subject, context)
    guard !balancer.isInternal else { return [] }
    let redirect: Literal = [
        "type": "redirect", "redirectConfig": ["protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"],
    ]
    return [
        Finding(TLSClause.loadBalancer, at: "/spec/protocol", "is \(name.text): what it serves can be read on the way")
            .with {
                $0.choice = name.text
                let rest = "port: 443, a certificate and an sslPolicy"
                if name.equals("HTTP") {
                    $0.edits = [.set("/spec/defaultActions", [redirect])]
                    $0.advice = "or serve it with protocol: HTTPS, \(rest)"
                } else {
                    $0.advice = "serve it with protocol: TLS, \(rest)"
                }
                // One that is still to come may turn out to be internal.
                $0.awaitsCompanion = balancer.isAbsent
                if balancer.isAbsent, balancer.namespace == subject.namespace { $0.absent = .elbv2LoadBalancer }
            }
    ]
}

private func onlyRedirects(_ spec: Value) throws(CannotJudge) -> Bool {
    var actions = 0
    for action in try spec.objects("defaultActions") {
        guard try action.text("type")?.equals("redirect") ?? false,
            try action.object("redirectConfig")?.text("protocol")?.equals("HTTPS") ?? false
        else { return false }
        actions += 1
    }
    return actions > 0
}

/// A listener's load balancer, which is on the internet where nothing else is said.
private struct LoadBalancerReference {
    let namespace: String
    var isInternal = false
    /// Whether it is named and not there.
    var isAbsent = false

    init(_ spec: Value, _ subject: Subject, _ context: Context) throws(CannotJudge) {
        let reference = try spec.object("loadBalancerRef")?.object("from")
        namespace = try reference?.string("namespace") ?? subject.namespace
        guard let name = try reference?.string("name") else { return }
        let known = try context.companions.objects(.elbv2LoadBalancer, in: namespace).first { $0.name == name }
        isInternal = known?.fields["internal"] == true
        isAbsent = known == nil
    }
}

// MARK: Gateways

/// An HTTPRoute that is attached to some listener, as far as it matters here.
private func evaluateListeners(
    _ spec: Value, _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    // The references of the namespace's routes to this object; routes of other namespaces are judged when they come.
    var parents: [(route: CompanionObject, reference: Literal)]?
    for listener in try spec.objects("listeners") {
        try findings.step()
        guard try PlainListeners.isPlain(listener), let name = try listener.string("name"),
            let value = listener["protocol"]
        else { continue }
        let port = try listener.integer("port")
        let known: [(route: CompanionObject, reference: Literal)]
        if let parents { known = parents } else { known = try routes(to: subject, context) }
        parents = known
        try findings.step(known.count * 4)
        let attached = known.filter { PlainListeners.takes($0.reference, section: name, port: port) }
        if let serving = attached.first(where: { $0.route.fields["redirects"] != true })?.route {
            findings.add(at: value, choice: serving.name) { place in
                Finding(
                    TLSClause.listener, at: place,
                    "is HTTP, and HTTPRoute \(serving.name) serves what can be read on the way"
                ).with {
                    $0.choice = serving.name
                    $0.advice = "name the listener that speaks TLS in the route's parentRefs, as in sectionName: https"
                }
            }
        } else if attached.isEmpty {
            findings.add(at: value, traits: .init(isHint: true, awaitsCompanion: true)) { place in
                Finding(TLSClause.listener, at: place, "is HTTP: nothing but a redirect belongs here").with {
                    $0.isHint = true
                    $0.awaitsCompanion = true
                    $0.companion = redirect(to: subject, section: name)
                }
            }
        }
    }
}

private func routes(
    to subject: Subject, _ context: Context
) throws(CannotJudge) -> [(route: CompanionObject, reference: Literal)] {
    try context.companions.objects(.httpRoute, in: subject.namespace).flatMap { route in
        (route.fields["parents"]?.elements ?? []).filter { PlainListeners.names($0, subject) }.map { (route, $0) }
    }
}

private func redirect(to subject: Subject, section: String) -> Literal {
    let gateway = subject.name ?? "gateway"
    var parent: [Literal.Member] = [.init("name", .string(gateway)), .init("sectionName", .string(section))]
    if subject.kind != .gateway {
        parent.insert(.init("group", "\(subject.kind.group)"), at: 0)
        parent.insert(.init("kind", "\(subject.kind.name)"), at: 1)
    }
    return [
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": ["name": .string("\(gateway)-redirect"), "namespace": .string(subject.namespace)],
        "spec": [
            "parentRefs": [.object(parent)],
            "rules": [
                ["filters": [["type": "RequestRedirect", "requestRedirect": ["scheme": "https", "statusCode": 301]]]]
            ],
        ],
    ]
}

private func evaluateParents(
    _ spec: Value, _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    if try PlainListeners.redirects(spec) { return }
    var unknown: CannotJudge?
    for parent in try spec.objects("parentRefs") {
        try findings.step()
        do throws(CannotJudge) {
            guard let listener = try PlainListeners.first(of: parent, from: subject, context) else { continue }
            let name = try parent.string("name") ?? ""
            let choice = "\(name)/\(listener)"
            findings.add(at: parent, choice: choice) { place in
                Finding(TLSClause.attached, at: place, "leads to listener \(listener) of \(name), which speaks HTTP")
                    .with {
                        $0.choice = choice
                        $0.advice = "name one that speaks TLS, as in sectionName: https"
                    }
            }
        } catch {
            guard case .unknown = error else { throw error }
            unknown = error
        }
    }
    if let unknown { throw unknown }
}

// MARK: Traefik

private func ingressRouteFindings(
    _ spec: Value, _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) -> [Finding] {
    // A child has its parent's TLS, and none of its own.
    guard try spec.object("tls") == nil, try spec.objects("parentRefs").isEmpty else { return [] }
    let encrypted = context.settings[RuleSettings.tlsEntryPoints]
    let points = try spec.strings("entryPoints")?.elements.map(\.text) ?? []
    if !points.isEmpty, points.allSatisfy({ encrypted.contains($0) }) { return [] }
    var unknown: String?
    for route in try spec.objects("routes") {
        try findings.step()
        var search = Middlewares(that: .redirects, in: context)
        if try search.contains(route.objects("middlewares"), from: subject.namespace) { continue }
        // What is certain of another route holds whatever this one does.
        if let name = search.unknown {
            unknown = unknown ?? name
            continue
        }
        let place: Pointer = "/spec/tls"
        let seen = points.isEmpty ? "every entry point" : points.joined(separator: ", ")
        return [
            Finding(
                TLSClause.ingressRoute, at: place, "is unset, and \(seen) may be reached without it",
                edits: [.set(place, .object([]))]
            ).with {
                $0.advice =
                    "with secretName or certResolver, if Traefik has no default certificate; a route on web only redirects"
                if search.missing != nil { $0.awaitsCompanion = true }
            }
        ]
    }
    if let unknown { throw .unknown(companion: unknown) }
    return []
}
