import JSON
import Kubernetes

/// What is wrong with one of the probes of each container; sidecars, init and ephemeral containers need none.
func probeFindings(
    _ purpose: Probe.Purpose, path: String, _ missing: Clause, _ oneHandler: Clause, in subject: Subject
) throws(CannotJudge) -> [Finding] {
    guard let template = try subject.template() else { return [] }
    var findings: [Finding] = []
    for container in template.mainContainers {
        guard let probe = try container.probe(purpose) else {
            let (handler, advice) = try suggestedHandler(path: path, for: container)
            let place = container.pointer / "\(purpose.field)"
            findings.append(
                Finding(missing, at: place, "is missing", edits: [.set(place, handler)]).with { $0.advice = advice })
            continue
        }
        guard !probe.hasOneHandler else { continue }
        let handlers = probe.handlers
        let place = container.pointer / "\(purpose.field)"
        if handlers.isEmpty {
            let (handler, advice) = try suggestedHandler(path: path, for: container)
            let edits: [Edit] =
                if case .object(let members) = handler {
                    members.map { .set(place / $0.key, $0.value) }
                } else {
                    []
                }
            findings.append(
                Finding(oneHandler, at: place, "has no handler", edits: edits).with { $0.advice = advice })
        } else {
            let names = handlers.map { "\($0)" }.joined(separator: " and ")
            findings.append(
                Finding(
                    oneHandler, at: place, "has several handlers: \(names)",
                    edits: handlers.dropFirst().map { .remove(place / "\($0)") }))
        }
    }
    return findings
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
