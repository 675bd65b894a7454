import Glibc
import Net

/// A directory of recordings: files of limited size, of which the newest are kept.
///
/// Replicas can share it; each writes separate files, and the largest number of files applies to all together.
struct RecordingFolder: ~Copyable {
    private let path: String
    private let maximumBytes: Int
    private let maximumFiles: Int
    private let host: String
    private var descriptor: Int32 = -1
    private var size = 0
    private var number = 0

    private static let prefix = "playbook-"
    private static let ending = ".jsonl"

    /// Opens the directory, creates it if it does not exist, and starts a file.
    init(_ path: String, maximumBytes: Int, maximumFiles: Int) throws(SystemError) {
        self.path = path
        self.maximumBytes = maximumBytes
        self.maximumFiles = maximumFiles
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        host = String(
            decoding: name.prefix { $0 != 0 && $0 != CChar(UInt8(ascii: "/")) }.map { UInt8(bitPattern: $0) },
            as: UTF8.self)
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw SystemError(call: "mkdir", code: errno) }
        try begin()
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Writes a line completely, or not at all.
    mutating func write(_ line: [UInt8]) throws(SystemError) {
        if descriptor < 0 || size > 0 && size + line.count > maximumBytes || isGone { try begin() }
        var written = 0
        while written < line.count {
            // The rest of `line`, which lives through the call.
            let count = line.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + written }, line.count - written)
            }
            if count < 0 {
                if errno == EINTR { continue }
                let error = SystemError(call: "write", code: errno)
                // A partial line would make the file unreadable.
                ftruncate(descriptor, off_t(size))
                lseek(descriptor, off_t(size), SEEK_SET)
                throw error
            }
            written += count
        }
        size += line.count
    }

    /// True if the current file was deleted, such as by another replica that enforces the number of files.
    private var isGone: Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_nlink == 0
    }

    private mutating func begin() throws(SystemError) {
        if descriptor >= 0 { close(descriptor) }
        (descriptor, size) = (-1, 0)
        let stamp = "\(Process.now)".filter { $0 != "-" && $0 != ":" }
        repeat {
            number += 1
            let order = String(repeating: "0", count: max(0, 6 - "\(number)".count)) + "\(number)"
            let name = "\(RecordingFolder.prefix)\(stamp)-\(order)-\(host)\(RecordingFolder.ending)"
            descriptor = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        } while descriptor < 0 && errno == EEXIST
        guard descriptor >= 0 else { throw SystemError(call: "open", code: errno) }
        prune()
    }

    /// Deletes the oldest files; names begin with the creation time.
    private func prune() {
        guard let stream = opendir(path) else { return }
        defer { closedir(stream) }
        var names: [String] = []
        // The entry is valid until the next `readdir`; its name ends with a zero byte.
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasPrefix(RecordingFolder.prefix), name.hasSuffix(RecordingFolder.ending) { names.append(name) }
        }
        for name in names.sorted().dropLast(maximumFiles) { unlink("\(path)/\(name)") }
    }
}
