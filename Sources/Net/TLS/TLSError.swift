internal import COpenSSL

/// A failed OpenSSL call, with OpenSSL's reasons.
public struct TLSError: Error, Equatable, CustomStringConvertible {
    /// The failed task, as a phrase.
    public let task: String
    /// OpenSSL's reasons, the innermost first.
    public let reasons: [String]

    /// The task and the reasons, as a sentence.
    public var description: String {
        reasons.isEmpty ? "\(task) failed" : "\(task): \(reasons.joined(separator: "; "))"
    }

    init(_ task: String, reasons: [String]) {
        self.task = task
        self.reasons = reasons
    }

    /// Removes the reasons from the thread's error queue.
    init(_ task: String) {
        var reasons: [String] = []
        while case let code = ERR_get_error(), code != 0 {
            if let text = ERR_reason_error_string(code) { reasons.append(String(cString: text)) }
        }
        self.init(task, reasons: reasons)
    }
}

/// Owns an OpenSSL object and frees it.
struct Handle: ~Copyable {
    let pointer: OpaquePointer
    private let release: (OpaquePointer?) -> Void

    /// Takes ownership of a new object; nil means that its creation failed.
    init(
        _ pointer: OpaquePointer?, _ task: String, release: @escaping (OpaquePointer?) -> Void
    ) throws(TLSError) {
        guard let pointer else { throw TLSError(task) }
        self.pointer = pointer
        self.release = release
    }

    deinit {
        release(pointer)
    }
}
