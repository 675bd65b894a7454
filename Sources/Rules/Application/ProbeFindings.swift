import Evaluation
import JSON
import Kubernetes

/// Reports main containers whose probe is missing or does not have exactly one handler.
func checkProbes(
    _ purpose: Probe.Purpose, path: String, _ missing: Clause, _ oneHandler: Clause, _ subject: Subject,
    _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard let template = try subject.template() else { return }
    for container in template.mainContainers {
        let probe = try container.probe(purpose)
        if probe?.hasOneHandler ?? false { continue }
        let field = container.field.member(purpose.field)
        if let handlers = probe?.handlers, !handlers.isEmpty {
            let names = handlers.map { "\($0)" }
            findings.add(
                oneHandler, at: field, "has several handlers (\(names.joined(separator: " and "))); use exactly one"
            ) {
                finding in
                finding.edits = names.dropFirst().map { .remove(finding.place / $0) }
            }
            continue
        }
        let isMissing = probe == nil
        findings.add(isMissing ? missing : oneHandler, at: field, isMissing ? "is not set" : "has no handler") {
            $0.advice = probeAdvice(path: path, purpose, for: container)
        }
    }
}

/// Returns the advice for a container without a probe: an HTTP request if one of its ports probably serves HTTP.
///
/// It is in words, because a probe that requests a path which the application does not serve restarts the container, or takes
/// it out of its Service.
private func probeAdvice(path: String, _ purpose: Probe.Purpose, for container: Container) -> String {
    // Another probe of the container shows where it serves HTTP.
    for other in Probe.Purpose.allCases where other != purpose {
        guard let request = container.value[other.field]?["httpGet"], let port = request["port"] else { continue }
        let scheme = request["scheme"]?.equals("HTTPS") ?? false ? ", scheme: HTTPS" : ""
        return "serve \(path), then add \(purpose.field): {httpGet: {path: \(path), port: \(port.text)\(scheme)}}"
    }
    let all = (try? container.ports.objects().map(\.base)) ?? []
    // No probe uses another transport protocol.
    let ports = all.filter(PortProtocol.isOfTCP)
    guard let first = ports.first else {
        guard all.isEmpty else { return "no probe can use a UDP port; run a check with an exec probe" }
        return PortProtocol.isPauseImage(container)
            ? "a pause container has nothing to probe; exempt the workload from liveness-probe and readiness-probe with a reason"
            : "if the container serves a port, declare the port and probe it; if not, run a check with an exec probe"
    }
    let isForeign = PortProtocol.isForeignImage(container) || ports.contains { PortProtocol(of: $0) == .other }
    let port = ports.first {
        switch PortProtocol(of: $0) {
        case .http, .https: true
        case .unknown: !isForeign && PortProtocol.isUsualForHTTP($0)
        case .other: false
        }
    }
    guard let port, let reference = port.portReference else {
        let number = first["containerPort"]?.text ?? "N"
        // Databases serve neither HTTP nor gRPC.
        let isOfData = PortProtocol.isDataImage(container) || PortProtocol.isOfData(first)
        let handlers =
            if isOfData { "a tcpSocket" } else if isForeign || PortProtocol(of: first) != .unknown {
                "a tcpSocket or grpc"
            } else { "an httpGet, tcpSocket or grpc" }
        return "add \(handlers) probe on port \(number), or run a check with an exec probe"
    }
    let scheme = PortProtocol(of: port) == .https ? ", scheme: HTTPS" : ""
    let name = if case .string(let name) = reference { name } else { port["containerPort"]?.text ?? "" }
    return "serve \(path), then add \(purpose.field): {httpGet: {path: \(path), port: \(name)\(scheme)}}"
}

extension Value {
    /// The port's name, else its number, as a probe refers to it.
    var portReference: Literal? {
        if let name = self["name"]?.string { return .string(name) }
        return self["containerPort"]?.int.map { .number(String($0)) }
    }
}
