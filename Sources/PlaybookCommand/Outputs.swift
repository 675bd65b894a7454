import Glibc

/// Files that are written.
enum Outputs {
    /// Gives a file other contents, all at once: who reads it sees the old ones or the new ones, and a full disk harms nothing.
    ///
    /// What a link leads to is replaced, not the link; the file's mode stays, and its owner where we may.
    static func replace(_ path: String, with bytes: [UInt8]) -> Inputs.Failure? {
        guard let resolved = realpath(path, nil) else { return Inputs.failure(path) }
        defer { free(resolved) }
        let target = String(cString: resolved)
        var status = stat()
        guard stat(target, &status) == 0 else { return Inputs.failure(path) }
        let temporary = "\(target).playbook-\(getpid())"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return Inputs.failure(path) }
        _ = fchown(descriptor, status.st_uid, status.st_gid)
        let isWritten =
            Console.write(bytes, to: descriptor) && fchmod(descriptor, status.st_mode & 0o7777) == 0
            && fsync(descriptor) == 0
        let failure = isWritten ? nil : Inputs.failure(path)
        close(descriptor)
        if failure == nil, rename(temporary, target) == 0 { return nil }
        let reason = failure ?? Inputs.failure(path)
        unlink(temporary)
        return reason
    }

    /// Makes a file, or gives one other contents.
    static func write(_ path: String, _ bytes: [UInt8]) -> Inputs.Failure? {
        if access(path, F_OK) == 0 { return replace(path, with: bytes) }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return Inputs.failure(path) }
        defer { close(descriptor) }
        return Console.write(bytes, to: descriptor) ? nil : Inputs.failure(path)
    }
}
