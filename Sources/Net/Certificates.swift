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

/// Why a certificate cannot be used.
public enum CertificateError: Error, Equatable, CustomStringConvertible {
    /// A file cannot be read.
    case unreadable(SystemError)
    /// The files were read, but do not make a usable pair.
    case unusable(CertificateFiles, TLSError)

    /// The file or files, and what is wrong with them.
    public var description: String {
        switch self {
        case .unreadable(let error): "\(error)"
        case .unusable(let files, let error):
            "certificate \(files.certificate) with key \(files.privateKey)"
                + (files.clientAuthorities.map { " and client authorities \($0)" } ?? "") + ": \(error)"
        }
    }
}

/// The certificate that new connections are answered with; it follows its files.
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

    /// The files that are followed.
    public let files: CertificateFiles

    /// What the last look at the files found.
    private struct Look {
        /// A digest of what they held, usable or not; nil when they could not be read.
        var digest: [UInt8]?
        var refusal: CertificateError?
    }

    /// Held while the files are read, so never by a loop.
    private let look: Mutex<Look>
    private let inUse: Mutex<TLSContext>
    private let accepted = Atomic<UInt64>(0)
    private let refused = Atomic<UInt64>(0)

    /// Reads the files.
    ///
    /// - Parameter files: Where they are.
    /// - Throws: A ``CertificateError`` that names the file and the reason.
    public init(files: CertificateFiles) throws(CertificateError) {
        self.files = files
        let contents = try Contents(of: files)
        look = Mutex(Look(digest: contents.digest))
        inUse = try Mutex(contents.context(for: files))
    }

    /// Looks at the files and takes over what they hold now.
    ///
    /// - Returns: What came of it; a refusal is told once, not at each look.
    public func reload() -> Reload {
        let outcome = look.withLock { look -> Reload in
            do throws(CertificateError) {
                let contents = try Contents(of: files)
                guard contents.digest != look.digest else { return .unchanged }
                look.digest = contents.digest
                let context = try contents.context(for: files)
                inUse.withLock { $0 = context }
                look.refusal = nil
                return .replaced(context.certificate)
            } catch {
                if case .unreadable = error { look.digest = nil }
                guard look.refusal != error else { return .unchanged }
                look.refusal = error
                return .refused(error)
            }
        }
        switch outcome {
        case .unchanged: break
        case .replaced: accepted.add(1, ordering: .relaxed)
        case .refused: refused.add(1, ordering: .relaxed)
        }
        return outcome
    }

    /// The certificate in use.
    public var current: CertificateDescription { context.certificate }

    /// How many times the files changed to a certificate that is now, or was, in use.
    public var reloads: UInt64 { accepted.load(ordering: .relaxed) }

    /// How many times they changed to something that was refused.
    public var refusals: UInt64 { refused.load(ordering: .relaxed) }

    /// The context for the next handshake; its lock is taken once a connection, not once a request.
    var context: TLSContext { inUse.withLock { $0 } }
}

/// What the files hold at one look.
private struct Contents {
    let certificate: [UInt8]
    let privateKey: [UInt8]
    let clientAuthorities: [UInt8]?

    init(of files: CertificateFiles) throws(CertificateError) {
        do throws(SystemError) {
            certificate = try readFile(files.certificate)
            privateKey = try readFile(files.privateKey)
            clientAuthorities = if let path = files.clientAuthorities { try readFile(path) } else { nil }
        } catch {
            throw .unreadable(error)
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

    func context(for files: CertificateFiles) throws(CertificateError) -> TLSContext {
        do throws(TLSError) {
            return try TLSContext(
                certificate: certificate, privateKey: privateKey, clientAuthorities: clientAuthorities,
                allowedClients: files.allowedClients)
        } catch {
            throw .unusable(files, error)
        }
    }
}
