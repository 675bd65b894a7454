internal import COpenSSL

/// A certificate and its private key, both as PEM text.
///
/// The key is not printed.
public struct KeyPair: Hashable, Sendable {
    /// The certificate, followed by its chain.
    public let certificate: String
    /// The private key (PKCS #8, not encrypted).
    public let privateKey: String

    /// Creates a pair.
    public init(certificate: String, privateKey: String) {
        self.certificate = certificate
        self.privateKey = privateKey
    }

    /// Checks that the key belongs to the certificate, and that a CA signed it.
    ///
    /// - Parameter ca: The certificate of the CA, as PEM.
    /// - Returns: The description of the certificate.
    /// - Throws: A ``TLSError`` with the mismatch; dates and names are not checked.
    public func checked(signedBy ca: String) throws(TLSError) -> CertificateDescription {
        let issuers = try PEM.certificates(in: Array(ca.utf8))
        let certificates = try PEM.certificates(in: Array(certificate.utf8))
        let key = try PEM.privateKey(in: Array(privateKey.utf8))
        let (issuer, leaf) = (issuers.pointers[0], certificates.pointers[0])
        guard X509_check_private_key(leaf, key.pointer) == 1 else {
            throw TLSError("using the private key with this certificate")
        }
        guard
            X509_check_ca(issuer) == 1, X509_check_issued(issuer, leaf) == X509_V_OK,
            X509_verify(leaf, X509_get0_pubkey(issuer)) == 1
        else {
            throw TLSError("checking who signed the certificate")
        }
        return CertificateDescription(leaf)
    }
}

extension KeyPair: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// A fixed text, so that the key is never printed.
    public var description: String { "a certificate and its key" }
    /// A fixed text, so that the key is never printed.
    public var debugDescription: String { description }
    /// A mirror with the certificate only.
    public var customMirror: Mirror { Mirror(self, children: ["certificate": certificate]) }
}

extension CertificateDescription {
    /// Splits a PEM text into its certificates.
    ///
    /// - Parameter text: The contents of a bundle.
    /// - Returns: The text of each certificate, which does not depend on its formatting in the bundle.
    /// - Throws: A ``TLSError`` if the text contains no certificate or one that cannot be read.
    public static func texts(
        inPEM text: [UInt8]
    ) throws(TLSError) -> [(text: String, certificate: CertificateDescription)] {
        let list = try PEM.certificates(in: text)
        var texts: [(text: String, certificate: CertificateDescription)] = []
        for pointer in list.pointers {
            texts.append((try PEM.text(ofCertificate: pointer), CertificateDescription(pointer)))
        }
        return texts
    }
}
