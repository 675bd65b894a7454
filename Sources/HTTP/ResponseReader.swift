/// Reads one response as its bytes arrive: the head, the body in pieces, the end.
///
/// It keeps no bytes. An incomplete head is not consumed, and the caller passes it again with more bytes; a body is consumed at
/// once, so that a response of any length needs no memory here.
public struct ResponseReader: Sendable {
    /// The pieces of a response, in this order.
    public enum Piece: Sendable, Equatable {
        /// The final head; interim responses are skipped.
        case head(ResponseHead)
        /// A range of the input that belongs to the body.
        case body(Range<Int>)
        /// The end of the body; the next bytes belong to another response.
        case end
    }

    private enum Step: Sendable {
        case head
        case length(Int)
        case chunked(ChunkedDecoder)
        case connection
        case done
    }

    private var step = Step.head
    private let answersHead: Bool
    private let limits: Limits
    private var interims = 0

    /// The maximum number of interim responses before the final one.
    static let maximumInterims = 8

    /// Creates a reader for one response.
    public init(answersHead: Bool = false, limits: Limits = .responses) {
        self.answersHead = answersHead
        self.limits = limits
    }

    /// True if the response has ended.
    public var isDone: Bool {
        if case .done = step { return true }
        return false
    }

    /// Reads bytes.
    ///
    /// - Parameters:
    ///   - input: The bytes after those that were consumed before.
    ///   - deliver: Called with each piece.
    /// - Returns: The number of consumed bytes.
    /// - Throws: A ``MalformedResponse``; the connection must be closed.
    public mutating func read(
        _ input: Span<UInt8>, _ deliver: (Piece) -> Void
    ) throws(MalformedResponse) -> Int {
        var at = 0
        while at < input.count {
            let rest = input.extracting(at..<input.count)
            switch step {
            case .done: return at
            case .head:
                guard let length = try readHead(rest, deliver) else { return at }
                at += length
            case .length(let left):
                let run = min(left, rest.count)
                deliver(.body(at..<at + run))
                at += run
                step = .length(left - run)
                if left == run { finish(deliver) }
            case .chunked(var decoder):
                let (consumed, state) = decoder.decode(rest) { deliver(.body(at + $0.lowerBound..<at + $0.upperBound)) }
                at += consumed
                step = .chunked(decoder)
                switch state {
                case .more: break
                case .done: finish(deliver)
                case .invalid(let error): throw MalformedResponse(error.message)
                }
            case .connection:
                deliver(.body(at..<input.count))
                at = input.count
            }
        }
        return at
    }

    /// Handles the normal end of the connection.
    ///
    /// - Parameter deliver: Called with the end if the body ends with the connection.
    /// - Throws: A ``MalformedResponse`` if the response is incomplete.
    public mutating func end(_ deliver: (Piece) -> Void) throws(MalformedResponse) {
        switch step {
        case .done: break
        case .connection: finish(deliver)
        case .head: throw MalformedResponse("the connection ended before the response")
        case .length, .chunked: throw MalformedResponse("the connection ended within the response")
        }
    }

    private mutating func readHead(
        _ bytes: Span<UInt8>, _ deliver: (Piece) -> Void
    ) throws(MalformedResponse) -> Int? {
        switch ResponseParser.parse(bytes, answersHead: answersHead, limits: limits) {
        case .incomplete: return nil
        case .invalid(let error): throw error
        case .head(let head, let length):
            if head.isInterim {
                interims += 1
                guard interims <= ResponseReader.maximumInterims else {
                    throw MalformedResponse("too many interim responses")
                }
                return length
            }
            deliver(.head(head))
            switch head.framing {
            case .none: finish(deliver)
            case .length(let count): step = .length(count)
            case .chunked: step = .chunked(ChunkedDecoder())
            case .connection: step = .connection
            }
            return length
        }
    }

    private mutating func finish(_ deliver: (Piece) -> Void) {
        step = .done
        deliver(.end)
    }
}
