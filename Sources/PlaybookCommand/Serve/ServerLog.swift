import Evaluation
import JSON
import Kubernetes
import Net

extension Log {
    /// Logs an event of the server.
    func write(_ event: ServerEvent) {
        switch event {
        case .listening(let listener, let address):
            write(.info, "listening", [("listener", .string(listener)), ("address", .string("\(address)"))])
        case .cannotAccept(let listener, let error):
            write(
                .error, "accept failed; accepting no new connections for one second",
                [("listener", .string(listener)), ("error", .string("\(error)"))])
        case .connectionsEvicted(let counts):
            write(
                .warn, "connection limit reached; closed connections to accept new ones",
                counts.sorted { $0.key.rawValue < $1.key.rawValue }.map { ($0.key.rawValue, .number(String($0.value))) }
            )
        case .certificateReplaced(_, let certificate):
            write(.info, "certificate replaced", description(certificate))
        case .certificateRefused(_, let error):
            write(.error, "new certificate refused; still serving the current one", [("error", .string("\(error)"))])
        case .certificateProblem(_, let certificate, let problem?):
            write(
                .error, "clients reject the certificate",
                [("reason", .string(problem.text(certificate)))] + description(certificate))
        case .certificateProblem(_, let certificate, nil):
            write(.info, "clients no longer reject the certificate", description(certificate))
        case .phase(let phase): write(.info, "the server is \(phase)")
        }
    }

    private func description(_ certificate: CertificateDescription) -> [(String, Literal)] {
        [
            ("subject", .string(certificate.subject)), ("serial", .string(certificate.serial)),
            ("notBefore", .string("\(Timestamp(seconds: certificate.notBefore))")),
            ("notAfter", .string("\(Timestamp(seconds: certificate.notAfter))")),
        ]
    }
}

extension CertificateProblem {
    /// Returns the problem in a sentence, with the values of the certificate.
    func text(_ certificate: CertificateDescription) -> String {
        switch self {
        case .notYetValid: "the certificate is not valid before \(Timestamp(seconds: certificate.notBefore))"
        case .expired: "the certificate has expired"
        case .noNames:
            "the certificate has no subject alternative name; clients do not accept its common name instead"
        case .otherNames(let name):
            "the certificate is not valid for \(name), only for "
                + (certificate.dnsNames + certificate.ipAddresses).prefix(10).joined(separator: ", ")
        case .notForServers: "the extended key usage of the certificate does not include server authentication"
        }
    }
}
