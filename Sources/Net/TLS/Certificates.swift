internal import COpenSSL
internal import Glibc
internal import Synchronization

/// The files of a listener's certificate, and the clients that may connect.
public struct CertificateFiles: Equatable, Sendable {
    /// The path of the certificate and its chain, as PEM.
    public var certificate: String
    /// The path of the private key, as PEM, not encrypted.
    public var privateKey: String
    /// The path of the CAs that sign client certificates; nil if clients need none.
    public var clientCAs: String?
    /// The common names or DNS names of allowed client certificates, compared exactly; empty allows all names.
    public var allowedClients: [String]

    /// Creates the paths.
    public init(
        certificate: String, privateKey: String, clientCAs: String? = nil, allowedClients: [String] = []
    ) {
        self.certificate = certificate
        self.privateKey = privateKey
        self.clientCAs = clientCAs
        self.allowedClients = allowedClients
    }
}

/// The source of a listener's certificate.
enum CertificateSource: Sendable {
    case files(CertificateFiles)
    /// Installed while the server runs; only the client CAs are a file.
    case installed(name: String, clientCAs: String?, allowedClients: [String])

    var allowedClients: [String] {
        switch self {
        case .files(let files): files.allowedClients
        case .installed(_, _, let allowedClients): allowedClients
        }
    }
}

/// The reason that a certificate cannot be used.
public enum CertificateError: Error, Equatable, CustomStringConvertible {
    /// A file cannot be read.
    case unreadable(SystemError)
    /// The files do not hold a usable pair.
    case unusable(CertificateFiles, TLSError)
    /// The named certificate and key to install are not a usable pair.
    case unusablePair(String, TLSError)

    /// The files, or the name of the pair, and the error.
    public var description: String {
        switch self {
        case .unreadable(let error): "\(error)"
        case .unusable(let files, let error):
            "certificate \(files.certificate) with key \(files.privateKey)"
                + (files.clientCAs.map { " and client CAs \($0)" } ?? "") + ": \(error)"
        case .unusablePair(let name, let error): "certificate in \(name): \(error)"
        }
    }
}

/// The certificate of new connections, reloaded from its files or installed.
///
/// Files are compared by their contents: Kubernetes replaces a mounted Secret by moving a symbolic link, which often changes
/// neither names nor times. A pair that cannot be used is rejected, and the current one stays; open connections keep theirs.
public final class Certificates: Sendable {
    /// The result of a reload.
    public enum Reload: Equatable, Sendable {
        /// The files have not changed since the last reload.
        case unchanged
        /// New connections use this certificate.
        case replaced(CertificateDescription)
        /// The files changed but cannot be used; the current certificate stays.
        case refused(CertificateError)
    }

    private let source: CertificateSource
    /// The DNS name that clients use; nil if unknown.
    private let serverName: String?

    /// The result of the last reload.
    private struct Loaded {
        /// A digest of the files' contents, usable or not; nil if they could not be read.
        var digest: [UInt8]?
        var refusal: CertificateError?
        /// The installed pair; nil if the certificate comes from files.
        var installed: KeyPair?
    }

    /// Its lock is held while the files are read, so a loop must not take it.
    private let loaded: Mutex<Loaded>
    private let inUse: Mutex<TLSContext?>
    /// The error of the last reload, for threads that must not wait for a reload.
    private let latestRefusal = Mutex<CertificateError?>(nil)
    private let accepted = Atomic<UInt64>(0)
    private let refused = Atomic<UInt64>(0)

    /// Reads the files.
    ///
    /// - Parameters:
    ///   - files: The files.
    ///   - serverName: The DNS name that clients use; nil if unknown.
    /// - Throws: A ``CertificateError`` with the file and the reason.
    public init(files: CertificateFiles, serverName: String? = nil) throws(CertificateError) {
        source = .files(files)
        self.serverName = serverName
        let contents = try Contents(of: files)
        loaded = Mutex(Loaded(digest: contents.digest))
        inUse = try Mutex(contents.context(from: source, trust: ClientTrust(contents.clientCAs)))
    }

    /// Creates an object without a certificate; every handshake fails until one is installed.
    ///
    /// - Parameters:
    ///   - name: The name of the pair's source, for errors.
    ///   - clientCAs: The path of the CAs that sign client certificates; nil if clients need none.
    ///   - allowedClients: The names of allowed client certificates; empty allows all names.
    ///   - serverName: The DNS name that clients use; nil if unknown.
    public init(
        awaitedFrom name: String, clientCAs: String?, allowedClients: [String] = [], serverName: String? = nil
    ) {
        source = .installed(name: name, clientCAs: clientCAs, allowedClients: allowedClients)
        self.serverName = serverName
        loaded = Mutex(Loaded())
        inUse = Mutex(nil)
    }

    /// Reloads the files.
    ///
    /// - Returns: The result; the same error is returned once.
    public func reload() -> Reload {
        count(loaded.withLock { loaded in load(loaded.installed, &loaded) })
    }

    /// Installs a pair for new connections, in place of the current one.
    ///
    /// - Parameter pair: The certificate, followed by its chain, and its key.
    /// - Returns: The result; if the pair is rejected, the current one stays.
    public func install(_ pair: KeyPair) -> Reload {
        count(loaded.withLock { load(pair, &$0) })
    }

    private func load(_ pair: KeyPair?, _ loaded: inout Loaded) -> Reload {
        do throws(CertificateError) {
            guard let contents = try Contents(of: source, pair), contents.digest != loaded.digest else {
                return .unchanged
            }
            if case .files = source { loaded.digest = contents.digest }
            let before = context?.trust
            let trust = ClientTrust.following(before, contents.clientCAs)
            let context = try contents.context(from: source, trust: trust)
            inUse.withLock { $0 = context }
            if before !== trust { before?.withdraw() }
            loaded.digest = contents.digest
            loaded.installed = pair
            loaded.refusal = nil
            latestRefusal.withLock { $0 = nil }
            return .replaced(context.certificate)
        } catch {
            if case .unreadable = error { loaded.digest = nil }
            guard loaded.refusal != error else { return .unchanged }
            loaded.refusal = error
            latestRefusal.withLock { $0 = error }
            return .refused(error)
        }
    }

    private func count(_ outcome: Reload) -> Reload {
        switch outcome {
        case .unchanged: break
        case .replaced: accepted.add(1, ordering: .relaxed)
        case .refused: refused.add(1, ordering: .relaxed)
        }
        return outcome
    }

    /// The certificate in use; nil until one is installed.
    public var current: CertificateDescription? { context?.certificate }

    /// The certificate in use, and the reason that clients reject it.
    ///
    /// - Parameter now: The time, in seconds since 1970.
    /// - Returns: Both; nil until a certificate is installed.
    public func inspection(at now: Int64) -> (certificate: CertificateDescription, problem: CertificateProblem?)? {
        current.map { ($0, $0.problem(for: serverName, at: now)) }
    }

    /// The reason that the files or the pair to install are not in use; nil if they are.
    public var refusal: CertificateError? { latestRefusal.withLock { $0 } }

    /// The number of reloads and installations that replaced the certificate.
    public var reloads: UInt64 { accepted.load(ordering: .relaxed) }

    /// The number of reloads and installations that were rejected.
    public var refusals: UInt64 { refused.load(ordering: .relaxed) }

    /// The context of the next handshake; its lock is taken once for each connection.
    var context: TLSContext? { inUse.withLock { $0 } }
}

/// The contents of the files.
private struct Contents {
    let certificate: [UInt8]
    let privateKey: [UInt8]
    let clientCAs: [UInt8]?
}

extension Contents {
    init(of files: CertificateFiles) throws(CertificateError) {
        do throws(SystemError) {
            self.init(
                certificate: try readFile(files.certificate), privateKey: try readFile(files.privateKey),
                clientCAs: try files.clientCAs.map { (path) throws(SystemError) in try readFile(path) })
        } catch {
            throw .unreadable(error)
        }
    }

    /// Reads the files of a source; nil without an installed pair.
    init?(of source: CertificateSource, _ installed: KeyPair?) throws(CertificateError) {
        switch source {
        case .files(let files): try self.init(of: files)
        case .installed(_, let clientCAs, _):
            guard let installed else { return nil }
            do throws(SystemError) {
                self.init(
                    certificate: Array(installed.certificate.utf8), privateKey: Array(installed.privateKey.utf8),
                    clientCAs: try clientCAs.map { (path) throws(SystemError) in try readFile(path) })
            } catch {
                throw .unreadable(error)
            }
        }
    }

    /// A digest for comparison, so that the key itself is not kept in memory.
    var digest: [UInt8] {
        var digest: [UInt8] = []
        for part in [certificate, privateKey, clientCAs ?? []] {
            var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
            var count: UInt32 = 0
            _ = EVP_Digest(part, part.count, &bytes, &count, EVP_sha256(), nil)
            digest += bytes.prefix(Int(count))
        }
        return digest
    }

    func context(from source: CertificateSource, trust: ClientTrust) throws(CertificateError) -> TLSContext {
        do throws(TLSError) {
            return try TLSContext(
                certificate: certificate, privateKey: privateKey, trust: trust,
                allowedClients: source.allowedClients)
        } catch {
            switch source {
            case .files(let files): throw .unusable(files, error)
            case .installed(let name, _, _): throw .unusablePair(name, error)
            }
        }
    }
}
