internal import COpenSSL

/// How our own calls are secured: whom to trust, and what to show.
///
/// `@unchecked Sendable` holds because an `SSL_CTX` is reference-counted and may be used by any number of threads once
/// it is set up (SSL_CTX_new(3)), and nothing here changes after the initializer.
public final class ClientTLS: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Prepares from PEM texts.
    ///
    /// - Parameters:
    ///   - authorities: Whose certificates are trusted; nil trusts those of the system.
    ///   - certificate: Our own certificate and its chain, for servers that ask for one.
    ///   - privateKey: Its key, not encrypted.
    /// - Throws: A ``TLSError`` with what is wrong with which of them; never with its contents.
    public init(authorities: [UInt8]?, certificate: [UInt8]? = nil, privateKey: [UInt8]? = nil) throws(TLSError) {
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw TLSError("preparing TLS") }
        do throws(TLSError) {
            try configure(context)
            try trust(authorities, in: context)
            if let certificate, let privateKey {
                try useCertificate(certificate, privateKey: privateKey, in: context)
            }
        } catch {
            // Not yet this object's, so that its `deinit` does not free it a second time.
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
        // Zero is success here, unlike elsewhere (SSL_CTX_set_alpn_protos(3)).
        SSL_CTX_set_alpn_protos(context, protocols, UInt32(protocols.count)) == 0
    else { throw TLSError("preparing TLS") }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    _ = tls_context_set_mode(context, Int(SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
    _ = tls_context_set_read_ahead(context, 1)
}

private func trust(_ authorities: [UInt8]?, in context: OpaquePointer) throws(TLSError) {
    guard let authorities else {
        guard SSL_CTX_set_default_verify_paths(context) == 1 else { throw TLSError("using the system's authorities") }
        return
    }
    let list = try PEM.certificates(in: authorities)
    guard let store = SSL_CTX_get_cert_store(context) else { throw TLSError("preparing verification") }
    // Each one given is trusted for itself, as Kubernetes' own clients do: a bundle may hold an authority whose root it lacks.
    X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
    for authority in list.pointers {
        guard X509_STORE_add_cert(store, authority) == 1 else { throw TLSError("using an authority") }
    }
}
