import JSON

/// The contents of a Helm chart's `Chart.yaml`.
public struct Chart: Sendable {
    /// The name of the file.
    public static let fileName = "Chart.yaml"

    /// The name of the chart.
    public let name: String
    /// True for a library chart, which renders no objects.
    public let isLibrary: Bool
    /// The names of the charts that it depends on.
    public let dependencies: [String]
    /// The reason that it cannot be rendered; nil if there is none.
    public let obstacle: String?

    /// Reads a `Chart.yaml`, and the `requirements.yaml` of an older chart.
    public init(_ file: ManifestFile, requirements: ManifestFile? = nil) {
        let root = Chart.root(of: file)
        name = root?["name"]?.text ?? ""
        obstacle = file.problem.map { "it cannot be read: \($0)" } ?? (name.isEmpty ? "name is not set" : nil)
        isLibrary = root?["type"]?.text == "library"
        let listed = root?["dependencies"] ?? requirements.flatMap(Chart.root)?["dependencies"]
        dependencies = (listed?.elements ?? []).compactMap { $0["name"]?.text }
    }

    private static func root(of file: ManifestFile) -> Literal? {
        guard file.problem == nil, file.documents.count == 1 else { return nil }
        return try? Literal(parsing: file.documents[0].json)
    }

    /// True if Helm reads a file, named by its path from the directory of the chart; other files can be manifests.
    public static func reads(_ path: String) -> Bool {
        let parts: [String] =
            path.utf8.contains(UInt8(ascii: "/"))
            ? ["templates/", "files/", "charts/", "crds/"]
            : ["Chart.", "requirements.", "values.", "values-", "values_"]
        return parts.contains { path.hasPrefix($0) }
    }

    /// The first dependency that is not in `charts/`, as a directory or archive; nil if none is missing.
    public func missingDependency(in charts: [String]) -> String? {
        dependencies.first { name in
            !charts.contains {
                $0 == name || $0.hasPrefix("\(name)-") && ($0.hasSuffix(".tgz") || $0.hasSuffix(".tar.gz"))
            }
        }
    }

    /// The name of a release that Helm accepts.
    public var releaseName: String {
        let scalars = name.lowercased().unicodeScalars.map { scalar in
            "a"..."z" ~= scalar || "0"..."9" ~= scalar ? Character(scalar) : "-"
        }
        let trimmed = String(scalars.prefix(53)).split(separator: "-", omittingEmptySubsequences: true)
        return trimmed.isEmpty ? "release" : trimmed.joined(separator: "-")
    }
}
