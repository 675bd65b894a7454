public import HTTP
internal import Synchronization

/// A request whose response is deferred; valid only for the loop that created it.
public struct Ticket: Sendable, Hashable {
    let token: UInt64
}

/// The responses to the requests of one loop.
///
/// Its closures are called only on the loop's thread, so the values that they capture need no lock.
public struct Responder {
    /// Answers a request that arrived through a listener; nil defers the response.
    ///
    /// The body is the connection's memory and is valid until the closure returns.
    public typealias Respond = (Request, Span<UInt8>, ListenerID, Ticket) -> Response?
    /// Answers a deferred request after its delivery; nil defers the response until another delivery.
    ///
    /// The body is the same as before.
    public typealias Resume = (Ticket, Span<UInt8>) -> Response?
    /// Drops a deferred request that ended before its delivery arrived, or before memory was available for its response.
    public typealias Forget = (Ticket) -> Void
    /// Updates the state that later requests are answered from.
    public typealias Refresh = () -> Void

    let respond: Respond
    let resume: Resume
    let forget: Forget
    let refresh: Refresh

    /// Creates a responder that can defer responses.
    ///
    /// - Parameters:
    ///   - respond: Called once for each request.
    ///   - resume: Called for each delivery (``Deliveries/deliver(_:for:)``) that a response is created from.
    ///   - forget: Called for each other delivery.
    ///   - refresh: Called for each ``LoopNotifier/refresh()``.
    public init(
        respond: @escaping Respond, resume: @escaping Resume, forget: @escaping Forget = { _ in },
        refresh: @escaping Refresh = {}
    ) {
        self.respond = respond
        self.resume = resume
        self.forget = forget
        self.refresh = refresh
    }

    /// Creates a responder that answers all requests at once.
    public init(_ respond: @escaping (Request, Span<UInt8>, ListenerID) -> Response) {
        self.init(
            respond: { request, body, listener, _ in respond(request, body, listener) },
            // No response is deferred.
            resume: { _, _ in Response(HTTPError(status: 500, message: "no response is pending")) })
    }
}

/// A notification from another thread to an event loop.
enum LoopMessage: Sendable {
    /// The delivery for a deferred request has arrived.
    case resume(Ticket)
    /// The state that requests are answered from has changed.
    case refresh
}

/// Notifies one event loop from any thread.
public struct LoopNotifier: Sendable {
    let messages: MessageQueue<LoopMessage>

    /// Makes the responder refresh its state before later requests are answered.
    public func refresh() { messages.send(.refresh) }
}

/// Messages from any thread to the deferred requests of one loop.
///
/// The lock is held to add or remove one message, and taken for deferred requests only.
public final class Deliveries<Message: Sendable>: Sendable {
    private let notifier: LoopNotifier
    private let messages = Mutex<[Ticket: Message]>([:])

    /// Creates the deliveries to a loop.
    public init(to notifier: LoopNotifier) { self.notifier = notifier }

    /// Delivers a message to a deferred request, and makes the loop answer it; each ticket takes one message.
    public func deliver(_ message: Message, for ticket: Ticket) {
        messages.withLock { $0[ticket] = message }
        notifier.messages.send(.resume(ticket))
    }

    /// Removes and returns the message for a deferred request.
    @discardableResult
    public func remove(for ticket: Ticket) -> Message? { messages.withLock { $0.removeValue(forKey: ticket) } }
}
