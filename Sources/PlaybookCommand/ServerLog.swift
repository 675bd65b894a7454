import JSON
import Kubernetes
import Net
import Playbook

extension Log {
    /// Writes the line for something that happened to the server.
    func write(_ event: ServerEvent) {
        switch event {
        case .listening(let listener, let address):
            write(.info, "listening", [("listener", .string(listener)), ("address", .string("\(address)"))])
        case .cannotAccept(let listener, let error):
            write(
                .error, "no new connection is taken for a second",
                [("listener", .string(listener)), ("error", .string("\(error)"))])
        case .connectionsEvicted(let counts):
            write(
                .warn, "connection limit reached; closed connections to accept new ones",
                counts.sorted { $0.key.rawValue < $1.key.rawValue }.map { ($0.key.rawValue, .number(String($0.value))) }
            )
        case .certificateReplaced(_, let certificate):
            write(.info, "the certificate was replaced", description(certificate))
        case .certificateRefused(_, let error):
            write(.error, "the new certificate was refused, the old one stays", [("error", .string("\(error)"))])
        case .certificateOutOfDate(_, let certificate):
            write(.warn, "the certificate is out of date: clients will refuse it", description(certificate))
        case .phase(let phase): write(.info, "the server is \(phase)")
        }
    }

    private func description(_ certificate: CertificateDescription) -> [(String, Literal)] {
        [
            ("subject", .string(certificate.subject)), ("serial", .string(certificate.serial)),
            ("notAfter", .string("\(Timestamp(seconds: certificate.notAfter))")),
        ]
    }
}
