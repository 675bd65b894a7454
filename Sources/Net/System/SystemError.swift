internal import Glibc

/// A system call that failed: which one, why, and on what.
public struct SystemError: Error, Equatable, CustomStringConvertible {
    /// The call's name as in its manual page.
    public let call: String
    /// The value of `errno` after the call.
    public let code: Int32
    /// What the call was made on, such as an address or a path; may be empty.
    public let context: String

    /// Records a failure that is already known.
    public init(call: String, code: Int32, context: String = "") {
        self.call = call
        self.code = code
        self.context = context
    }

    /// Records the failure of the call just made; nothing may come between the call and this.
    init(last call: String, context: String = "") {
        self.init(call: call, code: errno, context: context)
    }

    /// Whether what the call was made on does not exist.
    public var isMissingFile: Bool { code == ENOENT || code == ENOTDIR }

    /// The failure as a sentence: what was tried, on what, and the system's reason.
    public var description: String {
        let reason = String(cString: strerror(code))
        return context.isEmpty ? "\(call): \(reason)" : "\(call) \(context): \(reason)"
    }
}
