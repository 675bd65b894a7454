internal import COpenSSL

/// One side of a TLS connection on a socket.
final class TLSSession {
    private let session: OpaquePointer
    // The context: its callbacks are used while the session lives.
    private let owner: AnyObject
    /// The CAs that the client's certificate was verified with; nil on the client's side.
    private let trust: ClientTrust?
    /// OpenSSL's reason for the last failed read or write, such as an alert from the peer.
    private(set) var failure: String?

    /// Creates the server's side on a socket, which it does not own; nil if memory is missing.
    init?(context: TLSContext, descriptor: Int32) {
        guard let session = SSL_new(context.pointer) else {
            ERR_clear_error()
            return nil
        }
        guard SSL_set_fd(session, descriptor) == 1 else {
            ERR_clear_error()
            SSL_free(session)
            return nil
        }
        SSL_set_accept_state(session)
        self.session = session
        owner = context
        trust = context.trust
    }

    /// Creates the client's side on a socket, which it does not own; nil if memory is missing or `host` is not a valid name.
    ///
    /// The server's certificate must be valid for `host`: an IP address only as an IP address (RFC 9110, section 4.3.5); the
    /// common name is ignored.
    init?(connecting tls: ClientTLS, to host: String, descriptor: Int32) {
        guard let session = SSL_new(tls.pointer) else {
            ERR_clear_error()
            return nil
        }
        let isAddress = Address.isIPAddress(host)
        SSL_set_hostflags(session, UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
        let isNamed =
            isAddress
            ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host) == 1
                // RFC 6066, section 3: an address must not be sent as a server name.
            : SSL_set1_host(session, host) == 1 && tls_session_set_server_name(session, host) == 1
        guard isNamed, SSL_set_fd(session, descriptor) == 1 else {
            ERR_clear_error()
            SSL_free(session)
            return nil
        }
        SSL_set_connect_state(session)
        self.session = session
        owner = tls
        trust = nil
    }

    deinit {
        SSL_free(session)
    }

    /// The result of a step of the client's handshake.
    enum Connecting: Equatable {
        case done
        case wantsRead
        case wantsWrite
        /// The server's certificate is rejected, with OpenSSL's reason.
        case untrusted(String)
        case failed(String)
    }

    func connect() -> Connecting {
        let result = SSL_do_handshake(session)
        if result == 1 { return .done }
        let error = SSL_get_error(session, result)
        defer { ERR_clear_error() }
        switch error {
        case SSL_ERROR_WANT_READ: return .wantsRead
        case SSL_ERROR_WANT_WRITE: return .wantsWrite
        case SSL_ERROR_SSL:
            let verification = SSL_get_verify_result(session)
            guard verification == Int(X509_V_OK) else {
                return .untrusted(String(cString: X509_verify_cert_error_string(verification)))
            }
            return .failed(
                ERR_reason_error_string(ERR_peek_error()).map { String(cString: $0) } ?? "unknown reason")
        default: return .failed("the server closed the connection")
        }
    }

    /// The result of a step of the server's handshake.
    enum Handshake: Equatable {
        case done
        case wantsRead
        case wantsWrite
        case failed(HandshakeFailure)
    }

    func handshake() -> Handshake {
        let result = SSL_do_handshake(session)
        if result == 1 { return .done }
        let error = SSL_get_error(session, result)
        // The queue belongs to the thread: a remaining entry would be reported for the next connection.
        defer { ERR_clear_error() }
        switch error {
        case SSL_ERROR_WANT_READ: return .wantsRead
        case SSL_ERROR_WANT_WRITE: return .wantsWrite
        case SSL_ERROR_SSL:
            let verification = SSL_get_verify_result(session)
            return .failed(HandshakeFailure(ERR_peek_error(), verification: verification))
        default: return .failed(.closed)
        }
    }

    /// True if the CAs that the client's certificate was verified with have been replaced.
    var isWithdrawn: Bool { trust?.isWithdrawn ?? false }

    /// True if OpenSSL holds received bytes, decrypted or not, which epoll does not report.
    var hasPending: Bool { SSL_has_pending(session) == 1 }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        let count = SSL_read(session, buffer.baseAddress, Int32(clamping: buffer.count))
        return count > 0 ? .bytes(Int(count)) : outcome(of: count)
    }

    /// Writes all bytes or none; after `.wantsWrite` the same bytes must be passed again.
    func write(_ buffer: UnsafeRawBufferPointer) -> Transfer {
        let count = SSL_write(session, buffer.baseAddress, Int32(clamping: buffer.count))
        return count > 0 ? .bytes(Int(count)) : outcome(of: count)
    }

    /// Sends close_notify if the socket accepts it now.
    func sendCloseNotify() {
        if SSL_shutdown(session) < 0 { ERR_clear_error() }
    }

    private func outcome(of result: Int32) -> Transfer {
        let error = SSL_get_error(session, result)
        defer { ERR_clear_error() }
        switch error {
        case SSL_ERROR_WANT_READ: return .wantsRead
        case SSL_ERROR_WANT_WRITE: return .wantsWrite
        case SSL_ERROR_ZERO_RETURN: return .end
        case SSL_ERROR_SSL:
            failure = ERR_reason_error_string(ERR_peek_error()).map { String(cString: $0) }
            return .failed
        default: return .failed
        }
    }
}

/// The reason of a failed handshake; raw values are label values of a metric.
public enum HandshakeFailure: String, CaseIterable, Sendable {
    /// The client closed the connection.
    case closed
    /// The handshake took too long.
    case timeout
    /// The received bytes are not TLS.
    case notTLS = "not_tls"
    /// TLS older than 1.2, or no common version.
    case version
    /// No common cipher, group or signature.
    case cipher
    /// The client offered protocols, but not HTTP/1.1.
    case applicationProtocol = "alpn"
    /// The client did not send the required certificate.
    case noClientCertificate = "no_client_certificate"
    /// The client's certificate is not signed by a trusted CA, is not valid now, or has none of the allowed names.
    case clientCertificate = "client_certificate"
    /// The client rejected the server's certificate or sent another alert.
    case refusedByClient = "refused_by_client"
    /// Any other reason.
    case other

    /// True if the client was sent an alert with the reason.
    var isAnswered: Bool {
        switch self {
        case .version, .cipher, .applicationProtocol, .noClientCertificate, .clientCertificate: true
        case .closed, .timeout, .notTLS, .refusedByClient, .other: false
        }
    }

    init(_ code: UInt, verification: Int) {
        let reason = tls_error_reason(code)
        switch reason {
        case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST, SSL_R_WRONG_VERSION_NUMBER, SSL_R_UNEXPECTED_MESSAGE,
            SSL_R_RECORD_LENGTH_MISMATCH, SSL_R_BAD_PACKET:
            self = .notTLS
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_NO_PROTOCOLS_AVAILABLE, SSL_R_UNKNOWN_PROTOCOL,
            SSL_R_VERSION_TOO_LOW, SSL_R_INAPPROPRIATE_FALLBACK:
            self = .version
        case SSL_R_NO_SHARED_CIPHER, SSL_R_NO_SUITABLE_KEY_SHARE, SSL_R_NO_SHARED_GROUPS,
            SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
            self = .cipher
        case SSL_R_NO_APPLICATION_PROTOCOL: self = .applicationProtocol
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: self = .noClientCertificate
        case SSL_R_CERTIFICATE_VERIFY_FAILED: self = .clientCertificate
        // OpenSSL reports an alert from the peer as this number plus the alert's number.
        case SSL_AD_REASON_OFFSET...(SSL_AD_REASON_OFFSET + 255): self = .refusedByClient
        default: self = verification == Int(X509_V_OK) ? .other : .clientCertificate
        }
    }
}
