internal import COpenSSL
internal import Glibc

/// The contents of a certificate.
public struct CertificateDescription: Equatable, Sendable {
    /// The subject, in the form of RFC 2253, such as `CN=playbook.example`.
    public let subject: String
    /// The issuer, in the same form.
    public let issuer: String
    /// The serial number in hexadecimal digits.
    public let serial: String
    /// The DNS names of the subject alternative name extension.
    public let dnsNames: [String]
    /// The IP addresses of the subject alternative name extension.
    public let ipAddresses: [String]
    /// The start of the validity, in seconds since 1970.
    public let notBefore: Int64
    /// The end of the validity, in seconds since 1970.
    public let notAfter: Int64
    /// The key's kind and size, such as `EC P-256` or `RSA 2048`.
    public let keyType: String
    /// True if the certificate is that of a CA.
    public let isCA: Bool
    /// True if the extended key usage is missing or includes server authentication.
    public let isForServers: Bool

    /// Reads every certificate of a PEM text, the first one first.
    ///
    /// - Parameter text: The contents of a file such as `tls.crt`.
    /// - Returns: A description for each certificate; at least one.
    /// - Throws: A ``TLSError`` if the text contains no certificate or one that cannot be read.
    public static func certificates(inPEM text: [UInt8]) throws(TLSError) -> [CertificateDescription] {
        let list = try PEM.certificates(in: text)
        return list.pointers.map(CertificateDescription.init)
    }

    init(_ certificate: OpaquePointer) {
        subject = nameText(X509_get_subject_name(certificate))
        issuer = nameText(X509_get_issuer_name(certificate))
        serial = serialText(certificate)
        let names = alternativeNames(of: certificate)
        dnsNames = names.dns
        ipAddresses = names.addresses
        notBefore = unixSeconds(X509_get0_notBefore(certificate))
        notAfter = unixSeconds(X509_get0_notAfter(certificate))
        keyType = keyText(X509_get0_pubkey(certificate))
        isCA = X509_check_ca(certificate) == 1
        // Without the extension, all bits are set.
        isForServers = X509_get_extended_key_usage(certificate) & UInt32(XKU_SSL_SERVER | XKU_ANYEKU) != 0
    }
}

/// The certificate's common name, if it has one.
func commonName(of certificate: OpaquePointer) -> String? {
    guard let name = X509_get_subject_name(certificate) else { return nil }
    let index = X509_NAME_get_index_by_NID(name, NID_commonName, -1)
    guard index >= 0, let entry = X509_NAME_get_entry(name, index) else { return nil }
    return text(of: X509_NAME_ENTRY_get_data(entry))
}

/// The DNS names and IP addresses of the subject alternative name extension.
func alternativeNames(of certificate: OpaquePointer) -> (dns: [String], addresses: [String]) {
    guard let extensionValue = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return ([], []) }
    let names = OpaquePointer(extensionValue)
    defer { tls_names_free(names) }
    var dns: [String] = []
    var addresses: [String] = []
    for index in 0..<tls_names_count(names) {
        guard let name = tls_names_at(names, index) else { continue }
        var kind: Int32 = 0
        guard let value = GENERAL_NAME_get0_value(name, &kind) else { continue }
        // For both kinds, the value is an ASN1_STRING and lives as long as the list.
        let string = UnsafePointer<ASN1_STRING>(value.assumingMemoryBound(to: ASN1_STRING.self))
        if kind == GEN_DNS, let text = text(of: string) { dns.append(text) }
        if kind == GEN_IPADD { addresses.append(addressText(bytes(of: string))) }
    }
    return (dns, addresses)
}

private func bytes(of string: UnsafePointer<ASN1_STRING>?) -> [UInt8] {
    guard let string, let start = ASN1_STRING_get0_data(string) else { return [] }
    // The string owns this many bytes, and the array copies them.
    return [UInt8](UnsafeBufferPointer(start: start, count: Int(ASN1_STRING_length(string))))
}

/// The string's text; nil if it contains a NUL: a name truncated by one must not equal the name before it.
private func text(of string: UnsafePointer<ASN1_STRING>?) -> String? {
    let bytes = bytes(of: string)
    return bytes.isEmpty || bytes.contains(0) ? nil : String(decoding: bytes, as: UTF8.self)
}

private func addressText(_ bytes: [UInt8]) -> String {
    guard bytes.count == 4 || bytes.count == 16 else { return "?" }
    let text = Address(host: bytes, port: 0).description.dropLast(2)
    return String(text.hasPrefix("[") ? text.dropFirst().dropLast() : text)
}

private func nameText(_ name: OpaquePointer?) -> String {
    guard let memory = BIO_new(BIO_s_mem()) else { return "" }
    defer { BIO_free(memory) }
    _ = tls_name_print(memory, name)
    var start: UnsafePointer<CChar>?
    let count = tls_memory_bytes(memory, &start)
    guard let start, count > 0 else { return "" }
    // Copied before `memory` is freed.
    return String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
}

private func serialText(_ certificate: OpaquePointer) -> String {
    guard let number = ASN1_INTEGER_to_BN(X509_get_serialNumber(certificate), nil) else { return "" }
    defer { BN_free(number) }
    guard let digits = BN_bn2hex(number) else { return "" }
    defer { CRYPTO_free(digits, nil, 0) }
    return String(cString: digits)
}

private func unixSeconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
    var parts = tm()
    guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return 0 }
    return Int64(timegm(&parts))
}

func keyText(_ key: OpaquePointer?) -> String {
    guard let key else { return "unknown" }
    let bits = EVP_PKEY_get_bits(key)
    switch EVP_PKEY_get_base_id(key) {
    case EVP_PKEY_EC: return "EC P-\(bits)"
    case EVP_PKEY_RSA: return "RSA \(bits)"
    case EVP_PKEY_ED25519: return "Ed25519"
    default: return "\(bits) bits"
    }
}
