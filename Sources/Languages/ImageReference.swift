/// An image reference (Docker's reference grammar, github.com/distribution/reference).
///
/// Short names are expanded as container runtimes do: `nginx` is `docker.io/library/nginx`.
public struct ImageReference: Sendable, Equatable, CustomStringConvertible {
    /// The registry's host with its port: `docker.io`, `localhost:5000`.
    public let registry: String
    /// The path in the registry: `library/nginx`.
    public let repository: String
    /// The tag; nil if there is none.
    public let tag: String?
    /// The digest, as in `sha256:…`; nil if there is none.
    public let digest: String?

    /// An error in a reference.
    public struct Malformed: Error, Equatable, CustomStringConvertible {
        /// The error, for messages.
        public let description: String
    }

    /// Reads a reference.
    ///
    /// - Parameter text: The reference, as in a container's `image`.
    /// - Throws: ``Malformed`` with the part that is not valid.
    public init(_ text: String) throws(Malformed) {
        let bytes = text.utf8.span
        let parts = try ImageParts(bytes)
        let path = bytes.text(in: parts.path)
        registry = parts.isDockerHub ? "docker.io" : parts.registry.map { bytes.text(in: $0) } ?? "docker.io"
        repository = parts.isOfficial ? "library/\(path)" : path
        tag = parts.tag.map { bytes.text(in: $0) }
        digest = parts.digest.map { bytes.text(in: $0) }
    }

    /// The expanded name without tag and digest.
    public var name: String { "\(registry)/\(repository)" }

    /// The tag and the digest as written after the name.
    public var suffix: String { "\(tag.map { ":\($0)" } ?? "")\(digest.map { "@\($0)" } ?? "")" }

    /// The whole reference with its expanded name.
    public var description: String { name + suffix }
}
