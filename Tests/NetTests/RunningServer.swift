import Foundation
import HTTP
import Net
import Synchronization

/// A server on free ports of 127.0.0.1 by default, which runs until it is stopped or deallocated.
///
/// It has a TLS listener ("admission") and a plain one ("health"). Its default responder describes the request:
/// `METHOD PATH?QUERY BYTES`, followed by ` truncated` if the body was truncated.
final class RunningServer: Sendable {
    let server: Server
    let folder: CertificateFolder
    let certificates: Certificates
    private let ended = DispatchSemaphore(value: 0)
    private let joined = Atomic<Bool>(false)
    private let mailbox: Mailbox

    init(
        _ adjust: (inout ServerConfiguration) -> Void = { _ in }, clientCAs: String? = nil,
        allowedClients: [String] = [], listening addressText: String = "127.0.0.1:0",
        answering respond: @escaping @Sendable (Request, Span<UInt8>, ListenerID) -> Response = RunningServer.describe,
        responder: (@Sendable (LoopContext) -> Responder)? = nil,
        ownResponder: (@Sendable (LoopContext) -> Responder)? = nil
    ) throws {
        var configuration = ServerConfiguration()
        configuration.handlesSignals = false
        adjust(&configuration)
        folder = try CertificateFolder(clientCAs: clientCAs)
        certificates = try Certificates(files: folder.files(allowedClients: allowedClients))
        let address = try Address(parsing: addressText)
        let mailbox = Mailbox()
        server = try Server(
            configuration: configuration,
            listeners: [
                Listener(address, certificates: certificates, name: "admission"),
                Listener(address, name: "health", ownResponder: ownResponder),
            ],
            report: { mailbox.append("\($0)") }, responder: responder ?? { _ in Responder(respond) })
        self.mailbox = mailbox
        let thread = Foundation.Thread { [server, ended] in
            _ = try? server.run()
            ended.signal()
        }
        thread.start()
    }

    deinit {
        server.stop()
        waitForEnd()
    }

    /// Waits for `run` to return.
    func waitForEnd() {
        guard !joined.exchange(true, ordering: .relaxed) else { return }
        ended.wait()
    }

    var securePort: UInt16 { server.addresses[0].port }
    var plainPort: UInt16 { server.addresses[1].port }
    var status: ServerStatus { server.status }
    var reported: [String] { mailbox.all }

    func secureClient(_ adjust: (inout ClientTLS) -> Void = { _ in }) throws -> Client {
        var tls = ClientTLS(trusting: TestCertificates.authority.keyPair.certificate)
        adjust(&tls)
        return try Client(port: securePort, tls: tls)
    }

    func plainClient(receiveBuffer: Int32? = nil) throws -> Client {
        try Client(port: plainPort, receiveBuffer: receiveBuffer)
    }

    static let describe: @Sendable (Request, Span<UInt8>, ListenerID) -> Response = { request, body, listener in
        let method =
            switch request.head.method {
            case .get: "GET"
            case .head: "HEAD"
            case .post: "POST"
            case .other: "OTHER"
            }
        let target = request.head.path + (request.head.query.isEmpty ? "" : "?\(request.head.query)")
        let text = "\(method) \(target) \(body.count)\(request.isBodyTruncated ? " truncated" : "")"
        return Response(status: 200, contentType: "text/plain", body: Array(text.utf8))
    }
}

/// Collects a server's reports from any thread.
final class Mailbox: Sendable {
    private let items = Mutex<[String]>([])

    func append(_ item: String) { items.withLock { $0.append(item) } }

    var all: [String] { items.withLock { $0 } }
}

/// Waits until the condition is true, for at most ten seconds.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
    let end = Date().addingTimeInterval(10)
    while Date() < end {
        if try condition() { return true }
        usleep(2000)
    }
    return false
}

/// The CAs and key pairs that the tests share.
enum TestCertificates {
    static let notBefore = Int64(Date().timeIntervalSince1970) - 3600
    static let notAfter = notBefore + 7 * 24 * 3600
    static let authority = makeAuthority("tests")
    static let clientAuthority = makeAuthority("clients")
    static let server = issue(by: authority, "server.test", usage: .server)

    static func makeAuthority(_ name: String) -> CertificateAuthority {
        guard let authority = try? CertificateAuthority(named: name, notBefore: notBefore, notAfter: notAfter) else {
            return CertificateAuthority(KeyPair(certificate: "", privateKey: ""))
        }
        return authority
    }

    static func issue(
        by authority: CertificateAuthority, _ name: String, dnsNames: [String] = [],
        usage: CertificateRequest.Usage, notAfter: Int64 = notAfter
    ) -> KeyPair {
        let request = CertificateRequest(
            commonName: name, dnsNames: dnsNames, ipAddresses: usage == .server ? ["127.0.0.1"] : [], usage: usage,
            notBefore: notBefore, notAfter: notAfter)
        return (try? authority.issue(request)) ?? KeyPair(certificate: "", privateKey: "")
    }
}

/// A directory like a mounted Secret: the files are links into a directory that is replaced as a whole.
final class CertificateFolder: Sendable {
    let path: String
    private let hasClientCAs: Bool
    private let version = Atomic<Int>(0)

    init(_ pair: KeyPair = TestCertificates.server, clientCAs: String? = nil) throws {
        path = NSTemporaryDirectory() + "net-tests-" + UUID().uuidString
        hasClientCAs = clientCAs != nil
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try replace(with: pair, clientCAs: clientCAs)
        for name in ["tls.crt", "tls.key", "ca.crt"] {
            try FileManager.default.createSymbolicLink(atPath: "\(path)/\(name)", withDestinationPath: "data/\(name)")
        }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func files(allowedClients: [String] = []) -> CertificateFiles {
        CertificateFiles(
            certificate: "\(path)/tls.crt", privateKey: "\(path)/tls.key",
            clientCAs: hasClientCAs ? "\(path)/ca.crt" : nil, allowedClients: allowedClients)
    }

    /// Replaces the link with one to a new directory, as the kubelet does.
    func replace(with pair: KeyPair, clientCAs: String? = nil) throws {
        let number = version.add(1, ordering: .relaxed).newValue
        let folder = "\(path)/\(number)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try pair.certificate.write(toFile: "\(folder)/tls.crt", atomically: false, encoding: .utf8)
        try pair.privateKey.write(toFile: "\(folder)/tls.key", atomically: false, encoding: .utf8)
        try (clientCAs ?? "").write(toFile: "\(folder)/ca.crt", atomically: false, encoding: .utf8)
        try FileManager.default.createSymbolicLink(atPath: "\(path)/next", withDestinationPath: "\(number)")
        rename("\(path)/next", "\(path)/data")
    }
}
