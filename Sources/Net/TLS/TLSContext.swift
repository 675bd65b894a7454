internal import COpenSSL

/// A server certificate and the TLS configuration of its handshakes.
///
/// `@unchecked Sendable` is correct because an `SSL_CTX` is reference-counted and can be used by any number of threads after it
/// is set up (SSL_CTX_new(3)), and it does not change after the initializer.
final class TLSContext: @unchecked Sendable {
    let pointer: OpaquePointer
    /// The CAs of client certificates.
    let trust: ClientTrust
    /// The allowed names of a client certificate; nil allows every certificate that the CAs signed.
    private let allowedClients: Set<String>?
    /// The leaf certificate.
    let certificate: CertificateDescription

    /// Creates a context from the contents of the files.
    init(
        certificate chain: [UInt8], privateKey: [UInt8], trust: ClientTrust, allowedClients: [String]
    ) throws(TLSError) {
        guard let context = SSL_CTX_new(TLS_server_method()) else { throw TLSError("preparing TLS") }
        self.trust = trust
        self.allowedClients = allowedClients.isEmpty ? nil : Set(allowedClients)
        do throws(TLSError) {
            certificate = try useCertificate(chain, privateKey: privateKey, in: context)
            try configureProtocol(of: context)
            if let clientCAs = trust.clientCAs { try requireClients(signedBy: clientCAs, in: context) }
        } catch {
            // This object does not own it yet, so `deinit` does not free it a second time.
            SSL_CTX_free(context)
            throw error
        }
        pointer = context
        // Unretained: each session keeps this object alive, and the callback runs only during a session's handshake.
        tls_context_set_owner(context, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
        SSL_CTX_free(pointer)
    }

    fileprivate func allows(client certificate: OpaquePointer) -> Bool {
        guard let allowedClients else { return true }
        if let name = commonName(of: certificate), allowedClients.contains(name) { return true }
        return alternativeNames(of: certificate).dns.contains { allowedClients.contains($0) }
    }
}

@discardableResult
func useCertificate(
    _ text: [UInt8], privateKey: [UInt8], in context: OpaquePointer
) throws(TLSError) -> CertificateDescription {
    let chain = try PEM.certificates(in: text)
    let leaf = chain.pointers[0]
    guard SSL_CTX_use_certificate(context, leaf) == 1 else { throw TLSError("using the certificate") }
    for issuer in chain.pointers.dropFirst() {
        guard tls_context_add_chain_certificate(context, issuer) == 1 else { throw TLSError("using the chain") }
    }
    let key = try PEM.privateKey(in: privateKey)
    guard EVP_PKEY_eq(X509_get0_pubkey(leaf), key.pointer) == 1 else {
        ERR_clear_error()
        throw TLSError(
            "using the private key with this certificate",
            reasons: [
                "the key (\(keyText(key.pointer))) does not belong to the certificate (\(keyText(X509_get0_pubkey(leaf))))"
            ])
    }
    guard SSL_CTX_use_PrivateKey(context, key.pointer) == 1, SSL_CTX_check_private_key(context) == 1 else {
        throw TLSError("using the private key with this certificate")
    }
    return CertificateDescription(leaf)
}

private func configureProtocol(of context: OpaquePointer) throws(TLSError) {
    // Only forward secrecy and authenticated encryption, as TLS 1.3 requires; TLS 1.2 is restricted to the same.
    let ciphers =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
        + "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    let suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    let sessionContext = Array("playbook".utf8)
    guard
        tls_context_set_min_version(context, TLS1_2_VERSION) == 1,
        tls_context_set_max_version(context, TLS1_3_VERSION) == 1,
        SSL_CTX_set_cipher_list(context, ciphers) == 1,
        SSL_CTX_set_ciphersuites(context, suites) == 1,
        tls_context_set_groups(context, "X25519:P-256:P-384") == 1,
        SSL_CTX_set_session_id_context(context, sessionContext, UInt32(sessionContext.count)) == 1,
        // One ticket: a webhook has few clients, and each ticket costs time and bytes in the handshake.
        SSL_CTX_set_num_tickets(context, 1) == 1
    else { throw TLSError("preparing TLS") }
    tls_context_set_server_options(context)
    // An idle connection owns no buffer. A blocked write continues from a copy at another address.
    _ = tls_context_set_mode(context, Int(SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
    // Whole records, and several at once, in one system call.
    _ = tls_context_set_read_ahead(context, 1)
    SSL_CTX_set_default_read_buffer_len(context, 72 * 1024)
    // Sessions are stored in tickets; the cache in memory would only grow.
    _ = tls_context_set_session_cache_mode(context, Int(SSL_SESS_CACHE_OFF))
    // A resumed session is not verified again, so it must not live much longer than a revoked certificate.
    SSL_CTX_set_timeout(context, 600)
    SSL_CTX_set_alpn_select_cb(context, selectProtocol, nil)
}

private func requireClients(signedBy clientCAs: [UInt8], in context: OpaquePointer) throws(TLSError) {
    let list = try PEM.certificates(in: clientCAs)
    guard let store = SSL_CTX_get_cert_store(context) else { throw TLSError("preparing client verification") }
    for certificate in list.pointers {
        // Both calls retain the certificate.
        guard X509_STORE_add_cert(store, certificate) == 1, SSL_CTX_add_client_CA(context, certificate) == 1 else {
            throw TLSError("using a client CA")
        }
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verifyClient)
}

/// Selects HTTP/1.1; a client that offers only other protocols gets the alert no_application_protocol (RFC 7301 3.2).
private func selectProtocol(
    _ session: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenLength: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ offeredLength: UInt32,
    _ data: UnsafeMutableRawPointer?
) -> Int32 {
    guard let chosen, let chosenLength, let offered else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    // The list is length-prefixed names, which OpenSSL has checked; it lives until the callback's caller returns, and the result
    // may point into it (SSL_CTX_set_alpn_select_cb(3)).
    let list = UnsafeBufferPointer(start: offered, count: Int(offeredLength))
    var start = 0
    while start < list.count {
        let end = start + 1 + Int(list[start])
        guard end <= list.count else { break }
        if list[(start + 1)..<end].elementsEqual("http/1.1".utf8) {
            chosen.pointee = offered + start + 1
            chosenLength.pointee = list[start]
            return SSL_TLSEXT_ERR_OK
        }
        start = end
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
}

/// Called for each certificate of the client's chain, the leaf last; 0 ends the handshake with an alert.
private func verifyClient(_ isTrusted: Int32, _ store: OpaquePointer?) -> Int32 {
    guard isTrusted == 1 else { return 0 }
    guard X509_STORE_CTX_get_error_depth(store) == 0 else { return 1 }
    guard
        let session = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
        let owner = tls_context_owner(SSL_get_SSL_CTX(OpaquePointer(session))),
        let certificate = X509_STORE_CTX_get_current_cert(store),
        // Set in the initializer and alive as long as any session.
        Unmanaged<TLSContext>.fromOpaque(owner).takeUnretainedValue().allows(client: certificate)
    else {
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION)
        return 0
    }
    return 1
}
