import Cluster
import Evaluation
import JSON
import Net

extension CertificateKeeper {
    /// Begins to look after the certificate; nil where it comes from files.
    convenience init?(
        _ certificates: Certificates, _ settings: Settings, _ environment: [String: String], _ log: Log
    ) throws(CommandError) {
        guard settings.certificateSource == .own else { return nil }
        let access: ClusterAccess
        do throws(CredentialsError) {
            access = try ClusterAccess.find(environment: environment)
        } catch {
            throw CommandError(
                message:
                    "\(error)\nPLAYBOOK_CERTIFICATES=self keeps the certificate in a cluster; files does without one")
        }
        var options = CertificateKeeperOptions(
            namespace: settings.namespace, service: settings.service, secret: settings.certificateSecret,
            registration: settings.webhookConfiguration, life: settings.certificateLife)
        options.furtherNames = settings.certificateNames
        do throws(SystemError) {
            try self.init(certificates, access, options: options, report: { log.write($0) })
        } catch {
            throw CommandError(message: error.description)
        }
    }
}

extension Log {
    /// Writes the line for something that happened to the certificate that the server makes for itself.
    func write(_ event: CertificateKeeperEvent) {
        switch event {
        case .stored(let change):
            write(.info, "the certificates' Secret was written", [("change", .string(change.rawValue))])
        case .trusted(let registration, let authorities):
            write(
                .info, "caBundle was written",
                [("registration", .string(registration)), ("authorities", .number(String(authorities)))])
        case .taken(.unchanged): break
        case .taken(.replaced(let certificate)):
            write(.certificateReplaced(listener: "admission", certificate))
        case .taken(.refused(let error)): write(.certificateRefused(listener: "admission", error))
        case .troubled(let reason):
            write(
                .warn, "the certificate cannot be looked after for now; one that is in use stays",
                [("reason", .string(reason))])
        case .recovered: write(.info, "the certificate is looked after again")
        }
    }
}
