import Cluster
import Evaluation
import Glibc
import HTTP
import JSON
import Net
import Rules
import Synchronization
import Webhook

/// `playbook serve`: runs the webhook server.
struct ServeCommand {
    private let settings: Settings
    private let log: Log
    private let certificates: Certificates
    private let ending: Ending

    init() throws(CommandError) {
        do throws(SettingsError) {
            settings = try Settings(environment: Version.completed(Process.environment))
        } catch {
            throw CommandError(message: error.description)
        }
        log = Log(settings)
        ending = Ending(within: settings.shutdownTimeout)
        certificates = try ServeCommand.certificates(settings)
    }

    private static func certificates(_ settings: Settings) throws(CommandError) -> Certificates {
        let clientCAs = settings.clientAuthorityFile.isEmpty ? nil : settings.clientAuthorityFile
        guard clientCAs != nil || settings.clientNames.isEmpty else {
            throw CommandError(
                message:
                    "PLAYBOOK_TLS_CLIENT_NAMES needs PLAYBOOK_TLS_CLIENT_CA_FILE, without which client certificates "
                    + "are not verified; set both or neither"
            )
        }
        if settings.certificateSource == .own {
            return Certificates(
                awaitedFrom: "the Secret \(settings.namespace)/\(settings.certificateSecret)", clientCAs: clientCAs,
                allowedClients: settings.clientNames, serverName: settings.serverName)
        }
        let files = CertificateFiles(
            certificate: settings.certificateFile, privateKey: settings.keyFile, clientCAs: clientCAs,
            allowedClients: settings.clientNames)
        do throws(CertificateError) {
            return try Certificates(files: files, serverName: settings.serverName)
        } catch {
            throw CommandError(
                message:
                    "\(error)\nset PLAYBOOK_TLS_CERT_FILE and PLAYBOOK_TLS_KEY_FILE; "
                    + "`playbook certs --directory DIR` creates both files"
            )
        }
    }

    func run() throws(CommandError) -> ExitCode {
        let result: Result<ExitCode, CommandError>
        do throws(CommandError) {
            result = .success(try serve())
        } catch {
            result = .failure(error)
        }
        guard ending.hasLeftThreads else { return try result.get() }
        // `exit` would destroy globals that these threads still use.
        if case .failure(let error) = result { Console.error("playbook: \(error.message)\n") }
        _exit(((try? result.get()) ?? .usage).rawValue)
    }

    private func serve() throws(CommandError) -> ExitCode {
        ProcessMemory.returnLargeBlocks()
        DescriptorLimit.raise(to: settings.maximumConnections + ServeCommand.otherDescriptors)
        log.start()
        defer { ending.note(log.end(by: ending.deadline)) }
        let recorder = try Recorder(settings, log)
        defer { ending.note(recorder?.end(by: ending.deadline) ?? true) }
        let cluster = try ClusterWatch(settings, Process.environment, log)
        defer { ending.note(cluster?.stop(by: ending.deadline) ?? true) }
        let keeper = try CertificateKeeper(certificates, settings, Process.environment, log)
        defer { ending.note(keeper?.stop(by: ending.deadline) ?? true) }
        let configuration = try configuration()
        let server = try makeServer(configuration, cluster, keeper, recorder)
        recorder?.start(within: server.status.memory)
        let active = Catalogue.playbook.rules.count { settings.level(of: $0) != .off }
        log.write(
            .info, "starting",
            [
                ("version", .string(Version.current)), ("commit", .string(Version.commit)),
                ("swift", .string(Version.swift)), ("mode", .string(settings.mode.rawValue)),
                ("rules", .number(String(active))), ("loops", .number(String(configuration.loops))),
                ("memory", .number(String(configuration.memory))),
            ])
        if !settings.ignoredServiceLinks.isEmpty {
            log.write(
                .warn, "ignored service links that have the names of settings",
                [("settings", .array(settings.ignoredServiceLinks.map { .string($0) }))])
        }
        let environment = Process.environment
        for change in ChangedDefault.all where environment[change.setting] == nil {
            log.write(
                .info, "default changed",
                [
                    ("setting", .string(change.setting)), ("before", .string(change.before)),
                    ("now", .string(change.now)),
                ])
        }
        if maximumConnections < settings.maximumConnections {
            log.write(
                .warn, "PLAYBOOK_MAX_CONNECTIONS exceeds the limit of open files; fewer connections are accepted",
                [("connections", .number(String(maximumConnections)))])
        }
        ProcessMemory.releaseCode()
        do throws(SystemError) {
            ending.note(try server.run())
        } catch {
            throw CommandError(message: error.description)
        }
        return .success
    }

    private func makeServer(
        _ configuration: ServerConfiguration, _ cluster: ClusterWatch?, _ keeper: CertificateKeeper?,
        _ recorder: Recorder?
    ) throws(CommandError) -> Server {
        let exemptions = try ExemptionsFile(settings, log)
        let registry = Registry(settings, log, certificates, keeper, cluster, recorder, exemptions)
        let listeners = [
            Listener(
                try address("PLAYBOOK_LISTEN", settings.listen), certificates: certificates, name: "admission"),
            // A separate responder answers probes independently of reviews and their connections.
            Listener(
                try address("PLAYBOOK_HEALTH_LISTEN", settings.healthListen), name: "health",
                ownResponder: { registry.responder($0.status) }),
        ]
        let (settings, log, ending) = (settings, log, ending)
        let evaluator = Evaluator(settings)
        do throws(SystemError) {
            return try Server(
                configuration: configuration, listeners: listeners,
                report: { event in
                    if case .phase(.draining) = event { ending.begin() }
                    log.write(event)
                },
                reload: { exemptions?.reload() },
                responder: { ReviewLoop($0, evaluator: evaluator, settings: settings, registry, log).responder })
        } catch {
            throw CommandError(message: error.description)
        }
    }

    private func address(_ variable: String, _ text: String) throws(CommandError) -> Address {
        do throws(Address.Malformed) {
            return try Address(parsing: text)
        } catch {
            throw CommandError(message: "\(variable): unsupported value \"\(text)\": \(error.reason)")
        }
    }

    /// The number of connections that the settings and the limit of open files allow.
    private var maximumConnections: Int {
        max(1, min(settings.maximumConnections, DescriptorLimit.current - ServeCommand.otherDescriptors))
    }

    /// Descriptors for probes, calls to the API server, files and standard streams.
    private static let otherDescriptors = 512

    private func configuration() throws(CommandError) -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.loops = min(settings.loops, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        configuration.maxConnections = maximumConnections
        configuration.maxBody = settings.maximumBodyBytes
        configuration.requestTimeout = settings.requestTimeout
        configuration.idleTimeout = settings.idleTimeout
        configuration.shutdownDelay = settings.shutdownDelay
        // The rest is for the steps after the last connection closes.
        let rest = min(.seconds(1), settings.shutdownTimeout / 5)
        configuration.shutdownTimeout = settings.shutdownTimeout - rest
        configuration.joinTimeout = rest / 2
        configuration.evaluationPerByte = Admission.memoryPerByte
        configuration.largestEvaluation = Admission.largestMemory
        configuration.memory = try memory(atLeast: configuration.leastMemory)
        return configuration
    }

    /// The memory of all reviews together: PLAYBOOK_MEMORY, or half of the process' memory limit.
    private func memory(atLeast least: Int) throws(CommandError) -> Int {
        // Rounded up for the message.
        let needed = "\((least + 1 << 20 - 1) >> 20)Mi"
        if let given = settings.memoryBytes {
            guard given >= least else {
                throw CommandError(
                    message:
                        "PLAYBOOK_MEMORY is \(given >> 20)Mi; reviews of up to PLAYBOOK_MAX_BODY need at least \(needed); "
                        + "raise it, or lower PLAYBOOK_MAX_BODY"
                )
            }
            return given
        }
        guard let limit = MemoryLimit.ofControlGroup() else { return max(least, 128 << 20) }
        if limit / 2 < least {
            log.write(
                .warn, "the memory limit is low for PLAYBOOK_MAX_BODY; large reviews can exceed it",
                [("limit", .number(String(limit))), ("needed", .number(String(2 * least)))])
        }
        return max(least, limit / 2)
    }
}
