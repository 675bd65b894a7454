import Cluster
import Evaluation
import Foundation
import Kubernetes
import Net
import Report
import Rules
import TestSupport
import Testing

/// The requests of an audit to an API server, and the findings from its responses.
@Suite struct AuditTests {
    private static let deployments = "/apis/apps/v1/deployments"
    private static let pods = "/api/v1/pods"
    private static let budgets = "/apis/policy/v1/poddisruptionbudgets"

    /// A cluster with one namespace, and an audit of it by a few rules.
    private final class Cluster {
        let server: ObjectAPIServer
        private let folder: TestFolder
        private let client: BlockingClient

        init() throws {
            server = try ObjectAPIServer()
            folder = try TestFolder()
            let access = try folder.access(to: server.port)
            client = try BlockingClient(access)
            list("/api/v1/namespaces", [#"{"metadata":{"name":"shop"}}"#, #"{"metadata":{"name":"kube-system"}}"#])
        }

        deinit { client.stop() }

        func list(_ path: String, _ items: [String]) {
            server.put(path, #"{"kind":"List","metadata":{},"items":[\#(items.joined(separator: ","))]}"#)
        }

        /// Returns the list of exemptions as text.
        func exemptions(_ rules: Set<String>, _ settings: [String: String]) throws -> String {
            let environment = environment(onlyWith: Dictionary(uniqueKeysWithValues: rules.map { ($0, "deny") }))
            let settings = try Settings(environment: environment.merging(settings) { _, given in given })
            var selection = Audit.Selection()
            selection.includesNamespaces = true
            var report = ExemptionReport(settings)
            let now = Timestamp(seconds: 1_795_435_200)
            Audit(client, settings, selection).run(
                at: now, each: { report.add($0.decision) }, problem: { Issue.record("\($0): \($1)") })
            return report.text(at: now)
        }

        /// Returns the findings as `title: rule effect`, and the kinds that could not be read.
        func audit(
            _ rules: Set<String>, _ selection: Audit.Selection = .init()
        ) throws -> (found: [String], problems: [String]) {
            let environment = environment(onlyWith: Dictionary(uniqueKeysWithValues: rules.map { ($0, "deny") }))
            var (found, problems): ([String], [String]) = ([], [])
            Audit(client, try Settings(environment: environment), selection).run(
                at: Timestamp(seconds: 1_795_435_200),
                each: { entry in
                    for decided in entry.decision.findings {
                        found.append(
                            "\(entry.decision.subject.title) \(entry.path): \(decided.rule.id) \(decided.effect.rawValue)"
                        )
                    }
                    for entry in entry.decision.notEvaluated { found.append("\(entry.rule.id) not evaluated") }
                },
                problem: { problems.append("\($0): \($1)") })
            return (found, problems)
        }
    }

    private static func deployment(_ name: String, in namespace: String = "shop", replicas: Int = 2) -> String {
        """
        {"metadata":{"name":"\(name)","namespace":"\(namespace)","uid":"u-\(name)"},"spec":{"replicas":\(replicas),
        "template":{"metadata":{"labels":{"app":"\(name)"}},"spec":{"containers":[{"name":"app","image":"app"}]}}}}
        """
    }

    @Test func `objects that would be denied are listed with their paths, except in system namespaces`() throws {
        let cluster = try Cluster()
        cluster.list(
            Self.deployments,
            [
                Self.deployment("one", replicas: 1), Self.deployment("two"),
                Self.deployment("dns", in: "kube-system", replicas: 1),
            ])
        let (found, problems) = try cluster.audit(["replicas"])
        #expect(found == ["Deployment shop/one /apis/apps/v1/namespaces/shop/deployments/one: replicas deny"])
        #expect(problems == [])
    }

    @Test func `a kind that the API server does not serve counts as having no objects`() throws {
        let cluster = try Cluster()
        cluster.list(Self.deployments, [Self.deployment("web")])
        let (found, problems) = try cluster.audit(["pod-disruption-budget"])
        #expect(found.count == 1 && found[0].hasSuffix("pod-disruption-budget deny"))
        #expect(problems == [])
    }

    @Test func `PodDisruptionBudgets are read before workloads are evaluated`() throws {
        let cluster = try Cluster()
        cluster.list(Self.deployments, [Self.deployment("web")])
        cluster.list(
            Self.budgets,
            [#"{"metadata":{"name":"web","namespace":"shop"},"spec":{"selector":{"matchLabels":{"app":"web"}}}}"#])
        #expect(try cluster.audit(["pod-disruption-budget"]).found == [])
    }

    @Test func `a kind that cannot be listed is reported, and rules that need it are not evaluated`() throws {
        let cluster = try Cluster()
        cluster.list(Self.deployments, [Self.deployment("web", replicas: 1)])
        cluster.server.refuse("GET", Self.budgets, 403)
        let (found, problems) = try cluster.audit(["pod-disruption-budget", "replicas"])
        #expect(found.count == 2 && found[0].hasSuffix("replicas deny"))
        #expect(found[1] == "pod-disruption-budget not evaluated")
        #expect(
            problems.count == 1 && problems[0].hasPrefix("poddisruptionbudgets.policy: the API server returned 403"))
    }

    @Test func `Pods controlled by an evaluated owner are skipped, and other Pods are evaluated`() throws {
        let cluster = try Cluster()
        func pod(_ name: String, _ owner: String = "") -> String {
            """
            {"metadata":{"name":"\(name)","namespace":"shop"\(owner)},"spec":{"hostNetwork":true,"nodeName":"node-1",
            "containers":[{"name":"app","image":"app"}]}}
            """
        }
        let set = #","ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-1","controller":true}]"#
        let map = set.replacing(#""apps/v1","kind":"ReplicaSet""#, with: #""v1","kind":"ConfigMap""#)
        let applied = set + #","managedFields":[{"manager":"kubectl-create","fieldsV1":{"f:spec":{}}}]"#
        cluster.list(Self.pods, [pod("bare"), pod("owned", set), pod("mapped", map), pod("applied", applied)])
        // The scheduler sets spec.nodeName, and an audit does not know the requester.
        let (found, _) = try cluster.audit(["host-isolation", "scheduler-placement", "controller-managed"])
        let names = ["bare", "mapped", "applied"]
        #expect(found == names.map { "Pod shop/\($0) /api/v1/namespaces/shop/pods/\($0): host-isolation deny" })
    }

    @Test func `an audit of one namespace lists only that namespace`() throws {
        let cluster = try Cluster()
        cluster.list("/apis/apps/v1/namespaces/shop/deployments", [Self.deployment("one", replicas: 1)])
        cluster.list(Self.deployments, [Self.deployment("other", in: "other", replicas: 1)])
        var selection = Audit.Selection()
        selection.namespace = "shop"
        #expect(try cluster.audit(["replicas"], selection).found.count == 1)
    }

    @Test func `an exemption on the Namespace applies to its objects`() throws {
        let cluster = try Cluster()
        cluster.list(
            "/api/v1/namespaces",
            [
                #"{"metadata":{"name":"shop","annotations":{"playbook.superinc.com/exempt":"replicas","#
                    + #""playbook.superinc.com/exempt-reason":"moving"}}}"#
            ])
        cluster.list(Self.deployments, [Self.deployment("one", replicas: 1)])
        #expect(try cluster.audit(["replicas"]).found.map { $0.hasSuffix("replicas exempt") } == [true])
    }

    // MARK: Workload kinds

    /// Serves a kind in an API group, with the discovery documents of the group.
    private func serve(
        _ cluster: Cluster, _ group: String, _ kinds: [String: [(name: String, kind: String)]], preferred: String
    ) {
        let versions = kinds.keys.sorted().map { #"{"groupVersion":"\#(group)/\#($0)","version":"\#($0)"}"# }
        cluster.server.put(
            "/apis/\(group)",
            #"{"kind":"APIGroup","name":"\#(group)","versions":[\#(versions.joined(separator: ","))],"#
                + #""preferredVersion":{"version":"\#(preferred)"}}"#)
        for (version, resources) in kinds {
            let items = resources.map { #"{"name":"\#($0.name)","kind":"\#($0.kind)","namespaced":true}"# }
            cluster.server.put(
                "/apis/\(group)/\(version)",
                #"{"kind":"APIResourceList","resources":[\#(items.joined(separator: ","))]}"#)
        }
    }

    /// A ScaledJob whose pods use the host's network.
    private static let scaledJob = """
        {"metadata":{"name":"mail","namespace":"shop"},"spec":{"jobTargetRef":{"template":{"spec":{"hostNetwork":true,
        "containers":[{"name":"app","image":"app"}]}}}}}
        """

    @Test func `the kinds of PLAYBOOK_WORKLOAD_KINDS that the cluster serves are listed in their served version`()
        throws
    {
        let cluster = try Cluster()
        // The preferred version of the group does not have the kind, and its plural is only known to the API server.
        serve(
            cluster, "keda.sh",
            [
                "v2": [("scaledthings", "ScaledThing")],
                "v1beta7": [("scaledjobs/status", "ScaledJob"), ("jobsscaled", "ScaledJob")],
            ],
            preferred: "v2")
        cluster.list("/apis/keda.sh/v1beta7/jobsscaled", [Self.scaledJob])
        let (found, problems) = try cluster.audit(["host-isolation"])
        let path = "/apis/keda.sh/v1beta7/namespaces/shop/jobsscaled/mail"
        #expect(found == ["ScaledJob shop/mail \(path): host-isolation deny"])
        #expect(problems == [])
    }

    @Test func `an excluded workload kind is not listed, and one that cannot be listed is reported`() throws {
        let cluster = try Cluster()
        serve(cluster, "keda.sh", ["v1alpha1": [("scaledjobs", "ScaledJob")]], preferred: "v1alpha1")
        cluster.server.refuse("GET", "/apis/keda.sh/v1alpha1/scaledjobs", 403)
        var selection = Audit.Selection()
        selection.excludedWorkloadKinds = ["keda.sh/ScaledJob"]
        #expect(try cluster.audit(["host-isolation"], selection).problems == [])
        let (found, problems) = try cluster.audit(["host-isolation"])
        #expect(found == [])
        #expect(problems.count == 1 && problems[0].hasPrefix("scaledjobs.keda.sh: the API server returned 403"))
    }

    // MARK: Exemptions

    @Test func `exemptions are listed with expiry date, field manager and use`() throws {
        let cluster = try Cluster()
        let domain = "playbook.superinc.com"
        func annotations(_ rules: String, _ reason: String, until: String? = nil) -> String {
            #""annotations":{"\#(domain)/exempt":"\#(rules)","\#(domain)/exempt-reason":"\#(reason)""#
                + (until.map { #","\#(domain)/exempt-until":"\#($0)""# } ?? "") + "}"
        }
        let managed =
            #""managedFields":[{"manager":"helm","time":"2026-01-01T00:00:00Z","fieldsV1":{}},{"manager":"kubectl-annotate","#
            + #""time":"2026-02-01T00:00:00Z","fieldsV1":{"f:metadata":{"f:annotations":{"f:\#(domain)/exempt":{}}}}}]"#
        cluster.list(
            "/api/v1/namespaces",
            [
                #"{"metadata":{"name":"shop",\#(managed),\#(annotations("replicas", "moving", until: "2027-01-31"))}}"#,
                #"{"metadata":{"name":"bank","annotations":{"\#(domain)/level":"warn"}}}"#,
            ])
        cluster.list(
            Self.deployments,
            [
                Self.deployment("one", replicas: 1),
                #"{"metadata":{"name":"two","namespace":"cars",\#(annotations("replicas", "one license", until: "2026-11-01"))},"#
                    + #""spec":{"replicas":2,"template":{"spec":{"containers":[{"name":"app"}]}}}}"#,
            ])
        let settings = [
            "PLAYBOOK_EXEMPT": "replicas@garage/Deployment/*: old cars until 2027-06-30"
        ]
        #expect(
            try cluster.exemptions(["replicas"], settings) == """
                Deployment cars/two · replicas · ended 2026-11-01
                  one license
                Namespace bank · level: warn · no end date · unused
                Namespace shop · replicas · until 2027-01-31 · set by kubectl-annotate
                  moving
                replicas@garage/Deployment/* · replicas · until 2027-06-30 · unused
                  old cars
                4 exemptions: 1 ended, 2 unused

                """)
    }

    @Test func `a page that is too large is requested again with fewer objects`() throws {
        let server = try ScriptedAPIServer()
        for index in 0..<8 { server.set("large-\(index)", String(repeating: "x", count: 1000)) }
        let folder = try TestFolder()
        let client = try BlockingClient(
            try folder.access(to: server.port))
        defer { client.stop() }
        let settings = try Settings(environment: environment(onlyWith: ["unhealthy-pod-eviction": "warn"]))
        var (names, problems): ([String], [APIError]) = ([], [])
        Audit(client, settings, maximumPage: 3000).run(
            at: Timestamp(seconds: 1_795_435_200), each: { names.append($0.decision.subject.name) },
            problem: { problems.append($1) })
        #expect(names == (0..<8).map { "large-\($0)" })
        #expect(problems == [])
    }

    @Test func `a page that is not a list is reported`() throws {
        let cluster = try Cluster()
        cluster.server.put(Self.deployments, #"{"items":{}}"#)
        let (found, problems) = try cluster.audit(["replicas"])
        #expect(
            found == [] && problems.count == 1
                && problems[0].hasPrefix("deployments.apps: cannot read the API server's response"))
    }
}
