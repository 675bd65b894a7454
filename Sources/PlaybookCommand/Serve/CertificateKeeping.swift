import Cluster
import Evaluation
import JSON
import Net

extension CertificateKeeper {
    /// Starts to manage the serving certificate; nil if it comes from files.
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
                    "\(error)\nPLAYBOOK_CERTIFICATES=self needs a cluster; without one, set PLAYBOOK_CERTIFICATES=files"
            )
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
    /// Logs an event of the certificate that the server manages.
    func write(_ event: CertificateKeeperEvent) {
        switch event {
        case .stored(let change):
            write(.info, "certificate Secret updated", [("change", .string(change.rawValue))])
        case .trusted(let registration, let authorities):
            write(
                .info, "caBundle updated",
                [("registration", .string(registration)), ("authorities", .number(String(authorities)))])
        case .taken(.unchanged): break
        case .taken(.replaced(let certificate)):
            write(.certificateReplaced(listener: "admission", certificate))
        case .taken(.refused(let error)): write(.certificateRefused(listener: "admission", error))
        case .troubled(let reason):
            write(
                .warn, "certificate rotation failed; still serving the current certificate, if any",
                [("reason", .string(reason))])
        case .recovered: write(.info, "certificate rotation recovered")
        }
    }
}
