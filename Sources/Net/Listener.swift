/// Which listener a request came through.
public struct ListenerID: Hashable, Sendable, CustomStringConvertible {
    /// The listener's name.
    public let description: String
    /// Its place in the list that the server was given.
    public let index: Int
}

/// One address that a server answers on.
public struct Listener: Sendable {
    /// The address; port 0 takes a free one.
    public var address: Address
    /// The certificate to answer with; nil speaks plain HTTP.
    public var certificates: Certificates?
    /// A name for messages and metrics.
    public var name: String
    /// Connections that this listener may open beyond the server's limit.
    ///
    /// Health probes need a few: a server whose clients hold every connection must not look dead.
    public var reserve: Int

    /// Describes a listener.
    public init(_ address: Address, certificates: Certificates? = nil, name: String, reserve: Int = 0) {
        self.address = address
        self.certificates = certificates
        self.name = name
        self.reserve = reserve
    }
}
