internal import Glibc

/// A failed system call.
public struct SystemError: Error, Equatable, CustomStringConvertible {
    /// The name of the call, as in its manual page.
    public let call: String
    /// The value of `errno` after the call.
    public let code: Int32
    /// The object of the call, such as an address or a path; can be empty.
    public let context: String

    /// Creates an error.
    public init(call: String, code: Int32, context: String = "") {
        self.call = call
        self.code = code
        self.context = context
    }

    /// Creates the error of the last call, immediately after it.
    init(last call: String, context: String = "") {
        self.init(call: call, code: errno, context: context)
    }

    /// True if the file does not exist.
    public var isMissingFile: Bool { code == ENOENT || code == ENOTDIR }

    /// The call, its object and the system's message.
    public var description: String {
        let reason = String(cString: strerror(code))
        return context.isEmpty ? "\(call): \(reason)" : "\(call) \(context): \(reason)"
    }
}
