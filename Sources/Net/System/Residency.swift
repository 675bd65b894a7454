internal import CLinux
internal import Glibc

/// What the process keeps in memory.
public enum Residency {
    /// Lets go of all pages of code, ours and the libraries'.
    ///
    /// Most of what ran while the process started, from reading certificates to setting up OpenSSL, never runs again. The pages
    /// stay in the kernel's cache and those that are needed come back by themselves, a microsecond each; the others no longer
    /// count as ours. Nothing is lost where it fails.
    public static func releaseCode() {
        for mapping in Mapping.own where mapping.isCodeOfFile {
            // Code is mapped privately from a file and cannot be written to, so every page of it can be read from there again.
            madvise(UnsafeMutableRawPointer(bitPattern: mapping.start), mapping.length, MADV_DONTNEED)
        }
    }

    /// From here on, has large blocks given back to the system as soon as they are freed.
    ///
    /// Of itself glibc does so only until the first one is freed. It takes that for a sign that more will come, and puts those
    /// up to 32 MB where the smallest block behind them holds them back (mallopt(3), M_MMAP_THRESHOLD): large reviews that came
    /// at once would be paid for until the process ends. A threshold that was set stays what it is.
    public static func returnLargeBlocks() {
        mallopt(M_MMAP_THRESHOLD, 1 << 20)
        // Twice the other one, as glibc would have it.
        mallopt(M_TRIM_THRESHOLD, 2 << 20)
    }

    /// Gives all pages back that hold nothing but freed blocks (malloc_trim(3)).
    ///
    /// glibc of itself gives back only the end of a heap, which a single small block keeps. It takes milliseconds, during which
    /// other threads may have to wait for memory.
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
        // What is of no file, as the kernel's own page of code, has no inode.
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
