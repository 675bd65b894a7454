import Evaluation
import Glibc
import Languages
import Net
import Report
import Rules

/// A file with settings, one `NAME=VALUE` per line: one that `--env-file` names, or the `.playbook.env` of a repository.
///
/// It takes only the settings of the sections about evaluation and rules, and the server never reads it.
struct SettingsFile {
    /// The path, relative to the current directory.
    let path: String
    /// The values by name.
    let values: [String: String]

    /// The name of a repository's file.
    static let name = ".playbook.env"
    /// The sections of the configuration reference whose settings it takes.
    static let topics: [Setting.Topic] = [.evaluation, .rules]
    /// The largest file that is read, in bytes.
    private static let maximumSize = 1 << 20
    /// The number of unusable lines after which reading stops.
    private static let maximumProblems = 20

    /// Returns the files of a command, in order of precedence.
    ///
    /// - Parameter named: The files that `--env-file` names; the last one has precedence.
    /// - Returns: The files.
    /// - Throws: A ``CommandError`` with every unusable line of a file.
    static func all(named: [String]) throws(CommandError) -> [SettingsFile] {
        var files: [SettingsFile] = []
        for path in named.reversed() { files.append(try SettingsFile(path, isNamed: true)) }
        if let path = pathInRepository() { files.append(try SettingsFile(path, isNamed: false)) }
        return files
    }

    /// Returns the nearest file in the current directory or its parents, up to the root of the repository; outside of a
    /// repository, in the current directory only.
    private static func pathInRepository() -> String? {
        guard let buffer = getcwd(nil, 0) else { return nil }
        defer { free(buffer) }
        let depth = String(cString: buffer).split(separator: "/").count
        let directories = (0...depth).map { String(repeating: "../", count: $0) }
        let root = directories.firstIndex { exists("\($0).git") } ?? 0
        return directories[...root].map { $0 + name }.first(where: exists)
    }

    private static func exists(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0
    }

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: The path.
    ///   - isNamed: True if the user names it; other files can name only files in their directory or below it.
    /// - Throws: A ``CommandError`` with every unusable line.
    private init(_ path: String, isNamed: Bool) throws(CommandError) {
        self.path = path
        guard isNamed || SettingsFile.isInside(path, SettingsFile.directory(of: path)) else {
            throw CommandError(message: "\(path) is a link to a file outside of its directory; replace it with a file")
        }
        let text: String
        do throws(SystemError) {
            text = String(
                decoding: try readFile(path, atMost: SettingsFile.maximumSize, mayWait: isNamed), as: UTF8.self)
        } catch {
            throw CommandError(message: "\(path): \(String(cString: strerror(error.code)))")
        }
        var values: [String: String] = [:]
        var lines: [String: Int] = [:]
        var problems: [String] = []
        // A Windows line ending is one character.
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            do throws(CommandError) {
                guard let (name, value) = try SettingsFile.entry(String(line), in: path, isNamed: isNamed) else {
                    continue
                }
                if let first = lines[name] {
                    throw CommandError(message: "duplicate setting \(name) (first set on line \(first))")
                }
                (values[name], lines[name]) = (value, index + 1)
            } catch {
                problems.append(oneLine("\(path):\(index + 1): \(error.message)"))
                if problems.count == SettingsFile.maximumProblems { break }
            }
        }
        guard problems.isEmpty else { throw CommandError(message: problems.joined(separator: "\n")) }
        self.values = values
    }

    /// Returns the name and the value in a line; nil for an empty line or a comment.
    private static func entry(
        _ line: String, in file: String, isNamed: Bool
    ) throws(CommandError) -> (name: String, value: String)? {
        let text = line.drop { $0 == " " || $0 == "\t" || $0 == "\u{FEFF}" }
        guard !text.isEmpty, !text.hasPrefix("#") else { return nil }
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else {
            throw CommandError(message: "expected NAME=VALUE, such as PLAYBOOK_PROFILE=start")
        }
        var value = parts[1][...]
        while value.last?.isWhitespace ?? false { value.removeLast() }
        for quote in ["\"", "'"] where value.count > 1 && value.hasPrefix(quote) && value.hasSuffix(quote) {
            value = value.dropFirst().dropLast()
        }
        let catalogue = Catalogue.playbook
        guard let setting = catalogue.settings.first(where: { $0.name == parts[0] }) else {
            let nearest = nearest(to: parts[0], in: catalogue.settings.map(\.name))
            throw CommandError(
                message:
                    "unknown setting \(parts[0])\(nearest.map { "; did you mean \($0)?" } ?? "; see playbook config")")
        }
        guard topics.contains(setting.topic) else {
            throw CommandError(
                message:
                    "\(setting.name) is a setting of the section \(setting.topic.rawValue); this file takes only the sections "
                    + topics.map(\.rawValue).joined(separator: " and ") + "; remove the line")
        }
        if setting.form == "path", !value.isEmpty {
            value = try target(String(value), of: setting, in: file, isNamed)[...]
        }
        do throws(SettingsError) {
            _ = try Settings(environment: [setting.name: String(value)])
        } catch {
            throw CommandError(message: error.description)
        }
        return (setting.name, String(value))
    }

    /// Returns the path of a file that a setting names: relative to the directory of the settings file.
    ///
    /// A change to a repository must not make a pipeline read, and show in an error, another file of the machine.
    private static func target(
        _ path: String, of setting: Setting, in file: String, _ isNamed: Bool
    ) throws(CommandError) -> String {
        let target = path.hasPrefix("/") ? path : directory(of: file) + path
        guard isNamed || isInside(target, directory(of: file)) else {
            throw CommandError(
                message: "\(setting.name): \(path) is not a file in the directory of \(name) or below it")
        }
        return target
    }

    private static func directory(of file: String) -> String {
        file.lastIndex(of: "/").map { String(file[...$0]) } ?? "./"
    }

    /// True if a file exists in a directory or below it, also after links are resolved.
    private static func isInside(_ path: String, _ directory: String) -> Bool {
        guard let inner = resolved(path), let outer = resolved(directory) else { return false }
        return inner.hasPrefix(outer == "/" ? outer : outer + "/")
    }

    private static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
