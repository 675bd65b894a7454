import Cluster
import Evaluation
import Foundation
import Kubernetes
import Net
import Rules
import Testing

/// The results of `playbook doctor` for a simulated cluster.
@Suite struct DoctorTests {
    private static let admission = "/apis/admissionregistration.k8s.io/v1"
    private static let deployment = "/apis/apps/v1/namespaces/playbook/deployments/playbook"
    private static let now = Timestamp(seconds: 1_795_435_200)

    private func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }

    /// A certificate that expires in the given number of days.
    private func certificate(days: Int64) throws -> String {
        let end = Self.now.seconds + days * 86_400
        return try CertificateAuthority(named: "test", notBefore: end - 90 * 86_400, notAfter: end).keyPair.certificate
    }

    /// A cluster without problems.
    private func cluster() throws -> RightsAPIServer {
        let server = try RightsAPIServer()
        server.grantAll()
        server.put("/version", #"{"gitVersion":"v1.36.2"}"#)
        let bundle = base64(try certificate(days: 60))
        for (plural, rules) in [
            ("validating", #"[{"apiGroups":["*"],"resources":["*"],"operations":["*"]}]"#), ("mutating", "[]"),
        ] {
            server.put(
                "\(Self.admission)/\(plural)webhookconfigurations/playbook",
                #"{"webhooks":[{"name":"w","clientConfig":{"caBundle":"\#(bundle)"},"rules":\#(rules)}]}"#)
        }
        server.put("POST /api/v1/namespaces/default/pods", "violates rules: playbook explain host-isolation")
        put(server, replicas: 3, ready: 3, mode: "enforce")
        let serving = base64(try certificate(days: 60))
        server.put(
            "/api/v1/namespaces/playbook/secrets/serving", #"{"data":{"tls.crt":"\#(serving)"}}"#)
        for path in [
            "/api/v1/namespaces", "/apis/apps/v1/deployments", "/apis/apps/v1/statefulsets", "/apis/apps/v1/daemonsets",
            "/apis/batch/v1/cronjobs",
        ] {
            server.put(path, #"{"items":[]}"#)
        }
        return server
    }

    private func put(_ server: RightsAPIServer, replicas: Int, ready: Int, mode: String) {
        server.put(
            Self.deployment,
            #"""
            {"spec":{"replicas":\#(replicas),"template":{"spec":{"volumes":[{"name":"tls","secret":{"secretName":"serving"}}],
            "containers":[{"envFrom":[{"configMapRef":{"name":"playbook-settings-4k2"}}]}]}}},
            "status":{"readyReplicas":\#(ready),"updatedReplicas":\#(replicas)}}
            """#)
        server.put(
            "/api/v1/namespaces/playbook/configmaps/playbook-settings-4k2", #"{"data":{"PLAYBOOK_MODE":"\#(mode)"}}"#)
    }

    private func answers(_ server: RightsAPIServer, _ environment: [String: String] = [:]) throws -> [Doctor.Answer] {
        let folder = try TestFolder()
        let client = try BlockingClient(try folder.access(to: server.port))
        defer { client.stop() }
        var answers: [Doctor.Answer] = []
        Doctor(client, try Settings(environment: environment, catalogue: .playbook), now: Self.now).run {
            answers.append($0)
        }
        return answers
    }

    /// The results that are not good, as `state subject: text`.
    private func troubles(_ server: RightsAPIServer, _ environment: [String: String] = [:]) throws -> [String] {
        try answers(server, environment).filter { $0.state != .good }.map {
            "\($0.state.rawValue) \($0.subject): \($0.text)"
        }
    }

    @Test func `no problems are reported for a correct cluster`() throws {
        let server = try cluster()
        #expect(try troubles(server) == [])
        #expect(try answers(server).first?.text == "Kubernetes v1.36.2")
        // Only dry runs and access reviews are sent.
        #expect(
            server.requests.filter { !$0.hasPrefix("GET") }.allSatisfy {
                $0.hasSuffix("subjectaccessreviews") || $0.hasSuffix("default/pods") || $0.hasSuffix("serviceaccounts")
            })
    }

    @Test func `a webhook configuration that does not exist enforces nothing`() throws {
        let server = try cluster()
        server.remove("\(Self.admission)/validatingwebhookconfigurations/playbook")
        #expect(
            try troubles(server)
                == ["problem ValidatingWebhookConfiguration playbook: does not exist; nothing is enforced"])
    }

    @Test func `kinds missing from the webhook configuration are named, including additional workload kinds`() throws {
        let server = try cluster()
        let bundle = base64(try certificate(days: 60))
        let kinds = Catalogue.playbook.kinds(at: Settings(catalogue: .playbook)).filter { $0 != .podDisruptionBudget }
        let rules = kinds.map {
            #"{"apiGroups":["\#($0.group)"],"resources":["\#($0.plural)"],"operations":["CREATE"]}"#
        }
        server.put(
            "\(Self.admission)/validatingwebhookconfigurations/playbook",
            #"{"webhooks":[{"name":"w","clientConfig":{"caBundle":"\#(bundle)"},"rules":[\#(rules.joined(separator: ","))]}]}"#
        )
        let found = try troubles(server)
        #expect(found.count == 1)
        #expect(found.first?.contains("poddisruptionbudgets.policy") == true)
        #expect(found.first?.contains("scaledjobs.keda.sh") == true)
    }

    @Test func `a missing or expired caBundle is a problem`() throws {
        let server = try cluster()
        let path = "\(Self.admission)/mutatingwebhookconfigurations/playbook"
        server.put(path, #"{"webhooks":[{"name":"fixes","clientConfig":{}}]}"#)
        #expect(try troubles(server).first?.contains("webhook fixes has no valid caBundle") == true)
        let expired = base64(try certificate(days: -1))
        server.put(path, #"{"webhooks":[{"name":"fixes","clientConfig":{"caBundle":"\#(expired)"}}]}"#)
        #expect(try troubles(server).first?.contains("the caBundle of webhook fixes has expired") == true)
    }

    @Test func `an allowed test Pod is a problem unless it gets the warning of dry-run mode`() throws {
        let server = try cluster()
        server.remove("POST /api/v1/namespaces/default/pods")
        #expect(try troubles(server).first?.hasPrefix("problem webhook: a Pod that violates rules is allowed") == true)
        put(server, replicas: 3, ready: 3, mode: "dry-run")
        // An API server that cannot reach the pods allows the Pod, too.
        #expect(
            try troubles(server).first?.hasPrefix("problem webhook: a Pod that violates rules gets no warning") == true)
        server.warn("/api/v1/namespaces/default/pods", "unknown field \\\"spec.x\\\"")
        #expect(try troubles(server).count == 1)
        server.warn("/api/v1/namespaces/default/pods", "another webhook [policy, would be denied]")
        #expect(try troubles(server).count == 1)
        server.warn("/api/v1/namespaces/default/pods", "containers[app].livenessProbe is not set [liveness-probe]; …")
        #expect(try troubles(server) == [])
        server.warn("/api/v1/namespaces/default/pods", "hostPID is true [host-isolation, would be denied]")
        #expect(try troubles(server) == [])
        put(server, replicas: 3, ready: 3, mode: "enforce")
        #expect(try troubles(server).first?.hasPrefix("problem webhook: is called, but allows") == true)
    }

    @Test func `replicas, permissions, certificate and exemptions are checked`() throws {
        let server = try cluster()
        put(server, replicas: 3, ready: 2, mode: "enforce")
        server.put(
            "/api/v1/namespaces/playbook/secrets/serving",
            #"{"data":{"tls.crt":"\#(base64(try certificate(days: 3)))"}}"#)
        let annotations =
            #"{"playbook.superinc.com/exempt":"replicas","playbook.superinc.com/exempt-until":"2026-01-01"}"#
        server.put(
            "/apis/apps/v1/deployments",
            #"{"items":[{"metadata":{"name":"web","namespace":"shop","annotations":\#(annotations)}}]}"#)
        let found = try troubles(server)
        #expect(found.contains("problem replicas: 2 of 3 replicas are ready; 3 pods have the current settings"))
        #expect(found.contains { $0.hasPrefix("problem certificate: expires on ") && $0.hasSuffix("in 3 days") })
        #expect(
            found.contains("notice exemptions: 1 of 1 objects have expired exemptions: Deployment shop/web"))
        #expect(found.count == 3)
    }

    @Test func `a missing permission is a problem, and one for the kinds of a product is a notice`() throws {
        let server = try cluster()
        let bare = try RightsAPIServer()
        #expect(
            try troubles(bare).contains {
                $0.hasPrefix("problem rights:") && $0.contains("list replicasets.apps")
                    && $0.contains("patch validatingwebhookconfigurations.admissionregistration.k8s.io")
            })
        // All rights but those to custom resources of products.
        let own = [
            "namespaces", "resourcequotas", "limitranges", "services", "deployments", "statefulsets", "replicasets",
            "controllerrevisions", "poddisruptionbudgets", "networkpolicies", "horizontalpodautoscalers", "cronjobs",
            "roles", "clusterroles", "customresourcedefinitions", "validatingwebhookconfigurations",
            "subjectaccessreviews",
        ]
        for verb in ["get", "list", "watch", "patch", "create"] {
            for resource in own { bare.grant("\(verb) \(resource) everywhere") }
        }
        let left = try troubles(bare).filter { $0.contains("rights") }
        #expect(left.count == 1 && left[0].hasPrefix("notice rights:"))
        #expect(left[0].contains("list scaledobjects.keda.sh"))
        #expect(try !troubles(server).contains { $0.contains("rights") })
    }

    @Test func `the rights to Namespaces and to the server's own webhook configuration are checked`() throws {
        let server = try cluster()
        #expect(try troubles(server, ["PLAYBOOK_WEBHOOK_CONFIGURATION": "playbook"]) == [])
        for verb in ["get", "list", "watch"] { #expect(server.reviews.contains("\(verb) namespaces")) }
        let own = server.reviews.filter { $0.contains("webhookconfigurations") }
        #expect(
            own == [
                "get validatingwebhookconfigurations/playbook", "patch validatingwebhookconfigurations/playbook",
            ])
        let bare = try RightsAPIServer()
        bare.grant("get validatingwebhookconfigurations everywhere")
        let text = try #require(try troubles(bare).first { $0.hasPrefix("problem rights:") })
        #expect(text.contains("patch validatingwebhookconfigurations.admissionregistration.k8s.io"))
        #expect(!text.contains("get validatingwebhookconfigurations"))
        for verb in ["get", "list", "watch"] { #expect(text.contains("\(verb) namespaces")) }
    }

    @Test func `checks that the API server cannot answer are reported as unknown`() throws {
        let server = try cluster()
        server.put(Self.deployment, "broken")
        #expect(try troubles(server).allSatisfy { $0.hasPrefix("unknown ") })
        #expect(try !troubles(server).isEmpty)
    }
}
