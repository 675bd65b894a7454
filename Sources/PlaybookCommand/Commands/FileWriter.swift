internal import CLinux
import Glibc
import Report

/// Writes files.
enum FileWriter {
    /// Replaces the contents of a file atomically: readers see the old or the new contents, and a full disk leaves the old ones.
    ///
    /// The target of a link is replaced, not the link; the file keeps its mode, and its owner if the process may set it.
    static func replace(_ path: String, with bytes: [UInt8]) -> Inputs.Failure? { replace([(path, bytes)])[0] }

    /// Replaces the contents of files, each atomically.
    ///
    /// - Parameter files: The paths and the new contents.
    /// - Returns: The failures, by index of the file.
    static func replace(_ files: [(path: String, bytes: [UInt8])]) -> [Int: Inputs.Failure] {
        var failures: [Int: Inputs.Failure] = [:]
        for start in stride(from: 0, to: files.count, by: Replacement.maximum) {
            let batch = start..<min(start + Replacement.maximum, files.count)
            var disks = Disks(isOneByOne: batch.count <= Replacement.few)
            var written: [(index: Int, replacement: Replacement)] = []
            for index in batch {
                do throws(Inputs.Failure) {
                    written.append((index, try Replacement(of: files[index].path, files[index].bytes, on: &disks)))
                } catch {
                    failures[index] = error
                }
            }
            let faults = disks.synchronize()
            for (index, replacement) in written {
                failures[index] = replacement.finish(faults[replacement.disk])
            }
        }
        return failures
    }

    /// Creates a file or replaces its contents; writes directly to other paths, such as `/dev/stdout`.
    static func write(_ path: String, _ bytes: [UInt8]) -> Inputs.Failure? {
        var status = stat()
        let isThere = stat(path, &status) == 0
        if isThere, status.st_mode & S_IFMT == S_IFREG { return replace(path, with: bytes) }
        let descriptor = open(path, O_WRONLY | O_CLOEXEC | (isThere ? 0 : O_CREAT | O_EXCL), 0o644)
        guard descriptor >= 0 else { return Inputs.failure(path) }
        defer { close(descriptor) }
        return Console.write(bytes, to: descriptor) ? nil : Inputs.failure(path)
    }
}

/// The new contents of a file, in a temporary file in the same directory until they are on the disk.
private struct Replacement {
    /// The largest number of temporary files: they take space, and remain when the process is killed.
    static let maximum = 512
    /// The largest number of files that are synchronized one by one; for more, the whole disk is synchronized.
    static let few = 16

    private let path: String
    private let target: String
    private let temporary: String
    let disk: dev_t

    init(of path: String, _ bytes: [UInt8], on disks: inout Disks) throws(Inputs.Failure) {
        guard let resolved = realpath(path, nil) else { throw Inputs.failure(path) }
        defer { free(resolved) }
        self.path = path
        target = String(cString: resolved)
        var status = stat()
        guard stat(target, &status) == 0 else { throw Inputs.failure(path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Inputs.Failure(path, "not a regular file") }
        disk = status.st_dev
        temporary = "\(target).playbook-\(getpid())-\(disks.nextNumber())"
        disks.watch(disk, at: target)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Inputs.failure(path) }
        _ = fchown(descriptor, status.st_uid, status.st_gid)
        let isWritten =
            Console.write(bytes, to: descriptor) && fchmod(descriptor, status.st_mode & 0o7777) == 0
            && (!disks.isOneByOne || fsync(descriptor) == 0)
        let failure = isWritten ? nil : Inputs.failure(path)
        close(descriptor)
        guard let failure else { return }
        unlink(temporary)
        throw failure
    }

    /// Replaces the file, unless the disk failed to write the contents.
    func finish(_ fault: Int32?) -> Inputs.Failure? {
        if fault == nil, rename(temporary, target) == 0 { return nil }
        if let fault { errno = fault }
        let failure = Inputs.failure(path)
        unlink(temporary)
        return failure
    }
}

/// The disks of many files; synchronizing each file instead would take some milliseconds per file.
private struct Disks {
    let isOneByOne: Bool
    /// A file on each disk, opened before the first write: its descriptor reports every failure since then.
    private var descriptors: [dev_t: Int32] = [:]
    private var number = 0

    init(isOneByOne: Bool) { self.isOneByOne = isOneByOne }

    mutating func nextNumber() -> Int {
        number += 1
        return number
    }

    mutating func watch(_ disk: dev_t, at path: String) {
        guard !isOneByOne, descriptors[disk] == nil else { return }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor >= 0 { descriptors[disk] = descriptor }
    }

    /// Synchronizes the disks; returns the `errno` of those that failed.
    mutating func synchronize() -> [dev_t: Int32] {
        var faults: [dev_t: Int32] = [:]
        for (disk, descriptor) in descriptors {
            if syncfs(descriptor) != 0 { faults[disk] = errno }
            close(descriptor)
        }
        descriptors = [:]
        return faults
    }
}
