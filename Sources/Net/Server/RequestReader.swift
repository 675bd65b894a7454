internal import HTTP

/// Reads complete requests from the bytes of one connection: the head, then the end of the body.
///
/// Its offsets are relative to the front of the buffer, where the message begins, so the bytes can move to another buffer
/// between two calls.
struct RequestReader {
    enum Step {
        /// The message is not complete.
        case incomplete
        /// The head is complete, and the client waits for `100 Continue` before it sends the body (RFC 9110 10.1.1).
        case awaitsContinue
        /// The message is complete: its body is at `body`, and the message takes `length` bytes of the buffer.
        case request(Request, body: Range<Int>, length: Int)
        case invalid(HTTPError)
    }

    private enum Stage {
        /// The first `seen` bytes do not contain a complete head.
        case head(seen: Int)
        /// The message ends at `end`.
        case fixed(start: Int, end: Int)
        /// The body is too large: its kept part ends at `end`, and `remaining` more bytes are discarded.
        case skipping(start: Int, end: Int, remaining: Int)
        /// The decoded part of the body ends at `end`, and chunks follow.
        case chunks(start: Int, end: Int, isTooLarge: Bool)
    }

    private var stage = Stage.head(seen: 0)
    /// The head, while the body is not complete.
    private(set) var head: RequestHead?
    private var chunks = ChunkedDecoder()
    private let maxBody: Int
    private let keptBody: Int
    private let limits = Limits()

    init(maxBody: Int, keptBody: Int) {
        self.maxBody = maxBody
        self.keptBody = min(keptBody, maxBody)
    }

    /// The size of the whole message, as far as it is known; otherwise 0.
    var expected: Int {
        switch stage {
        case .head, .chunks: 0
        case .fixed(_, let end), .skipping(_, let end, _): end
        }
    }

    /// Reads the bytes, which start with the message.
    mutating func read(_ buffer: ByteBuffer) -> Step {
        switch stage {
        case .head(let seen): readHead(buffer, seen: seen)
        case .fixed(let start, let end): buffer.count < end ? .incomplete : finish(start..<end, length: end)
        case .skipping: skip(buffer)
        case .chunks: readChunks(buffer)
        }
    }

    private mutating func readHead(_ buffer: ByteBuffer, seen: Int) -> Step {
        let bytes = buffer.bytes
        // A head ends with a line feed: bytes without one are not parsed again.
        if seen > 0, bytes.count < limits.head, !bytes[seen...].contains(0x0A) {
            stage = .head(seen: bytes.count)
            return .incomplete
        }
        switch RequestParser.parse(bytes.span, limits: limits) {
        case .incomplete:
            stage = .head(seen: bytes.count)
            return .incomplete
        case .invalid(let error):
            return .invalid(error)
        case .head(let head, let length):
            return begin(head, length: length, buffer)
        }
    }

    private mutating func begin(_ head: RequestHead, length: Int, _ buffer: ByteBuffer) -> Step {
        let end: Int
        switch head.framing {
        case .none: end = length
        case .length(let count) where count <= maxBody: end = length + count
        case .length(let count):
            stage = .skipping(start: length, end: length + keptBody, remaining: count - keptBody)
            return beginBody(head, length, buffer)
        case .chunked:
            chunks = ChunkedDecoder()
            stage = .chunks(start: length, end: length, isTooLarge: false)
            return beginBody(head, length, buffer)
        }
        guard buffer.count < end else { return finish(head, length..<end, length: end) }
        stage = .fixed(start: length, end: end)
        return beginBody(head, length, buffer)
    }

    /// Starts the body; a client that has sent a part of it does not wait for `100 Continue` (RFC 9110 10.1.1).
    private mutating func beginBody(_ head: RequestHead, _ length: Int, _ buffer: ByteBuffer) -> Step {
        self.head = head
        guard buffer.count == length else { return read(buffer) }
        return head.expectsContinue ? .awaitsContinue : .incomplete
    }

    private mutating func skip(_ buffer: ByteBuffer) -> Step {
        guard case .skipping(let start, let end, let remaining) = stage else { return .incomplete }
        let surplus = min(max(0, buffer.count - end), remaining)
        buffer.remove(at: end, count: surplus)
        guard surplus == remaining, buffer.count >= end else {
            stage = .skipping(start: start, end: end, remaining: remaining - surplus)
            return .incomplete
        }
        return finish(start..<end, length: end, isTruncated: true)
    }

    /// Decodes the chunks in the new bytes, and appends them to the decoded part of the body.
    private mutating func readChunks(_ buffer: ByteBuffer) -> Step {
        guard case .chunks(let start, var end, var isTooLarge) = stage else { return .incomplete }
        let raw = end
        var runs: [Range<Int>] = []
        let bytes = UnsafeBufferPointer(rebasing: buffer.bytes[raw...])
        let (consumed, state) = chunks.decode(bytes.span) { runs.append($0) }
        for run in runs where !isTooLarge {
            buffer.move(from: raw + run.lowerBound, to: end, count: run.count)
            end += run.count
            if end - start > maxBody {
                isTooLarge = true
                end = start + keptBody
            }
        }
        buffer.remove(at: end, count: raw + consumed - end)
        switch state {
        case .more:
            stage = .chunks(start: start, end: end, isTooLarge: isTooLarge)
            return .incomplete
        case .done: return finish(start..<end, length: end, isTruncated: isTooLarge)
        case .invalid(let error): return .invalid(error)
        }
    }

    private mutating func finish(_ body: Range<Int>, length: Int, isTruncated: Bool = false) -> Step {
        guard let head else { return .incomplete }
        return finish(head, body, length: length, isTruncated: isTruncated)
    }

    private mutating func finish(
        _ head: RequestHead, _ body: Range<Int>, length: Int, isTruncated: Bool = false
    ) -> Step {
        stage = .head(seen: 0)
        self.head = nil
        return .request(Request(head: head, isBodyTruncated: isTruncated), body: body, length: length)
    }
}
