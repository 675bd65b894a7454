/// The reason that clients reject a server's certificate.
///
/// The rules are those of Go's `crypto/x509`, which the API server uses.
public enum CertificateProblem: Equatable, Sendable {
    /// The validity has not begun.
    case notYetValid
    /// The validity has ended.
    case expired
    /// It has no DNS name and no IP address as a subject alternative name; the common name does not count.
    case noNames
    /// It is not valid for the name that clients use.
    case otherNames(than: String)
    /// Its extended key usage does not include server authentication.
    case notForServers
}

extension CertificateDescription {
    /// Returns the reason that clients reject the certificate; nil if they accept it.
    ///
    /// - Parameters:
    ///   - name: The DNS name that clients use; nil if any name is accepted.
    ///   - now: The time, in seconds since 1970.
    /// - Returns: The first reason found.
    public func problem(for name: String?, at now: Int64) -> CertificateProblem? {
        if now < notBefore { return .notYetValid }
        if now >= notAfter { return .expired }
        if !isForServers { return .notForServers }
        if dnsNames.isEmpty, ipAddresses.isEmpty { return .noNames }
        if let name, !dnsNames.contains(where: { covers($0, name) }) { return .otherNames(than: name) }
        return nil
    }

    /// True if a DNS name of a certificate matches a host: exactly, or with `*` for the first label (RFC 9525).
    private func covers(_ pattern: String, _ host: String) -> Bool {
        let pattern = labels(of: pattern)
        let host = labels(of: host)
        guard pattern.count == host.count, let first = pattern.first else { return false }
        return (first == "*" || first == host.first) && pattern.dropFirst() == host.dropFirst()
    }

    private func labels(of name: String) -> [Substring] {
        name.lowercased().split(separator: ".", omittingEmptySubsequences: false)
    }
}
