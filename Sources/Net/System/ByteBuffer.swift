internal import Glibc

/// Received bytes that are not consumed, with room for more.
///
/// Connections read into a large scratch buffer of the loop. Only the bytes of an incomplete message are moved to a buffer of the
/// connection.
final class ByteBuffer {
    // Allocated by this object and replaced only in `reserve`; `start <= end <= capacity` holds between calls.
    private var base: UnsafeMutablePointer<UInt8>
    private(set) var capacity: Int
    private var start = 0
    private var end = 0

    /// Allocates the buffer; nil if memory is missing.
    init?(capacity: Int) {
        self.capacity = max(capacity, 1)
        guard let memory = malloc(self.capacity) else { return nil }
        // `malloc` aligns for any type, and bytes need no initialization before they are written.
        base = memory.assumingMemoryBound(to: UInt8.self)
    }

    deinit {
        Glibc.free(base)
    }

    /// The number of bytes.
    var count: Int { end - start }

    /// The number of bytes that fit without moving or growing the buffer.
    var room: Int { capacity - end }

    /// The bytes; valid until the next mutating call.
    var bytes: UnsafeMutableBufferPointer<UInt8> {
        UnsafeMutableBufferPointer(start: base + start, count: end - start)
    }

    /// The free room after them; valid until the next mutating call.
    var vacant: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: base + end, count: capacity - end)
    }

    /// Adds bytes that were written into the room.
    func commit(_ count: Int) {
        end += min(count, room)
    }

    /// Removes bytes from the front.
    func consume(_ count: Int) {
        start += min(count, self.count)
        if start == end { reset() }
    }

    /// Removes bytes at an offset and moves the following ones there.
    func remove(at offset: Int, count: Int) {
        let tail = self.count - offset - count
        guard count > 0, offset >= 0, tail >= 0 else { return }
        // Both ranges lie in the filled part, as just checked, and `memmove` allows them to overlap.
        if tail > 0 { memmove(base + start + offset, base + start + offset + count, tail) }
        end -= count
        if start == end { reset() }
    }

    /// Moves bytes to another offset.
    func move(from offset: Int, to target: Int, count: Int) {
        guard offset != target, min(offset, target) >= 0, max(offset, target) + count <= self.count else { return }
        // Both ranges lie in the filled part, as just checked, and `memmove` allows them to overlap.
        memmove(base + start + target, base + start + offset, count)
    }

    func reset() {
        start = 0
        end = 0
    }

    /// Makes room for at least this many bytes, by moving to the front or by doubling the size.
    ///
    /// The buffer grows with the received bytes; `expected`, the announced size of the message, only limits the growth. Returns
    /// false, without a change, if memory is missing.
    func reserve(_ wanted: Int, expected: Int) -> Bool {
        guard room < wanted else { return true }
        if start > 0 {
            memmove(base, base + start, count)
            end -= start
            start = 0
        }
        guard room < wanted else { return true }
        let grown = ByteBuffer.size(of: end, in: capacity, reserving: wanted, expected: expected)
        guard let memory = realloc(base, grown) else { return false }
        base = memory.assumingMemoryBound(to: UInt8.self)
        capacity = grown
        return true
    }

    /// Returns the capacity of a buffer with this many bytes after it reserved room for more.
    static func size(of count: Int, in capacity: Int, reserving wanted: Int, expected: Int) -> Int {
        let needed = count + wanted
        return needed <= capacity ? capacity : max(needed, min(2 * capacity, max(expected, needed)))
    }

    /// Appends another buffer's bytes; returns false if memory is missing.
    func append(_ other: ByteBuffer) -> Bool {
        guard reserve(other.count, expected: end + other.count) else { return false }
        // The room was just made, and two buffers never share memory.
        memcpy(base + end, other.base + other.start, other.count)
        end += other.count
        return true
    }
}
