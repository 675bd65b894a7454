/// The listener of a request.
public struct ListenerID: Hashable, Sendable, CustomStringConvertible {
    /// The listener's name.
    public let description: String
    /// The index in the server's list of listeners.
    public let index: Int
}

/// An address that a server listens on.
public struct Listener: Sendable {
    /// The address; port 0 chooses a free port.
    public var address: Address
    /// The certificate; nil for plain HTTP.
    public var certificates: Certificates?
    /// The name in messages.
    public var name: String
    /// Creates the responder of a separate loop for this listener; nil if the shared loops serve it.
    ///
    /// Health probes need a separate loop, so that other requests and connections do not delay them.
    public var ownResponder: (@Sendable (LoopContext) -> Responder)?

    /// Creates a listener.
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
