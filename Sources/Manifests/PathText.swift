/// Paths as texts, without a file system.
public enum PathText {
    /// Returns a path without `.`, empty parts, and `..` after a name; `.` for the current directory.
    public static func normalized(_ path: String) -> String {
        var parts: [Substring] = []
        let isAbsolute = path.hasPrefix("/")
        for part in path.split(separator: "/") where part != "." {
            if part == "..", let last = parts.last, last != ".." {
                parts.removeLast()
            } else if part != ".." || !isAbsolute {
                parts.append(part)
            }
        }
        let text = parts.joined(separator: "/")
        return isAbsolute ? "/\(text)" : text.isEmpty ? "." : text
    }

    /// Returns a path that is relative to a directory, as a normalized path.
    public static func joined(_ directory: String, _ path: String) -> String {
        normalized(path.hasPrefix("/") ? path : "\(directory)/\(path)")
    }

    /// The directory of a normalized path: `.` for a single name, `..` for the current directory.
    public static func directory(of path: String) -> String { joined(path, "..") }

    /// The last part of a path.
    public static func name(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

    /// True if a normalized path is in a directory at any depth.
    public static func isIn(_ directory: String, _ path: String) -> Bool {
        if directory == "." { return !path.hasPrefix("/") && !path.hasPrefix("../") && path != ".." && path != "." }
        return path.hasPrefix(directory.hasSuffix("/") ? directory : directory + "/")
    }

    /// Returns the path from one absolute directory to another path.
    public static func relative(_ path: String, from directory: String) -> String {
        let (target, start) = (path.split(separator: "/"), directory.split(separator: "/"))
        let shared = zip(target, start).prefix { $0 == $1 }.count
        let parts = Array(repeating: "..", count: start.count - shared) + target[shared...].map(String.init)
        return parts.isEmpty ? "." : parts.joined(separator: "/")
    }
}
