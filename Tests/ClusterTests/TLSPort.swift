import COpenSSL
import Cluster
import Foundation
import Glibc
import Net
import Synchronization

/// The CAs that the tests share.
enum TestAuthorities {
    static let notBefore = Int64(Date().timeIntervalSince1970) - 3600
    static let notAfter = notBefore + 7 * 24 * 3600
    static let cluster = make("cluster")
    static let other = make("other")

    static func make(_ name: String) -> CertificateAuthority {
        let made = try? CertificateAuthority(named: name, notBefore: notBefore, notAfter: notAfter)
        return made ?? CertificateAuthority(KeyPair(certificate: "", privateKey: ""))
    }
}

extension CertificateAuthority {
    /// Issues a certificate for this machine.
    func pair(_ usage: CertificateRequest.Usage = .server, name: String = "api") throws -> KeyPair {
        try issue(
            CertificateRequest(
                commonName: name, ipAddresses: usage == .server ? ["127.0.0.1"] : [], usage: usage,
                notBefore: TestAuthorities.notBefore, notAfter: TestAuthorities.notAfter))
    }
}

/// A directory for one test.
final class TestFolder: Sendable {
    let path = NSTemporaryDirectory() + "cluster-tests-" + UUID().uuidString

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }

    /// Writes a service account's files, and returns access to a local API server as a pod has it.
    func access(to port: some BinaryInteger, signedBy authority: CertificateAuthority = TestAuthorities.cluster) throws
        -> ClusterAccess
    {
        try write("token", "token-1\n")
        try write("ca.crt", authority.keyPair.certificate)
        return try .inCluster(
            environment: ["KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "\(port)"],
            serviceAccount: path)
    }
}

/// A port on 127.0.0.1 that speaks TLS, with a thread for each connection.
final class TLSPort: Sendable {
    let port: UInt16
    private let listener: Int32
    // Any number of threads can use an SSL_CTX; each connection holds a reference.
    private let context: Mutex<UInt>
    private let sockets = Mutex<Set<Int32>>([])
    private let serve: @Sendable (TLSPeer) -> Void

    init(_ pair: KeyPair, clientAuthority: String? = nil, serve: @escaping @Sendable (TLSPeer) -> Void) throws {
        self.serve = serve
        context = Mutex(try TLSPort.context(pair, clientAuthority))
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length)
                listen(listener, 64)
                getsockname(listener, $0, &length)
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        signal(SIGPIPE, SIG_IGN)
        Foundation.Thread.detachNewThread { [weak self] in
            while true {
                let socket = accept(listener, nil, nil)
                guard socket >= 0, let self else {
                    // Closed only here: elsewhere, the descriptor might already belong to another file.
                    if socket >= 0 { close(socket) }
                    close(listener)
                    return
                }
                self.begin(socket)
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        dropAll()
        SSL_CTX_free(OpaquePointer(bitPattern: context.withLock { $0 }))
    }

    /// Closes all connections without a response.
    func dropAll() {
        // Under the lock, because a socket is removed from the set before it is closed.
        sockets.withLock { for socket in $0 { shutdown(socket, Int32(SHUT_RDWR)) } }
    }

    /// Uses another certificate for new connections and closes open ones.
    func replace(with pair: KeyPair) throws {
        let new = try TLSPort.context(pair, nil)
        let old = context.withLock { context in
            defer { context = new }
            return context
        }
        SSL_CTX_free(OpaquePointer(bitPattern: old))
        dropAll()
    }

    private func begin(_ socket: Int32) {
        let session = context.withLock { SSL_new(OpaquePointer(bitPattern: $0)) }
        guard let session else { return }
        sockets.withLock { _ = $0.insert(socket) }
        SSL_set_fd(session, socket)
        let address = UInt(bitPattern: session)
        Foundation.Thread.detachNewThread { [weak self, serve] in
            guard let session = OpaquePointer(bitPattern: address) else { return }
            if SSL_accept(session) == 1 { serve(TLSPeer(session)) }
            ERR_clear_error()
            SSL_free(session)
            self?.sockets.withLock { _ = $0.remove(socket) }
            close(socket)
        }
    }

    private static func context(_ pair: KeyPair, _ clientAuthority: String?) throws -> UInt {
        let folder = try TestFolder()
        let context = SSL_CTX_new(TLS_server_method())
        SSL_CTX_use_certificate_file(context, try folder.write("crt", pair.certificate), SSL_FILETYPE_PEM)
        SSL_CTX_use_PrivateKey_file(context, try folder.write("key", pair.privateKey), SSL_FILETYPE_PEM)
        if let clientAuthority {
            SSL_CTX_load_verify_locations(context, try folder.write("ca", clientAuthority), nil)
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
        return UInt(bitPattern: context)
    }
}

/// The server's end of one connection, used only by its thread.
final class TLSPeer {
    private let session: OpaquePointer
    private var unread: [UInt8] = []

    init(_ session: OpaquePointer) { self.session = session }

    struct Request {
        var verb: String
        var path: String
        var query: [String: String]
        var headers: [String: String]
        var body: String
    }

    /// Reads the next request; nil at the end of the stream.
    func request() -> Request? {
        let end = Array("\r\n\r\n".utf8)
        var buffer = [UInt8](repeating: 0, count: 16 * 1024)
        func receive() -> Bool {
            let count = SSL_read(session, &buffer, Int32(buffer.count))
            unread += buffer.prefix(Int(max(0, count)))
            return count > 0
        }
        while true {
            if let range = unread.firstRange(of: end) {
                let lines = String(decoding: unread[..<range.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
                let words = lines[0].split(separator: " ")
                var headers: [String: String] = [:]
                for line in lines.dropFirst() {
                    let parts = line.split(separator: ":", maxSplits: 1)
                    headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
                }
                let length = Int(headers["content-length"] ?? "0") ?? 0
                while unread.count < range.upperBound + length { guard receive() else { return nil } }
                let body = String(decoding: unread[range.upperBound..<range.upperBound + length], as: UTF8.self)
                unread.removeFirst(range.upperBound + length)
                let parts = words[1].split(separator: "?", maxSplits: 1)
                var query: [String: String] = [:]
                for pair in (parts.count > 1 ? parts[1] : "").split(separator: "&") {
                    let sides = pair.split(separator: "=", maxSplits: 1)
                    query[String(sides[0])] = sides.count > 1 ? String(sides[1]).removingPercentEncoding : ""
                }
                return Request(
                    verb: String(words[0]), path: String(parts[0]), query: query, headers: headers, body: body)
            }
            guard receive() else { return nil }
        }
    }

    @discardableResult
    func send(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                SSL_write(session, $0.baseAddress?.advanced(by: sent), Int32(bytes.count - sent))
            }
            guard count > 0 else {
                ERR_clear_error()
                return false
            }
            sent += Int(count)
        }
        return true
    }

    @discardableResult
    func answer(_ status: Int, _ body: String, headers: String = "") -> Bool {
        send(
            "HTTP/1.1 \(status) S\r\nContent-Type: application/json\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n"
                + body)
    }

    @discardableResult
    func chunk(_ text: String) -> Bool { send("\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n") }
}

/// Waits until the condition is true, for at most 60 seconds.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
    let end = Date().addingTimeInterval(60)
    while Date() < end {
        if try condition() { return true }
        usleep(2000)
    }
    return false
}
