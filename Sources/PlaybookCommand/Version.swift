import CBuild

/// The version, and the commit and compiler of the build.
enum Version {
    // scripts/version reads this line, and writes it with every place that repeats the version.
    static let current = "0.1.0"
    static let commit = String(cString: build_commit)
    static let swift = String(cString: build_swift)
}
