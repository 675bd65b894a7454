import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// A custom resource kind with a pod template, and objects of it.
struct WorkloadObject: CustomTestStringConvertible, Sendable {
    let apiVersion: String
    let kind: String
    /// The path of the first pod spec, such as `spec.template.spec.`.
    let place: String
    /// The path of the container in the pod spec.
    let container: String
    let isLongRunning: Bool
    /// The rules about fields that the kind's controller sets.
    let passed: [String]
    /// Returns the spec that contains a pod spec.
    private let spec: @Sendable (Literal) -> Literal

    var testDescription: String { title }
    var title: String { "\(apiVersion.prefix { $0 != "/" })/\(kind)" }

    /// Returns an object that contains a pod spec.
    func object(_ podSpec: Literal = World.podSpec, namespace: String = "shop") -> Literal {
        [
            "apiVersion": .string(apiVersion), "kind": .string(kind),
            "metadata": ["name": "web", "namespace": .string(namespace)], "spec": spec(podSpec),
        ]
    }

    private init(
        _ apiVersion: String, _ kind: String, at place: String, _ container: String = "containers[app]",
        isLongRunning: Bool = false, passed: [String] = [], spec: @escaping @Sendable (Literal) -> Literal
    ) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.place = place
        self.container = container
        self.isLongRunning = isLongRunning
        self.passed = passed
        self.spec = spec
    }

    static let all: [WorkloadObject] = [
        WorkloadObject(
            "serving.knative.dev/v1", "Service", at: "spec.template.spec.", isLongRunning: true,
            passed: ["readiness-probe"]
        ) { ["template": ["spec": $0]] },
        WorkloadObject("argoproj.io/v1alpha1", "Workflow", at: "spec.templates[main].", "container", spec: workflow),
        WorkloadObject(
            "argoproj.io/v1alpha1", "WorkflowTemplate", at: "spec.templates[main].", "container", spec: workflow),
        WorkloadObject(
            "argoproj.io/v1alpha1", "AnalysisTemplate", at: "spec.metrics[load].provider.job.spec.template.spec."
        ) {
            ["metrics": [["name": "load", "provider": ["job": ["spec": ["template": ["spec": $0]]]]]]]
        },
        WorkloadObject("keda.sh/v1alpha1", "ScaledJob", at: "spec.jobTargetRef.template.spec.") {
            ["jobTargetRef": ["template": ["spec": $0]], "triggers": []]
        },
        WorkloadObject(
            "jobset.x-k8s.io/v1alpha2", "JobSet", at: "spec.replicatedJobs[workers].template.spec.template.spec."
        ) {
            ["replicatedJobs": [["name": "workers", "template": ["spec": ["template": ["spec": $0]]]]]]
        },
        WorkloadObject(
            "leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", at: "spec.leaderWorkerTemplate.workerTemplate.spec.",
            isLongRunning: true
        ) { ["leaderWorkerTemplate": ["workerTemplate": ["spec": $0]]] },
        WorkloadObject(
            "ray.io/v1", "RayCluster", at: "spec.headGroupSpec.template.spec.", isLongRunning: true,
            passed: ["liveness-probe", "readiness-probe"]
        ) { ["headGroupSpec": ["rayStartParams": [:], "template": ["spec": $0]]] },
        WorkloadObject(
            "sparkoperator.k8s.io/v1beta2", "SparkApplication", at: "spec.driver.template.spec.",
            passed: ["memory-request-equals-limit", "cpu-request"]
        ) { ["type": "Scala", "sparkVersion": "3.5.7", "driver": ["template": ["spec": $0]]] },
    ]

    /// The spec of a Workflow: the pod's settings, and a container in each template.
    @Sendable private static func workflow(_ podSpec: Literal) -> Literal {
        let container = podSpec["containers"]?.elements.first ?? nil
        return [
            "entrypoint": "main", "securityContext": podSpec["securityContext"] ?? nil,
            "templates": [["name": "main", "container": container]],
        ]
    }
}

/// Semantics 16: custom resource kinds whose pod templates are evaluated.
@Suite struct WorkloadKindTests {
    /// Returns a pod spec with changes to its container.
    private func podSpec(_ container: String) throws -> Literal {
        let fields = try Literal(yaml: container).members
        return World.podSpec.merging(["containers": [.object([.init("name", "app")] + fields)]])
    }

    private func denied(_ world: World) throws -> [String] {
        try world.decision().findings.filter { $0.effect == .deny }.map { "\($0.rule.id) \($0.path)" }
    }

    // MARK: The kinds

    @Test(arguments: WorkloadObject.all)
    func `an object without violations is allowed`(_ holder: WorkloadObject) throws {
        let decision = try World(holder.object()).decision()
        #expect(decision.skipReason == nil)
        #expect(decision.findings.map(\.summary) == [])
    }

    @Test(arguments: WorkloadObject.all)
    func `a violation in the pod template is denied, with its path in the object`(_ holder: WorkloadObject) throws {
        let bad = try podSpec("{image: nginx, securityContext: {privileged: true}}")
        let found = try denied(World(holder.object(bad)))
        let container = holder.place + holder.container
        #expect(found.contains("privilege-escalation \(container).securityContext.privileged"))
        #expect(found.contains("image-tag \(container).image"))
        let decision = try World(holder.object(bad)).decision()
        let cause = try #require(decision.findings.first { $0.rule.id == "image-tag" })
        #expect(holder.object(bad)[at: cause.finding.place] == "nginx")
    }

    @Test(arguments: WorkloadObject.all)
    func `only kinds that run until they are stopped need probes`(_ holder: WorkloadObject) throws {
        let bare = try podSpec("{livenessProbe: null, readinessProbe: null}")
        let ids = try World(holder.object(bare)).decision().findings.map(\.rule.id)
        let expected = ["liveness-probe", "readiness-probe"].filter { !holder.passed.contains($0) }
        #expect(ids == (holder.isLongRunning ? expected : []))
    }

    @Test(arguments: WorkloadObject.all)
    func `fields that the kind's controller sets are not required`(_ holder: WorkloadObject) throws {
        let ids = try World(holder.object(try podSpec("{resources: null}"))).decision().findings.map(\.rule.id)
        let expected = ["memory-request-equals-limit", "cpu-request"].filter { !holder.passed.contains($0) }
        #expect(ids == expected)
    }

    @Test(arguments: WorkloadObject.all)
    func `an existing violation only warns, and another one is denied`(_ holder: WorkloadObject) throws {
        let bad = holder.object(try podSpec("{securityContext: {privileged: true}}"))
        let labelled = bad.merging(["spec": ["note": "x"]])
        let kept = try World(bad).updated(to: labelled).decision()
        #expect(kept.findings.map(\.leniency) == [.existing])
        let worse = holder.object(try podSpec("{securityContext: {privileged: true}, image: nginx}"))
        #expect(try denied(World(bad).updated(to: worse)) == ["image-tag \(holder.place)\(holder.container).image"])
    }

    @Test(arguments: WorkloadObject.all)
    func `its deletion is allowed`(_ holder: WorkloadObject) throws {
        var world = World(holder.object(try podSpec("{securityContext: {privileged: true}}")))
        (world.before, world.object, world.operation) = (world.object, nil, "DELETE")
        #expect(try !world.decision().isDenied)
    }

    // MARK: Fixes

    /// A pod spec that two additive fixes and one other fix change: a CPU limit without a request, no runAsNonRoot beside a
    /// user id, and a memory request below its limit.
    private var fixable: Literal {
        get throws {
            try podSpec(
                "{securityContext: {runAsNonRoot: null}, resources: {requests: {cpu: null, memory: 1Gi}, limits: {cpu: 500m, memory: 2Gi}}}"
            ).merging(["securityContext": ["runAsNonRoot": nil, "runAsUser": 1001, "runAsGroup": 1001]])
        }
    }

    @Test(arguments: WorkloadObject.all, ["additive", "all"])
    func `additive fixes are applied in the pod template, and no others`(
        _ holder: WorkloadObject, _ fixes: String
    ) throws {
        let object = holder.object(try fixable)
        var world = World(object)
        world.settings = ["PLAYBOOK_FIX": fixes]
        let mutation = try world.mutation()
        let expected = ["run-as-non-root", "cpu-request"].filter { !holder.passed.contains($0) }
        #expect(mutation.fixes.map(\.rule.id) == expected)
        #expect(mutation.fixes.allSatisfy { $0.path.hasPrefix(holder.place) })
        let patched = try mutation.patch.applied(to: object)
        world.object = patched
        #expect(try world.mutation().patch.operations.isEmpty)
        let left = try Set(world.decision().findings.map(\.rule.id))
        #expect(left.isDisjoint(with: expected))
    }

    @Test(arguments: WorkloadObject.all)
    func `an existing object is not patched, because its controller can replace all pods`(_ holder: WorkloadObject)
        throws
    {
        let world = World(holder.object()).updated(to: holder.object(try fixable))
        #expect(try world.mutation().patch.operations.isEmpty)
    }

    @Test func `each pod template is fixed`() throws {
        let object = jobSet([("workers", try fixable), ("leader", try fixable)])
        let paths = try World(object).mutation().fixes.filter { $0.rule.id == "cpu-request" }.map(\.path)
        #expect(
            Set(paths) == Set(["workers", "leader"].map { place($0, "containers[app].resources.requests.cpu") }))
    }

    @Test func `a kind that PLAYBOOK_WORKLOAD_KINDS removes is not evaluated`() throws {
        let holder = WorkloadObject.all[0]
        var world = World(holder.object(try podSpec("{image: nginx}")))
        world.settings = ["PLAYBOOK_WORKLOAD_KINDS": "-serving.knative.dev/Service"]
        #expect(try world.decision().skipReason == "no rule applies to this request")
    }

    @Test func `the same kind in another API group, and other kinds of the group, are not evaluated`() throws {
        let object = WorkloadObject.all[0].object(try podSpec("{image: nginx}"))
        for version in ["example.com/v1", "serving.knative.dev.example.com/v1"] {
            let other = object.merging(["apiVersion": .string(version)])
            #expect(try World(other).decision().skipReason == "no rule applies to this request")
        }
        #expect(try World(object.merging(["kind": "Route"])).decision().skipReason == "no rule applies to this request")
    }

    @Test func `an object without a template has nothing to evaluate`() throws {
        let analysis = try Literal(
            yaml: """
                apiVersion: argoproj.io/v1alpha1
                kind: AnalysisTemplate
                metadata: {name: rate, namespace: default}
                spec: {metrics: [{name: rate, provider: {prometheus: {query: up}}}, {name: none, provider: null}]}
                """)
        #expect(try World(analysis).decision().findings.isEmpty)
    }

    // MARK: Several templates

    /// A JobSet with a pod spec for each name.
    private func jobSet(_ podSpecs: [(name: String, spec: Literal)], namespace: String = "shop") -> Literal {
        let jobs = podSpecs.map { name, spec -> Literal in
            ["name": .string(name), "template": ["spec": ["template": ["spec": spec]]]]
        }
        return [
            "apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet",
            "metadata": ["name": "train", "namespace": .string(namespace)], "spec": ["replicatedJobs": .array(jobs)],
        ]
    }

    private func place(_ job: String, _ rest: String) -> String {
        "spec.replicatedJobs[\(job)].template.spec.template.spec.\(rest)"
    }

    @Test func `each pod template is compared with its own previous version`() throws {
        let bad = try podSpec("{image: nginx}")
        let before = jobSet([("driver", bad), ("workers", World.podSpec)])
        let after = jobSet([("workers", bad), ("driver", bad)])
        let decision = try World(before).updated(to: after).decision()
        #expect(
            decision.findings.filter { $0.rule.id == "image-tag" }.map { "\($0.path) \($0.effect)" } == [
                "\(place("driver", "containers[app].image")) warn",
                "\(place("workers", "containers[app].image")) deny",
            ])
    }

    @Test func `a violation outside the pod templates has one finding`() throws {
        let twice = jobSet([("a", World.podSpec), ("b", World.podSpec)], namespace: "default").merging([
            "metadata": ["annotations": ["api-password": "hunter2-x9"]]
        ])
        #expect(
            try denied(World(twice)) == [
                "inline-credentials metadata.annotations.api-password", "default-namespace metadata.namespace",
            ])
    }

    @Test func `a pod template of the wrong type does not hide violations of the others`() throws {
        let odd = World.podSpec.merging(["containers": "oops"])
        let bad = try podSpec("{securityContext: {privileged: true}}")
        let object = jobSet([("a", odd), ("b", bad), ("c", odd)])
        let found = try denied(World(object))
        #expect(
            found == [
                "privilege-escalation \(place("b", "containers[app].securityContext.privileged"))",
                "schema \(place("a", "containers"))", "schema \(place("c", "containers"))",
            ])
    }

    @Test(arguments: ["spec: oops", "spec: {replicatedJobs: {a: b}}", "spec: {replicatedJobs: [oops]}"])
    func `a field of the wrong type around the pod templates is reported`(_ spec: String) throws {
        let object = jobSet([]).merging(["spec": nil]).merging(try Literal(yaml: spec))
        let decision = try World(object).decision()
        #expect(decision.isDenied)
        #expect(Set(decision.findings.map(\.rule.id)) == ["schema"])
    }

    @Test func `more than 100 pod templates are denied`() throws {
        func object(_ count: Int) -> Literal { jobSet((0..<count).map { ("job\($0)", World.podSpec) }) }
        #expect(try !World(object(100)).decision().isDenied)
        let decision = try World(object(101)).decision()
        #expect(decision.isDenied)
        let bounded = decision.findings.filter { $0.finding.clause == .bounded }
        #expect(bounded.contains { $0.path == "spec.replicatedJobs[job100].template.spec.template" })
        // Pod templates of the wrong type also count.
        var odd = World(jobSet((0..<150).map { ("job\($0)", "oops") }))
        odd.settings = ["PLAYBOOK_RULE_SCHEMA": "warn"]
        #expect(try odd.decision().isDenied)
    }

    @Test func `secrets in any pod template are masked`() throws {
        let secret = "tr0ub4dor-and-3"
        let spec = try podSpec("{env: [{name: DB_PASSWORD, value: \(secret)}], image: 'nginx:\(secret)'}")
        let decision = try World(jobSet([("a", World.podSpec), ("b", spec)])).decision()
        #expect(decision.findings.contains { $0.rule.id == "inline-credentials" })
        #expect(!decision.message.contains(secret))
    }

    // MARK: Argo Workflows

    private func workflow(_ spec: String) throws -> Literal {
        let base = WorkloadObject.all[1].object()
        return base.merging(["spec": try Literal(yaml: spec)])
    }

    @Test func `all containers of a template are evaluated`() throws {
        let root = "image: nginx, securityContext: {runAsUser: 0}"
        let object = try workflow(
            """
            templates:
            - {name: a, script: {name: s, \(root), source: "print(1)"}}
            - {name: b, containerSet: {containers: [{name: one, \(root)}]}}
            - {name: main, sidecars: [{name: side, \(root)}], initContainers: [{name: first, \(root)}]}
            """)
        var world = World(object)
        world.rules = try ["run-as-non-root"].map { try #require(Catalogue.playbook[$0]) }
        #expect(
            try denied(world)
                == [
                    "a].script", "b].containerSet.containers[one]", "main].initContainers[first]",
                    "main].sidecars[side]",
                ].map { "run-as-non-root spec.templates[\($0).securityContext.runAsUser" })
    }

    @Test func `the workflow's settings apply to each template that does not set them`() throws {
        let context = try World(workflow("securityContext: {runAsNonRoot: null}")).decision()
        #expect(context.findings.map(\.rule.id).contains("run-as-non-root"))
        let own = "securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001}"
        for holder in ["templates: [{name: main, \(own)}]", "templateDefaults: {\(own)}"] {
            let object = try workflow("securityContext: null").merging(["spec": try Literal(yaml: holder)])
            #expect(try World(object).decision().findings.map(\.summary) == [], "\(holder)")
        }
    }

    @Test func `containers inherit unset fields from templateDefaults`() throws {
        let object = try workflow(
            """
            templateDefaults: {container: {resources: {requests: {cpu: 100m, memory: 1Gi}, limits: {memory: 1Gi}}}}
            templates: [{name: main, container: {resources: null}}]
            """)
        #expect(try World(object).decision().findings.map(\.summary) == [])
        let root = object.merging(
            ["spec": ["templateDefaults": ["container": ["securityContext": ["privileged": true]]]]]
        ).merging(["spec": ["templates": [["name": "main", "container": ["securityContext": nil]]]]])
        #expect(
            try denied(World(root)) == [
                "privilege-escalation spec.templateDefaults.container.securityContext.privileged"
            ])
    }

    @Test func `a violation in the settings of all pods has one finding`() throws {
        let object = try workflow(
            """
            hostNetwork: true
            volumes: [{name: run, hostPath: {path: /run}}]
            templates: [{name: other, container: {name: app, image: "123.dkr.ecr.eu-west-1.amazonaws.com/x:1.0.0"}}]
            """)
        var world = World(object)
        world.rules = [try #require(Catalogue.playbook["host-isolation"])]
        #expect(
            try denied(world) == [
                "host-isolation spec.hostNetwork", "host-isolation spec.volumes[run].hostPath",
            ])
    }

    @Test func `an image with a template parameter is not evaluated`() throws {
        let object = try workflow(
            "templates: [{name: main, container: {image: '{{inputs.parameters.image}}'}}, {name: steps, steps: []}]")
        #expect(try World(object).decision().findings.map(\.summary) == [])
    }

    // MARK: PLAYBOOK_WORKLOAD_KINDS

    @Test func `PLAYBOOK_WORKLOAD_KINDS adds a kind with a pod template`() throws {
        let object = try Literal(
            yaml: """
                apiVersion: kubeflow.org/v1
                kind: PyTorchJob
                metadata: {name: train, namespace: shop}
                spec:
                  pytorchReplicaSpecs:
                    Master: {template: {spec: {restartPolicy: Never}}}
                    Worker: {template: {spec: {}}}
                  extra: {template: {spec: {containers: [{name: app, image: nginx}]}}}
                """)
        let spec = try podSpec("{livenessProbe: null}")
        let filled = object.merging([
            "spec": [
                "pytorchReplicaSpecs": [
                    "Master": ["template": ["spec": spec]], "Worker": ["template": ["spec": spec]],
                ]
            ]
        ])
        var world = World(filled)
        #expect(try world.decision().skipReason != nil)
        world.settings["PLAYBOOK_WORKLOAD_KINDS"] = """
            kubeflow.org/PyTorchJob=spec.pytorchReplicaSpecs.*.template, kubeflow.org/PyTorchJob = spec.extra.template
            """
        // The restart policy of each template decides whether its pods end by themselves.
        let found = try denied(world)
        #expect(
            found.filter { $0.hasPrefix("liveness-probe") } == [
                "liveness-probe spec.extra.template.spec.containers[app].livenessProbe",
                "liveness-probe spec.pytorchReplicaSpecs.Worker.template.spec.containers[app].livenessProbe",
            ])
        #expect(found.contains("image-tag spec.extra.template.spec.containers[app].image"))
    }

    @Test func `an entry for a default kind adds a path`() throws {
        let settings = try Settings(environment: [
            "PLAYBOOK_WORKLOAD_KINDS":
                "keda.sh/ScaledJob=spec.other.template,keda.sh/ScaledJob=spec.jobTargetRef.template"
        ])
        let kind = try #require(settings.workloadKinds.first { $0.title == "keda.sh/ScaledJob" })
        #expect(kind.paths.map(\.description) == ["spec.jobTargetRef.template", "spec.other.template"])
        #expect(kind.isLongRunning == false)
        #expect(settings.workloadKinds.count == WorkloadKind.standard.count)
    }

    @Test(arguments: [
        ("PyTorchJob=spec.template", 1), ("kubeflow.org/PyTorchJob", 1), ("kubeflow.org/pytorchjob=spec.template", 1),
        ("kubeflow.org/PyTorchJob=", 1), ("kubeflow.org/PyTorchJob=spec..template", 1),
        ("kubeflow.org/PyTorchJob=spec.a[0].template", 1), ("kubeflow.org/PyTorchJob=*.template", 1),
        ("ray.io/RayJob=spec.a.template, kubeflow=x", 32), ("apps/Deployment=spec.template", 1),
        ("argoproj.io/Rollout=spec.template", 1), ("batch.k8s.io/=spec.template", 1),
        ("policy/PodThing=spec.template", 1), ("-kubeflow.org/PyTorchJob", 2),
    ])
    func `the error about a malformed entry names its position`(_ text: String, _ character: Int) throws {
        let error = try #require(throws: SettingsError.self) {
            try Settings(environment: ["PLAYBOOK_WORKLOAD_KINDS": text])
        }
        let entry = text.split(separator: ",").last.map { $0.drop { $0 == " " } } ?? ""
        #expect(error.description.contains("at character \(character), "))
        #expect(error.description.contains("instead of \"\(entry.prefix(7))"))
    }

    // MARK: Requester

    @Test func `a change by the kind's own controller is operator-made`() throws {
        let bad = WorkloadObject.all[0].object(try podSpec("{image: nginx}"))
        var world = World(WorkloadObject.all[0].object()).updated(to: bad)
        world.user = "system:serviceaccount:knative-serving:controller"
        world.groups = ["system:serviceaccounts"]
        world.rules = [try #require(Catalogue.playbook["image-tag"])]
        #expect(try world.decision().isDenied)
        world.settings = ["PLAYBOOK_OPERATOR_ACCOUNTS": "system:serviceaccount:knative-serving:controller"]
        #expect(try world.decision().findings.map(\.leniency) == [.operatorMade])
    }
}
