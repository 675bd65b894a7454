import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// Rules about traffic: cases without an example.
@Suite struct TrafficRuleTests {
    private func world(_ rule: String, _ yaml: String, _ settings: [String: String] = [:]) throws -> World {
        var world = World(try Literal(yaml: yaml))
        world.rules = [try #require(Catalogue.playbook[rule])]
        world.settings = settings
        return world
    }

    private func traefik(_ matches: String...) -> String {
        """
        apiVersion: traefik.io/v1alpha1
        kind: IngressRoute
        metadata: {name: web, namespace: shop}
        spec: {routes: [\(matches.map { "{match: '\($0)'}" }.joined(separator: ", "))]}
        """
    }

    private let zones = ["PLAYBOOK_DNS_ZONES": "superinc.com"]

    // MARK: Load balancers

    private func service(_ type: String, scheme: String?, team: String = "shop") -> String {
        let annotation = scheme.map { "service.beta.kubernetes.io/aws-load-balancer-scheme: \($0)" } ?? ""
        return """
            apiVersion: v1
            kind: Service
            metadata: {name: web, namespace: shop, labels: {team: \(team)}, annotations: {\(annotation)}}
            spec: {type: \(type), ports: [{port: 80}]}
            """
    }

    @Test func `a load balancer and its annotations are one finding, whose suggestion removes both`() throws {
        let world = try world("load-balancer-service", service("LoadBalancer", scheme: "internal"))
        let object = try #require(world.object)
        let finding = try #require(world.decision().findings.first?.finding)
        #expect(finding.message.contains("\"LoadBalancer\" with aws-load-balancer-scheme;"))
        let changed = try Patch(finding.edits, on: object).applied(to: object)
        #expect(changed["metadata"]?["annotations"] == [:] && changed["spec"]?["type"] == "ClusterIP")
    }

    @Test(
        arguments: [
            // A label, a removed annotation and a removed load balancer add nothing.
            ("LoadBalancer", "internal", "payments", [DecidedFinding.Leniency.existing]),
            ("LoadBalancer", nil, "shop", []), ("ClusterIP", "internal", "shop", [.existing]),
            ("LoadBalancer", "internet-facing", "shop", [nil]), ("NodePort", "internal", "shop", [.existing, nil]),
        ] as [(String, String?, String, [DecidedFinding.Leniency?])])
    func `on UPDATE of a load balancer, a new annotation or type is denied`(
        _ type: String, _ scheme: String?, _ team: String, _ leniency: [DecidedFinding.Leniency?]
    ) throws {
        let old = try world("load-balancer-service", service("LoadBalancer", scheme: "internal"))
        let updated = old.updated(to: try Literal(yaml: service(type, scheme: scheme, team: team)))
        #expect(try updated.decision().findings.map(\.leniency) == leniency)
    }

    @Test func `a changed annotation of a load balancer is denied by name, and its suggestion keeps the load balancer`()
        throws
    {
        func balancer(_ targets: String) -> String {
            service(
                "LoadBalancer", scheme: "internal, service.beta.kubernetes.io/aws-load-balancer-target-type: \(targets)"
            )
        }
        let old = try world("load-balancer-service", balancer("instance"))
        let decision = try old.updated(to: Literal(yaml: balancer("ip"))).decision()
        let denials = decision.findings.filter { $0.effect == .deny }
        #expect(
            denials.map(\.path) == ["metadata.annotations[service.beta.kubernetes.io/aws-load-balancer-target-type]"])
        #expect(denials.first?.change.block.contains("ClusterIP") == false)
    }

    // MARK: Hosts

    @Test func `a host stays an existing violation if its route moves, and another host is denied`() throws {
        let old = try world("dns-zone", traefik("Host(`old.example.org`)"), zones)
        let moved = try old.updated(
            to: Literal(yaml: traefik("Host(`a.superinc.com`)", "Host(`OLD.example.org.`) && Path(`/x`)")))
        #expect(try moved.decision().findings.map(\.leniency) == [.existing])
        let other = try old.updated(to: Literal(yaml: traefik("Host(`new.example.org`)")))
        #expect(try other.decision().isDenied)
    }

    @Test func `the suggested change replaces the host and keeps the rest of the value`() throws {
        let rule = "Host(`shop.example.org`) || Host(`shop.example.org.superinc.com`) || Host(`x.shop.example.org`)"
        let world = try world("dns-zone", traefik(rule), zones)
        let sets = try world.decision().findings.map { $0.change.line() }
        #expect(sets.count == 2)
        #expect(
            sets[0].contains(
                "Host(`shop.superinc.com`) || Host(`shop.example.org.superinc.com`) || Host(`x.shop.example.org`)"))
        #expect(sets[1].contains("Host(`x.superinc.com`)"))
    }

    @Test(
        arguments: [
            ("^shop\\.superinc\\.com$", true), ("^superinc\\.com$", true), (".+\\.superinc\\.com$", true),
            ("(?i)^(a|b)\\.superinc\\.com$", true), ("^[a-z|(]+\\.superinc\\.com$", true),
            ("{n:.+}.superinc.com", true),
            ("^[^]|]\\.SuperInc\\.com$", true),
            ("^shop\\.superinc\\.com", false), ("superinc\\.com$", false), ("^a\\.evilsuperinc\\.com$", false),
            ("evil|a\\.superinc\\.com$", false), ("(a)|b\\.superinc\\.com$", false),
            ("[(]?.*|a\\.superinc\\.com$", false),
            ("\\Q(\\E?.*|a\\.superinc\\.com$", false), ("\\(|a\\.superinc\\.com$", false), ("a.superinc.com$", false),
            ("{n:.+}superinc.com", false), ("{n:.+}.evil.com", false), ("\\.superinc\\.com\\$", false), ("", false),
            ("[]|x]|.*\\.superinc\\.com$", false),
        ])
    func `a HostRegexp is accepted if all hosts that it matches are in the zone`(
        _ expression: String, _ stays: Bool
    ) throws {
        let world = try world("dns-zone", traefik("HostRegexp(`\(expression)`)"), zones)
        #expect(try world.decision().findings.isEmpty == stays)
        #expect(try !world.decision().isDenied)
    }

    @Test func `a rule with 20000 hosts produces a bounded message`() throws {
        let rule = (0..<20_000).map { "Host(`h\($0).example.org`)" }.joined(separator: " || ")
        let decision = try world("dns-zone", traefik(rule), zones).decision()
        #expect(decision.isDenied && decision.findings.count == 100)
        #expect(decision.further.map(\.count) == [19_900])
        #expect(decision.message.contains("and 19950 more"))
        #expect(decision.message.utf8.count <= 16 << 10)
    }

    @Test(
        arguments: [
            ("", "[{name: alias, value: 'true'}]"), ("[]", "[{name: alias, value: 'true'}]"),
            ("[{name: region, value: eu}]", "[{name: region, value: eu}, {name: alias, value: 'true'}]"),
            (
                "[{name: alias, value: 'false'}, {name: region, value: eu}]",
                "[{name: alias, value: 'true'}, {name: region, value: eu}]"
            ),
        ])
    func `the suggested alias at the apex keeps the other providerSpecific entries`(
        _ before: String, _ after: String
    ) throws {
        let world = try world(
            "dns-zone",
            """
            apiVersion: externaldns.k8s.io/v1alpha1
            kind: DNSEndpoint
            metadata: {name: web, namespace: shop}
            spec: {endpoints: [{dnsName: superinc.com, recordType: CNAME\(before.isEmpty ? "" : ", providerSpecific: \(before)")}]}
            """, zones)
        let finding = try #require(world.decision().findings.first?.finding)
        let fixed = try Patch(finding.edits, on: try #require(world.object)).applied(to: try #require(world.object))
        #expect(
            try fixed["spec"]?["endpoints"]?.elements.first?["providerSpecific"] == Literal(yaml: after))
    }

    @Test(arguments: ["5", "null", "[x]"])
    func `a hostname that is not a string is reported`(_ host: String) throws {
        let route = """
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: web, namespace: shop}
            spec: {hostnames: [shop.superinc.com, \(host)]}
            """
        for rule in ["dns-zone", "admin-authentication"] {
            #expect(try world(rule, route, zones).decision().findings.map(\.path) == ["spec.hostnames[1]"])
        }
    }

    // MARK: Admin pages

    @Test(
        arguments: [
            ("Host(`admin.example.com`)", true), ("Host(`shop.example.com`) && Path(`/api/admin`)", false),
            ("PathPrefix(`/phpmyadmin`)", false), ("PathPrefix(`/admin_area`)", false),
            ("PathPrefix(`/Admin.php`)", true),
            ("HostRegexp(`^(grafana|admin)\\.example\\.com$`)", true), ("Host(`a.com`, `admin.eu.a.com`)", true),
            ("Host(`a.com`, `admin-eu.a.com`)", false),
            ("PathPrefix(`/administration/`)", true), ("HOST(`ADMIN.EXAMPLE.COM`)", true),
            ("PathPrefix(`/administrators`)", false), ("PathPrefix(`/badminton`)", false),
            ("Host(`madmin-x.com`)", false),
            ("Header(`X-Role`, `admin`)", false), ("Host(`a.com`) && !Path(`/admin`)", false),
            ("Query(`admin`)", false),
        ])
    func `admin is matched as a whole word of a host or path`(_ match: String, _ isAdmin: Bool) throws {
        #expect(try world("admin-authentication", traefik(match)).decision().isDenied == isAdmin)
    }

    @Test func `an unprotected admin page is an existing violation, and another one is denied`() throws {
        let old = try world("admin-authentication", traefik("Path(`/admin`)"))
        let more = try old.updated(to: Literal(yaml: traefik("Path(`/wp-admin`)", "Path(`/admin`)")))
        #expect(
            try more.decision().findings.map { "\($0.path) \($0.effect.rawValue)" } == [
                "spec.routes[0] deny", "spec.routes[1] warn",
            ])
    }

    // MARK: Ingresses

    @Test(
        arguments: [
            ("{host: a.x, HTTP web}, {host: b.x, HTTP web}", "hostnames: [a.x, b.x]", nil),
            ("{host: a.x, HTTP web}, {host: b.x, HTTP blog}", "hostnames: [a.x]", "b.x"),
            ("{host: a.x, HTTP web}, {HTTP blog}", "hostnames: [a.x]", "all other hosts"),
            ("{HTTP web}, {host: a.x, HTTP web}", "", nil),
        ])
    func `the HTTPRoute suggested for an Ingress sends no host to another Service`(
        _ rules: String, _ hosts: String, _ elsewhere: String?
    ) throws {
        func http(_ service: String) -> String {
            "http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: \(service), port: {number: 80}}}}]}"
        }
        let yaml = rules.replacing("HTTP web", with: http("web")).replacing("HTTP blog", with: http("blog"))
        let finding = try ingress("rules: [\(yaml)]")
        let spec = finding.relatedObject?["spec"]
        #expect(try spec?["hostnames"] == Literal(yaml: "{\(hosts)}")["hostnames"])
        #expect(spec?["rules"]?.elements.count == 1)
        #expect(spec?["rules"]?.elements.first?["backendRefs"]?.elements.first?["name"] == "web")
        #expect(finding.advice?.hasSuffix(": \(elsewhere ?? "")") ?? false == (elsewhere != nil))
    }

    /// The finding about an Ingress in a namespace with a Gateway.
    private func ingress(_ spec: String) throws -> Finding {
        var world = try world(
            "gateway-api",
            """
            apiVersion: networking.k8s.io/v1
            kind: Ingress
            metadata: {name: web, namespace: shop}
            spec: {\(spec)}
            """)
        world.relatedObjects = try Literal.all(
            yaml: """
                apiVersion: gateway.networking.k8s.io/v1
                kind: GatewayClass
                metadata: {name: traefik}
                spec: {controllerName: traefik.io/gateway-controller}
                ---
                apiVersion: gateway.networking.k8s.io/v1
                kind: Gateway
                metadata: {name: public, namespace: shop}
                spec: {gatewayClassName: traefik, listeners: []}
                """)
        return try #require(world.decision().findings.first?.finding)
    }

    @Test(
        arguments: [
            ("{service: {name: web, port: {number: 8080}}}", "8080"),
            ("{service: {name: web, port: {name: http}}}", nil),
            ("{serviceName: web, servicePort: http}", nil), ("{serviceName: web, servicePort: 8080}", "8080"),
        ])
    func `the suggested HTTPRoute has port numbers, and the advice lists named ports to look up`(
        _ backend: String, _ number: String?
    ) throws {
        let finding = try ingress("rules: [{http: {paths: [{backend: \(backend)}]}}]")
        let reference = finding.relatedObject?["spec"]?["rules"]?.elements.first?["backendRefs"]?.elements.first
        #expect(reference?["port"] == number.map { .number($0) })
        #expect(finding.advice?.contains("the numbers of the ports http") ?? false == (number == nil))
    }

    // MARK: Services

    @Test func `existing external IPs may stay or be removed, and another one is denied`() throws {
        func service(_ addresses: some Sequence<Int>) -> String {
            """
            apiVersion: v1
            kind: Service
            metadata: {name: web, namespace: shop}
            spec: {externalIPs: [\(addresses.map { "192.0.2.\($0)" }.joined(separator: ", "))]}
            """
        }
        let old = try world("load-balancer-service", service(1...12))
        func denied(_ addresses: some Sequence<Int>) throws -> [String?] {
            try old.updated(to: Literal(yaml: service(addresses))).decision().findings
                .filter { $0.effect == .deny }.map(\.finding.choice)
        }
        #expect(try denied(2...12) == [])
        #expect(try denied((1...12).reversed()) == [])
        #expect(try denied(1...13) == ["192.0.2.13"])
    }

    @Test func `a missing parent of an IngressRoute is named, looked up, and may be created within the grace period`()
        throws
    {
        var world = try world(
            "admin-authentication",
            """
            apiVersion: traefik.io/v1alpha1
            kind: IngressRoute
            metadata: {name: child, namespace: shop}
            spec:
              parentRefs: [{name: front}]
              routes: [{match: PathPrefix(`/admin`), kind: Rule, services: [{name: web, port: 80}]}]
            """)
        world.without = ResourceKinds(.ingressRoute, .middleware)
        let decision = try world.decision()
        #expect(decision.isDenied && decision.message.contains("its parent IngressRoute front does not exist"))
        #expect(decision.lookups.contains(.absence(Absence(.ingressRoute, in: "shop"))))
        world.settings["PLAYBOOK_COMPANION_GRACE"] = "5m"
        #expect(try !world.decision().isDenied)
    }

    @Test func `a TargetGroupBinding may keep a missing Service, but not change to another missing one`() throws {
        func binding(_ service: String) -> String {
            """
            apiVersion: elbv2.k8s.aws/v1beta1
            kind: TargetGroupBinding
            metadata: {name: web, namespace: shop}
            spec: {serviceRef: {name: \(service), port: 80}}
            """
        }
        var old = try world("target-group-binding", binding("checkout"))
        old.without = ResourceKinds(.service)
        #expect(try !old.updated(to: Literal(yaml: binding("checkout"))).decision().isDenied)
        #expect(try old.updated(to: Literal(yaml: binding("basket"))).decision().isDenied)
    }

    // MARK: Load balancers

    @Test(arguments: [("web", true), ("later", false)])
    func `before a denial, an unknown load balancer is looked up, because it may be internal`(
        _ name: String, _ isThere: Bool
    ) throws {
        var world = try world(
            "public-tls",
            """
            apiVersion: elbv2.services.k8s.aws/v1alpha1
            kind: Listener
            metadata: {name: web, namespace: shop}
            spec: {loadBalancerRef: {from: {name: \(name)}}, port: 80, protocol: HTTP, defaultActions: [{type: forward}]}
            """)
        world.relatedObjects = [
            try Literal(
                yaml: """
                    apiVersion: elbv2.services.k8s.aws/v1alpha1
                    kind: LoadBalancer
                    metadata: {name: web, namespace: shop}
                    spec: {name: web}
                    """)
        ]
        #expect(try world.decision().isDenied)
        let lookup = Lookup.absence(Absence(.elbv2LoadBalancer, in: "shop"))
        #expect(try world.decision().lookups.contains(lookup) != isThere)
        // Flux and Argo CD do a server-side dry run before they create the objects.
        world.isDryRun = true
        #expect(try world.decision().isDenied == isThere)
    }

    @Test(arguments: [("HTTP", "or use protocol: HTTPS"), ("TCP", "use protocol: TLS")])
    func `the advice names the protocol with TLS, after the redirect if there is one`(
        _ name: String, _ words: String
    ) throws {
        let decision = try world(
            "public-tls",
            """
            apiVersion: elbv2.services.k8s.aws/v1alpha1
            kind: Listener
            metadata: {name: web, namespace: shop}
            spec: {loadBalancerARN: arn, port: 80, protocol: \(name)}
            """
        ).decision()
        #expect(decision.findings.first?.finding.advice?.hasPrefix(words) ?? false)
    }

    // MARK: Networks

    @Test func `a larger port range and another IP block are new`() throws {
        func policy(_ cidr: String, _ last: Int) throws -> Literal {
            try Literal(
                yaml: """
                    apiVersion: networking.k8s.io/v1
                    kind: NetworkPolicy
                    metadata: {name: web, namespace: shop}
                    spec: {egress: [{to: [{ipBlock: {cidr: "\(cidr)"}}], ports: [{port: 1, endPort: \(last)}]}]}
                    """)
        }
        var world = World(try policy("0.0.0.0/0", 1000))
        world.rules = [try #require(Catalogue.playbook["broad-network-rules"])]
        world.settings = ["PLAYBOOK_RULE_BROAD_NETWORK_RULES": "deny"]
        func denied(_ object: Literal) throws -> [String] {
            try world.updated(to: object).decision().findings.filter { $0.effect == .deny }.map(\.path)
        }
        #expect(try denied(policy("0.0.0.0/0", 1000).merging(["spec": ["podSelector": [:]]])) == [])
        #expect(try denied(policy("0.0.0.0/0", 500)) == [])
        #expect(try denied(policy("::/0", 1000)) == ["spec.egress[0].to[0].ipBlock"])
        #expect(try denied(policy("0.0.0.0/0", 2000)) == ["spec.egress[0].ports[0]"])
    }

    @Test(arguments: [("icmp", "protocol icmp"), ("tcp", "ports 0-65535"), ("'-1'", "ports 0-65535")])
    func `a finding about a security group names the ports, or the protocol if it has no ports`(
        _ name: String, _ words: String
    ) throws {
        let world = try world(
            "security-group-rules",
            """
            apiVersion: ec2.services.k8s.aws/v1alpha1
            kind: SecurityGroup
            metadata: {name: web, namespace: shop}
            spec: {ingressRules: [{ipProtocol: \(name), ipRanges: [{cidrIP: 0.0.0.0/0}]}]}
            """)
        let finding = try #require(world.decision().findings.map(\.finding).first { $0.clause.name == "open" })
        #expect(finding.message == "allows traffic from 0.0.0.0/0 to \(words)")
    }

    @Test func `an admin page is not evaluated while its Gateway or the class of it is unknown`() throws {
        var world = try world(
            "admin-authentication",
            """
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: web, namespace: shop}
            spec: {parentRefs: [{name: public}], rules: [{matches: [{path: {value: /admin}}]}]}
            """)
        #expect(try world.decision().notEvaluated.map { $0.reason.contains("Gateways") } == [true])
        // A Gateway that does not exist has no policies.
        world.without = ResourceKinds(.gateway)
        #expect(try world.decision().isDenied)
        world.without = ResourceKinds()
        world.relatedObjects = try Literal.all(
            yaml: """
                apiVersion: gateway.networking.k8s.io/v1
                kind: Gateway
                metadata: {name: public, namespace: shop}
                spec: {gatewayClassName: envoy, listeners: []}
                """)
        let decision = try world.decision()
        #expect(decision.findings.isEmpty)
        #expect(decision.notEvaluated.map { $0.reason.contains("GatewayClasses") } == [true])
        // A class that does not exist has no controller.
        world.without = ResourceKinds(.gatewayClass)
        #expect(try world.decision().isDenied)
    }

    @Test func `an admin page without authentication is denied although another page's middleware is unknown`() throws {
        let routes =
            "{match: 'Host(`admin.example.com`)', middlewares: [{name: login@file}]}, {match: 'Host(`b.example.com`) && PathPrefix(`/admin`)'}"
        let yaml = """
            apiVersion: traefik.io/v1alpha1
            kind: IngressRoute
            metadata: {name: web, namespace: shop}
            spec: {tls: {}, routes: [\(routes)]}
            """
        let decision = try world("admin-authentication", yaml).decision()
        #expect(decision.findings.map(\.path) == ["spec.routes[1]"])
        #expect(
            decision.notEvaluated.count == 1 && decision.notEvaluated.allSatisfy { $0.reason.contains("login@file") })
    }

    @Test(
        arguments: [
            ("9223372036854775807", "-9223372036854775808", false),
            ("-9223372036854775808", "9223372036854775807", true),
            ("9223372036854775807", "9223372036854775807", false), ("1", "-9223372036854775808", false),
        ])
    func `port numbers of any size do not overflow`(_ first: String, _ last: String, _ isFound: Bool)
        throws
    {
        let rules = [
            ("NetworkPolicy", "networking.k8s.io/v1", "port: \(first), endPort: \(last)"),
            ("ClusterNetworkPolicy", "networking.k8s.aws/v1alpha1", "portRange: {start: \(first), end: \(last)}"),
        ]
        for (kind, version, ports) in rules {
            var world = World(
                try Literal(
                    yaml: """
                        apiVersion: \(version)
                        kind: \(kind)
                        metadata: {name: web, namespace: shop}
                        spec:
                          podSelector: {}
                          ingress: [{action: Accept, from: [{podSelector: {}}], ports: [{protocol: TCP, \(ports)}]}]
                        """))
            world.rules = world.rules.filter { $0.id == "broad-network-rules" }
            let found = try world.decision().findings
            #expect(kind != "NetworkPolicy" || found.isEmpty != isFound, "\(kind)")
        }
    }

    @Test(
        arguments: [
            ("* * * * *", "1m", true), ("*/5 * * * *", "5m", true), ("*/5 * * * *", "4m", false),
            ("0 0-23 1-31 1-12 0-6", "1h", true), ("0,30 * * * ?", "30m", true), ("0 9 * * *", "24h", true),
            ("0 9 * * *", "23h", false), ("0 9-17 * * *", "16h", true), ("0 9-17 * * *", "15h", false),
            ("0 9 * * 1-5", "24h", false), ("0 9 1 * *", "24h", false), ("61 * * * *", "24h", false),
            ("5-1 * * * *", "24h", false), ("*/0 * * * *", "24h", false), ("*/9223372036854775807 * * * *", "1h", true),
        ])
    func `a disruption budget of 0 whose schedule is always active is reported`(
        _ schedule: String, _ duration: String, _ isFound: Bool
    ) throws {
        var world = World(
            try Literal(
                yaml: """
                    apiVersion: karpenter.sh/v1
                    kind: NodePool
                    metadata: {name: general}
                    spec:
                      disruption: {budgets: [{nodes: '0', schedule: '\(schedule)', duration: \(duration)}, {nodes: '10%'}]}
                      template: {spec: {}}
                    """))
        world.rules = world.rules.filter { $0.id == "node-pool-lifecycle" }
        #expect(try world.decision().findings.isEmpty != isFound)
    }

}
