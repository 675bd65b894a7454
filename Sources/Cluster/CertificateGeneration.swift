internal import Net

/// An authority and the one serving certificate that it ever signed.
///
/// They are made together and renewed together, and the authority's key is thrown away at once: whoever reads the Secret
/// can make no certificate with it.
struct CertificateGeneration: Hashable, Sendable {
    /// The authority's certificate, as PEM.
    let authority: String
    /// The serving certificate and its key.
    let pair: KeyPair
    /// The DNS names and IP addresses that it is good for.
    let names: Set<String>
    /// When it was made, in seconds since 1970.
    let issued: Int64
    /// When it expires, in seconds since 1970.
    let notAfter: Int64

    /// How much earlier than it is made a certificate becomes valid: clocks differ.
    private static let backdating: Int64 = 300

    /// Makes a new one.
    init(for names: CertificateNames, at now: Int64, life: Int64) throws(TLSError) {
        let notBefore = now - CertificateGeneration.backdating
        let authority = try CertificateAuthority(
            named: "playbook authority", notBefore: notBefore, notAfter: now + life)
        let pair = try authority.issue(
            CertificateRequest(
                commonName: "playbook", dnsNames: names.dns, ipAddresses: names.addresses, usage: .server,
                notBefore: notBefore, notAfter: now + life))
        try self.init(authority: authority.keyPair.certificate, pair: pair)
    }

    /// Takes up one that was made earlier, if its parts belong together.
    init(authority: String, pair: KeyPair) throws(TLSError) {
        let certificate = try pair.checked(signedBy: authority)
        // As the library writes it, so that it can be compared with what stands in a registration.
        let texts = try CertificateDescription.texts(inPEM: Array(authority.utf8))
        self.init(
            authority: texts[0].text, pair: pair, names: Set(certificate.dnsNames + certificate.ipAddresses),
            issued: certificate.notBefore + CertificateGeneration.backdating, notAfter: certificate.notAfter)
    }

    /// Puts together what is known to be right.
    init(authority: String, pair: KeyPair, names: Set<String>, issued: Int64, notAfter: Int64) {
        self.authority = authority
        self.pair = pair
        self.names = names
        self.issued = issued
        self.notAfter = notAfter
    }

    func isUsable(at now: Int64) -> Bool { now < notAfter }

    /// Whether two thirds of its life are over.
    func isDue(at now: Int64) -> Bool { now >= issued + (notAfter - issued) / 3 * 2 }
}

/// What a serving certificate has to be good for.
struct CertificateNames: Equatable, Sendable {
    let dns: [String]
    let addresses: [String]

    /// The names of a Service, and further ones.
    init(service: String, namespace: String, further: [String]) {
        let qualified = "\(service).\(namespace)"
        let names = [service, qualified, "\(qualified).svc", "\(qualified).svc.cluster.local"]
        let isAddress = further.map { Address.isIPAddress($0) }
        dns = names + zip(further, isAddress).filter { !$1 }.map(\.0)
        addresses = zip(further, isAddress).filter(\.1).map(\.0)
    }

    /// Whether a certificate has them all.
    ///
    /// IPv6 addresses are not compared: one can be written in many ways.
    func areCovered(by names: Set<String>) -> Bool {
        dns.allSatisfy(names.contains) && addresses.allSatisfy { $0.contains(":") || names.contains($0) }
    }
}
