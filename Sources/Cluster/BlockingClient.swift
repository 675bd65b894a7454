public import Net

/// The API server's client for a program that has nothing to do until the answer is there.
///
/// The calls are made on a thread of its own, so that the next one may be under way while an answer is worked on.
public final class BlockingClient: Sendable {
    private let thread: ClientThread<APIClient>

    /// A call under way.
    public struct Pending: Sendable {
        fileprivate let promise: Promise<Result<APIResponse, APIError>>

        /// Waits for the answer.
        ///
        /// - Returns: The response.
        /// - Throws: An ``APIError`` when there is none, or one that says no.
        public func wait() throws(APIError) -> APIResponse { try promise.wait().get() }
    }

    /// Prepares for calls; nothing is connected to yet.
    ///
    /// - Parameters:
    ///   - access: The cluster.
    ///   - options: How its API server is called.
    /// - Throws: A ``SystemError`` when there is no thread for it.
    public init(_ access: ClusterAccess, options: APIOptions = APIOptions()) throws(SystemError) {
        thread = try ClientThread { APIClient(loop: $0, access: access, options: options) }
    }

    /// Makes a call, and goes on at once.
    ///
    /// - Parameter request: What to ask.
    /// - Returns: What to wait for.
    public func begin(_ request: APIRequest) -> Pending {
        let promise = Promise<Result<APIResponse, APIError>>()
        thread.perform { client in
            client.send(request) { promise.fulfil($0) }
        }
        return Pending(promise: promise)
    }

    /// Ends its thread.
    public func stop() { thread.stop() }
}
