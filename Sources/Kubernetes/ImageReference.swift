/// Where an image comes from, and which one (Docker's reference grammar, github.com/distribution/reference).
///
/// Short names are completed as every container runtime does it: `nginx` is `docker.io/library/nginx`.
public struct ImageReference: Sendable, Equatable, CustomStringConvertible {
    /// The registry's host, with its port where one is given: `docker.io`, `localhost:5000`.
    public let registry: String
    /// The path in the registry: `library/nginx`.
    public let repository: String
    /// The tag; nil when there is none.
    public let tag: String?
    /// The digest, as in `sha256:…`; nil when there is none.
    public let digest: String?

    /// Why a text is no reference.
    public struct Malformed: Error, Equatable, CustomStringConvertible {
        /// What is wrong.
        public let description: String
    }

    /// Reads a reference.
    ///
    /// - Parameter text: As in a container's `image`.
    /// - Throws: ``Malformed`` with the part that is not as the grammar has it.
    public init(_ text: String) throws(Malformed) {
        let bytes = text.utf8.span
        let parts = try ImageParts(bytes)
        let path = bytes.text(in: parts.path)
        registry = parts.isDockerHub ? "docker.io" : parts.registry.map { bytes.text(in: $0) } ?? "docker.io"
        repository = parts.isOfficial ? "library/\(path)" : path
        tag = parts.tag.map { bytes.text(in: $0) }
        digest = parts.digest.map { bytes.text(in: $0) }
    }

    /// Where it is from, completed, without tag and digest.
    public var name: String { "\(registry)/\(repository)" }

    /// The tag and the digest as they are written behind the name.
    public var suffix: String { "\(tag.map { ":\($0)" } ?? "")\(digest.map { "@\($0)" } ?? "")" }

    /// The whole reference, completed.
    public var description: String { name + suffix }
}
