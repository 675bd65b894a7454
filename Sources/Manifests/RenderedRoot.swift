public import Evaluation
public import JSON
import Kubernetes
import YAML

/// The objects that a tool rendered from a kustomization or chart.
public struct RenderedRoot: Sendable {
    /// The kustomization file or `Chart.yaml`.
    public let path: String
    /// The rendered objects.
    public let file: ManifestFile
    /// The files that were read, and whose objects can be changed.
    public let sources: [String: ManifestFile]
    /// The source file of each object, by its place in the output.
    private let origins: [String: String]

    private static func key(_ document: ManifestDocument, _ place: Pointer) -> String { "\(document.head)\(place)" }

    /// Creates the root of a chart from the output of `helm template`, whose comments name the source of each document.
    ///
    /// - Parameters:
    ///   - path: The `Chart.yaml`.
    ///   - output: The output.
    ///   - locate: Returns the file for a comment's path, such as `shop/templates/web.yaml`; nil if there is none.
    /// - Throws: A ``ManifestProblem`` if the output cannot be read.
    public init(
        chart path: String, output: [UInt8], locate: (String) -> String?
    ) throws(ManifestProblem) {
        let file = ManifestFile(path: path, bytes: output)
        if let problem = file.problem { throw problem }
        var origins: [String: String] = [:]
        for document in file.documents {
            let start = document.extents?.first?.start ?? document.head
            let head = String(decoding: file.text.bytes[document.head..<max(start, document.head)], as: UTF8.self)
            guard let line = head.split(separator: "\n").last(where: { $0.hasPrefix("# Source: ") }) else { continue }
            origins[RenderedRoot.key(document, Pointer())] = locate(String(line.dropFirst("# Source: ".count)))
        }
        (self.path, self.file, self.origins, sources) = (path, file, origins, [:])
    }

    /// Creates the root of a kustomization from its output with origin annotations, which are removed.
    ///
    /// - Parameters:
    ///   - path: The kustomization file.
    ///   - output: The output.
    ///   - sources: The files whose objects are in the output.
    ///   - locate: Returns the file for the path in an annotation; nil if it is not known.
    /// - Throws: A ``ManifestProblem`` if the output cannot be read.
    public init(
        kustomization path: String, output: [UInt8], sources: [String: ManifestFile], locate: (String) -> String?
    ) throws(ManifestProblem) {
        let rendered = ManifestFile(path: path, bytes: output)
        if let problem = rendered.problem { throw problem }
        var (items, origins): ([Literal], [String: String]) = ([], [:])
        for document in rendered.documents {
            guard var object = try? Literal(parsing: document.json) else { continue }
            if let origin = object.removeOrigin(), let source = locate(origin) {
                origins["0/items/\(items.count)"] = source
            }
            items.append(object)
        }
        let list: Literal = ["apiVersion": "v1", "kind": "List", "items": .array(items)]
        let file = ManifestFile(path: path, bytes: Array(list.json.utf8))
        if let problem = file.problem { throw problem }
        (self.path, self.file, self.origins, self.sources) = (path, file, origins, sources)
    }

    /// The files that objects come from; the root for those whose file is not known.
    public var sourcePaths: [String] { origins.isEmpty ? [path] : Array(Set(origins.values)) }

    /// The source file of an object; nil if it is not known.
    public func origin(of object: ManifestObject) -> String? {
        origins[RenderedRoot.key(object.document, object.place)]
    }

    /// Returns each object, by kind, namespace and name.
    public func objects() -> [ObjectKey: Literal] {
        var result: [ObjectKey: Literal] = [:]
        for document in file.documents {
            try? document.objects(in: file.text) { object in
                if let key = ObjectKey(object) { result[key] = Literal(object.value) }
            }
        }
        return result
    }
}

extension ManifestFile {
    /// The keys of the objects.
    public var objectKeys: Set<ObjectKey> {
        var result: Set<ObjectKey> = []
        for document in documents {
            try? document.objects(in: text) { object in
                if let key = ObjectKey(object) { result.insert(key) }
            }
        }
        return result
    }
}

/// The kind, namespace and name of an object.
public struct ObjectKey: Hashable, Sendable {
    /// The kind.
    public let kind: String
    /// The API group; empty for the core group.
    public let group: String
    /// The namespace; empty if the object names none.
    public let namespace: String
    /// The name.
    public let name: String

    /// Reads the key of an object; nil if it is not a Kubernetes object.
    public init?(_ object: ManifestObject) {
        guard let type = object.type else { return nil }
        let metadata = ObjectMeta(of: object.value)
        kind = type.kind
        group = type.apiVersion.contains("/") ? String(type.apiVersion.prefix { $0 != "/" }) : ""
        namespace = metadata.namespace ?? ""
        name = metadata.name ?? ""
    }

    /// The kind, namespace and name for people: `Deployment shop/web`.
    public var title: String { "\(kind) \(namespace.isEmpty ? "" : namespace + "/")\(name)" }
}

extension Literal {
    fileprivate static let origin = "config.kubernetes.io/origin"

    /// Removes the annotation with the origin, and returns the file that it names.
    fileprivate mutating func removeOrigin() -> String? {
        guard case .object(var members) = self, let at = members.firstIndex(where: { $0.key == "metadata" }),
            case .object(var metadata) = members[at].value,
            let place = metadata.firstIndex(where: { $0.key == "annotations" }),
            case .object(var annotations) = metadata[place].value,
            let index = annotations.firstIndex(where: { $0.key == Literal.origin })
        else { return nil }
        let text = annotations.remove(at: index).value.text ?? ""
        if annotations.isEmpty { metadata.remove(at: place) } else { metadata[place].value = .object(annotations) }
        members[at].value = .object(metadata)
        self = .object(members)
        guard let document = Reader.documents(in: Array(text.utf8)).documents.first,
            let origin = try? Literal(parsing: document.json), origin["repo"] == nil
        else { return nil }
        return origin["path"]?.text ?? origin["configuredIn"]?.text
    }
}

/// The source of a rendered object: the object in a file that a tool read.
struct SourceObject {
    let file: ManifestFile
    /// The index of the document in the file.
    let document: Int
    let object: ManifestObject

    /// Returns the place in the source of a place in the rendered object; nil if the value there comes from elsewhere.
    ///
    /// Elements of lists are found by their names. A value counts as the source's if it is the same.
    func place(of pointer: Pointer, in rendered: Value) -> Pointer? {
        var (here, there): (Value?, Value?) = (object.value, rendered)
        var tokens: [String] = []
        for token in pointer.tokens {
            guard let source = here, let value = there else {
                tokens.append(token)
                continue
            }
            guard source.kind == value.kind else { return nil }
            if value.kind == .array {
                guard let index = Int(token) else {
                    // The end of the list.
                    tokens.append(token)
                    (here, there) = (nil, nil)
                    continue
                }
                let element = Array(value.elements.prefix(index + 1)).dropFirst(index).first
                guard let element, let found = SourceObject.index(of: element, at: index, in: source) else {
                    return nil
                }
                tokens.append(String(found.index))
                (here, there) = (found.element, element)
            } else {
                tokens.append(token)
                (here, there) = (source[name: token], value[name: token])
                if (here == nil) != (there == nil) { return nil }
            }
        }
        if let here, let there {
            guard here.kind == there.kind else { return nil }
            if here.kind != .object, here.kind != .array, Literal(here) != Literal(there) { return nil }
        }
        return Pointer(tokens)
    }

    /// Returns a value for the source whose label selectors have only labels that the template in the source has.
    ///
    /// A kustomization adds its own labels to them, and an overlay without these labels reads the source, too.
    func withoutAddedLabels(_ value: Literal) -> Literal {
        guard let type = object.type else { return value }
        let kind = ResourceKind(kind: type.kind, apiVersion: type.apiVersion)
        let labels = PodTemplate.metadata(of: object.value, kind: kind)?["labels"]
        return withoutAddedLabels(value, labels)
    }

    private func withoutAddedLabels(_ value: Literal, _ own: Value?, isSelector: Bool = false) -> Literal {
        switch value {
        case .array(let elements): return .array(elements.map { withoutAddedLabels($0, own) })
        case .object(let members):
            return .object(
                members.map { member in
                    guard isSelector, member.key == "matchLabels" else {
                        let value = withoutAddedLabels(member.value, own, isSelector: member.key == "labelSelector")
                        return Literal.Member(member.key, value)
                    }
                    let kept = member.value.members.filter { own?[name: $0.key] != nil }
                    return kept.isEmpty ? member : Literal.Member(member.key, .object(kept))
                })
        default: return value
        }
    }

    private static func index(of element: Value, at index: Int, in source: Value) -> (index: Int, element: Value)? {
        let elements = Array(source.elements)
        if let name = element["name"]?.string {
            return elements.enumerated().first { $0.element["name"]?.string == name }.map { ($0.offset, $0.element) }
        }
        return index < elements.count ? (index, elements[index]) : nil
    }
}

extension RenderedRoot {
    /// Calls a closure with the source of a rendered object; nil if it is not known or cannot be determined.
    ///
    /// The kind must be the same, and the name the same or a part of the rendered name, since kustomizations add to names.
    func withSource(of object: ManifestObject, _ body: (SourceObject?) -> Void) {
        guard let path = origin(of: object), let file = sources[path], let type = object.type else { return body(nil) }
        let name = ObjectMeta(of: object.value).name ?? ""
        var candidates: [(document: Int, place: Pointer, name: String)] = []
        for (index, document) in file.documents.enumerated() where document.mentions(type.kind) {
            try? document.objects(in: file.text) { source in
                guard source.type?.kind == type.kind, let own = ObjectMeta(of: source.value).name else { return }
                if name == own || name.has(own) { candidates.append((index, source.place, own)) }
            }
        }
        let exact = candidates.filter { $0.name == name }
        let found = exact.isEmpty ? candidates : exact
        guard found.count == 1 else { return body(nil) }
        var isFound = false
        try? file.documents[found[0].document].objects(in: file.text) { source in
            guard !isFound, source.place == found[0].place else { return }
            isFound = true
            body(SourceObject(file: file, document: found[0].document, object: source))
        }
        if !isFound { body(nil) }
    }
}

extension ManifestDocument {
    /// True if the text has a word in quotes; a fast check before the document is parsed again.
    fileprivate func mentions(_ word: String) -> Bool {
        json.has("\"\(word)\"")
    }
}

/// An evaluated object of a rendered root; valid only during the call that passes it.
public struct EvaluatedRender {
    /// The rendered object.
    public let object: ManifestObject
    /// The decision; nil if it is not a Kubernetes object.
    public let decision: Decision?
    /// The source file, or the root if the source is not known.
    public let file: String
    /// The line of the object in the source file; nil if it is not known.
    public let line: Int?
    /// The indexes of the source file's comments that exempted findings.
    public let usedIgnores: Set<Int>
    private let source: SourceObject?

    fileprivate init(
        _ object: ManifestObject, _ decision: Decision?, _ file: String, _ source: SourceObject?, _ used: Set<Int>
    ) {
        (self.object, self.decision, self.file, self.source, usedIgnores) = (object, decision, file, source, used)
        line = source?.object.line
    }

    /// Returns the location of a field in the source file; nil if its value comes from elsewhere.
    public func region(of pointer: Pointer) -> Region? {
        source.flatMap { source in source.place(of: pointer, in: object.value).map { source.object.region(of: $0) } }
    }
}

extension ManifestEvaluator {
    /// Evaluates every object of a rendered root; comments in the source file exempt findings there.
    public func evaluate(_ root: RenderedRoot, _ body: (EvaluatedRender) -> Void) {
        for document in root.file.documents {
            evaluate(document, of: root.file) { object, decision, usedInOutput in
                let file = root.origin(of: object) ?? root.path
                root.withSource(of: object) { source in
                    guard let source, let found = decision else {
                        return body(EvaluatedRender(object, decision, file, source, usedInOutput))
                    }
                    var used: Set<Int> = []
                    let result = found.exempting { decided in
                        guard let place = source.place(of: decided.finding.place, in: object.value),
                            let index = source.file.ignore(
                                of: decided, source.object, at: place, in: context.settings.catalogue)
                        else { return nil }
                        used.insert(index)
                        return source.file.ignores[index].reason
                    }
                    body(EvaluatedRender(object, result, file, source, used))
                }
            }
        }
    }
}
