import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let podSecurityGroup = Rule(
        id: "pod-security-group",
        title: "Pods have their own security group",
        group: .availability,
        section: .kubernetesDeployment,
        rationale: """
            Without a SecurityGroupPolicy, pods share their node's security group: a database that allows one application allows \
            every pod on the same nodes.
            """,
        level: .off,
        concern: .security,
        scope: .replicated,
        clauses: [missing],
        relatedObjects: [.securityGroupPolicy],
        examples: cases,
        check: checkGroups
    )
}

private let missing = Clause("missing", "a SecurityGroupPolicy of the namespace selects the pods")

private func checkGroups(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    let policies = try context.relatedObjects.objects(.securityGroupPolicy, in: subject.namespace)
    guard let template = try subject.template() else { return }
    let labels = try template.labels()
    let selecting = policies.filter { policy in
        guard policy[.hasGroups] ?? false else { return false }
        return policy[.pods]?.matches(labels) ?? true
    }
    if selecting.contains(where: { $0[.isForAccounts] == false }) { return }
    if !selecting.isEmpty { throw .unknown(relatedObject: "the labels of ServiceAccounts") }
    findings.add(
        missing, at: try subject.field("spec")["template"]["metadata"]["labels"],
        "are not selected by any SecurityGroupPolicy",
        traits: .init(awaitsRelatedObject: true, absent: .securityGroupPolicy)
    ) {
        $0.advice =
            ownSelector(of: subject, labels) == nil
            ? selectionAdvice + " with a SecurityGroupPolicy"
            : "add a SecurityGroupPolicy that selects the pods, with the IDs of the security groups that they need"
    }
}

extension RelatedKind {
    /// A policy without a security group, or without a selector, has no effect.
    static let securityGroupPolicy = RelatedKind(.securityGroupPolicy) { (object, fields) throws(CannotEvaluate) in
        let spec = try object.object("spec")
        let pods = try spec?.object("podSelector").map { (value) throws(CannotEvaluate) in try LabelSelector(value) }
        let accounts = try spec?.object("serviceAccountSelector").map { (value) throws(CannotEvaluate) in
            try LabelSelector(value)
        }
        let groups = try spec?.object("securityGroups")?.array("groupIds")
        let hasGroups = groups?.elements.contains { _ in true } ?? false
        fields[.hasGroups] = hasGroups && (pods != nil || accounts != nil)
        // Both selectors must match; an empty one always does.
        fields[.isForAccounts] = accounts.map { !$0.isEmpty } ?? false
        fields[.pods] = pods
    }
}

extension RelatedField<Bool> {
    fileprivate static let hasGroups = Self("groups")
    fileprivate static let isForAccounts = Self("isForAccounts")
}

extension RelatedField<LabelSelector> {
    fileprivate static let pods = Self("podSelector")
}

private let on = ["PLAYBOOK_RULE_POD_SECURITY_GROUP": "warn"]
private let path = "spec.template.metadata.labels"
private let group = "securityGroups: {groupIds: [sg-0123456789abcdef0]}"

private func example(_ spec: String, namespace: String = "shop") -> String {
    """
    apiVersion: vpcresources.k8s.aws/v1beta1
    kind: SecurityGroupPolicy
    metadata: {name: web, namespace: \(namespace)}
    spec: {\(spec)}
    """
}

private let cases: [Example] = [
    .good(
        "a policy that selects the pods' label", "{}",
        relatedObjects: example("podSelector: {matchLabels: {app: web}}, \(group)"),
        settings: on),
    .good(
        "an empty selector, which selects all pods", "{}", relatedObjects: example("podSelector: {}, \(group)"),
        settings: on),
    .good(
        "a selector with matchExpressions only", "{}",
        relatedObjects: example(
            "podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [api]}]}, \(group)"),
        settings: on),
    .bad(
        "a policy for other pods", missing, at: path, "{}",
        relatedObjects: example("podSelector: {matchLabels: {app: api}}, \(group)"), settings: on),
    .bad(
        "a policy without a security group", missing, at: path, "{}",
        relatedObjects: example("podSelector: {matchLabels: {app: web}}, securityGroups: {groupIds: []}"), settings: on),
    .bad("a policy without a selector", missing, at: path, "{}", relatedObjects: example(group), settings: on),
    .bad(
        "a policy of which only one selector matches", missing, at: path, "{}",
        relatedObjects: example(
            "podSelector: {matchLabels: {app: api}}, serviceAccountSelector: {matchLabels: {team: shop}}, \(group)"),
        settings: on),
    .good(
        "not evaluated because the labels of ServiceAccounts are unknown", "{}",
        relatedObjects: example("serviceAccountSelector: {matchLabels: {team: shop}}, \(group)"), settings: on),
    .bad(
        "changed pod labels", missing, at: path,
        "spec: {selector: {matchLabels: {app: front}}, template: {metadata: {labels: {app: front}}, spec: {topologySpreadConstraints: null}}}",
        relatedObjects: example("podSelector: {matchLabels: {app: web}}, \(group)"), before: "{}", settings: on),
    .good("not evaluated because policies are unknown", "{}", settings: on),
    .good("the rule is off", "{}", relatedObjects: example(group)),
]
