import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let vpcCNIPrefixDelegation = Rule(
        id: "vpc-cni-prefix-delegation",
        title: "The VPC CNI hands out prefixes",
        group: .traffic,
        section: .vpcArchitecture,
        rationale: """
            Without prefix delegation a node holds as many pods as it has single addresses, however much memory is left, and each \
            new pod may have to wait for one.
            """,
        level: .warn,
        concern: .convention,
        scope: Scope(ResourceKinds(.daemonSet), reachesSystemNamespaces: true),
        clauses: [prefixes],
        examples: cases,
        check: { (subject, _, findings) throws(CannotJudge) in
            guard subject.name == "aws-node", subject.namespace == "kube-system",
                let template = try subject.template(),
                let container = template.mainContainers.first(where: { $0.value["name"]?.equals("aws-node") ?? false })
            else { return }
            let value = try delegation(in: container.env)
            if try value?.equals("true") ?? false { return }
            findings.add(
                prefixes, at: value ?? container.env,
                "\(value.map { "is \($0.base.text), not \"true\"" } ?? "does not set \(name)"): a node holds fewer pods than it could",
                choice: value?.base.text
            ) {
                $0.edits = [value == nil ? .append(entry, to: container.env, at: $0.place) : .set($0.place, "true")]
                $0.advice = "as an EKS add-on: env: {\(name): \"true\"} in its configuration values"
            }
        }
    )
}

private let prefixes = Clause("prefixes", "`ENABLE_PREFIX_DELEGATION` is `true` for DaemonSet kube-system/aws-node")

private let name: StaticString = "ENABLE_PREFIX_DELEGATION"
private let entry: Literal = ["name": "\(name)", "value": "true"]

/// The value of the variable that is in force; of several by one name, the last.
private func delegation(in variables: Field) throws(CannotJudge) -> Field? {
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
    .good("prefixes", agent("env: [{name: ENABLE_PREFIX_DELEGATION, value: 'true'}]")),
    .good("an agent of another name", agent("", name: "node-agent")),
    .good("one of the same name elsewhere", agent("", namespace: "shop")),
    .bad("no word on them", prefixes, at: "containers[aws-node].env", agent("")),
    .bad(
        "other variables", prefixes, at: "containers[aws-node].env",
        agent("env: [{name: WARM_ENI_TARGET, value: '1'}]")),
    .bad(
        "switched off", prefixes, at: "containers[aws-node].env[ENABLE_PREFIX_DELEGATION].value",
        agent("env: [{name: ENABLE_PREFIX_DELEGATION, value: 'false'}]")),
]
