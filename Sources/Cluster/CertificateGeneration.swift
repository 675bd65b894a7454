internal import Net

/// A CA and the only serving certificate that it signed.
///
/// Both are created and renewed together, and the CA's key is discarded at once: it is never stored in the Secret, so that no one
/// can issue further certificates with it.
struct CertificateGeneration: Hashable, Sendable {
    /// The CA certificate, as PEM.
    let authority: String
    /// The serving certificate and its key.
    let pair: KeyPair
    /// The certificate's DNS names and IP addresses.
    let names: Set<String>
    /// The creation time, in seconds since 1970.
    let issued: Int64
    /// The expiry time, in seconds since 1970.
    let notAfter: Int64

    /// The seconds by which notBefore precedes the creation time, to tolerate clock skew.
    private static let backdating: Int64 = 300

    /// Creates a new CA and certificate.
    init(for names: CertificateNames, at now: Int64, life: Int64) throws(TLSError) {
        let notBefore = now - CertificateGeneration.backdating
        let authority = try CertificateAuthority(
            named: "playbook CA", notBefore: notBefore, notAfter: now + life)
        let pair = try authority.issue(
            CertificateRequest(
                commonName: "playbook", dnsNames: names.dns, ipAddresses: names.addresses, usage: .server,
                notBefore: notBefore, notAfter: now + life))
        try self.init(authority: authority.keyPair.certificate, pair: pair)
    }

    /// Restores a stored generation if its parts belong together.
    init(authority: String, pair: KeyPair) throws(TLSError) {
        let certificate = try pair.checked(signedBy: authority)
        // OpenSSL's encoding, so that it can be compared with the CAs in a caBundle.
        let texts = try CertificateDescription.texts(inPEM: Array(authority.utf8))
        self.init(
            authority: texts[0].text, pair: pair, names: Set(certificate.dnsNames + certificate.ipAddresses),
            issued: certificate.notBefore + CertificateGeneration.backdating, notAfter: certificate.notAfter)
    }

    /// Creates a generation from verified parts.
    init(authority: String, pair: KeyPair, names: Set<String>, issued: Int64, notAfter: Int64) {
        self.authority = authority
        self.pair = pair
        self.names = names
        self.issued = issued
        self.notAfter = notAfter
    }

    func isUsable(at now: Int64) -> Bool { now < notAfter }

    /// True if two thirds of its lifetime are over.
    func isDue(at now: Int64) -> Bool { now >= issued + (notAfter - issued) / 3 * 2 }
}

/// The names that a serving certificate must contain.
struct CertificateNames: Equatable, Sendable {
    let dns: [String]
    let addresses: [String]

    /// The DNS names of a Service, and additional names.
    init(service: String, namespace: String, further: [String]) {
        let qualified = "\(service).\(namespace)"
        let names = [service, qualified, "\(qualified).svc", "\(qualified).svc.cluster.local"]
        let isAddress = further.map { Address.isIPAddress($0) }
        dns = names + zip(further, isAddress).filter { !$1 }.map(\.0)
        addresses = zip(further, isAddress).filter(\.1).map(\.0)
    }

    /// True if a certificate contains all of them.
    ///
    /// IPv6 addresses are not compared: one address has several spellings.
    func areCovered(by names: Set<String>) -> Bool {
        dns.allSatisfy(names.contains) && addresses.allSatisfy { $0.contains(":") || names.contains($0) }
    }
}
