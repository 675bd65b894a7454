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
            /// It configures a generator, transformer or validator, which can read other files.
            case plugin
        }

        /// The use of the target.
        public let use: Use
        /// The path or URL, as written.
        public let target: String

        /// True if kustomize would read it from the network or with git; in case of doubt it would.
        public var isRemote: Bool {
            if ["://", "?ref=", "?version="].contains(where: target.has) { return true }
            let hosts = [
                "http:", "https:", "git@", "git::", "gh:", "github.com", "gitlab.com", "bitbucket.org", "ssh.", "www.",
            ]
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
    /// The reason that its references are not known; nil if they are.
    let problem: String?
    /// True if it only lists resources, and does not change them.
    let isList: Bool

    /// Reads a kustomization file; nil if it is one in name only, such as a Kustomization of Flux.
    ///
    /// A file that cannot be read has no references, and its problem is an obstacle.
    public init?(_ file: ManifestFile) {
        problem =
            file.problem.map { "it cannot be read: \($0)" }
            ?? (file.documents.count > 1 ? "it has several YAML documents" : nil)
        guard problem == nil else {
            (isComponent, references, obstacle, isList) = (false, [], problem, false)
            return
        }
        guard let root = file.documents.first.flatMap({ try? Literal(parsing: $0.json) }), !root.members.isEmpty else {
            return nil
        }
        let versions = root.values(of: "apiVersion").compactMap(\.text)
        guard versions.allSatisfy({ $0.hasPrefix("kustomize.config.k8s.io/") }) else { return nil }
        isComponent = root.values(of: "kind").contains { $0.text == "Component" }
        let names = Set(root.members.map { Kustomization.folded($0.key) })
        isList = names.isSubset(of: ["apiversion", "kind", "metadata", "resources", "bases"])
        references = Kustomization.references(in: root)
        obstacle = Kustomization.obstacle(in: root)
    }

    private static func references(in root: Literal) -> [Reference] {
        var references: [Reference] = []
        func add(_ use: Reference.Use, _ values: [Literal]) {
            for text in values.compactMap(\.text) where !text.isEmpty {
                references.append(Reference(use: use, target: text))
            }
        }
        for field in ["resources", "bases", "components"] { add(.resource, root.elements(of: field)) }
        for field in ["patches", "patchesJson6902"] {
            for element in root.elements(of: field) { add(.patch, [element] + element.values(of: "path")) }
        }
        add(
            .patch,
            root.elements(of: "patchesStrategicMerge").filter { element in
                // A text with several lines, or of an object, is the patch itself.
                guard let text = element.text, !text.utf8.contains(UInt8(ascii: "\n")) else { return false }
                return KustomizationPlugin(inline: text) == nil
            })
        for field in ["crds", "configurations"] { add(.data, root.elements(of: field)) }
        for text in pluginTexts(in: root) where !isInline(text) { add(.plugin, [.string(text)]) }
        for element in root.elements(of: "replacements") { add(.data, element.values(of: "path")) }
        for element in root.values(of: "openapi") { add(.data, element.values(of: "path")) }
        for field in ["configMapGenerator", "secretGenerator"] {
            for generator in root.elements(of: field) {
                for text in generator.elements(of: "files").compactMap(\.text) {
                    let path = text.firstIndex(of: "=").map { String(text[text.index(after: $0)...]) } ?? text
                    add(.data, [.string(path)])
                }
                add(.data, generator.elements(of: "envs") + generator.values(of: "env"))
            }
        }
        return references
    }

    private static func obstacle(in root: Literal) -> String? {
        if let unknown = root.members.first(where: { !fields.contains(folded($0.key)) }) {
            return "unknown field \(unknown.key)"
        }
        for field in ["helmCharts", "helmChartInflationGenerator"] where !root.elements(of: field).isEmpty {
            return "\(field) needs a plugin (--enable-helm)"
        }
        for text in pluginTexts(in: root) where isInline(text) {
            guard let plugin = KustomizationPlugin(inline: text) else { return "an inline plugin cannot be read" }
            if let target = plugin.target { return "an inline plugin reads \(target)" }
        }
        return nil
    }

    private static func pluginTexts(in root: Literal) -> [String] {
        ["generators", "transformers", "validators"].flatMap { root.elements(of: $0).compactMap(\.text) }
    }

    /// True if a text is the configuration of a plugin itself, and not its path or address.
    private static func isInline(_ text: String) -> Bool {
        if KustomizationPlugin(inline: text) != nil { return true }
        return text.utf8.contains(UInt8(ascii: "\n")) && !Reference(use: .plugin, target: text).isRemote
    }

    /// The fields of a kustomization file.
    private static let fields = Set(
        [
            "apiVersion", "kind", "metadata", "openapi", "namePrefix", "nameSuffix", "namespace", "commonLabels",
            "labels", "commonAnnotations", "patchesStrategicMerge", "patchesJson6902", "patches", "images",
            "imageTags", "replacements", "replicas", "vars", "sortOptions", "resources", "components", "crds", "bases",
            "configMapGenerator", "secretGenerator", "helmGlobals", "helmCharts", "helmChartInflationGenerator",
            "generatorOptions", "configurations", "generators", "transformers", "validators", "buildMetadata",
        ].map(folded))

    /// Returns a field's name in the form in which kustomize compares names: the case does not matter.
    static func folded(_ name: String) -> String {
        // Go also takes the long s as an s.
        name.lowercased().replacing(every: "\u{17F}", by: "s")
    }
}

extension Literal {
    /// The values of a field of a kustomization file, in any case.
    fileprivate func values(of field: String) -> [Literal] {
        let name = Kustomization.folded(field)
        return members.filter { Kustomization.folded($0.key) == name }.map(\.value)
    }

    /// The elements of a list of a kustomization file.
    fileprivate func elements(of field: String) -> [Literal] { values(of: field).flatMap(\.elements) }
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
            case .object(var members) = root, let index = members.firstIndex(where: { folded($0.key) == "resources" })
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
    /// The first kustomization file that cannot be read, so that it can refer to any file; nil if there is none.
    public private(set) var unreadable: String?

    /// The number of references is limited, and the nesting depth.
    static let maximumReferences = 20_000
    static let maximumDepth = 32

    /// Follows the references of the kustomization in a directory; nil if the directory has none.
    public init?(of directory: String, in tree: inout some FileTree) {
        var count = 0
        guard follow(directory, .resource, 0, [], &count, in: &tree) else { return nil }
    }

    /// The directories of kustomizations whose resources configure plugins.
    private var plugins: Set<String> = []

    /// All files.
    public var all: Set<String> { data.union(patches).union(resources).union(kustomizations.values) }

    private mutating func refuse(_ reason: String) { obstacle = obstacle ?? reason }

    private mutating func follow(
        _ directory: String, _ use: Kustomization.Reference.Use, _ depth: Int, _ above: Set<String>, _ count: inout Int,
        in tree: inout some FileTree
    ) -> Bool {
        guard kustomizations[directory] == nil else {
            // Its files are inspected only when it is first read.
            if use == .plugin, !plugins.contains(directory) { refuse("\(directory) has resources and plugins") }
            return true
        }
        let found = Kustomization.names.sorted().map { PathText.joined(directory, $0) }.first {
            tree.type(of: $0) == .file
        }
        guard let path = found, let file = tree.file(path), let kustomization = Kustomization(file) else {
            return false
        }
        kustomizations[directory] = path
        if depth == 0 { isComponent = kustomization.isComponent }
        if let reason = kustomization.obstacle { refuse(reason) }
        if kustomization.problem != nil { unreadable = unreadable ?? path }
        if use == .plugin {
            plugins.insert(directory)
            if !kustomization.isList { refuse("\(path) changes plugins") }
        }
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
                if use == .plugin || reference.use == .plugin { inspectPlugin(target, in: &tree) }
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

    /// Finds an address in the configuration of a plugin.
    private mutating func inspectPlugin(_ path: String, in tree: inout some FileTree) {
        guard let plugin = tree.file(path).flatMap({ KustomizationPlugin($0) }) else {
            return refuse("\(path) cannot be read")
        }
        remote = remote ?? plugin.address
    }

    private mutating func refuseAndStop(_ reason: String) -> Bool {
        refuse(reason)
        return true
    }
}
