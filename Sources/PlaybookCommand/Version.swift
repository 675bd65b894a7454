import CBuild

/// The version, and the commit and compiler of the build.
enum Version {
    // scripts/version reads this line, and writes it with every place that repeats the version.
    static let current = "0.1.0"
    static let commit = String(cString: build_commit)
    static let swift = String(cString: build_swift)

    /// Returns the environment with the defaults of the build: a release links denials to its own documentation.
    static func completed(_ environment: [String: String]) -> [String: String] {
        let documentation = String(cString: build_docs_url)
        guard !documentation.isEmpty else { return environment }
        return environment.merging(["PLAYBOOK_DOCS_URL": documentation]) { given, _ in given }
    }
}
