internal import COpenSSL
internal import Glibc

/// The request for a certificate.
public struct CertificateRequest: Equatable, Sendable {
    /// The permitted use of a certificate.
    public enum Usage: Sendable {
        /// Serve TLS connections.
        case server
        /// Open TLS connections that require a client certificate.
        case client
        /// Sign certificates, but not those of other CAs.
        case certificateAuthority
    }

    /// The subject's common name, at most 64 characters (X.520).
    public var commonName: String
    /// The DNS names of the certificate; a leading `*.` is a wildcard.
    public var dnsNames: [String]
    /// The IP addresses of the certificate.
    public var ipAddresses: [String]
    /// The permitted use of the certificate.
    public var usage: Usage
    /// The start of the validity, in seconds since 1970.
    public var notBefore: Int64
    /// The end of the validity, in seconds since 1970.
    public var notAfter: Int64

    /// Creates a request.
    public init(
        commonName: String, dnsNames: [String] = [], ipAddresses: [String] = [], usage: Usage, notBefore: Int64,
        notAfter: Int64
    ) {
        self.commonName = commonName
        self.dnsNames = dnsNames
        self.ipAddresses = ipAddresses
        self.usage = usage
        self.notBefore = notBefore
        self.notAfter = notAfter
    }
}

/// Issues P-256 certificates, for development, tests, and servers that renew their certificates.
///
/// A handshake takes the server two thirds of the time with P-256 as with RSA.
public struct CertificateAuthority: Equatable, Sendable {
    /// The certificate and key of the CA.
    public let keyPair: KeyPair

    /// Creates a CA from an existing pair.
    public init(_ keyPair: KeyPair) {
        self.keyPair = keyPair
    }

    /// Creates a self-signed CA.
    ///
    /// - Parameters:
    ///   - commonName: The issuer's name in its certificates.
    ///   - notBefore: The start of the validity, in seconds since 1970.
    ///   - notAfter: The end of the validity, in seconds since 1970.
    /// - Throws: A ``TLSError`` if the name is malformed or random numbers are not available.
    public init(named commonName: String, notBefore: Int64, notAfter: Int64) throws(TLSError) {
        let key = try Handle(tls_make_key_p256(), "creating a key", release: EVP_PKEY_free)
        let request = CertificateRequest(
            commonName: commonName, usage: .certificateAuthority, notBefore: notBefore, notAfter: notAfter)
        let certificate = try makeCertificate(request, key: key.pointer, issuer: nil, issuerKey: key.pointer)
        keyPair = try KeyPair(
            certificate: PEM.text(ofCertificate: certificate.pointer), privateKey: PEM.text(ofPrivateKey: key.pointer))
    }

    /// Issues a certificate with a new key.
    ///
    /// - Parameter request: The request.
    /// - Returns: The new pair.
    /// - Throws: A ``TLSError`` if a name is malformed or the CA's pair cannot be read.
    public func issue(_ request: CertificateRequest) throws(TLSError) -> KeyPair {
        let issuer = try PEM.certificates(in: Array(keyPair.certificate.utf8))
        let issuerKey = try PEM.privateKey(in: Array(keyPair.privateKey.utf8))
        let key = try Handle(tls_make_key_p256(), "creating a key", release: EVP_PKEY_free)
        let certificate = try makeCertificate(
            request, key: key.pointer, issuer: issuer.pointers[0], issuerKey: issuerKey.pointer)
        return try KeyPair(
            certificate: PEM.text(ofCertificate: certificate.pointer), privateKey: PEM.text(ofPrivateKey: key.pointer))
    }
}

private func makeCertificate(
    _ request: CertificateRequest, key: OpaquePointer, issuer: OpaquePointer?, issuerKey: OpaquePointer
) throws(TLSError) -> Handle {
    let handle = try Handle(X509_new(), "creating a certificate", release: X509_free)
    let certificate = handle.pointer
    let name = Array(request.commonName.utf8)
    let subject = X509_get_subject_name(certificate)
    guard
        X509_set_version(certificate, Int(X509_VERSION_3)) == 1,
        setSerial(of: certificate),
        ASN1_TIME_set(X509_getm_notBefore(certificate), time_t(request.notBefore)) != nil,
        ASN1_TIME_set(X509_getm_notAfter(certificate), time_t(request.notAfter)) != nil,
        X509_set_pubkey(certificate, key) == 1,
        X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, name, Int32(name.count), -1, 0) == 1,
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer ?? certificate)) == 1
    else { throw TLSError("creating a certificate for \(request.commonName)") }
    for (identifier, value) in try extensions(of: request) {
        try add(value, as: identifier, to: certificate, issuer: issuer ?? certificate)
    }
    guard X509_sign(certificate, issuerKey, EVP_sha256()) > 0 else { throw TLSError("signing a certificate") }
    return handle
}

/// Sets a serial number of 127 random bits: RFC 5280 4.1.2.2 requires a unique positive number of at most 20 octets.
private func setSerial(of certificate: OpaquePointer) -> Bool {
    guard let number = BN_new() else { return false }
    defer { BN_free(number) }
    return BN_rand(number, 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1
        && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nil
}

private func extensions(of request: CertificateRequest) throws(TLSError) -> [(identifier: Int32, value: String)] {
    var list: [(identifier: Int32, value: String)] = []
    switch request.usage {
    case .certificateAuthority:
        list.append((NID_basic_constraints, "critical,CA:TRUE,pathlen:0"))
        list.append((NID_key_usage, "critical,keyCertSign,cRLSign"))
    case .server, .client:
        list.append((NID_basic_constraints, "critical,CA:FALSE"))
        list.append((NID_key_usage, "critical,digitalSignature"))
        list.append((NID_ext_key_usage, request.usage == .server ? "serverAuth" : "clientAuth"))
    }
    list.append((NID_subject_key_identifier, "hash"))
    list.append((NID_authority_key_identifier, "keyid"))
    var names: [String] = []
    for name in request.dnsNames {
        guard isDNSName(name) else {
            throw TLSError("issuing a certificate", reasons: ["\"\(name)\" is not a DNS name"])
        }
        names.append("DNS:\(name)")
    }
    for address in request.ipAddresses {
        guard Address.isIPAddress(address) else {
            throw TLSError("issuing a certificate", reasons: ["\"\(address)\" is not an IP address"])
        }
        names.append("IP:\(address)")
    }
    if !names.isEmpty { list.append((NID_subject_alt_name, names.joined(separator: ","))) }
    return list
}

/// True if a text is a DNS name; other texts could contain the commas that OpenSSL's lists of names use.
private func isDNSName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 253
        && name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "*"),
                UInt8(ascii: "_"):
                true
            default: false
            }
        }
}

private func add(
    _ value: String, as identifier: Int32, to certificate: OpaquePointer, issuer: OpaquePointer
) throws(TLSError) {
    var context = X509V3_CTX()
    // The context borrows both certificates for the call below and is dropped after it.
    X509V3_set_ctx(&context, issuer, certificate, nil, nil, 0)
    guard let made = X509V3_EXT_conf_nid(nil, &context, identifier, value) else {
        throw TLSError("creating the extension \(value)")
    }
    defer { X509_EXTENSION_free(made) }
    guard X509_add_ext(certificate, made, -1) == 1 else { throw TLSError("adding the extension \(value)") }
}
