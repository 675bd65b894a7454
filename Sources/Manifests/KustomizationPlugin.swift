import JSON

/// The configuration of generators, transformers or validators of kustomize.
struct KustomizationPlugin {
    private let documents: [Literal]

    /// Reads the documents of a file; nil if they cannot be read.
    init?(_ file: ManifestFile) {
        guard file.problem == nil else { return nil }
        var documents: [Literal] = []
        for document in file.documents {
            guard let root = try? Literal(parsing: document.json) else { return nil }
            documents.append(root)
        }
        self.documents = documents
    }

    /// Reads a text that kustomize takes as objects; nil if kustomize takes it as a path or address.
    init?(inline text: String) {
        self.init(ManifestFile(path: "-", bytes: Array(text.utf8)))
        let areObjects = documents.allSatisfy { root in
            root["kind"]?.text != nil
                && !root.members.contains { Kustomization.Reference(use: .data, target: $0.key + ":").isRemote }
        }
        guard !documents.isEmpty, areObjects else { return nil }
    }

    /// The first file or address that it refers to; nil if there is none.
    var target: String? { firstTarget(addressesOnly: false) }

    /// The first address that it refers to; nil if there is none.
    var address: String? { firstTarget(addressesOnly: true) }

    private func firstTarget(addressesOnly: Bool) -> String? {
        for root in documents {
            if let found = KustomizationPlugin.target(in: root, field: "", addressesOnly) { return found }
        }
        return nil
    }

    /// The fields of plugins that contain files or addresses.
    private static let readers: Set<String> = [
        "additionalvaluesfiles", "bases", "components", "configurations", "crds", "env", "envs", "file", "files",
        "path", "paths", "repo", "resources", "targetfilepath", "url", "urls", "valuesfile",
    ]

    /// A field whose paths are paths of fields in objects.
    private static let fieldPaths = "fieldspecs"

    private static func target(in value: Literal, field: String, _ addressesOnly: Bool) -> String? {
        switch value {
        case .string(let text):
            let isTarget =
                readers.contains(field)
                ? !addressesOnly || Kustomization.Reference(use: .data, target: text).isRemote : isAddress(text)
            return isTarget ? text : nil
        case .array(let elements):
            for element in elements {
                if let found = target(in: element, field: field, addressesOnly) { return found }
            }
            return nil
        case .object(let members):
            // Everything in such a field has the use of the field.
            let isKept = readers.contains(field) || field == fieldPaths
            for member in members {
                let name = isKept ? field : Kustomization.folded(member.key)
                if let found = target(in: member.value, field: name, addressesOnly) { return found }
            }
            return nil
        default: return nil
        }
    }

    /// True if a text of any field is an address; a text with spaces is none.
    private static func isAddress(_ text: String) -> Bool {
        guard !text.contains(where: \.isWhitespace) else { return false }
        let start = text.lowercased()
        return text.has("://") || ["http:", "https:", "git@", "git::", "gh:"].contains(where: start.hasPrefix)
    }
}
