internal import Net

/// A stream's bytes to its lines, of which only the one that is not whole is kept.
struct LineSplitter {
    /// A line that is longer than allowed: the rest of the stream cannot be told apart any more.
    struct TooLong: Error, Equatable {
        let maximum: Int
    }

    private let maximum: Int
    private var unfinished: [UInt8] = []

    init(maximum: Int) {
        self.maximum = maximum
    }

    /// Takes bytes in.
    ///
    /// - Parameters:
    ///   - bytes: What follows what was taken in before.
    ///   - line: Called with each line that is whole now, without its line feed; false stops, and nothing more is looked at.
    /// - Throws: ``TooLong`` as soon as that is certain.
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
                // A large line's memory is not kept for small ones.
                unfinished.removeAll(keepingCapacity: unfinished.capacity <= 64 * 1024)
            }
            guard goesOn else { return }
            start = end + 1
        }
        guard unfinished.count + bytes.count - start <= maximum else { throw TooLong(maximum: maximum) }
        append(bytes.extracting(start..<bytes.count), to: &unfinished)
    }
}
