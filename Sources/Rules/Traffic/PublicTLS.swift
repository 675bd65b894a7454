import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let publicTLS = Rule(
        id: "public-tls",
        title: "Public endpoints use TLS",
        group: .traffic,
        section: .networkSecurity,
        rationale: """
            Plain text can be read and changed in transit. An HTTP listener is only needed to redirect clients to HTTPS.
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
        "The place that decrypts connections from outside: `load-balancer` (ACK Listeners) or `gateway` (Gateways and IngressRoutes)."
    )

    static let tlsEntryPoints = RuleSetting(
        "PLAYBOOK_TLS_ENTRY_POINTS", .list("names"), default: ["websecure"],
        "Traefik entry points that use TLS by Traefik's own configuration, even if an IngressRoute does not set `tls`.")
}

/// The place that decrypts connections from outside.
package enum TLSPlace: String, Sendable, CaseIterable {
    /// At the load balancer, before the cluster.
    case loadBalancer = "load-balancer"
    /// At the gateway, in the cluster.
    case gateway
}

/// The rule's clauses, which its examples in another file use, too.
enum TLSClause {
    static let loadBalancer = Clause(
        "load-balancer", "a listener of a public load balancer uses TLS or only redirects to HTTPS")
    static let listener = Clause("listener", "a Gateway's listener uses TLS or only redirects to HTTPS")
    static let attached = Clause(
        "attached", "an HTTPRoute is attached to an HTTP listener only if it redirects to HTTPS")
    static let ingressRoute = Clause("ingress-route", "an IngressRoute uses TLS or only redirects to HTTPS")
}

// MARK: ACK Listeners

private func checkLoadBalancer(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard context[RuleSettings.tlsPlace] != .gateway else { return }
    let spec = try subject.field("spec")
    let place = try spec["protocol"]
    guard let name = try place.text() else { return }
    // The fields do not show whether other protocols over TCP are encrypted.
    let port = try spec["port"].integer()
    let isPlain = name.equals("HTTP") || port == 80 && (name.equals("TCP") || name.equals("TCP_UDP"))
    guard isPlain, try !onlyRedirects(spec) else { return }
    let balancer = try LoadBalancerReference(spec["loadBalancerRef"]["from"], subject, context)
    guard !balancer.isInternal else { return }
    let isAbsentHere = balancer.isAbsent && balancer.namespace == subject.namespace
    let isFixed = try spec.member("defaultActions").answersByItself()
    findings.add(
        TLSClause.loadBalancer, at: place, "is \"\(name.text)\"; traffic is not encrypted",
        choice: name.text,
        // A load balancer that does not exist yet may be internal.
        traits: .init(
            isHint: isFixed, awaitsRelatedObject: balancer.isAbsent,
            absent: isAbsentHere ? .elbv2LoadBalancer : nil)
    ) {
        let rest = "port: 443, a certificate and an sslPolicy"
        guard name.equals("HTTP") else {
            $0.advice = "use protocol: TLS, \(rest)"
            return
        }
        let redirect: Literal = [
            "type": "redirect", "redirectConfig": ["protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"],
        ]
        $0.edits = [.set(findings.place(of: spec.member("defaultActions")), [redirect])]
        $0.advice = "or use protocol: HTTPS, \(rest)"
    }
}

private func onlyRedirects(_ spec: Field) throws(CannotEvaluate) -> Bool {
    var actions = 0
    for action in try spec["defaultActions"].objects() {
        guard try action["type"].equals("redirect"), try action["redirectConfig"]["protocol"].equals("HTTPS")
        else { return false }
        actions += 1
    }
    return actions > 0
}

extension Field {
    /// True if all default actions of a listener return a fixed response.
    fileprivate func answersByItself() throws(CannotEvaluate) -> Bool {
        var actions = 0
        for action in try objects() {
            guard try action["type"].equals("fixed-response") else { return false }
            actions += 1
        }
        return actions > 0
    }
}

/// A listener's load balancer, which is public by default.
private struct LoadBalancerReference {
    let namespace: String
    var isInternal = false
    /// True if the reference names a load balancer that does not exist.
    var isAbsent = false

    init(_ reference: Field, _ subject: Subject, _ context: Context) throws(CannotEvaluate) {
        namespace = try reference["namespace"].string() ?? subject.namespace
        guard let name = try reference["name"].string() else { return }
        let known = try context.relatedObjects.objects(.elbv2LoadBalancer, in: namespace).first { $0.name == name }
        isInternal = known?[.isInternal] ?? false
        isAbsent = known == nil
    }
}

extension RelatedKind {
    /// Load balancers are public by default.
    static let elbv2LoadBalancer = RelatedKind(.elbv2LoadBalancer) { (object, fields) throws(CannotEvaluate) in
        fields[.isInternal] = try object.object("spec")?.text("scheme")?.equals("internal") ?? false
    }
}

extension RelatedField<Bool> {
    fileprivate static let isInternal = Self("internal")
}

// MARK: Gateways

/// Checks the listeners of a Gateway or ListenerSet.
private func checkListeners(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard context[RuleSettings.tlsPlace] == .gateway else { return }
    // The references from routes in this namespace; routes in other namespaces are evaluated on their own admission.
    var parents: [(route: RelatedObject, reference: Literal)]?
    for listener in try subject.field("spec")["listeners"].objects() {
        try findings.step()
        let (place, port) = (try listener["protocol"], try listener["port"].integer())
        if try PlainListeners.isOpenTCP(listener) {
            findings.add(
                TLSClause.listener, at: place, "is \"TCP\" on port \(port ?? 0); traffic is not encrypted",
                choice: "\(port ?? 0)"
            ) { $0.advice = "use protocol: TLS with a certificate and a TLSRoute or TCPRoute" }
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
                "is \"HTTP\", but HTTPRoute \(serving.name) does not redirect to HTTPS", choice: serving.name
            ) {
                $0.advice =
                    "attach the route to the TLS listener in its parentRefs, for example with sectionName: https"
            }
        } else if attached.isEmpty {
            findings.add(
                TLSClause.listener, at: place, "is \"HTTP\", but no HTTPRoute redirects to HTTPS",
                traits: .init(isHint: true, awaitsRelatedObject: true)
            ) { $0.relatedObject = redirect(to: subject, section: name) }
        }
    }
}

private func routes(
    to subject: Subject, _ context: Context
) throws(CannotEvaluate) -> [(route: RelatedObject, reference: Literal)] {
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

private func checkParents(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
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
) throws(CannotEvaluate) {
    guard let listener = try PlainListeners.first(of: parent, from: subject, context) else { return }
    let name = try parent["name"].string() ?? ""
    findings.add(
        TLSClause.attached, at: parent, "attaches the route to listener \(listener) of \(name), which uses HTTP",
        choice: "\(name)/\(listener)"
    ) { $0.advice = "use a TLS listener, for example with sectionName: https" }
}

// MARK: Traefik

private func checkIngressRoute(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard context[RuleSettings.tlsPlace] == .gateway else { return }
    let spec = try subject.field("spec")
    let place = try spec["tls"]
    // A child route uses its parent's TLS settings.
    guard try place.object() == nil, try spec["parentRefs"].objects().isEmpty else { return }
    let encrypted = context[RuleSettings.tlsEntryPoints]
    let points = try spec["entryPoints"].strings().map(\.base.text)
    if !points.isEmpty, points.allSatisfy({ encrypted.contains($0) }) { return }
    var unknown: String?
    for route in try spec["routes"].objects() {
        try findings.step()
        var search = Middlewares(that: .redirects, in: context)
        if try search.contains(route["middlewares"], from: subject.namespace) { continue }
        // One unencrypted route is enough for a finding, even if other routes are unknown.
        if let name = search.unknown {
            unknown = unknown ?? name
            continue
        }
        let seen = points.isEmpty ? "every entry point" : points.joined(separator: ", ")
        findings.add(
            TLSClause.ingressRoute, at: place, "is not set; clients can connect to \(seen) without TLS",
            set: .object([]), traits: .init(awaitsRelatedObject: search.missing != nil)
        ) {
            $0.advice =
                "set secretName or certResolver unless Traefik has a default certificate; a route on web must only redirect"
        }
        return
    }
    if let unknown { throw .unknown(relatedObject: unknown) }
}
