internal import COpenSSL

/// The TLS configuration of calls to other servers: trusted CAs and the client certificate.
///
/// `@unchecked Sendable` is correct because an `SSL_CTX` is reference-counted and can be used by any number of threads after it
/// is set up (SSL_CTX_new(3)), and it does not change after the initializer.
public final class ClientTLS: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Creates a configuration from PEM texts.
    ///
    /// - Parameters:
    ///   - trustedCAs: The trusted CAs; nil for the system's CAs.
    ///   - certificate: The client certificate and its chain, for servers that require one.
    ///   - privateKey: The private key of the certificate, not encrypted.
    /// - Throws: A ``TLSError`` with the failed task and the reasons, but without contents.
    public init(trustedCAs: [UInt8]?, certificate: [UInt8]? = nil, privateKey: [UInt8]? = nil) throws(TLSError) {
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw TLSError("preparing TLS") }
        do throws(TLSError) {
            try configure(context)
            try trust(trustedCAs, in: context)
            if let certificate, let privateKey {
                try useCertificate(certificate, privateKey: privateKey, in: context)
            }
        } catch {
            // This object does not own it yet, so `deinit` does not free it a second time.
            SSL_CTX_free(context)
            throw error
        }
        pointer = context
    }

    deinit {
        SSL_CTX_free(pointer)
    }
}

private func configure(_ context: OpaquePointer) throws(TLSError) {
    let protocols = [8] + Array("http/1.1".utf8)
    guard
        tls_context_set_min_version(context, TLS1_2_VERSION) == 1,
        // This function returns zero on success (SSL_CTX_set_alpn_protos(3)).
        SSL_CTX_set_alpn_protos(context, protocols, UInt32(protocols.count)) == 0
    else { throw TLSError("preparing TLS") }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    _ = tls_context_set_mode(context, Int(SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
    _ = tls_context_set_read_ahead(context, 1)
}

private func trust(_ certificateAuthorities: [UInt8]?, in context: OpaquePointer) throws(TLSError) {
    guard let certificateAuthorities else {
        guard SSL_CTX_set_default_verify_paths(context) == 1 else { throw TLSError("using the system's CAs") }
        return
    }
    let list = try PEM.certificates(in: certificateAuthorities)
    guard let store = SSL_CTX_get_cert_store(context) else { throw TLSError("preparing verification") }
    // Each CA is trusted without its issuer, as in Kubernetes' clients: a bundle can contain a CA without its root.
    X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
    for certificate in list.pointers {
        guard X509_STORE_add_cert(store, certificate) == 1 else { throw TLSError("using a CA") }
    }
}
