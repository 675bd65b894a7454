import Glibc
import HTTP
import JSON
import Net
import Playbook
import Synchronization
import Webhook

/// `playbook serve`: puts the webhook behind the network, and the process around both.
struct ServeCommand {
    private let settings: Settings
    private let log: Log
    private let certificates: Certificates

    init() throws(CommandError) {
        do throws(SettingsError) {
            settings = try Settings(environment: Process.environment)
        } catch {
            throw CommandError(message: error.description)
        }
        log = Log(settings)
        let files = CertificateFiles(
            certificate: settings.certificateFile, privateKey: settings.keyFile,
            clientAuthorities: settings.clientAuthorityFile.isEmpty ? nil : settings.clientAuthorityFile,
            allowedClients: settings.clientNames)
        do throws(CertificateError) {
            certificates = try Certificates(files: files)
        } catch {
            throw CommandError(
                message:
                    "\(error)\nPLAYBOOK_TLS_CERT_FILE and PLAYBOOK_TLS_KEY_FILE name the certificate; `playbook certs` makes one"
            )
        }
    }

    func run() throws(CommandError) -> ExitCode {
        let server = try makeServer()
        log.start()
        defer { log.end() }
        let active = Catalogue.rules.count { settings.level(of: $0) != .off }
        log.write(
            .info, "starting",
            [
                ("version", .string(Version.current)), ("mode", .string(settings.mode.rawValue)),
                ("rules", .number(String(active))), ("loops", .number(String(configuration.loops))),
            ])
        Residency.releaseCode()
        do throws(SystemError) {
            try server.run()
        } catch {
            throw CommandError(message: error.description)
        }
        return .success
    }

    private func makeServer() throws(CommandError) -> Server {
        let listeners = [
            Listener(
                try address("PLAYBOOK_LISTEN", settings.listen), certificates: certificates, name: "admission"),
            // Probes must be answered however many connections there are.
            Listener(try address("PLAYBOOK_HEALTH_LISTEN", settings.healthListen), name: "health", reserve: 16),
        ]
        let (settings, log, certificates) = (settings, log, certificates)
        let registry = Registry(log: log, certificates: certificates)
        let judge = Judge(settings)
        do throws(SystemError) {
            return try Server(
                configuration: configuration, listeners: listeners, report: { log.write($0) },
                responder: { loop in responder(loop, judge, settings, registry, log) })
        } catch {
            throw CommandError(message: error.description)
        }
    }

    private func address(_ variable: String, _ text: String) throws(CommandError) -> Address {
        do throws(Address.Malformed) {
            return try Address(parsing: text)
        } catch {
            throw CommandError(message: "\(variable) is '\(text)': \(error.reason)")
        }
    }

    private var configuration: ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.loops = min(settings.loops, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        configuration.maxConnections = settings.maximumConnections
        configuration.maxBody = settings.maximumBodyBytes
        configuration.requestTimeout = settings.requestTimeout
        configuration.idleTimeout = settings.idleTimeout
        configuration.shutdownDelay = settings.shutdownDelay
        configuration.shutdownTimeout = settings.shutdownTimeout
        return configuration
    }
}

/// What answers the requests of one loop; it lives on that loop's thread.
private func responder(
    _ loop: LoopContext, _ judge: Judge, _ settings: Settings, _ registry: Registry, _ log: Log
) -> Responder {
    let context = Context(settings: settings, now: Process.now)
    let admission = Admission(judge: judge, context: context, describesAll: log.writes(.debug))
    let shared = registry.join(loop.status)
    let webhook = Webhook(
        admission: admission, health: { registry.health(loop.status) }, metrics: { registry.exposition(loop.status) })
    return Responder { request, body, listener in
        let start = Process.nanoseconds
        admission.context.now = Process.now
        let reply = webhook.respond(to: request, body: body, on: listener.index == 0 ? .admission : .health)
        if let event = reply.event {
            let duration = Process.nanoseconds - start
            shared.metrics.withLock { $0.count(event, nanoseconds: duration) }
            log.write(event, nanoseconds: duration)
        }
        return reply.response
    }
}
