/// Decodes the body of a chunked message as bytes arrive (RFC 9112, section 7.1).
///
/// It keeps no bytes: it reports which of its input bytes belong to the body, so that a caller can keep or drop them.
public struct ChunkedDecoder: Sendable {
    /// The state after the bytes so far.
    public enum State: Sendable, Equatable {
        /// More bytes of the body or its framing are expected.
        case more
        /// The body has ended.
        case done
        /// The chunked body is malformed; the connection must be closed.
        case invalid(HTTPError)
    }

    private enum Step {
        case size, chunkExtension, sizeEnd, data, dataCR, dataLF, trailerStart, trailer, trailerLF, endLF
    }

    private var step = Step.size
    private var digits = 0
    private var left = 0
    /// The bytes of extensions and trailers so far; they are ignored, and their sum is limited.
    private var overhead = 0

    /// The maximum number of bytes of all extensions, or of all trailers.
    static let maximumOverhead = 4096

    /// Creates a decoder for one body.
    public init() {}

    /// Decodes bytes.
    ///
    /// - Parameters:
    ///   - input: The bytes after those that were consumed before.
    ///   - body: Called with each range of the input that belongs to the body.
    /// - Returns: The number of consumed bytes (all of them unless the body has ended) and the state.
    public mutating func decode(_ input: Span<UInt8>, body: (Range<Int>) -> Void) -> (consumed: Int, state: State) {
        var at = 0
        while at < input.count {
            if step == .data {
                let run = min(left, input.count - at)
                body(at..<at + run)
                at += run
                left -= run
                if left == 0 { step = .dataCR }
                continue
            }
            let byte = input[at]
            at += 1
            if step == .endLF {
                return byte == UInt8(ascii: "\n")
                    ? (at, .done) : (at, .invalid(.malformed("a line must end with CR LF")))
            }
            if let error = take(byte) { return (at, .invalid(error)) }
        }
        return (at, .more)
    }

    private mutating func take(_ byte: UInt8) -> HTTPError? {
        switch step {
        case .size: return takeSize(byte)
        case .chunkExtension, .trailer:
            overhead += 1
            guard overhead <= ChunkedDecoder.maximumOverhead else {
                return HTTPError(status: 431, message: "chunk extensions or trailers are too large")
            }
            if byte == UInt8(ascii: "\r") {
                step = step == .trailer ? .trailerLF : .sizeEnd
            } else if byte < 0x20 && byte != UInt8(ascii: "\t") || byte == 0x7F {
                return .malformed("a chunk extension or trailer has a control character")
            }
        case .sizeEnd, .dataLF, .trailerLF:
            guard byte == UInt8(ascii: "\n") else { return .malformed("a line must end with CR LF") }
            endLine()
        case .dataCR:
            guard byte == UInt8(ascii: "\r") else { return .malformed("chunk data is longer than the chunk size") }
            step = .dataLF
        case .trailerStart:
            guard byte == UInt8(ascii: "\r") else {
                step = .trailer
                return take(byte)
            }
            step = .endLF
        case .data, .endLF: break
        }
        return nil
    }

    private mutating func endLine() {
        switch step {
        case .sizeEnd:
            digits = 0
            step = left == 0 ? .trailerStart : .data
        case .dataLF: step = .size
        default: step = .trailerStart
        }
    }

    private mutating func takeSize(_ byte: UInt8) -> HTTPError? {
        let value: UInt8
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): value = byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): value = byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "\r") where digits > 0:
            step = .sizeEnd
            return nil
        case UInt8(ascii: ";") where digits > 0:
            step = .chunkExtension
            return nil
        default: return .malformed("a chunk size must be hexadecimal")
        }
        digits += 1
        guard digits <= 15 else { return .malformed("a chunk size is too large") }
        left = left << 4 | Int(value)
        return nil
    }
}
