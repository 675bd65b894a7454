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
        "a port named metrics",
        "containers: [{name: app, ports: [{name: metrics, containerPort: 9090}]}]", settings: on),
    .good(
        "a sidecar's metrics port",
        "initContainers: [{name: exporter, restartPolicy: Always, ports: [{name: metrics, containerPort: 9100}]}]",
        settings: onePort),
    .good(
        "one of several metrics ports has the required number",
        """
        containers:
        - {name: app, ports: [{name: metrics, containerPort: 8081}]}
        - {name: exporter, ports: [{name: metrics, containerPort: 9100}]}
        """, settings: onePort),
    .good(
        "the scrape annotation",
        "spec: {template: {metadata: {annotations: {prometheus.io/scrape: 'true'}}}}", settings: on),
    .good(
        "a PodMonitor", "{}", relatedObjects: monitor("PodMonitor", "{selector: {matchLabels: {app: web}}}"),
        settings: on),
    .good(
        "a PodMonitor in another namespace", "{}",
        relatedObjects: monitor(
            "PodMonitor", "{namespaceSelector: {matchNames: [shop]}, selector: {}}", in: "monitoring"), settings: on),
    .good(
        "a ServiceMonitor that selects the pods' Service", "{}",
        relatedObjects: service + "\n---\n"
            + monitor("ServiceMonitor", "{namespaceSelector: {any: true}, selector: {matchLabels: {scrape: 'yes'}}}"),
        settings: on),
    .bad(
        "no metrics port, annotation or monitor", MetricsClause.missing, at: "containers[app].ports",
        "containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]", relatedObjects: other, without: all,
        settings: on),
    .bad(
        "no metrics port, although a number is required", MetricsClause.missing, at: "containers[app].ports",
        "{containers: [{name: app}], hostname: web}", without: all, settings: onePort),
    .bad(
        "a ServiceMonitor that selects another Service", MetricsClause.missing, at: "containers[app].ports", "{}",
        relatedObjects: service + "\n---\n" + monitor("ServiceMonitor", "{selector: {matchLabels: {scrape: 'no'}}}"),
        without: all, settings: on),
    .bad(
        "a PodMonitor in another namespace that selects only its namespace", MetricsClause.missing,
        at: "containers[app].ports", "{}",
        relatedObjects: other + "\n---\n" + monitor("PodMonitor", "{selector: {}}", in: "bank"), without: all,
        settings: on),
    .good("not evaluated because ServiceMonitors are unknown", "{}", relatedObjects: other, settings: on),
    .good(
        "not evaluated because Services are unknown", "{}",
        relatedObjects: other + "\n---\n" + monitor("ServiceMonitor", "{selector: {}}"), settings: on),
    .bad(
        "a metrics port with another number", MetricsClause.otherPort,
        at: "containers[app].ports[metrics].containerPort",
        "containers: [{name: app, ports: [{name: metrics, containerPort: 9090}]}]", settings: onePort),
    .good(
        "a metrics port with the required number, and an init container",
        """
        initContainers: [{name: migrate}]
        containers: [{name: app, ports: [{name: metrics, containerPort: 9100}]}]
        """, settings: onePort),
    .good(
        "an ephemeral container is not checked",
        "ephemeralContainers: [{name: debugger}]",
        request: .debug,
        settings: on),
    .good(
        "a Job needs no metrics",
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
