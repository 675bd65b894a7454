import Evaluation
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
        concern: .security,
        scope: Scope(
            ResourceKinds(
                .elbv2Listener, .gateway, .listenerSet, .experimentalListenerSet, .httpRoute, .ingressRoute)),
        clauses: [TLSClause.loadBalancer, TLSClause.listener, TLSClause.attached, TLSClause.ingressRoute],
        settings: [RuleSettings.tlsPlace, RuleSettings.tlsEntryPoints],
        relatedObjects: [
            .elbv2LoadBalancer, .httpRoute, .gateway, .listenerSet, .experimentalListenerSet, .middleware,
        ],
        examples: tlsExamples,
        checks: [
            .init(.elbv2Listener, check: checkLoadBalancer), .init(.httpRoute, check: checkParents),
            .init(.ingressRoute, check: checkIngressRoute),
            .init(.gateway, .listenerSet, .experimentalListenerSet, check: checkListeners),
        ]
    )
}

extension RuleSettings {
    static let tlsPlace = RuleSetting(
        "PLAYBOOK_TLS_AT", .choice(), default: TLSPlace.loadBalancer,
        "Where connections from outside are decrypted: `load-balancer` (in ACK's Listeners) or `gateway` (in Gateways and IngressRoutes)."
    )

    static let tlsEntryPoints = RuleSetting(
        "PLAYBOOK_TLS_ENTRY_POINTS", .list("names"), default: ["websecure"],
        "Traefik's entry points that speak TLS by Traefik's own configuration, whatever an IngressRoute says.")
}

/// Where connections from outside are decrypted.
package enum TLSPlace: String, Sendable, CaseIterable {
    /// At the load balancer, before the cluster.
    case loadBalancer = "load-balancer"
    /// At the gateway, in the cluster.
    case gateway
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

private func checkLoadBalancer(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard context[RuleSettings.tlsPlace] != .gateway else { return }
    let spec = try subject.field("spec")
    let place = try spec["protocol"]
    guard let name = try place.text() else { return }
    // What else goes over TCP encrypts by itself, or not: nothing shows it.
    let port = try spec["port"].integer()
    let isPlain = name.equals("HTTP") || port == 80 && (name.equals("TCP") || name.equals("TCP_UDP"))
    guard isPlain, try !onlyRedirects(spec) else { return }
    let balancer = try LoadBalancerReference(spec["loadBalancerRef"]["from"], subject, context)
    guard !balancer.isInternal else { return }
    let isAbsentHere = balancer.isAbsent && balancer.namespace == subject.namespace
    let isFixed = try spec.member("defaultActions").answersByItself()
    findings.add(
        TLSClause.loadBalancer, at: place, "is \(name.text): what it serves can be read on the way",
        choice: name.text,
        // One that is still to come may turn out to be internal.
        traits: .init(
            isHint: isFixed, awaitsRelatedObject: balancer.isAbsent,
            absent: isAbsentHere ? .elbv2LoadBalancer : nil)
    ) {
        let rest = "port: 443, a certificate and an sslPolicy"
        guard name.equals("HTTP") else {
            $0.advice = "serve it with protocol: TLS, \(rest)"
            return
        }
        let redirect: Literal = [
            "type": "redirect", "redirectConfig": ["protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"],
        ]
        $0.edits = [.set(findings.place(of: spec.member("defaultActions")), [redirect])]
        $0.advice = "or serve it with protocol: HTTPS, \(rest)"
    }
}

private func onlyRedirects(_ spec: Field) throws(CannotJudge) -> Bool {
    var actions = 0
    for action in try spec["defaultActions"].objects() {
        guard try action["type"].equals("redirect"), try action["redirectConfig"]["protocol"].equals("HTTPS")
        else { return false }
        actions += 1
    }
    return actions > 0
}

extension Field {
    /// True if a listener's default actions do nothing but answer with a fixed text, which leads nowhere.
    fileprivate func answersByItself() throws(CannotJudge) -> Bool {
        var actions = 0
        for action in try objects() {
            guard try action["type"].equals("fixed-response") else { return false }
            actions += 1
        }
        return actions > 0
    }
}

/// A listener's load balancer, which is on the internet where nothing else is said.
private struct LoadBalancerReference {
    let namespace: String
    var isInternal = false
    /// Whether it is named and not there.
    var isAbsent = false

    init(_ reference: Field, _ subject: Subject, _ context: Context) throws(CannotJudge) {
        namespace = try reference["namespace"].string() ?? subject.namespace
        guard let name = try reference["name"].string() else { return }
        let known = try context.relatedObjects.objects(.elbv2LoadBalancer, in: namespace).first { $0.name == name }
        isInternal = known?[.isInternal] ?? false
        isAbsent = known == nil
    }
}

extension RelatedKind {
    /// On the internet where nothing else is said.
    static let elbv2LoadBalancer = RelatedKind(.elbv2LoadBalancer) { (object, fields) throws(CannotJudge) in
        fields[.isInternal] = try object.object("spec")?.text("scheme")?.equals("internal") ?? false
    }
}

extension RelatedField<Bool> {
    fileprivate static let isInternal = Self("internal")
}

// MARK: Gateways

/// An HTTPRoute that is attached to some listener, as far as it matters here.
private func checkListeners(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard context[RuleSettings.tlsPlace] == .gateway else { return }
    // The references of the namespace's routes to this object; routes of other namespaces are judged when they come.
    var parents: [(route: RelatedObject, reference: Literal)]?
    for listener in try subject.field("spec")["listeners"].objects() {
        try findings.step()
        let (place, port) = (try listener["protocol"], try listener["port"].integer())
        if try PlainListeners.isOpenTCP(listener) {
            findings.add(
                TLSClause.listener, at: place, "is TCP at port \(port ?? 0): what it serves can be read on the way",
                choice: "\(port ?? 0)"
            ) { $0.advice = "use protocol: TLS with a certificate, and a TLSRoute or TCPRoute" }
            continue
        }
        guard try PlainListeners.isPlain(listener), let name = try listener["name"].string() else { continue }
        let known: [(route: RelatedObject, reference: Literal)]
        if let parents { known = parents } else { known = try routes(to: subject, context) }
        parents = known
        try findings.step(known.count * 4)
        let attached = known.filter { PlainListeners.takes($0.reference, section: name, port: port) }
        if let serving = attached.first(where: { !($0.route[.redirects] ?? false) })?.route {
            findings.add(
                TLSClause.listener, at: place,
                "is HTTP, and HTTPRoute \(serving.name) serves what can be read on the way", choice: serving.name
            ) {
                $0.advice = "name the listener that speaks TLS in the route's parentRefs, as in sectionName: https"
            }
        } else if attached.isEmpty {
            findings.add(
                TLSClause.listener, at: place, "is HTTP: nothing but a redirect belongs here",
                traits: .init(isHint: true, awaitsRelatedObject: true)
            ) { $0.relatedObject = redirect(to: subject, section: name) }
        }
    }
}

private func routes(
    to subject: Subject, _ context: Context
) throws(CannotJudge) -> [(route: RelatedObject, reference: Literal)] {
    try context.relatedObjects.objects(.httpRoute, in: subject.namespace).flatMap { route in
        (route[.parents] ?? []).filter { PlainListeners.names($0, subject) }.map { (route, $0) }
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

private func checkParents(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotJudge) {
    guard context[RuleSettings.tlsPlace] == .gateway else { return }
    let spec = try subject.field("spec")
    if try PlainListeners.redirects(spec) { return }
    for parent in try spec["parentRefs"].objects() {
        try findings.step()
        try findings.separately(check(parent, subject, context, findings))
    }
}

private func check(
    _ parent: Field, _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard let listener = try PlainListeners.first(of: parent, from: subject, context) else { return }
    let name = try parent["name"].string() ?? ""
    findings.add(
        TLSClause.attached, at: parent, "leads to listener \(listener) of \(name), which speaks HTTP",
        choice: "\(name)/\(listener)"
    ) { $0.advice = "name one that speaks TLS, as in sectionName: https" }
}

// MARK: Traefik

private func checkIngressRoute(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotJudge) {
    guard context[RuleSettings.tlsPlace] == .gateway else { return }
    let spec = try subject.field("spec")
    let place = try spec["tls"]
    // A child has its parent's TLS, and none of its own.
    guard try place.object() == nil, try spec["parentRefs"].objects().isEmpty else { return }
    let encrypted = context[RuleSettings.tlsEntryPoints]
    let points = try spec["entryPoints"].strings().map(\.base.text)
    if !points.isEmpty, points.allSatisfy({ encrypted.contains($0) }) { return }
    var unknown: String?
    for route in try spec["routes"].objects() {
        try findings.step()
        var search = Middlewares(that: .redirects, in: context)
        if try search.contains(route["middlewares"], from: subject.namespace) { continue }
        // One route is enough: nothing more is to be known of the others then.
        if let name = search.unknown {
            unknown = unknown ?? name
            continue
        }
        let seen = points.isEmpty ? "every entry point" : points.joined(separator: ", ")
        findings.add(
            TLSClause.ingressRoute, at: place, "is unset, and \(seen) may be reached without it",
            set: .object([]), traits: .init(awaitsRelatedObject: search.missing != nil)
        ) {
            $0.advice =
                "with secretName or certResolver, if Traefik has no default certificate; a route on web only redirects"
        }
        return
    }
    if let unknown { throw .unknown(relatedObject: unknown) }
}
