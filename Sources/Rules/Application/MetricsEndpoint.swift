import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let metricsEndpoint = Rule(
        id: "metrics-endpoint",
        title: "Pods expose metrics to Prometheus",
        group: .application,
        section: .applicationRequirements,
        rationale: """
            Autoscaling, alerts and incident response have no data without the application's metrics. Prometheus finds them by a \
            port named `metrics`, an annotation, a PodMonitor or a ServiceMonitor.
            """,
        level: .off,
        concern: .convention,
        scope: Scope(.withPodSpec, isLongRunningOnly: true, readsMetadata: true),
        clauses: [MetricsClause.missing, MetricsClause.otherPort],
        settings: [RuleSettings.metricsPort],
        relatedObjects: [.podMonitor, .serviceMonitor, .service],
        examples: metricsExamples,
        check: checkMetrics
    )
}

extension RuleSettings {
    static let metricsPort = RuleSetting(
        "PLAYBOOK_METRICS_PORT", .optional(.integer(1...65535)), default: nil,
        "Port number of the metrics endpoint of all applications; unset: any port.")
}

/// The clauses of `metrics-endpoint`.
enum MetricsClause {
    static let missing = Clause(
        "missing",
        "a container declares a port named `metrics`, the annotation `prometheus.io/scrape` is true, or a PodMonitor or ServiceMonitor selects the pods"
    )
    static let otherPort = Clause(
        "other-port", "the port named `metrics` is `PLAYBOOK_METRICS_PORT`, if that is set")
}

private func checkMetrics(_ subject: Subject, _ context: Context, _ findings: FindingCollector) throws(CannotEvaluate) {
    guard let template = try subject.template() else { return }
    let agreed = context[RuleSettings.metricsPort]
    var elsewhere: Field?
    for container in template.nonEphemeralContainers {
        for port in try container.ports.objects() {
            try findings.step()
            guard try port["name"].text()?.equals("metrics") ?? false else { continue }
            let number = try port["containerPort"]
            guard let agreed, let seen = try number.integer(), seen != agreed else { return }
            elsewhere = elsewhere ?? number
        }
    }
    if let elsewhere, let agreed {
        let seen = elsewhere.base.text
        findings.add(
            MetricsClause.otherPort, at: elsewhere, "is \(seen); the metrics port must be \(agreed)",
            set: .number(String(agreed)), choice: seen)
        return
    }
    if template.metadata?["annotations"]?["prometheus.io/scrape"]?.equals("true") ?? false { return }
    if try isMonitored(template.labels(), in: subject.namespace, context.relatedObjects) { return }
    guard let container = template.mainContainers.first else { return }
    findings.add(
        MetricsClause.missing, at: container.ports,
        "has no port named \"metrics\", and no annotation or monitor selects the pods"
    ) {
        guard let agreed else {
            $0.advice = "add a port named metrics with the number on which the application serves /metrics"
            return
        }
        $0.edits = [.set($0.place / "-", ["name": "metrics", "containerPort": .number(String(agreed))])]
        $0.advice = "serve /metrics on this port"
    }
}

/// Returns true if a monitor selects pods with these labels, directly or through a Service.
///
/// Monitors can select pods of other namespaces. One match is enough; if there is none, all monitors must be known.
private func isMonitored(
    _ labels: Labels, in namespace: String, _ relatedObjects: RelatedObjects
) throws(CannotEvaluate) -> Bool {
    if relatedObjects.isMonitored(by: .podMonitor, labels, in: namespace) { return true }
    let knowsServices = relatedObjects.knows(.service, in: namespace)
    let services =
        knowsServices ? try relatedObjects.objects(.service, thatMaySelect: labels, in: namespace) : []
    for service in services where service.servesPods(labels) {
        if relatedObjects.isMonitored(by: .serviceMonitor, Labels(service.labels), in: namespace) { return true }
    }
    guard relatedObjects.knows(.podMonitor, in: namespace), relatedObjects.knows(.serviceMonitor, in: namespace) else {
        throw .unknown(relatedObject: "PodMonitors and ServiceMonitors")
    }
    if !knowsServices, relatedObjects.mayHaveMonitors(of: .serviceMonitor, in: namespace) {
        throw .unknown(relatedObject: "Services")
    }
    return false
}

extension RelatedObject {
    /// True if a Service's selector matches pods with these labels.
    fileprivate func servesPods(_ labels: Labels) -> Bool {
        guard let pairs = self[.podLabels]?.members, !pairs.isEmpty else { return false }
        return pairs.allSatisfy { pair in
            if case .string(let value) = pair.value { labels.has(pair.key, value) } else { false }
        }
    }
}

extension RelatedKind {
    static let service = RelatedKind(
        .service,
        selecting: { fields in
            (fields[.podLabels]?.members ?? []).compactMap { label in
                label.value.text.map { RecordKey(key: label.key, value: $0) }
            }
        },
        read: { (object, fields) throws(CannotEvaluate) in
            fields[.podLabels] = try object.object("spec")?.object("selector").map { Literal($0) }
        })
}

extension RelatedField<Literal> {
    fileprivate static let podLabels = Self("selector")
}
