internal import Glibc

/// Reads a file whole: certificates, tokens and the like, which are small.
///
/// - Parameters:
///   - path: Where it is.
///   - limit: How many bytes it may have.
/// - Returns: Its contents.
/// - Throws: A ``SystemError`` with the path; `EFBIG` when it is too large.
public func readFile(_ path: String, atMost limit: Int = 1 << 20) throws(SystemError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError(last: "open", context: path) }
    let file = Descriptor(owning: descriptor)
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
