/// Copies borrowed bytes to the end of others.
public func append(_ borrowed: borrowing Span<UInt8>, to bytes: inout [UInt8]) {
    // The pointer is used inside this call only, while the span is alive.
    borrowed.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
}

/// Where a byte first stands at or behind `start`; nil when it does not.
public func firstIndex(of byte: UInt8, in borrowed: borrowing Span<UInt8>, from start: Int) -> Int? {
    // The pointer is used inside this call only, while the span is alive.
    borrowed.withUnsafeBufferPointer { $0[min(start, $0.count)...].firstIndex(of: byte) }
}
