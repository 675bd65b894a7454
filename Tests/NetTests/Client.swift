import COpenSSL
import Foundation
import Glibc

/// A response as a client receives it.
struct Reply: Equatable {
    var status: Int
    var headers: [String: String]
    var body: String
}

enum ClientError: Error, Equatable {
    case cannotConnect(Int32)
    case handshakeFailed(String)
    case cannotSend
    /// The connection closed or broke before a complete response.
    case ended(received: String)
    case timedOut
    case malformed(String)
}

/// A client's TLS options.
struct ClientTLS {
    var authority: String
    var versions = TLS1_2_VERSION...TLS1_3_VERSION
    var protocols: [String] = ["http/1.1"]
    var certificate: String?
    var privateKey: String?
    /// A session to resume.
    var session: Session?

    init(trusting authority: String) {
        self.authority = authority
    }

    final class Session {
        let pointer: OpaquePointer
        init(_ pointer: OpaquePointer) { self.pointer = pointer }
        deinit { SSL_SESSION_free(pointer) }
    }
}

/// The IP version of a client's connection to this machine.
enum Family: CaseIterable {
    case version4, version6

    /// Indicates whether this machine has the version's loopback address.
    var isHere: Bool {
        let probe = Glibc.socket(self == .version4 ? AF_INET : AF_INET6, Int32(SOCK_DGRAM.rawValue), 0)
        defer { Glibc.close(probe) }
        return probe >= 0 && connect(probe, port: 9) == 0
    }

    fileprivate func connect(_ socket: Int32, port: UInt16) -> Int32 {
        var address = sockaddr_storage()
        let size: Int
        switch self {
        case .version4:
            size = MemoryLayout<sockaddr_in>.size
            let loopback = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
            withUnsafeMutableBytes(of: &address) {
                $0.storeBytes(
                    of: sockaddr_in(
                        sin_family: sa_family_t(AF_INET), sin_port: port.bigEndian, sin_addr: loopback,
                        sin_zero: (0, 0, 0, 0, 0, 0, 0, 0)), as: sockaddr_in.self)
            }
        case .version6:
            size = MemoryLayout<sockaddr_in6>.size
            withUnsafeMutableBytes(of: &address) {
                $0.storeBytes(
                    of: sockaddr_in6(
                        sin6_family: sa_family_t(AF_INET6), sin6_port: port.bigEndian, sin6_flowinfo: 0,
                        sin6_addr: in6addr_loopback, sin6_scope_id: 0), as: sockaddr_in6.self)
            }
        }
        // `sockaddr_storage` can be read as any address structure.
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(socket, $0, socklen_t(size)) }
        }
    }
}

/// A blocking client for one connection, with libssl's own verification of the server's certificate.
///
/// Used by one thread at a time; reads time out after ten seconds, so a broken server fails one test only.
final class Client {
    private let socket: Int32
    private var context: OpaquePointer?
    private var session: OpaquePointer?
    private var unread: [UInt8] = []

    init(port: UInt16, over family: Family = .version4, tls: ClientTLS? = nil, receiveBuffer: Int32? = nil) throws {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        socket = Glibc.socket(family == .version4 ? AF_INET : AF_INET6, type, 0)
        setLimits(receiveBuffer: receiveBuffer)
        guard family.connect(socket, port: port) == 0 else { throw ClientError.cannotConnect(errno) }
        if let tls { try start(tls) }
    }

    deinit {
        if let session {
            // libssl does not resume a session whose connection was not shut down.
            SSL_shutdown(session)
            ERR_clear_error()
            SSL_free(session)
        }
        if let context { SSL_CTX_free(context) }
        Glibc.close(socket)
    }

    private func setLimits(receiveBuffer: Int32?) {
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var one: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        if var size = receiveBuffer {
            setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    private func start(_ tls: ClientTLS) throws {
        let context = SSL_CTX_new(TLS_client_method())
        self.context = context
        _ = tls_context_set_min_version(context, tls.versions.lowerBound)
        _ = tls_context_set_max_version(context, tls.versions.upperBound)
        // Old versions are offered only if a test requests them, and need security level 0.
        if tls.versions.lowerBound < TLS1_2_VERSION { SSL_CTX_set_security_level(context, 0) }
        _ = withCertificate(tls.authority) { X509_STORE_add_cert(SSL_CTX_get_cert_store(context), $0) }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        if let certificate = tls.certificate, let key = tls.privateKey {
            _ = withCertificate(certificate) { SSL_CTX_use_certificate(context, $0) }
            _ = withKey(key) { SSL_CTX_use_PrivateKey(context, $0) }
        }
        let offered = tls.protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        if !offered.isEmpty { SSL_CTX_set_alpn_protos(context, offered, UInt32(offered.count)) }
        guard let session = SSL_new(context) else { throw ClientError.handshakeFailed("no session") }
        self.session = session
        SSL_set_fd(session, socket)
        if let earlier = tls.session { SSL_set_session(session, earlier.pointer) }
        guard SSL_connect(session) == 1 else { throw ClientError.handshakeFailed(lastReason()) }
    }

    /// Returns the last error of libssl or the server's alert.
    private func lastReason() -> String {
        let code = ERR_peek_last_error()
        defer { ERR_clear_error() }
        return ERR_reason_error_string(code).map { String(cString: $0) } ?? "closed"
    }

    /// Returns the bytes of a handshake's first message.
    static func hello() throws -> [UInt8] {
        let context = SSL_CTX_new(TLS_client_method())
        defer { SSL_CTX_free(context) }
        let session = SSL_new(context)
        defer { SSL_free(session) }
        guard let output = BIO_new(BIO_s_mem()) else { throw ClientError.handshakeFailed("no memory") }
        // The session owns both.
        SSL_set_bio(session, BIO_new(BIO_s_mem()), output)
        _ = SSL_connect(session)
        ERR_clear_error()
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = BIO_read(output, &bytes, Int32(bytes.count))
        return Array(bytes.prefix(max(0, Int(count))))
    }

    // MARK: Negotiated parameters

    var version: String { session.map { String(cString: SSL_get_version($0)) } ?? "" }
    var isResumed: Bool { session.map { SSL_session_reused($0) == 1 } ?? false }
    var cipher: String { session.map { String(cString: SSL_CIPHER_get_name(SSL_get_current_cipher($0))) } ?? "" }

    var applicationProtocol: String {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(session, &name, &count)
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }

    /// The session for a later resumption; TLS 1.3 has one only after the first response.
    var resumable: ClientTLS.Session? { SSL_get1_session(session).map(ClientTLS.Session.init) }

    var serverCommonName: String {
        guard let certificate = SSL_get1_peer_certificate(session) else { return "" }
        defer { X509_free(certificate) }
        var text = [CChar](repeating: 0, count: 128)
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, &text, Int32(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The number of certificates that the server sent.
    var serverChainCount: Int { Int(tls_chain_count(SSL_get_peer_cert_chain(session))) }

    // MARK: Bytes

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { buffer -> Int in
                let rest = UnsafeRawBufferPointer(rebasing: buffer[sent...])
                if let session { return Int(SSL_write(session, rest.baseAddress, Int32(rest.count))) }
                return Glibc.send(socket, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else {
                ERR_clear_error()
                throw ClientError.cannotSend
            }
            sent += count
        }
    }

    /// Ends the client's stream; the server's responses can still be read.
    func finishSending() { shutdown(socket, Int32(SHUT_WR)) }

    /// Reads some bytes; empty at the end of the stream.
    func receive() throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        let count = buffer.withUnsafeMutableBytes { bytes -> Int in
            if let session { return Int(SSL_read(session, bytes.baseAddress, Int32(bytes.count))) }
            return read(socket, bytes.baseAddress, bytes.count)
        }
        if count > 0 { return Array(buffer.prefix(count)) }
        if let session {
            let error = SSL_get_error(session, Int32(count))
            let reason = lastReason()
            if error == SSL_ERROR_ZERO_RETURN { return [] }
            if error == SSL_ERROR_SSL { throw ClientError.handshakeFailed(reason) }
        }
        if count < 0 {
            throw errno == EAGAIN ? ClientError.timedOut : ClientError.ended(received: text(unread))
        }
        return []
    }

    /// Returns true if the server has closed the stream cleanly and no bytes are left to read.
    func isAtEnd() throws -> Bool { try unread.isEmpty && receive().isEmpty }

    /// Returns true if the server has closed or reset the connection.
    func isCut() throws -> Bool {
        do {
            return try isAtEnd()
        } catch ClientError.ended {
            return true
        }
    }

    // MARK: Messages

    func reply(toHead: Bool = false) throws -> Reply {
        let end: [UInt8] = Array("\r\n\r\n".utf8)
        while unread.firstRange(of: end) == nil { try receiveMore() }
        guard let separator = unread.firstRange(of: end) else { throw ClientError.ended(received: text(unread)) }
        let lines = text(Array(unread[..<separator.lowerBound])).split(separator: "\r\n").map(String.init)
        unread.removeFirst(separator.upperBound)
        let words = lines[0].split(separator: " ")
        guard words.count >= 2, let status = Int(words[1]) else { throw ClientError.malformed(lines[0]) }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { throw ClientError.malformed(line) }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            headers[line[..<colon].lowercased()] = value
        }
        let length = toHead || status < 200 ? 0 : Int(headers["content-length"] ?? "0") ?? 0
        while unread.count < length { try receiveMore() }
        let body = text(Array(unread.prefix(length)))
        unread.removeFirst(length)
        return Reply(status: status, headers: headers, body: body)
    }

    private func receiveMore() throws {
        let bytes = try receive()
        guard !bytes.isEmpty else { throw ClientError.ended(received: text(unread)) }
        unread += bytes
    }
}

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

private func withMemory<R>(_ text: String, _ body: (OpaquePointer?) -> R) -> R {
    let memory = BIO_new(BIO_s_mem())
    // Copies the string; BIO_new_mem_buf would keep a pointer to it that is invalid after that call.
    BIO_write(memory, text, Int32(text.utf8.count))
    defer { BIO_free(memory) }
    return body(memory)
}

private func withCertificate(_ text: String, _ body: (OpaquePointer?) -> Int32) -> Int32 {
    withMemory(text) { memory in
        let certificate = PEM_read_bio_X509(memory, nil, nil, nil)
        defer { X509_free(certificate) }
        return body(certificate)
    }
}

private func withKey(_ text: String, _ body: (OpaquePointer?) -> Int32) -> Int32 {
    withMemory(text) { memory in
        let key = PEM_read_bio_PrivateKey(memory, nil, nil, nil)
        defer { EVP_PKEY_free(key) }
        return body(key)
    }
}
