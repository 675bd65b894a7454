import Evaluation
import JSON
import Kubernetes
import Net

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
        case .certificateProblem(_, let certificate, let problem?):
            write(
                .error, "clients refuse the certificate",
                [("reason", .string(problem.text(certificate)))] + description(certificate))
        case .certificateProblem(_, let certificate, nil):
            write(.info, "clients no longer refuse the certificate", description(certificate))
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
    /// The reason in a sentence, with the values of the certificate that it is about.
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
