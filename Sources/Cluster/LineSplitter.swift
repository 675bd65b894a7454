internal import Net

/// Splits a stream into lines; only the incomplete line is kept.
struct LineSplitter {
    /// The error for a line that is longer than allowed; the rest of the stream cannot be split.
    struct TooLong: Error, Equatable {
        let maximum: Int
    }

    private let maximum: Int
    private var unfinished: [UInt8] = []

    init(maximum: Int) {
        self.maximum = maximum
    }

    /// Adds bytes.
    ///
    /// - Parameters:
    ///   - bytes: The next bytes of the stream.
    ///   - line: Called with each complete line, without its line feed; returns false to stop.
    /// - Throws: ``TooLong`` as soon as a line is too long.
    mutating func split(_ bytes: Span<UInt8>, _ line: (Span<UInt8>) -> Bool) throws(TooLong) {
        var start = 0
        while let end = firstIndex(of: UInt8(ascii: "\n"), in: bytes, from: start) {
            guard unfinished.count + end - start <= maximum else { throw TooLong(maximum: maximum) }
            let goesOn: Bool
            if unfinished.isEmpty {
                goesOn = line(bytes.extracting(start..<end))
            } else {
                append(bytes.extracting(start..<end), to: &unfinished)
                goesOn = line(unfinished.span)
                // The capacity of a large line is released.
                unfinished.removeAll(keepingCapacity: unfinished.capacity <= 64 * 1024)
            }
            guard goesOn else { return }
            start = end + 1
        }
        guard unfinished.count + bytes.count - start <= maximum else { throw TooLong(maximum: maximum) }
        append(bytes.extracting(start..<bytes.count), to: &unfinished)
    }
}
