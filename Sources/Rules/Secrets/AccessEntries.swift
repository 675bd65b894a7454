import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let accessEntries = Rule(
        id: "access-entries",
        title: "Access to the cluster is given by access entries",
        group: .secrets,
        section: .networkSecurity,
        rationale: """
            One slip in the ConfigMap aws-auth locks everybody out, and no trail in AWS shows who was let in. Access entries are \
            checked one by one, kept outside the cluster and logged.
            """,
        level: .warn,
        concern: .security,
        scope: Scope(ResourceKinds(.configMap), reachesSystemNamespaces: true),
        clauses: [mapping],
        examples: cases,
        check: { (subject, _, findings) throws(CannotJudge) in
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
            // Whoever is let in: that others are is no old sin.
            findings.add(
                mapping, at: data, "lets roles or users into the cluster by aws-auth, not by access entries",
                choice: given.joined(separator: "\n")
            ) {
                $0.advice = """
                    aws eks create-access-entry --cluster-name CLUSTER --principal-arn ARN --kubernetes-groups GROUP; then \
                    take the mapping out here
                    """
            }
        }
    )
}

private let mapping = Clause("mapping", "the ConfigMap kube-system/aws-auth maps nobody, and is not changed to")

// MARK: Removals

/// True if every mapping was there before, and something went: that is the way to access entries.
private func onlyRemoves(
    _ data: Field, from old: Field, _ findings: FindingCollector
) throws(CannotJudge) -> Bool {
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

/// The mappings that were there before, found by the role or user.
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

    /// True if one of them gives what a mapping gives, or more: to the same role or user, by no other line.
    func include(_ mapping: [String], _ findings: FindingCollector) throws(CannotJudge) -> Bool {
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

/// The entries of a list in YAML, each by its lines, or by its parts where it is written in braces.
private func mappings(_ text: String) -> [[String]] {
    var mappings: [[String]] = []
    var indentation: Int?
    for line in lines(text) {
        let content = trimmed(line)
        guard !content.isEmpty, content.first != "#", content != "---" else { continue }
        let depth = line.prefix { $0 == " " }.count
        guard content.hasPrefix("-"), depth == indentation ?? depth else {
            if mappings.isEmpty { mappings.append([]) }
            mappings[mappings.count - 1].append(content)
            continue
        }
        indentation = depth
        let first = trimmed(content.dropFirst())
        mappings.append(first.isEmpty ? [] : first.hasPrefix("{") ? parts(first) : [first])
    }
    return mappings
}

/// The lines of a text, of which some tools write the ends out as `\\n`.
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

private func parts(_ mapping: String) -> [String] {
    mapping.dropFirst().prefix { $0 != "}" }.filter { $0 != "[" && $0 != "]" }.split(separator: ",").map { trimmed($0) }
}

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
    .bad("roles", mapping, at: "data", map(nodes)),
    .bad(
        "users", mapping, at: "data",
        map("{mapUsers: '- {userarn: arn:aws:iam::222222222222:user/jo, groups: [system:masters]}'}")),
    .bad("whole accounts", mapping, at: "data", map("{mapAccounts: '- \"222222222222\"'}")),
    .bad(
        "one more than before", mapping, at: "data",
        map(
            """
            {mapRoles: '- {rolearn: arn:aws:iam::222222222222:role/nodes, groups: [system:nodes]}',
             mapAccounts: '- "333333333333"'}
            """), before: map(nodes)),
    .good(
        "one less than before", map(nodes),
        before: map(
            """
            {mapRoles: '- {rolearn: arn:aws:iam::222222222222:role/nodes, groups: [system:nodes]}',
             mapAccounts: '- "333333333333"'}
            """)),
    .good(
        "the first of two taken out, and a group of the other",
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
                # Whoever deploys.
                - rolearn: arn:aws:iam::222222222222:role/deploy
                  groups: [system:masters]
                - rolearn: arn:aws:iam::222222222222:role/ops
                  username: ops
                  groups:
                  - system:masters
                  - view
            """)),
    .bad(
        "another role than before", mapping, at: "data",
        map("{mapRoles: '- {rolearn: arn:aws:iam::222222222222:role/ops, groups: [system:nodes]}'}"),
        before: map(nodes)),
    .bad(
        "one more group than before", mapping, at: "data",
        map("{mapRoles: '- {rolearn: arn:aws:iam::222222222222:role/nodes, groups: [system:nodes, system:masters]}'}"),
        before: map(nodes)),
    .good("nobody any more", map("{mapRoles: '[]', mapUsers: ''}"), before: map(nodes)),
    .good("a ConfigMap of another name", map(nodes, name: "amazon-vpc-cni")),
    .good("one of the same name elsewhere", map(nodes, namespace: "shop")),
]
