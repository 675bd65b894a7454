import Glibc
import Manifests

/// The files on the disk that kustomizations refer to.
struct DiskTree: FileTree {
    /// The files that were parsed.
    var files: [String: ManifestFile] = [:]
    let workingDirectory = Inputs.realPath(".") ?? "/"
    private static let maximumSize = 16 << 20

    func type(of path: String) -> FileType {
        let type = DirectoryWalk.type(of: path)
        guard type != 0 else { return .none }
        guard let real = Inputs.realPath(path), isInside(real, path) else { return .outside }
        return type == S_IFDIR ? .directory : type == S_IFREG ? .file : .none
    }

    /// True if a file is in the repository of the path that names it; without one, links are followed anywhere.
    private func isInside(_ real: String, _ path: String) -> Bool {
        let absolute = PathText.joined(workingDirectory, path)
        guard real != absolute, let root = Inputs.repositoryRoot(of: PathText.directory(of: absolute)) else {
            return true
        }
        let realRoot = Inputs.realPath(root) ?? root
        return PathText.isIn(realRoot, real) || real == realRoot
    }

    mutating func file(_ path: String) -> ManifestFile? {
        if let file = files[path] { return file }
        guard DirectoryWalk.type(of: path) == S_IFREG, type(of: path) == .file,
            let bytes = try? Inputs.bytes(of: path, atMost: DiskTree.maximumSize).get(), !ManifestFile.isBinary(bytes)
        else { return nil }
        let file = ManifestFile(path: path, bytes: bytes)
        files[path] = file
        return file
    }

    func hasKustomization(_ directory: String) -> Bool {
        Kustomization.names.contains { type(of: PathText.joined(directory, $0)) == .file }
    }

    /// True if no directory above needs to be searched.
    func isRoot(_ directory: String) -> Bool {
        directory == "/" || DirectoryWalk.type(of: PathText.joined(directory, ".git")) != 0
    }
}
