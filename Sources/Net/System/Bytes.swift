/// Appends borrowed bytes to an array.
public func append(_ borrowed: borrowing Span<UInt8>, to bytes: inout [UInt8]) {
    // The pointer is used inside this call only, while the span is alive.
    borrowed.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
}

/// Returns the first index of a byte from `start` on; nil if there is none.
public func firstIndex(of byte: UInt8, in borrowed: borrowing Span<UInt8>, from start: Int) -> Int? {
    // The pointer is used inside this call only, while the span is alive.
    borrowed.withUnsafeBufferPointer { $0[min(start, $0.count)...].firstIndex(of: byte) }
}
