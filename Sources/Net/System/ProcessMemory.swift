internal import CLinux
internal import Glibc

/// The memory of the process.
public enum ProcessMemory {
    /// Releases all code pages of the program and its libraries.
    ///
    /// Most code that runs at the start, such as setting up OpenSSL, never runs again. The pages stay in the kernel's cache and
    /// are mapped again when used, a microsecond each; the others no longer count as the process's memory. A failure is ignored.
    public static func releaseCode() {
        for mapping in Mapping.own where mapping.isCodeOfFile {
            // Code is mapped privately from a file and is read-only, so every page can be read from the file again.
            madvise(UnsafeMutableRawPointer(bitPattern: mapping.start), mapping.length, MADV_DONTNEED)
        }
    }

    /// Makes glibc return large blocks to the system as soon as they are freed, from now on.
    ///
    /// By default, glibc does so only until the first such block is freed. Then it places blocks of up to 32 MB in its heap,
    /// where a small block after them prevents their return (mallopt(3), M_MMAP_THRESHOLD): the memory of large reviews would
    /// stay with the process. An explicit threshold does not change.
    public static func returnLargeBlocks() {
        mallopt(M_MMAP_THRESHOLD, 1 << 20)
        // Twice the mmap threshold, as in glibc.
        mallopt(M_TRIM_THRESHOLD, 2 << 20)
    }

    /// Returns all pages with only freed blocks to the system (malloc_trim(3)).
    ///
    /// By default, glibc returns only the end of a heap, which one small block prevents. This takes milliseconds, during which
    /// other threads may wait for memory.
    public static func returnFreedPages() { malloc_trim(0) }
}

/// A line of `/proc/self/maps` (proc(5)): `7f02c5a4b000-7f02c5a73000 r-xp 00026000 fd:01 1837 /usr/lib/libc.so.6`.
private struct Mapping {
    let start: UInt
    let length: Int
    let isCodeOfFile: Bool

    init?(_ line: Substring) {
        let fields = line.split(separator: " ", omittingEmptySubsequences: true)
        guard fields.count >= 5 else { return nil }
        let range = fields[0].split(separator: "-")
        guard range.count == 2, let start = UInt(range[0], radix: 16), let end = UInt(range[1], radix: 16), start < end
        else { return nil }
        self.start = start
        length = Int(end - start)
        // Mappings without a file, such as the kernel's vdso, have no inode.
        isCodeOfFile = fields[1] == "r-xp" && fields[4] != "0"
    }

    static var own: [Mapping] {
        let descriptor = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { Glibc.close(descriptor) }
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &piece, piece.count)
            guard count > 0 else { break }
            text += piece[..<count]
        }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { Mapping($0) }
    }
}
