internal import Glibc

/// Reads a small file, such as a certificate or a token.
///
/// - Parameters:
///   - path: The path of the file.
///   - limit: The largest size in bytes.
///   - mayWait: True if the file can be a pipe, which is read until its writer closes it; otherwise only a regular file is read.
/// - Returns: The contents.
/// - Throws: A ``SystemError`` with the path; `EFBIG` if the file is too large.
public func readFile(
    _ path: String, atMost limit: Int = 1 << 20, mayWait: Bool = false
) throws(SystemError) -> [UInt8] {
    // Opening a pipe for reading would wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | (mayWait ? 0 : O_NONBLOCK))
    guard descriptor >= 0 else { throw SystemError(last: "open", context: path) }
    let file = Descriptor(owning: descriptor)
    if !mayWait {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemError(last: "fstat", context: path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SystemError(call: "open", code: EINVAL, context: "\(path) (not a regular file)")
        }
    }
    var contents: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 * 1024)
    while true {
        switch chunk.withUnsafeMutableBytes({ file.read(into: $0) }) {
        case .bytes(let count):
            contents += chunk.prefix(count)
            guard contents.count <= limit else { throw SystemError(call: "read", code: EFBIG, context: path) }
        case .end: return contents
        case .wantsRead, .wantsWrite, .failed: throw SystemError(last: "read", context: path)
        }
    }
}
