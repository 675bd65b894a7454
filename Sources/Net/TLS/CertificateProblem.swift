/// The reason in a server's certificate for which clients refuse it.
///
/// The rules are those of Go's `crypto/x509`, which the API server uses.
public enum CertificateProblem: Equatable, Sendable {
    /// The validity has not begun.
    case notYetValid
    /// The validity has ended.
    case expired
    /// It has neither a DNS name nor an IP address as a subject alternative name; the common name does not count.
    case noNames
    /// It is not valid for the name by which clients call.
    case otherNames(than: String)
    /// Its extended key usage does not include server authentication.
    case notForServers
}

extension CertificateDescription {
    /// The reason for which clients refuse the certificate; nil when they do not.
    ///
    /// - Parameters:
    ///   - name: The DNS name by which clients call; where it is nil, every name counts.
    ///   - now: The time, in seconds since 1970.
    /// - Returns: The first reason that is found.
    public func problem(for name: String?, at now: Int64) -> CertificateProblem? {
        if now < notBefore { return .notYetValid }
        if now >= notAfter { return .expired }
        if !isForServers { return .notForServers }
        if dnsNames.isEmpty, ipAddresses.isEmpty { return .noNames }
        if let name, !dnsNames.contains(where: { covers($0, name) }) { return .otherNames(than: name) }
        return nil
    }

    /// Whether a DNS name of a certificate stands for a host: letter for letter, or with `*` for the first label (RFC 9525).
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
