import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let vpcCNIPrefixDelegation = Rule(
        id: "vpc-cni-prefix-delegation",
        title: "The VPC CNI uses prefix delegation",
        group: .traffic,
        section: .vpcArchitecture,
        rationale: """
            Without prefix delegation, the number of a node's IP addresses limits its pods, even if CPU and memory are left, and \
            new pods can wait for an address.
            """,
        level: .warn,
        concern: .convention,
        scope: Scope(ResourceKinds(.daemonSet), reachesSystemNamespaces: true),
        clauses: [prefixes],
        examples: cases,
        check: { (subject, _, findings) throws(CannotEvaluate) in
            guard subject.name == "aws-node", subject.namespace == "kube-system",
                let template = try subject.template(),
                let container = template.mainContainers.first(where: { $0.value["name"]?.equals("aws-node") ?? false })
            else { return }
            let value = try delegation(in: container.env)
            if try value?.equals("true") ?? false { return }
            findings.add(
                prefixes, at: value ?? container.env,
                "\(value.map { "is \"\($0.base.text)\", not \"true\"" } ?? "does not set \(name)"); nodes run fewer pods than they could",
                choice: value?.base.text
            ) {
                $0.edits = [value == nil ? .append(entry, to: container.env, at: $0.place) : .set($0.place, "true")]
                $0.advice = "for the EKS add-on, set env: {\(name): \"true\"} in its configuration values"
            }
        }
    )
}

private let prefixes = Clause("prefixes", "DaemonSet kube-system/aws-node sets `ENABLE_PREFIX_DELEGATION` to `true`")

private let name: StaticString = "ENABLE_PREFIX_DELEGATION"
private let entry: Literal = ["name": "\(name)", "value": "true"]

/// The effective value of the variable: the last one of several with the same name.
private func delegation(in variables: Field) throws(CannotEvaluate) -> Field? {
    var found: Field?
    for variable in try variables.objects() where try variable["name"].equals(name) {
        let value = try variable["value"]
        if try value.text() != nil { found = value }
    }
    return found
}

private func agent(_ environment: String, name: String = "aws-node", namespace: String = "kube-system") -> String {
    """
    apiVersion: apps/v1
    kind: DaemonSet
    metadata: {name: \(name), namespace: \(namespace)}
    spec:
      selector: {matchLabels: {k8s-app: aws-node}}
      template:
        metadata: {labels: {k8s-app: aws-node}}
        spec:
          terminationGracePeriodSeconds: 10
          securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001}
          containers:
          - name: aws-node
            image: 602401143452.dkr.ecr.eu-west-1.amazonaws.com/amazon-k8s-cni:v1.20.4
            ports: [{name: http, containerPort: 8080}]
            resources: {requests: {cpu: 100m, memory: 256Mi}, limits: {memory: 256Mi}}
            livenessProbe: {httpGet: {path: /livez, port: http}}
            readinessProbe: {httpGet: {path: /readyz, port: http}}
            \(environment)
    """
}

private let cases: [Example] = [
    .good("prefix delegation enabled", agent("env: [{name: ENABLE_PREFIX_DELEGATION, value: 'true'}]")),
    .good("a DaemonSet with another name", agent("", name: "node-agent")),
    .good("a DaemonSet with the same name in another namespace", agent("", namespace: "shop")),
    .bad("no variables", prefixes, at: "containers[aws-node].env", agent("")),
    .bad(
        "other variables", prefixes, at: "containers[aws-node].env",
        agent("env: [{name: WARM_ENI_TARGET, value: '1'}]")),
    .bad(
        "prefix delegation disabled", prefixes, at: "containers[aws-node].env[ENABLE_PREFIX_DELEGATION].value",
        agent("env: [{name: ENABLE_PREFIX_DELEGATION, value: 'false'}]")),
]
