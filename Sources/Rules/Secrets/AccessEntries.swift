import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let accessEntries = Rule(
        id: "access-entries",
        title: "Cluster access uses access entries instead of aws-auth",
        group: .secrets,
        section: .networkSecurity,
        rationale: """
            One mistake in the aws-auth ConfigMap can lock everyone out of the cluster, and CloudTrail does not record who was \
            given access. Access entries are validated, stored outside the cluster and logged.
            """,
        level: .warn,
        concern: .security,
        scope: Scope(ResourceKinds(.configMap), reachesSystemNamespaces: true),
        clauses: [mapping],
        examples: cases,
        check: { (subject, _, findings) throws(CannotEvaluate) in
            guard subject.name == "aws-auth", subject.namespace == "kube-system" else { return }
            let data = try subject.field("data")
            if !subject.isOld, subject.review.operation == .update, let old = subject.review.oldObject,
                try onlyRemoves(data, from: Field(old)["data"], findings)
            {
                return
            }
            var given: [String] = []
            for map: StaticString in ["mapRoles", "mapUsers", "mapAccounts"] {
                guard let text = try data[map].string(), !["", "[]"].contains(trimmed(text)) else { continue }
                given.append("\(map): \(text)")
            }
            guard !given.isEmpty else { return }
            // The choice is the mappings, so that another one is a new violation.
            findings.add(
                mapping, at: data, "grants access to roles, users or accounts; use access entries instead",
                choice: given.joined(separator: "\n")
            ) {
                $0.advice = """
                    run aws eks create-access-entry --cluster-name CLUSTER --principal-arn ARN --kubernetes-groups GROUP, then \
                    remove the mapping here
                    """
            }
        }
    )
}

private let mapping = Clause(
    "mapping",
    "the ConfigMap kube-system/aws-auth contains no mappings; an update that only removes mappings is allowed")

// MARK: Removals

/// Returns true if an update only removes mappings, as in a migration to access entries.
private func onlyRemoves(
    _ data: Field, from old: Field, _ findings: FindingCollector
) throws(CannotEvaluate) -> Bool {
    var isLess = false
    for map: StaticString in ["mapRoles", "mapUsers", "mapAccounts"] {
        let (text, before) = (try data[map].string() ?? "", try old[map].string() ?? "")
        if text == before { continue }
        isLess = true
        if ["", "[]"].contains(trimmed(text)) { continue }
        let known = KnownMappings(mappings(before))
        for mapping in mappings(text) where !(try known.include(mapping, findings)) { return false }
    }
    return isLess
}

/// The mappings of the old object, by role or user.
private struct KnownMappings {
    private let all: Set<[String]>
    private var named: [String: [Set<String>]] = [:]

    init(_ mappings: [[String]]) {
        all = Set(mappings)
        for mapping in all {
            let lines = Set(mapping)
            for name in lines where isIdentity(name) { named[name, default: []].append(lines) }
        }
    }

    /// True if one of them grants at least what a mapping grants: the same role or user, and no other line.
    func include(_ mapping: [String], _ findings: FindingCollector) throws(CannotEvaluate) -> Bool {
        if all.contains(mapping) { return true }
        let names = mapping.filter(isIdentity)
        guard names.count == 1, let others = named[names[0]] else { return false }
        let isNamed = mapping.contains(where: isUserName)
        for other in others {
            try findings.step(mapping.count + 1)
            if mapping.allSatisfy(other.contains), isNamed || !other.contains(where: isUserName) { return true }
        }
        return false
    }
}

private func isIdentity(_ line: String) -> Bool { line.hasPrefix("rolearn") || line.hasPrefix("userarn") }
private func isUserName(_ line: String) -> Bool { line.hasPrefix("username") }

/// The entries of a YAML list: the lines of each, or its parts if it is a flow mapping in braces.
private func mappings(_ text: String) -> [[String]] {
    var mappings: [[String]] = []
    var indentation: Int?
    for line in lines(text) {
        let content = trimmed(line)
        guard !content.isEmpty, content.first != "#", content != "---" else { continue }
        let depth = line.prefix { $0 == " " }.count
        guard content.hasPrefix("-"), depth == indentation ?? depth else {
            if mappings.isEmpty { mappings.append([]) }
            mappings[mappings.count - 1] += content.contains("[") ? parts(content) : [content]
            continue
        }
        indentation = depth
        let first = trimmed(content.dropFirst())
        if first.hasPrefix("{") {
            let end = first.lastIndex(of: "}") ?? first.endIndex
            mappings.append(parts(first[..<end].dropFirst()))
        } else {
            mappings.append(first.isEmpty ? [] : [first])
        }
    }
    return mappings
}

/// The lines of a text; some tools write `\\n` instead of a line break.
private func lines(_ text: String) -> [Substring] {
    text.split(whereSeparator: \.isNewline).flatMap { line -> [Substring] in
        var (lines, rest) = ([Substring](), line)
        while let at = rest.indices.first(where: { rest[$0...].hasPrefix("\\n") }) {
            lines.append(rest[..<at])
            rest = rest[rest.index(at, offsetBy: 2)...]
        }
        return lines + [rest]
    }
}

/// The lines of a block that a text in flow style stands for.
private func parts(_ text: some StringProtocol) -> [String] {
    String(text.filter { $0 != "[" && $0 != "]" }).split(separator: ",").flatMap { part -> [String] in
        let part = trimmed(part)
        if isIdentity(part) || isUserName(part) { return [part] }
        guard part.hasPrefix(groups) else { return ["- \(part)"] }
        let first = trimmed(part.dropFirst(groups.count))
        return first.isEmpty ? [groups] : [groups, "- \(first)"]
    }
}

private let groups = "groups:"

private func map(_ data: String, name: String = "aws-auth", namespace: String = "kube-system") -> String {
    """
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: \(name), namespace: \(namespace)}
    data:\(data.hasPrefix("\n") ? "" : " ")\(data)
    """
}

private let nodes = "{mapRoles: '- {rolearn: arn:aws:iam::222222222222:role/nodes, groups: [system:nodes]}'}"

private let cases: [Example] = [
    .bad("a mapping of a role", mapping, at: "data", map(nodes)),
    .bad(
        "a mapping of a user", mapping, at: "data",
        map("{mapUsers: '- {userarn: arn:aws:iam::222222222222:user/jo, groups: [system:masters]}'}")),
    .bad("a mapping of an account", mapping, at: "data", map("{mapAccounts: '- \"222222222222\"'}")),
    .bad(
        "an added mapping", mapping, at: "data",
        map(
            """
            {mapRoles: '- {rolearn: arn:aws:iam::222222222222:role/nodes, groups: [system:nodes]}',
             mapAccounts: '- "333333333333"'}
            """), before: map(nodes)),
    .good(
        "a removed mapping", map(nodes),
        before: map(
            """
            {mapRoles: '- {rolearn: arn:aws:iam::222222222222:role/nodes, groups: [system:nodes]}',
             mapAccounts: '- "333333333333"'}
            """)),
    .good(
        "a removed mapping and a removed group of another mapping",
        map(
            """

              mapRoles: |
                - rolearn: arn:aws:iam::222222222222:role/ops
                  username: ops
                  groups:
                  - view
            """),
        before: map(
            """

              mapRoles: |
                # Deployers.
                - rolearn: arn:aws:iam::222222222222:role/deploy
                  groups: [system:masters]
                - rolearn: arn:aws:iam::222222222222:role/ops
                  username: ops
                  groups:
                  - system:masters
                  - view
            """)),
    .good(
        "a removed group in a list in brackets",
        map(
            """

              mapRoles: |
                - rolearn: arn:aws:iam::222222222222:role/ops
                  username: ops
                  groups: [view]
            """),
        before: map(
            """

              mapRoles: |
                - rolearn: arn:aws:iam::222222222222:role/ops
                  username: ops
                  groups:
                  - system:masters
                  - view
            """)),
    .bad(
        "an added group in a list in brackets", mapping, at: "data",
        map(
            """

              mapRoles: |
                - rolearn: arn:aws:iam::222222222222:role/ops
                  username: ops
                  groups: [view, system:masters]
            """),
        before: map(
            """

              mapRoles: |
                - rolearn: arn:aws:iam::222222222222:role/ops
                  username: ops
                  groups: [view]
            """)),
    .bad(
        "a changed role", mapping, at: "data",
        map("{mapRoles: '- {rolearn: arn:aws:iam::222222222222:role/ops, groups: [system:nodes]}'}"),
        before: map(nodes)),
    .bad(
        "an added group", mapping, at: "data",
        map("{mapRoles: '- {rolearn: arn:aws:iam::222222222222:role/nodes, groups: [system:nodes, system:masters]}'}"),
        before: map(nodes)),
    .bad(
        "another group after a template in braces", mapping, at: "data",
        map(
            "{mapRoles: '- {rolearn: arn:aws:iam::222222222222:role/nodes, username: \"system:node:{{EC2PrivateDNSName}}\", groups: [system:masters]}'}"
        ),
        before: map(
            "{mapRoles: '- {rolearn: arn:aws:iam::222222222222:role/nodes, username: \"system:node:{{EC2PrivateDNSName}}\", groups: [system:nodes]}'}"
        )),
    .good("all mappings removed", map("{mapRoles: '[]', mapUsers: ''}"), before: map(nodes)),
    .good("a ConfigMap with another name", map(nodes, name: "amazon-vpc-cni")),
    .good("a ConfigMap with the same name in another namespace", map(nodes, namespace: "shop")),
]
