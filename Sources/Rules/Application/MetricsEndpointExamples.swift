import Evaluation
import Kubernetes

private let on = ["PLAYBOOK_RULE_METRICS_ENDPOINT": "warn"]
private let onePort = on.merging(["PLAYBOOK_METRICS_PORT": "9100"]) { $1 }

private func monitor(_ kind: String, _ spec: String, in namespace: String = "shop") -> String {
    """
    apiVersion: monitoring.coreos.com/v1
    kind: \(kind)
    metadata: {name: some, namespace: \(namespace)}
    spec: \(spec)
    """
}

private let service = """
    apiVersion: v1
    kind: Service
    metadata: {name: web, namespace: shop, labels: {scrape: "yes"}}
    spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
    """

private let all = ResourceKinds(.podMonitor, .serviceMonitor, .service)
private let other = monitor("PodMonitor", "{selector: {matchLabels: {app: other}}}")

let metricsExamples: [Example] = [
    .good(
        "a port of that name",
        "containers: [{name: app, ports: [{name: metrics, containerPort: 9090}]}]", settings: on),
    .good(
        "a sidecar's port",
        "initContainers: [{name: exporter, restartPolicy: Always, ports: [{name: metrics, containerPort: 9100}]}]",
        settings: onePort),
    .good(
        "one of several at the agreed port",
        """
        containers:
        - {name: app, ports: [{name: metrics, containerPort: 8081}]}
        - {name: exporter, ports: [{name: metrics, containerPort: 9100}]}
        """, settings: onePort),
    .good(
        "the annotation",
        "spec: {template: {metadata: {annotations: {prometheus.io/scrape: 'true'}}}}", settings: on),
    .good(
        "a PodMonitor", "{}", relatedObjects: monitor("PodMonitor", "{selector: {matchLabels: {app: web}}}"),
        settings: on),
    .good(
        "a PodMonitor of another namespace", "{}",
        relatedObjects: monitor(
            "PodMonitor", "{namespaceSelector: {matchNames: [shop]}, selector: {}}", in: "monitoring"), settings: on),
    .good(
        "a ServiceMonitor, by way of a Service", "{}",
        relatedObjects: service + "\n---\n"
            + monitor("ServiceMonitor", "{namespaceSelector: {any: true}, selector: {matchLabels: {scrape: 'yes'}}}"),
        settings: on),
    .bad(
        "no metrics", MetricsClause.missing, at: "containers[app].ports",
        "containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]", relatedObjects: other, without: all,
        settings: on),
    .bad(
        "the annotation is not true", MetricsClause.missing, at: "containers[app].ports",
        "{containers: [{name: app}], hostname: web}", without: all, settings: onePort),
    .bad(
        "a ServiceMonitor that selects another Service", MetricsClause.missing, at: "containers[app].ports", "{}",
        relatedObjects: service + "\n---\n" + monitor("ServiceMonitor", "{selector: {matchLabels: {scrape: 'no'}}}"),
        without: all, settings: on),
    .bad(
        "a PodMonitor that keeps to its own namespace", MetricsClause.missing, at: "containers[app].ports", "{}",
        relatedObjects: other + "\n---\n" + monitor("PodMonitor", "{selector: {}}", in: "bank"), without: all,
        settings: on),
    .good("ServiceMonitors that are not known may do it", "{}", relatedObjects: other, settings: on),
    .good(
        "Services that are not known may lead there", "{}",
        relatedObjects: other + "\n---\n" + monitor("ServiceMonitor", "{selector: {}}"), settings: on),
    .bad(
        "another port than everywhere", MetricsClause.otherPort, at: "containers[app].ports[metrics].containerPort",
        "containers: [{name: app, ports: [{name: metrics, containerPort: 9090}]}]", settings: onePort),
    .good(
        "an init container's ports do not matter, and the agreed one is there",
        """
        initContainers: [{name: migrate}]
        containers: [{name: app, ports: [{name: metrics, containerPort: 9100}]}]
        """, settings: onePort),
    .good(
        "an ephemeral container changes nothing",
        "ephemeralContainers: [{name: debugger}]",
        request: .debug,
        settings: on),
    .good(
        "a Job ends before anybody asks",
        """
        apiVersion: batch/v1
        kind: Job
        metadata: {name: reindex, namespace: shop}
        spec:
          template:
            spec:
              restartPolicy: Never
              securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001}
              containers: [{name: reindex}]
        """, settings: on),
]
