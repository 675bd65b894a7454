internal import JSON
internal import Languages
internal import Net

/// The usable content of the Secret.
struct CertificateStore: Equatable, Sendable {
    /// The current generation; nil if there is none or its parts do not belong together.
    var current: CertificateGeneration?
    /// The generation that is served once its CA is trusted everywhere.
    var next: CertificateGeneration?
    /// The previous CAs that are still trusted, each as PEM.
    var previous: [String] = []

    /// The CAs that webhook configurations must trust.
    var authorities: [String] {
        distinct([current?.authority, next?.authority].compactMap { $0 } + previous)
    }
}

extension CertificateStore {
    /// Reads a Secret; invalid parts count as absent.
    init(_ secret: Literal) {
        func text(_ name: String) -> String? {
            guard case .string(let encoded) = secret["data"]?[name], let bytes = base64Decoded(encoded) else {
                return nil
            }
            return String(decoding: bytes, as: UTF8.self)
        }
        func generation(_ prefix: String) -> CertificateGeneration? {
            guard
                let authority = text("\(prefix)ca.crt"), let certificate = text("\(prefix)tls.crt"),
                let key = text("\(prefix)tls.key")
            else { return nil }
            return try? CertificateGeneration(
                authority: authority, pair: KeyPair(certificate: certificate, privateKey: key))
        }
        current = generation("")
        next = generation("next.")
        previous = text("previous.ca.crt").flatMap { certificateTexts(inPEM: Array($0.utf8)) } ?? []
    }

    /// The Secret's `data`.
    var data: Literal {
        var members: [Literal.Member] = []
        func add(_ name: String, _ text: String) {
            members.append(Literal.Member(name, .string(base64Encoded(text.utf8))))
        }
        for (prefix, generation) in [("", current), ("next.", next)] {
            guard let generation else { continue }
            add("\(prefix)ca.crt", generation.authority)
            add("\(prefix)tls.crt", generation.pair.certificate)
            add("\(prefix)tls.key", generation.pair.privateKey)
        }
        if !previous.isEmpty { add("previous.ca.crt", previous.joined()) }
        return .object(members)
    }
}

/// Returns the certificates of a PEM text, each in OpenSSL's encoding; nil if it cannot be read.
func certificateTexts(inPEM text: [UInt8]) -> [String]? {
    (try? CertificateDescription.texts(inPEM: text))?.map(\.text)
}

/// Returns the texts in order, without duplicates.
func distinct(_ texts: [String]) -> [String] {
    var seen: Set<String> = []
    return texts.filter { seen.insert($0).inserted }
}
