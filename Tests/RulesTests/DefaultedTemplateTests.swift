import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// Rollbacks to a stored template with defaults.
///
/// The API server sets defaults in a ReplicaSet, but not in a Rollout, which is a custom resource.
@Suite struct DefaultedTemplateTests {
    /// A template from before enforcement, as its author wrote it.
    private let written = Self.yaml(
        """
        hostNetwork: true
        serviceAccountName: web
        nodeName: ''
        hostIPC: false
        volumes:
        - {name: token, projected: {sources: [{serviceAccountToken: {path: token}}, {downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}]}}
        - {name: cache, emptyDir: {sizeLimit: 0.5Gi}}
        - {name: settings, configMap: {name: web}}
        - {name: data, hostPath: {path: /data}}
        initContainers:
        - {name: proxy, image: 'nginx:latest', restartPolicy: Always}
        containers:
        - image: nginx:latest
          name: app
          ports: [{containerPort: 8080}]
          resources: {limits: {memory: 0.5Gi, cpu: 1}, requests: {memory: '1.5e9'}}
          volumeMounts: [{name: cache, mountPath: /cache, readOnly: false}]
          env: [{name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
          readinessProbe: {httpGet: {path: /, port: 8080}}
          lifecycle: {preStop: {httpGet: {path: /drain, port: 8080}}}
        """)

    /// The same template in a ReplicaSet, with defaults set by the API server.
    private let stored = Self.yaml(
        """
        containers:
        - name: app
          image: nginx:latest
          imagePullPolicy: Always
          ports: [{containerPort: 8080, protocol: TCP}]
          env: [{name: POD, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.name}}}]
          resources: {limits: {cpu: '1', memory: 512Mi}, requests: {memory: 1500M}}
          volumeMounts: [{mountPath: /cache, name: cache}]
          readinessProbe: {failureThreshold: 3, httpGet: {path: /, port: 8080, scheme: HTTP}, periodSeconds: 10, successThreshold: 1, timeoutSeconds: 1}
          lifecycle: {preStop: {httpGet: {path: /drain, port: 8080, scheme: HTTP}}}
          terminationMessagePath: /dev/termination-log
          terminationMessagePolicy: File
        dnsPolicy: ClusterFirst
        hostNetwork: true
        initContainers:
        - {name: proxy, image: 'nginx:latest', imagePullPolicy: Always, resources: {}, restartPolicy: Always, terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File}
        restartPolicy: Always
        schedulerName: default-scheduler
        securityContext: {}
        serviceAccount: web
        serviceAccountName: web
        terminationGracePeriodSeconds: 30
        volumes:
        - {name: token, projected: {defaultMode: 420, sources: [{serviceAccountToken: {expirationSeconds: 3600, path: token}}, {downwardAPI: {items: [{fieldRef: {apiVersion: v1, fieldPath: metadata.labels}, path: labels}]}}]}}
        - {name: cache, emptyDir: {sizeLimit: 512Mi}}
        - {name: settings, configMap: {defaultMode: 420, name: web}}
        - {name: data, hostPath: {path: /data, type: ''}}
        """)

    private static func yaml(_ text: String) -> Literal { (try? Literal(yaml: text)) ?? .null }

    private func workload(_ kind: String, _ apiVersion: String, _ spec: Literal) -> Literal {
        [
            "apiVersion": .string(apiVersion), "kind": .string(kind),
            "metadata": ["name": "web", "namespace": "shop", "uid": "workload-1"],
            "spec": [
                "replicas": 3, "selector": ["matchLabels": ["app": "web"]],
                "template": ["metadata": ["labels": ["app": "web"]], "spec": spec],
            ],
        ]
    }

    private func isRolledBack(
        _ kind: String = "Rollout", _ apiVersion: String = "argoproj.io/v1alpha1", to spec: Literal,
        from revision: Literal
    ) throws -> Bool {
        let owner: Literal = [
            "apiVersion": .string(apiVersion), "kind": .string(kind), "name": "web", "uid": "workload-1",
            "controller": true,
        ]
        var world = World(workload(kind, apiVersion, World.podSpec)).updated(to: workload(kind, apiVersion, spec))
        world.relatedObjects = [
            [
                "apiVersion": "apps/v1", "kind": "ReplicaSet",
                "metadata": [
                    "name": "web-1", "namespace": "shop", "labels": ["app": "web"], "ownerReferences": [owner],
                    "annotations": ["rollout.argoproj.io/revision": "1"],
                ],
                "spec": ["template": ["metadata": ["labels": ["app": "web"]], "spec": revision]],
            ]
        ]
        return try !world.decision().isDenied
    }

    @Test func `a Rollout may go back to the template of a ReplicaSet in which defaults are set`() throws {
        #expect(try isRolledBack(to: written, from: stored))
        // Without the ReplicaSet, the change is denied.
        #expect(try !isRolledBack(to: written, from: World.podSpec))
    }

    @Test(
        arguments: [
            // A value that is not the default.
            "terminationGracePeriodSeconds: 0", "dnsPolicy: Default", "hostPID: true",
            // The name of a default in another place.
            "initContainers: [{name: proxy, restartPolicy: null}]",
            "securityContext: {dnsPolicy: ClusterFirst}",
            // Another quantity.
            "containers: [{name: app, resources: {limits: {memory: 0.6Gi}}}]",
            "containers: [{name: app, resources: {limits: {memory: 512M}}}]",
        ])
    func `a template with another value is not a rollback`(_ change: String) throws {
        #expect(try !isRolledBack(to: written.merging(World.fragmentForTests(change)), from: stored))
    }

    @Test func `a defaulted imagePullPolicy does not make a template different`() throws {
        // A replaced Deployment gets IfNotPresent, and later applies keep it.
        let kept = stored.merging(World.fragmentForTests("containers: [{name: app, imagePullPolicy: IfNotPresent}]"))
        #expect(try isRolledBack("Deployment", "apps/v1", to: kept, from: stored))
    }
}
