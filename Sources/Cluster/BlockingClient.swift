public import Net

/// A blocking API client.
///
/// Calls run on a separate thread, so that the next call can be in progress while a response is processed.
public final class BlockingClient: Sendable {
    private let thread: ClientThread<APIClient>

    /// A call in progress.
    public struct Pending: Sendable {
        fileprivate let promise: Promise<Result<APIResponse, APIError>>

        /// Waits for the response.
        ///
        /// - Returns: The response.
        /// - Throws: An ``APIError`` if the call fails or the API server returns an error status.
        public func wait() throws(APIError) -> APIResponse { try promise.wait().get() }
    }

    /// Creates a client; nothing is connected yet.
    ///
    /// - Parameters:
    ///   - access: The cluster.
    ///   - options: The options for calls.
    /// - Throws: A ``SystemError`` if the thread cannot be started.
    public init(_ access: ClusterAccess, options: APIOptions = APIOptions()) throws(SystemError) {
        thread = try ClientThread { APIClient(loop: $0, access: access, options: options) }
    }

    /// Starts a call and returns immediately.
    ///
    /// - Parameter request: The request.
    /// - Returns: The call in progress.
    public func begin(_ request: APIRequest) -> Pending {
        let promise = Promise<Result<APIResponse, APIError>>()
        thread.perform { client in
            client.send(request) { promise.fulfil($0) }
        }
        return Pending(promise: promise)
    }

    /// Stops the thread.
    public func stop() { thread.stop() }
}
