import JSON

/// The contents of a kustomization file: the files and directories that it refers to.
public struct Kustomization: Sendable {
    /// The names of kustomization files.
    public static let names: Set<String> = ["kustomization.yaml", "kustomization.yml", "Kustomization"]

    /// A file, directory or URL that a kustomization refers to.
    public struct Reference: Sendable, Hashable {
        /// The use of the target.
        public enum Use: Sendable {
            /// Its objects are in the output.
            case resource
            /// It changes other objects.
            case patch
            /// Its contents are data of an object or configuration.
            case data
        }

        /// The use of the target.
        public let use: Use
        /// The path or URL, as written.
        public let target: String

        /// True if kustomize would read it from the network or with git; in case of doubt it would.
        public var isRemote: Bool {
            if ["://", "?ref=", "?version="].contains(where: target.has) { return true }
            let hosts = ["git@", "git::", "gh:", "github.com", "gitlab.com", "bitbucket.org", "ssh.", "www."]
            if hosts.contains(where: target.lowercased().hasPrefix) { return true }
            if target.hasSuffix(".git") || target.has(".git/") || target.has("_git/") { return true }
            // user@host:path
            guard let at = target.firstIndex(of: "@"), let colon = target.firstIndex(of: ":") else { return false }
            return at < colon && !target[..<colon].contains("/")
        }
    }

    /// True if it is a Component, which cannot be built alone.
    public let isComponent: Bool
    /// The references, in the order of the fields.
    public let references: [Reference]
    /// The reason that it cannot be built, apart from its references; nil if there is none.
    public let obstacle: String?

    /// Reads a kustomization file; nil if it is one in name only, such as a Kustomization of Flux.
    public init?(_ file: ManifestFile) {
        guard file.problem == nil, file.documents.count == 1, let root = try? Literal(parsing: file.documents[0].json),
            !root.members.isEmpty
        else { return nil }
        let apiVersion = root["apiVersion"]?.text ?? "kustomize.config.k8s.io/v1beta1"
        guard apiVersion.hasPrefix("kustomize.config.k8s.io/") else { return nil }
        isComponent = root["kind"]?.text == "Component"
        var references: [Reference] = []
        func add(_ use: Reference.Use, _ value: Literal?) {
            // A text with several lines, or in flow style, is the content itself.
            guard let text = value?.text, !text.contains("\n"), !text.has("{"), !text.isEmpty else { return }
            references.append(Reference(use: use, target: text))
        }
        for field in ["resources", "bases", "components"] {
            for element in root[field]?.elements ?? [] { add(.resource, element) }
        }
        for field in ["patches", "patchesStrategicMerge", "patchesJson6902"] {
            for element in root[field]?.elements ?? [] { add(.patch, element["path"] ?? element) }
        }
        for field in ["crds", "configurations", "generators", "transformers", "validators"] {
            for element in root[field]?.elements ?? [] { add(.data, element) }
        }
        for element in root["replacements"]?.elements ?? [] { add(.data, element["path"]) }
        add(.data, root["openapi"]?["path"])
        for field in ["configMapGenerator", "secretGenerator"] {
            for generator in root[field]?.elements ?? [] {
                for entry in generator["files"]?.elements ?? [] {
                    let text = entry.text ?? ""
                    add(.data, .string(text.firstIndex(of: "=").map { String(text[text.index(after: $0)...]) } ?? text))
                }
                for entry in generator["envs"]?.elements ?? [] { add(.data, entry) }
                add(.data, generator["env"])
            }
        }
        self.references = references
        let charts = ["helmCharts", "helmChartInflationGenerator"].first { !(root[$0]?.elements ?? []).isEmpty }
        obstacle = charts.map { "\($0) needs a plugin (--enable-helm)" }
    }
}

extension Kustomization {
    /// Returns a kustomization file with one more resource.
    ///
    /// - Parameters:
    ///   - name: The path of the resource.
    ///   - file: The kustomization file.
    /// - Returns: The changed file.
    /// - Throws: A ``CannotEdit`` if its text cannot be changed accordingly.
    public static func adding(_ name: String, to file: ManifestFile) throws(CannotEdit) -> ManifestFile {
        guard file.documents.count == 1, var root = try? Literal(parsing: file.documents[0].json),
            case .object(var members) = root, let index = members.firstIndex(where: { $0.key == "resources" })
        else { throw CannotEdit("it has no list of resources") }
        members[index].value = .array(members[index].value.elements + [.string(name)])
        root = .object(members)
        return try file.rewritten(0, toSay: root)
    }
}

/// Files and directories that kustomizations refer to.
public protocol FileTree {
    /// Returns the type of a file; `outside` if it is outside of the repository.
    func type(of path: String) -> FileType
    /// Returns a parsed file; nil if it cannot be read.
    mutating func file(_ path: String) -> ManifestFile?
}

/// The type of a file in a ``FileTree``.
public enum FileType: Sendable {
    /// A file.
    case file
    /// A directory.
    case directory
    /// There is no such file.
    case none
    /// It is outside of the repository.
    case outside
}

/// All files that a kustomization reads, directly and through other kustomizations.
public struct KustomizationFiles: Sendable {
    /// The kustomization files, by directory.
    public private(set) var kustomizations: [String: String] = [:]
    /// The files whose objects are in the output, in order.
    public private(set) var resources: [String] = []
    /// The files that change other objects.
    public private(set) var patches: Set<String> = []
    /// The files with data and configuration.
    public private(set) var data: Set<String> = []
    /// True for a Component, which cannot be built alone.
    public private(set) var isComponent = false
    /// The first URL or git address that it refers to.
    public private(set) var remote: String?
    /// The first reason that it cannot be built; nil if there is none.
    public private(set) var obstacle: String?

    /// The number of references is limited, and the nesting depth.
    static let maximumReferences = 20_000
    static let maximumDepth = 32

    /// Follows the references of the kustomization in a directory; nil if the directory has none.
    public init?(of directory: String, in tree: inout some FileTree) {
        var count = 0
        guard follow(directory, .resource, 0, [], &count, in: &tree) else { return nil }
    }

    /// All files.
    public var all: Set<String> { data.union(patches).union(resources).union(kustomizations.values) }

    private mutating func refuse(_ reason: String) { obstacle = obstacle ?? reason }

    private mutating func follow(
        _ directory: String, _ use: Kustomization.Reference.Use, _ depth: Int, _ above: Set<String>, _ count: inout Int,
        in tree: inout some FileTree
    ) -> Bool {
        guard kustomizations[directory] == nil else { return true }
        let found = Kustomization.names.sorted().map { PathText.joined(directory, $0) }.first {
            tree.type(of: $0) == .file
        }
        guard let path = found, let file = tree.file(path), let kustomization = Kustomization(file) else {
            return false
        }
        kustomizations[directory] = path
        if depth == 0 { isComponent = kustomization.isComponent }
        if let reason = kustomization.obstacle { refuse(reason) }
        for reference in kustomization.references {
            count += 1
            guard count <= KustomizationFiles.maximumReferences else {
                return refuseAndStop("it refers to too many files")
            }
            if reference.isRemote {
                remote = remote ?? reference.target
                continue
            }
            let target = PathText.joined(directory, reference.target)
            switch tree.type(of: target) {
            case .none: refuse("\(target) does not exist")
            case .outside: refuse("\(target) is outside of the repository")
            case .file:
                switch reference.use {
                case .resource where use == .resource: if !resources.contains(target) { resources.append(target) }
                case .patch: patches.insert(target)
                default: data.insert(target)
                }
            case .directory:
                guard !above.contains(target), target != directory else {
                    refuse("\(target) refers to itself")
                    continue
                }
                guard depth < KustomizationFiles.maximumDepth else {
                    return refuseAndStop("its bases are nested too deep")
                }
                let next: Kustomization.Reference.Use = use == .resource ? reference.use : use
                if !follow(target, next, depth + 1, above.union([directory]), &count, in: &tree) {
                    refuse("\(target) has no kustomization file")
                }
            }
        }
        return true
    }

    private mutating func refuseAndStop(_ reason: String) -> Bool {
        refuse(reason)
        return true
    }
}
