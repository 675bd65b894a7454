internal import COpenSSL
internal import Glibc
internal import Synchronization

/// Where a listener's certificate is, and who may connect.
public struct CertificateFiles: Equatable, Sendable {
    /// The path of the certificate, its chain behind it, as PEM.
    public var certificate: String
    /// The path of its private key, as PEM, not encrypted.
    public var privateKey: String
    /// The path of the authorities that sign clients' certificates; nil asks no client for one.
    public var clientAuthorities: String?
    /// The common names or DNS names that a client's certificate may carry, letter for letter; empty allows every one.
    public var allowedClients: [String]

    /// Names the files.
    public init(
        certificate: String, privateKey: String, clientAuthorities: String? = nil, allowedClients: [String] = []
    ) {
        self.certificate = certificate
        self.privateKey = privateKey
        self.clientAuthorities = clientAuthorities
        self.allowedClients = allowedClients
    }
}

/// Where a listener's certificate comes from.
enum CertificateSource: Sendable {
    case files(CertificateFiles)
    /// Given while the server runs; only the authorities of clients are a file.
    case given(clientAuthorities: String?, allowedClients: [String])

    var allowedClients: [String] {
        switch self {
        case .files(let files): files.allowedClients
        case .given(_, let allowedClients): allowedClients
        }
    }
}

/// Why a certificate cannot be used.
public enum CertificateError: Error, Equatable, CustomStringConvertible {
    /// A file cannot be read.
    case unreadable(SystemError)
    /// The files were read, but do not make a usable pair.
    case unusable(CertificateFiles, TLSError)
    /// What was given does not make a usable pair.
    case unusableGift(TLSError)

    /// The file or files, and what is wrong with them.
    public var description: String {
        switch self {
        case .unreadable(let error): "\(error)"
        case .unusable(let files, let error):
            "certificate \(files.certificate) with key \(files.privateKey)"
                + (files.clientAuthorities.map { " and client authorities \($0)" } ?? "") + ": \(error)"
        case .unusableGift(let error): "the certificate that was given: \(error)"
        }
    }
}

/// The certificate that new connections are answered with; it follows its files, or is given.
///
/// Files are compared by their contents: Kubernetes replaces a mounted Secret by moving a symbolic link, which leaves
/// names and often times as they were. A pair that cannot be used is refused and the one before stays; connections keep
/// the one they began with.
public final class Certificates: Sendable {
    /// What came of looking at the files.
    public enum Reload: Equatable, Sendable {
        /// The files are as they were when last looked at.
        case unchanged
        /// New connections get this certificate.
        case replaced(CertificateDescription)
        /// The files changed to something that cannot be used; the certificate before stays.
        case refused(CertificateError)
    }

    private let source: CertificateSource
    /// The DNS name by which clients call; nil where it is not known.
    private let serverName: String?

    /// What the last look at the files found.
    private struct Look {
        /// A digest of what they held, usable or not; nil when they could not be read.
        var digest: [UInt8]?
        var refusal: CertificateError?
        /// What was given last and could be used; never there where files are followed.
        var gift: KeyPair?
    }

    /// Held while the files are read, so never by a loop.
    private let look: Mutex<Look>
    private let inUse: Mutex<TLSContext?>
    /// The refusal of the last look, for those who must not wait for a look.
    private let latestRefusal = Mutex<CertificateError?>(nil)
    private let accepted = Atomic<UInt64>(0)
    private let refused = Atomic<UInt64>(0)

    /// Reads the files.
    ///
    /// - Parameters:
    ///   - files: Where they are.
    ///   - serverName: The DNS name by which clients call; nil where it is not known.
    /// - Throws: A ``CertificateError`` that names the file and the reason.
    public init(files: CertificateFiles, serverName: String? = nil) throws(CertificateError) {
        source = .files(files)
        self.serverName = serverName
        let contents = try Contents(of: files)
        look = Mutex(Look(digest: contents.digest))
        inUse = try Mutex(contents.context(from: source, trust: ClientTrust(contents.clientAuthorities)))
    }

    /// Waits for a certificate to be given; until then no connection gets past its handshake.
    ///
    /// - Parameters:
    ///   - clientAuthorities: The path of the authorities that sign clients' certificates; nil asks no client for one.
    ///   - allowedClients: The names that a client's certificate may carry; empty allows every one.
    ///   - serverName: The DNS name by which clients call; nil where it is not known.
    public init(awaitingWith clientAuthorities: String?, allowedClients: [String] = [], serverName: String? = nil) {
        source = .given(clientAuthorities: clientAuthorities, allowedClients: allowedClients)
        self.serverName = serverName
        look = Mutex(Look())
        inUse = Mutex(nil)
    }

    /// Looks at the files and takes over what they hold now.
    ///
    /// - Returns: What came of it; a refusal is told once, not at each look.
    public func reload() -> Reload {
        count(look.withLock { look in take(look.gift, &look) })
    }

    /// Takes a pair over for new connections, in the place of the one that was given before.
    ///
    /// - Parameter pair: The certificate, its chain behind it, and its key.
    /// - Returns: What came of it; where it is refused, the one before stays.
    public func give(_ pair: KeyPair) -> Reload {
        count(look.withLock { look in take(pair, &look) })
    }

    private func take(_ pair: KeyPair?, _ look: inout Look) -> Reload {
        do throws(CertificateError) {
            guard let contents = try Contents(of: source, pair), contents.digest != look.digest else {
                return .unchanged
            }
            if case .files = source { look.digest = contents.digest }
            let before = context?.trust
            let trust = ClientTrust.following(before, contents.clientAuthorities)
            let context = try contents.context(from: source, trust: trust)
            inUse.withLock { $0 = context }
            if before !== trust { before?.withdraw() }
            look.digest = contents.digest
            look.gift = pair
            look.refusal = nil
            latestRefusal.withLock { $0 = nil }
            return .replaced(context.certificate)
        } catch {
            if case .unreadable = error { look.digest = nil }
            guard look.refusal != error else { return .unchanged }
            look.refusal = error
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

    /// The certificate in use; nil as long as none was given.
    public var current: CertificateDescription? { context?.certificate }

    /// The certificate in use, and why clients refuse it; nil as long as none was given.
    ///
    /// - Parameter now: The time, in seconds since 1970.
    /// - Returns: Both; nil without a certificate.
    public func inspection(at now: Int64) -> (certificate: CertificateDescription, problem: CertificateProblem?)? {
        current.map { ($0, $0.problem(for: serverName, at: now)) }
    }

    /// Why the files, or what was given last, are not in use; nil when they are.
    public var refusal: CertificateError? { latestRefusal.withLock { $0 } }

    /// How many times a certificate came that is now, or was, in use.
    public var reloads: UInt64 { accepted.load(ordering: .relaxed) }

    /// How many times something came that was refused.
    public var refusals: UInt64 { refused.load(ordering: .relaxed) }

    /// The context for the next handshake; its lock is taken once a connection, not once a request.
    var context: TLSContext? { inUse.withLock { $0 } }
}

/// What the files hold at one look.
private struct Contents {
    let certificate: [UInt8]
    let privateKey: [UInt8]
    let clientAuthorities: [UInt8]?
}

extension Contents {
    init(of files: CertificateFiles) throws(CertificateError) {
        do throws(SystemError) {
            self.init(
                certificate: try readFile(files.certificate), privateKey: try readFile(files.privateKey),
                clientAuthorities: try files.clientAuthorities.map { (path) throws(SystemError) in try readFile(path) })
        } catch {
            throw .unreadable(error)
        }
    }

    /// Nil where nothing was given yet.
    init?(of source: CertificateSource, _ gift: KeyPair?) throws(CertificateError) {
        switch source {
        case .files(let files): try self.init(of: files)
        case .given(let authorities, _):
            guard let gift else { return nil }
            do throws(SystemError) {
                self.init(
                    certificate: Array(gift.certificate.utf8), privateKey: Array(gift.privateKey.utf8),
                    clientAuthorities: try authorities.map { (path) throws(SystemError) in try readFile(path) })
            } catch {
                throw .unreadable(error)
            }
        }
    }

    /// A digest, so that the key itself is not kept in memory for comparing.
    var digest: [UInt8] {
        var digest: [UInt8] = []
        for part in [certificate, privateKey, clientAuthorities ?? []] {
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
            case .given: throw .unusableGift(error)
            }
        }
    }
}
