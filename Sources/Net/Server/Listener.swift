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
    /// Creates the responder of a loop that serves this listener alone; nil leaves the listener to the loops that all
    /// others share.
    ///
    /// Health probes need a loop of their own: they are answered whatever the other loops do, and however many connections
    /// those hold.
    public var ownResponder: (@Sendable (LoopContext) -> Responder)?

    /// Describes a listener.
    public init(
        _ address: Address, certificates: Certificates? = nil, name: String,
        ownResponder: (@Sendable (LoopContext) -> Responder)? = nil
    ) {
        self.address = address
        self.certificates = certificates
        self.name = name
        self.ownResponder = ownResponder
    }
}
