import Evaluation
import JSON
import Kubernetes

/// Reports a missing or malformed probe of each container; sidecars, init and ephemeral containers need none.
func checkProbes(
    _ purpose: Probe.Purpose, path: String, _ missing: Clause, _ oneHandler: Clause, _ subject: Subject,
    _ findings: FindingCollector
) throws(CannotJudge) {
    guard let template = try subject.template() else { return }
    for container in template.mainContainers {
        let probe = try container.probe(purpose)
        if probe?.hasOneHandler ?? false { continue }
        let field = container.field.member(purpose.field)
        if let handlers = probe?.handlers, !handlers.isEmpty {
            let names = handlers.map { "\($0)" }
            findings.add(oneHandler, at: field, "has several handlers: \(names.joined(separator: " and "))") {
                finding in
                finding.edits = names.dropFirst().map { .remove(finding.place / $0) }
            }
            continue
        }
        let isMissing = probe == nil
        let (handler, advice) = try suggestedHandler(path: path, for: container)
        findings.add(isMissing ? missing : oneHandler, at: field, isMissing ? "is missing" : "has no handler") {
            let place = $0.place
            $0.edits = isMissing ? [.set(place, handler)] : handler.members.map { .set(place / $0.key, $0.value) }
            $0.advice = advice
        }
    }
}

/// A handler for a container as it is: at its first port, or a command where it has none.
func suggestedHandler(path: String, for container: Container) throws(CannotJudge) -> (handler: Literal, advice: String?)
{
    guard let port = try container.ports.objects().first?.base else {
        return (
            ["exec": ["command": ["/app/healthcheck"]]], "any command of the image that fails when the container does"
        )
    }
    return (["httpGet": ["path": .string(path), "port": try port.portReference() ?? "http"]], nil)
}

extension Value {
    /// How a probe names this declared port: by its name, else by its number.
    func portReference() throws(CannotJudge) -> Literal? {
        if let name = try string("name") { return .string(name) }
        return try integer("containerPort").map { .number(String($0)) }
    }
}
