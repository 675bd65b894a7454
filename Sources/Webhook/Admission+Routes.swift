public import Evaluation
public import HTTP

extension Admission {
    /// Answers a request to `/validate` or `/mutate`.
    ///
    /// - Parameters:
    ///   - request: The request without its body.
    ///   - body: The body.
    ///   - context: The settings, related objects and time to evaluate it with.
    /// - Returns: The answer.
    /// - Throws: ``Rejection`` if the request is not a supported review.
    public func answer(
        _ request: Request, body: Span<UInt8>, in context: Context
    ) throws(Rejection) -> AdmissionAnswer {
        guard let endpoint = Endpoint(path: request.head.path) else { throw .notFound }
        guard request.head.method == .post else { throw .methodNotAllowed(allow: "POST") }
        guard request.head.mediaType == .json else { throw .notJSON }
        return try answer(body, isTruncated: request.isBodyTruncated, to: endpoint, in: context)
    }
}

extension AdmissionAnswer {
    /// The response to send.
    public var response: Response { Response(status: 200, body: body) }
}
