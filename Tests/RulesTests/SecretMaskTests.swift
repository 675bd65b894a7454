import Evaluation
import JSON
import Kubernetes
import TestSupport
import Testing

/// Fragments with one field that contains the placeholder `TEXT` for a secret.
private let fields: [String] = {
    let containers = [
        "image: 'TEXT'", "image: 'docker.io/TEXT'", "command: [sh, -c, 'TEXT']", "command: [sh, -c, 'sleep 5; TEXT']",
        "args: ['TEXT']", "command: [/bin/sh, -c], args: ['TEXT']", "env: [{name: OTHER, value: 'TEXT'}]",
        "env: [{name: DATABASE_URL, value: 'TEXT'}]", "env: [{name: 'TEXT', value: a}]", "workingDir: 'TEXT'",
        "livenessProbe: {httpGet: {path: 'TEXT', port: http}}",
        "livenessProbe: {httpGet: {path: /livez, port: 'TEXT'}}",
        "livenessProbe: {exec: {command: [sh, -c, 'TEXT']}}",
        "readinessProbe: {httpGet: {path: /livez, port: http, httpHeaders: [{name: X-Other, value: 'TEXT'}]}}",
        "lifecycle: {preStop: {exec: {command: [sh, -c, 'TEXT']}}}",
        "lifecycle: {postStart: {httpGet: {path: 'TEXT', port: 80, httpHeaders: [{name: X-Other, value: 'TEXT'}]}}}",
        "ports: [{name: 'TEXT', containerPort: 8080, hostPort: 80}]",
        "volumeMounts: [{name: v, mountPath: '/TEXT/.aws/credentials'}]",
        "volumeMounts: [{name: v, mountPath: 'TEXT'}]", "envFrom: [{secretRef: {name: 'TEXT'}}]",
        "securityContext: {procMount: 'TEXT', capabilities: {add: ['TEXT']}}", "resources: {limits: {cpu: 'TEXT'}}",
        "securityContext: {windowsOptions: {runAsUserName: 'TEXT'}}",
    ].map { "spec: {template: {spec: {containers: [{name: app, \($0)}]}}}" }
    let pods = [
        "containers: [{name: 'TEXT', image: a}]", "initContainers: [{name: 'TEXT', image: 'docker.io/a'}]",
        "nodeName: 'TEXT'", "schedulerName: 'TEXT'", "serviceAccountName: 'TEXT'", "hostname: 'TEXT'",
        "volumes: [{name: v, hostPath: {path: 'TEXT'}}]", "volumes: [{name: 'TEXT', hostPath: {path: /a}}]",
        "volumes: [{name: v, configMap: {name: 'TEXT'}}]", "tolerations: [{key: 'TEXT', operator: Exists}]",
        "topologySpreadConstraints: [{topologyKey: 'TEXT'}]", "nodeSelector: {karpenter.sh/capacity-type: 'TEXT'}",
        "securityContext: {runAsUser: 'TEXT'}", "priorityClassName: 'TEXT'",
    ].map { "spec: {template: {spec: {\($0)}}}" }
    let metadata = [
        "metadata: {annotations: {note: 'TEXT'}}", "metadata: {annotations: {'TEXT': a}}",
        "metadata: {labels: {team: 'TEXT'}}",
        "metadata: {labels: {app.kubernetes.io/part-of: 'TEXT'}}", "metadata: {name: 'TEXT'}",
        "metadata: {namespace: 'TEXT'}",
        "metadata: {annotations: {playbook.superinc.com/exempt: 'TEXT', playbook.superinc.com/exempt-reason: 'TEXT'}}",
        "metadata: {annotations: {playbook.superinc.com/exempt: replicas, playbook.superinc.com/exempt-until: 'TEXT'}}",
        "spec: {replicas: 1, template: {metadata: {annotations: {note: 'TEXT'}, labels: {app: 'TEXT'}}}}",
    ]
    return containers + pods + metadata
}()

/// Objects of other kinds.
private let objects = [
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: shop}, data: {a: 'TEXT'}}",
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: shop}, data: {'TEXT': 'password=hunter2'}}",
    "{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: shop}, stringData: {AWS_ACCESS_KEY_ID: 'TEXT'}}",
    "{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: shop}, type: 'TEXT', stringData: {'TEXT': 'a'}}",
    "{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}, spec: {type: 'TEXT', externalIPs: ['TEXT']}}",
    "{apiVersion: v1, kind: Service, metadata: {name: 'TEXT', namespace: default}, spec: {type: LoadBalancer}}",
    "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a, namespace: shop}, spec: {ingressClassName: 'TEXT', rules: [{host: 'TEXT', http: {paths: [{path: /TEXT, backend: {service: {name: 'TEXT', port: {name: 'TEXT'}}}}]}}]}}",
    "{apiVersion: traefik.io/v1alpha1, kind: IngressRoute, metadata: {name: a, namespace: shop}, spec: {entryPoints: [web], routes: [{match: 'Host(`TEXT`) && PathPrefix(`/admin`)', middlewares: [{name: 'TEXT'}]}]}}",
    "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a, namespace: shop}, spec: {parentRefs: [{name: 'TEXT', sectionName: 'TEXT'}], hostnames: ['TEXT'], rules: [{matches: [{path: {value: '/admin/TEXT'}}]}]}}",
    "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: a, namespace: shop}, spec: {listeners: [{name: 'TEXT', protocol: HTTP, port: 80, hostname: 'TEXT'}]}}",
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: a}, rules: [{apiGroups: ['*'], resources: ['TEXT', '*'], verbs: ['*', 'TEXT'], resourceNames: ['TEXT']}]}",
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: a}, roleRef: {kind: ClusterRole, name: 'TEXT'}, subjects: [{kind: User, name: 'TEXT'}, {kind: Group, name: 'system:unauthenticated'}, {kind: ServiceAccount, name: 'TEXT', namespace: 'TEXT'}]}",
    "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a, namespace: shop}, spec: {podSelector: {matchLabels: {app: 'TEXT'}}, ingress: [{from: [{ipBlock: {cidr: 'TEXT'}}]}]}}",
    "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a, namespace: shop}, spec: {maxUnavailable: 'TEXT', minAvailable: 100%, selector: {matchLabels: {app: 'TEXT'}}}}",
    "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a, namespace: shop}, spec: {minReplicas: 1, maxReplicas: 1, scaleTargetRef: {kind: Deployment, name: 'TEXT', apiVersion: apps/v1}}}",
    "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: a, namespace: shop}, spec: {secretStoreRef: {name: 'TEXT'}, refreshInterval: 'TEXT', target: {name: 'TEXT'}, data: [{secretKey: 'TEXT', remoteRef: {key: 'TEXT'}}]}}",
    "{apiVersion: karpenter.sh/v1, kind: NodePool, metadata: {name: a}, spec: {template: {spec: {expireAfter: 'TEXT', requirements: [{key: 'TEXT', operator: In, values: ['TEXT']}]}}, disruption: {budgets: [{nodes: 'TEXT', schedule: 'TEXT'}]}}}",
    "{apiVersion: kms.services.k8s.aws/v1alpha1, kind: Key, metadata: {name: a, namespace: shop}, spec: {enableKeyRotation: false, policy: '{\"Statement\":[{\"Sid\":\"TEXT\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"kms:*\",\"Resource\":\"*\"}]}'}}",
    "{apiVersion: ec2.services.k8s.aws/v1alpha1, kind: SecurityGroup, metadata: {name: a, namespace: shop}, spec: {name: 'TEXT', description: 'TEXT', ingressRules: [{ipProtocol: tcp, fromPort: 22, toPort: 22, ipRanges: [{cidrIP: 0.0.0.0/0, description: 'TEXT'}]}]}}",
    "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: a}, provisioner: ebs.csi.aws.com, parameters: {encrypted: 'TEXT', kmsKeyId: 'TEXT', type: 'TEXT'}}",
    "{apiVersion: v1, kind: Namespace, metadata: {name: 'TEXT', annotations: {playbook.superinc.com/level: 'TEXT'}}}",
    "{apiVersion: elbv2.k8s.aws/v1beta1, kind: TargetGroupBinding, metadata: {name: a, namespace: shop}, spec: {targetType: 'TEXT', serviceRef: {name: 'TEXT'}, networking: {ingress: [{from: [{ipBlock: {cidr: 'TEXT'}}]}]}}}",
]

/// Fields whose name identifies the value as a secret.
private let namedFields = [
    "spec: {template: {spec: {containers: [{name: app, env: [{name: DB_PASSWORD, value: 'TEXT'}]}]}}}",
    "spec: {template: {spec: {containers: [{name: app, image: 'docker.io/TEXT', env: [{name: DB_PASSWORD, value: 'TEXT'}]}]}}}",
    "spec: {template: {spec: {nodeName: 'TEXT', containers: [{name: app, args: [--password, 'TEXT']}]}}}",
    "spec: {template: {spec: {nodeName: 'TEXT', containers: [{name: app, command: [redis-cli], args: [-a, 'TEXT']}]}}}",
    "spec: {template: {spec: {schedulerName: 'TEXT', containers: [{name: app, livenessProbe: {exec: {command: [mysqladmin, ping, '-pTEXT']}}}]}}}",
    "spec: {template: {spec: {nodeName: 'TEXT', containers: [{name: app, livenessProbe: {exec: {command: [curl, -u, 'admin:TEXT']}}}]}}}",
    "spec: {template: {spec: {nodeName: 'TEXT', containers: [{name: app, readinessProbe: {httpGet: {path: /, port: 80, httpHeaders: [{name: X-Api-Key, value: 'TEXT'}]}}}]}}}",
    "{metadata: {name: 'TEXT', annotations: {example.com/api-token: 'TEXT'}}, spec: {replicas: 1}}",
    "{metadata: {name: 'TEXT', labels: {password: 'TEXT'}}, spec: {replicas: 1}}",
]

/// Secrets in the texts about a review: findings, warnings, audit annotations and recordings.
@Suite struct SecretMaskTests {
    /// Returns the creation of the object with a text in place of `TEXT`, and an update to it.
    private func worlds(_ template: String, _ text: String) throws -> [World] {
        func planted(_ value: Literal) -> Literal {
            switch value {
            case .string(let string): .string(string.replacing("TEXT", with: text))
            case .array(let elements): .array(elements.map(planted))
            case .object(let members):
                .object(members.map { .init($0.key.replacing("TEXT", with: text), planted($0.value)) })
            default: value
            }
        }
        let fragment = planted(try Literal(yaml: template))
        let object = fragment["apiVersion"] == nil ? World.deployment.merging(fragment) : fragment
        let made = World(object)
        return [made, World(object.merging(["metadata": ["labels": ["old": "a"]]])).updated(to: object)]
    }

    /// The objects that evaluate reviews, created once.
    private struct Evaluators {
        let context: Context
        let evaluator: Evaluator
        let writer: RecordingWriter

        init() throws {
            context = try World(nil).context()
            evaluator = Evaluator(context.settings)
            writer = RecordingWriter(context.settings, version: "1.0.0")
        }
    }

    /// All texts about a review, and last its recording.
    private func said(_ world: World, _ evaluators: Evaluators) throws -> [String] {
        let body = world.review
        let (decision, mutation) = try Document().read(body.span, AdmissionReview.options) { root in
            Result {
                let review = try AdmissionReview(root)
                return (
                    evaluators.evaluator.decision(on: review, in: evaluators.context),
                    evaluators.evaluator.mutation(of: review, in: evaluators.context)
                )
            }
        }.get()
        var texts =
            [decision.message, decision.subject.title, mutation.decision.subject.title] + decision.warnings
            + decision.notices + mutation.warnings
        texts += decision.causes.flatMap { [$0.message, $0.field, $0.reason] }
        texts += decision.auditAnnotations.map(\.value) + [decision.untrustedController ?? ""]
        for decided in decision.findings + mutation.fixes {
            texts += [
                decided.path, decided.finding.message, decided.finding.choice ?? "",
                decided.finding.advice ?? "",
                decided.change.block, decided.change.line(), decided.change.line(within: 120), decided.warning,
                decided.exemption?.reason ?? "",
            ]
        }
        let line = evaluators.writer.line(body.span, decision, in: evaluators.context, nanoseconds: 57_300)
        return texts + [String(decoding: try #require(line), as: UTF8.self)]
    }

    private func check(_ world: World, _ planted: PlantedSecret, _ evaluators: Evaluators, isRecorded: Bool = true)
        throws
    {
        var texts = try said(world, evaluators)
        if !isRecorded { texts.removeLast() }
        guard let leak = planted.leak(in: texts.joined(separator: "\n")) else { return }
        let text = texts.first { planted.leak(in: $0) != nil } ?? ""
        Issue.record("\(planted): \(leak) in \(text.prefix(900))")
    }

    @Test(arguments: fields + objects)
    func `no text about a review shows a secret from any field`(_ template: String) throws {
        #expect(PlantedSecret.all.count == 80)
        let evaluators = try Evaluators()
        for (index, planted) in PlantedSecret.all.enumerated() {
            let worlds = try worlds(template, planted.text)
            try check(worlds[index % 2], planted, evaluators)
        }
    }

    @Test(arguments: namedFields)
    func `no text about a review shows a secret that only its name identifies`(_ template: String) throws {
        let evaluators = try Evaluators()
        for planted in PlantedSecret.passwords {
            for world in try worlds(template, planted.text) { try check(world, planted, evaluators, isRecorded: false) }
        }
    }

    @Test func `a masked secret is replaced by its kind`() {
        for (text, masked) in [
            ("is ghp_0123456789abcdefghijABCDEFGHIJ012345, of the bot", "is «redacted:GitHub-token», of the bot"),
            ("is postgres://shop:hunter2@db/x", "is postgres://shop:«redacted:uri-with-password»@db/x"),
            ("curl -u admin:hunter2 https://x", "curl -u admin:«redacted:password» https://x"),
            (
                "image is user:hunter2@host.example/app:1",
                "image is user:«redacted:uri-with-password»@host.example/app:1"
            ),
            ("is arn:aws:sts::222222222222:assumed-role/Admin/jane@example.com", nil),
            ("oidc:jane@example.com", nil),
            ("is 222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1.4.2-9f3c1ab", nil),
            ("shop/web:1.4.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", nil),
        ] as [(String, String?)] {
            #expect(SecretMask.masked(text) == masked ?? text)
        }
    }

    @Test func `a suggestion with a secret is in words, and the fix contains the real value`() throws {
        let secret = "x7Kq0aYb3mZr9TQ2"
        let object = World.deployment.merging([
            "spec": [
                "template": ["spec": ["containers": [["name": "app", "image": .string("docker.io/web:\(secret)")]]]]
            ]
        ])
        var world = World(object.merging(["metadata": ["labels": ["token": .string(secret)]]]))
        world.settings["PLAYBOOK_PULL_THROUGH"] = "docker.io=222222222222.dkr.ecr.eu-west-1.amazonaws.com/hub"
        world.settings["PLAYBOOK_FIX"] = "all"
        // A server only builds the suggestions that it shows.
        world.source = .recording
        let findings = try world.decision().findings
        let decided = try #require(findings.first { $0.rule.id == "image-registry" })
        #expect(!decided.finding.edits.isEmpty)
        #expect(decided.change.block.contains("the value contains a secret and is not shown"))
        #expect(!decided.change.block.contains("«"))
        let tag = try #require(findings.first { $0.rule.id == "image-tag" })
        #expect(tag.finding.message.contains("the tag \"«redacted:secret»\""))
    }

    @Test func `the name and namespace of a Secret are shown, even if its value contains them`() throws {
        let value = "postgres://orders-database.payments-eu.svc/orders"
        let object: Literal = [
            "apiVersion": "v1", "kind": "Secret", "metadata": ["name": "orders-database", "namespace": "payments-eu"],
            "stringData": ["DATABASE_URL": .string(value), "token": "x7Kq0aYb3mZr9TQ2-orders-database"],
        ]
        var world = World(object)
        world.source = .recording
        let decision = try world.decision()
        #expect(!decision.findings.isEmpty)
        let texts = "\(decision.message) \(decision.findings.map(\.change.block))"
        #expect(texts.contains("payments-eu/orders-database"))
        #expect(!texts.contains("«") && !texts.contains("x7Kq0aYb3mZr9TQ2"), "\(texts)")
    }

    @Test(arguments: Case.all)
    func `texts about the examples contain no masks`(_ item: Case) throws {
        for decided in try World(item.example).decision().findings where decided.rule.id == item.rule.id {
            let texts = [decided.path, decided.finding.message, decided.change.block]
            #expect(!texts.joined().contains("«") && !texts.joined().contains("not shown"), "\(texts)")
        }
    }

    @Test func `a secret in an exemption's reason is masked in an audit`() throws {
        let secret = "ghp_0123456789abcdefghijklmnopqrstuvwxyZ"
        var world = World(
            World.deployment.merging([
                "metadata": [
                    "annotations": [
                        "playbook.superinc.com/exempt": "replicas",
                        "playbook.superinc.com/exempt-reason": .string("see \(secret)"),
                    ]
                ]
            ]))
        world.source = .cluster
        let uses = try world.decision().exemptionUses
        #expect(uses.map(\.rules) == [["replicas"]])
        #expect(uses.allSatisfy { $0.reason.hasPrefix("see ") && !$0.reason.contains(secret) })
    }

    @Test func `the name before a secret is kept, also in a path`() throws {
        let world = World([
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "m", "namespace": "shop"],
            "data": ["password": "password=hunter3Zq"],
        ])
        let finding = try #require(world.decision().findings.first { $0.rule.id == "inline-credentials" })
        #expect(finding.path == "data.password")
        #expect(!finding.finding.message.contains("redacted"))
    }
}
