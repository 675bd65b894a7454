internal import Net

/// The credentials of API calls, renewed while the process runs.
///
/// Files are read again at most a minute after they changed; a plugin runs again when its credential has expired. Both happen at
/// once when the API server rejects the credentials. If renewal fails, the previous credentials stay in use.
final class Credentials {
    /// The credentials of one call.
    struct Current {
        let token: String?
        let tls: ClientTLS?
    }

    typealias Answer = Result<Current, CredentialsError>

    /// The parts that were read, and the TLS context created from them.
    private struct Parts: Equatable {
        var authorities: [UInt8]?
        var certificate: [UInt8]?
        var privateKey: [UInt8]?
    }

    private let access: ClusterAccess
    private let loop: ClientLoop
    private let interval: Duration
    private let pluginLimit: Duration
    private var parts: Parts?
    private var tls: ClientTLS?
    private var token: String?
    private var nextReading: Instant?
    private var credential: CredentialPlugin.Credential?
    private var isRunning = false
    /// The plugin's last error, and the time until which it is not run again.
    private var refusal: (error: CredentialsError, end: Instant)?
    private var backoff: Backoff
    private var waiting: [(Answer) -> Void] = []

    init(_ access: ClusterAccess, loop: ClientLoop, interval: Duration, pluginLimit: Duration, backoff: Backoff) {
        self.backoff = backoff
        self.access = access
        self.loop = loop
        self.interval = interval
        self.pluginLimit = pluginLimit
    }

    /// Discards a token that the API server has rejected.
    func refuse() {
        nextReading = nil
        credential = nil
    }

    /// Reads the files again before the next call.
    func lookAgain() {
        nextReading = nil
    }

    /// Calls back with the credentials, at once unless a plugin must run first.
    func current(_ then: @escaping (Answer) -> Void) {
        if case .plugin(let plugin) = access.token, needsPlugin {
            if let refusal, loop.now < refusal.end { return then(.failure(refusal.error)) }
            waiting.append(then)
            return run(plugin)
        }
        then(read())
    }

    private var needsPlugin: Bool {
        guard let credential else { return true }
        return credential.expiry.map { $0 <= loop.unixTime } ?? false
    }

    // MARK: Files

    private func read() -> Answer {
        if let nextReading, loop.now < nextReading { return .success(Current(token: token, tls: tls)) }
        do throws(CredentialsError) {
            let token = try readToken()
            try readCertificates()
            self.token = token
            nextReading = loop.now + interval
        } catch {
            // The previous parts stay in use; the API server rejects them when they expire.
            guard parts != nil else { return .failure(error) }
            nextReading = loop.now + min(interval, .seconds(1))
        }
        return .success(Current(token: token, tls: tls))
    }

    private func readToken() throws(CredentialsError) -> String? {
        switch access.token {
        case nil: return nil
        case .fixed(let token): return token
        case .plugin: return credential?.token
        case .file(let path):
            let text = trimmed(String(decoding: try contents(of: .file(path)), as: UTF8.self))
            guard !text.isEmpty else { throw .malformed(file: path, field: "", reason: "the token is empty") }
            return text
        }
    }

    private func readCertificates() throws(CredentialsError) {
        guard access.isSecure else {
            guard access.token == nil else { throw .notSecure(origin: access.origin) }
            parts = Parts()
            return
        }
        var found = Parts()
        if let authorities = access.authorities { found.authorities = try contents(of: authorities) }
        if let certificate = access.certificate, let privateKey = access.privateKey {
            found.certificate = try contents(of: certificate)
            found.privateKey = try contents(of: privateKey)
        }
        if let certificate = credential?.certificate, let privateKey = credential?.privateKey {
            found.certificate = certificate
            found.privateKey = privateKey
        }
        guard found != parts else { return }
        do throws(TLSError) {
            tls = try ClientTLS(
                trustedCAs: found.authorities, certificate: found.certificate, privateKey: found.privateKey)
        } catch {
            throw .unusable(source: access.origin, error)
        }
        parts = found
    }

    private func contents(of material: ClusterAccess.Material) throws(CredentialsError) -> [UInt8] {
        switch material {
        case .inline(let bytes): return bytes
        case .file(let path):
            do throws(SystemError) {
                return try readFile(path)
            } catch {
                throw .unreadable(error)
            }
        }
    }

    // MARK: The plugin

    private func run(_ plugin: CredentialPlugin) {
        guard !isRunning else { return }
        isRunning = true
        let limit = pluginLimit
        do throws(SystemError) {
            try loop.offload({ plugin.run(within: limit) }, then: { [self] in finish($0) })
        } catch {
            finish(.failure(.plugin(command: plugin.program.command, reason: "\(error)")))
        }
    }

    private func finish(_ result: Result<CredentialPlugin.Credential, CredentialsError>) {
        isRunning = false
        let answer: Answer
        switch result {
        case .success(let credential):
            self.credential = credential
            nextReading = nil
            refusal = nil
            backoff.reset()
            answer = read()
        case .failure(let error):
            refusal = (error, Instant.now + backoff.wait(0))
            answer = .failure(error)
        }
        let waiting = waiting
        self.waiting = []
        for then in waiting { then(answer) }
    }
}
