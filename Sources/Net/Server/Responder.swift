public import HTTP
internal import Synchronization

/// A request whose answer comes later; it means something to the loop that gave it out, and to no other.
public struct Ticket: Sendable, Hashable {
    let token: UInt64
}

/// Answers the requests of one loop.
///
/// Its closures belong to that loop and are called on its thread only, so what they capture needs no lock.
public struct Responder {
    /// Answers a request: its head, its body, and which listener it came through; nil when the answer comes later.
    ///
    /// The body is the connection's memory: it ends with the call.
    public typealias Respond = (Request, Span<UInt8>, ListenerID, Ticket) -> Response?
    /// Answers a request that waited, when what it waited for is delivered; its body is what it was.
    public typealias Resume = (Ticket, any Sendable, Span<UInt8>) -> Response
    /// Forgets a request that waited, and whose client was gone when what it waited for was delivered.
    public typealias Forget = (Ticket) -> Void
    /// Takes note of what is announced to all requests that come after it.
    public typealias Hear = (any Sendable) -> Void

    let respond: Respond
    let resume: Resume
    let forget: Forget
    let hear: Hear

    /// Creates a responder that may leave an answer for later.
    ///
    /// - Parameters:
    ///   - respond: Called once for each request.
    ///   - resume: Called for each delivery (``Deliveries/deliver(_:for:)``) whose client still waits.
    ///   - forget: Called for each other delivery.
    ///   - hear: Called once for each announcement (``Deliveries/announce(_:)``).
    public init(
        respond: @escaping Respond, resume: @escaping Resume, forget: @escaping Forget = { _ in },
        hear: @escaping Hear = { _ in }
    ) {
        self.respond = respond
        self.resume = resume
        self.forget = forget
        self.hear = hear
    }

    /// Creates a responder that answers everything at once.
    public init(_ respond: @escaping (Request, Span<UInt8>, ListenerID) -> Response) {
        self.init(
            respond: { request, body, listener, _ in respond(request, body, listener) },
            // It gave nobody a ticket.
            resume: { _, _, _ in Response(HTTPError(status: 500, message: "nobody waits for this")) })
    }
}

/// The way back to a loop for what its requests wait for; any thread may use it.
///
/// The lock is held for an append or a swap, and wanted only by requests that wait for something.
public final class Deliveries: Sendable {
    private let wakeup: Wakeup
    private let waiting = Mutex<[(ticket: Ticket?, message: any Sendable)]>([])

    init(waking wakeup: Wakeup) { self.wakeup = wakeup }

    /// Hands a message to the request that waits with a ticket; each ticket takes one.
    public func deliver(_ message: any Sendable, for ticket: Ticket) {
        waiting.withLock { $0.append((ticket, message)) }
        wakeup.signal()
    }

    /// Tells the loop something that holds for all requests from then on.
    public func announce(_ message: any Sendable) {
        waiting.withLock { $0.append((nil, message)) }
        wakeup.signal()
    }

    func take() -> [(ticket: Ticket?, message: any Sendable)] {
        waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
    }
}
