/// A server's response.
public struct Response: Sendable {
    /// The status code.
    public var status: Int
    /// The media type of the body.
    public var contentType: String
    /// Additional headers, such as `Allow`.
    public var headers: [(name: String, value: String)]
    /// The body.
    public var body: [UInt8]

    /// Creates a response.
    public init(
        status: Int, contentType: String = "application/json", headers: [(name: String, value: String)] = [],
        body: [UInt8]
    ) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.body = body
    }

    /// Creates the response of an error, as JSON: `{"error":"…"}`.
    public init(_ error: HTTPError, headers: [(name: String, value: String)] = []) {
        var body = Array(#"{"error":""#.utf8)
        for byte in error.message.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                body.append(UInt8(ascii: "\\"))
                body.append(byte)
            // Messages may quote text of the client.
            case 0..<0x20: body.append(UInt8(ascii: " "))
            default: body.append(byte)
            }
        }
        body.append(contentsOf: "\"}\n".utf8)
        let retry = error.retryAfter.map { [(name: "Retry-After", value: String($0))] } ?? []
        self.init(status: error.status, headers: headers + retry, body: body)
    }
}

/// Serializes responses.
public enum Encoder {
    /// Appends the bytes of a response.
    ///
    /// - Parameters:
    ///   - response: The response.
    ///   - closing: True if the connection is closed after it; the client is informed.
    ///   - omittingBody: True if only the head is sent, as for HEAD.
    ///   - bytes: The buffer.
    public static func append(_ response: Response, closing: Bool, omittingBody: Bool, to bytes: inout [UInt8]) {
        append("HTTP/1.1 ", to: &bytes)
        append(response.status, to: &bytes)
        append(" ", to: &bytes)
        append(reason(response.status), to: &bytes)
        append("\r\nContent-Type: ", to: &bytes)
        bytes.append(contentsOf: response.contentType.utf8)
        append("\r\nContent-Length: ", to: &bytes)
        append(response.body.count, to: &bytes)
        for (name, value) in response.headers {
            append("\r\n", to: &bytes)
            bytes.append(contentsOf: name.utf8)
            append(": ", to: &bytes)
            bytes.append(contentsOf: value.utf8)
        }
        if closing { append("\r\nConnection: close", to: &bytes) }
        append("\r\n\r\n", to: &bytes)
        if !omittingBody { bytes.append(contentsOf: response.body) }
    }

    /// The interim response for a client that waits before it sends its body (RFC 9110, section 15.2.1).
    public static let `continue` = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    private static func append(_ text: StaticString, to bytes: inout [UInt8]) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    private static func append(_ number: Int, to bytes: inout [UInt8]) {
        if number >= 10 { append(number / 10, to: &bytes) }
        bytes.append(UInt8(ascii: "0") + UInt8(number % 10))
    }

    private static func reason(_ status: Int) -> StaticString {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 413: "Content Too Large"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: "Status"
        }
    }
}
