import Foundation

/// The files under `Tests/Fixtures`.
public enum Fixtures {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures")

    /// Returns the path of a fixture.
    public static func path(_ name: String) -> String { root.appending(path: name).path }

    /// Returns the bytes of a fixture.
    public static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: root.appending(path: name)))
    }

    /// Returns the text of a fixture.
    public static func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }

    /// Returns the paths of the files in a directory of fixtures, sorted.
    public static func files(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path(folder)).sorted().map { "\(folder)/\($0)" }
    }

    /// Returns the paths of the recorded reviews, in the order of recording.
    public static func reviews() throws -> [String] { try files(in: "reviews").filter { $0.hasSuffix(".json") } }
}
