import Evaluation
import Foundation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// The fields that rules read of custom resources, compared with the definitions of those resources.
///
/// `Fixtures/crds/GROUP/KIND.yaml` is an excerpt of a custom resource definition: the fields that rules and examples use, with
/// their types. `[]` is an element of a list, `*` is any key of a map.
@Suite struct CustomResourceTests {
    /// The custom resource kinds that rules read or look up.
    static let kinds: [ResourceKind] = {
        let read = Catalogue.playbook.rules.reduce(into: Catalogue.playbook.relatedKinds) {
            $0.formUnion($1.scope.kinds)
        }
        return read.kinds.filter { $0.isCustom && $0 != .scale }
    }()

    private func excerpt(of object: Literal) throws -> Excerpt? {
        let kind = ResourceKind(kind: object["kind"]?.text ?? "", apiVersion: object["apiVersion"]?.text ?? "")
        return kind.isCustom ? try Excerpt(kind) : nil
    }

    @Test(arguments: kinds)
    func `each custom resource kind has an excerpt of its definition`(_ kind: ResourceKind) throws {
        let excerpt = try Excerpt(kind)
        #expect(excerpt.title == "\(kind.apiVersion) \(kind.name)")
        #expect(!excerpt.project.isEmpty && !excerpt.version.isEmpty && !excerpt.fields.isEmpty)
    }

    @Test(arguments: Case.all)
    func `examples match the definitions of their custom resources`(_ item: Case) throws {
        let texts = [item.example.yaml, item.example.relatedObjects, item.example.before].compactMap(\.self)
        for object in try texts.flatMap({ try Literal.all(yaml: $0) }) {
            #expect(try excerpt(of: object)?.complaints(about: object) ?? [] == [], "\(object["kind"]?.text ?? "")")
        }
    }

    @Test(arguments: Case.bad)
    func `findings and suggested changes name fields that exist in the definition`(_ item: Case) throws {
        var world = try World(item.example)
        world.rules = [item.rule]
        let object = try #require(world.object ?? world.before)
        let excerpt = try excerpt(of: object)
        for finding in try world.decision().findings.map(\.finding) {
            for pointer in [finding.place] + finding.edits.map(\.pointer) {
                #expect(excerpt?.has(pointer) ?? true, "\(pointer)")
            }
            guard let relatedObject = finding.relatedObject else { continue }
            #expect(try self.excerpt(of: relatedObject)?.complaints(about: relatedObject) ?? [] == [])
        }
    }

    @Test(arguments: WorkloadObject.all)
    func `the pod templates of a kind are at the paths of its definition`(_ holder: WorkloadObject) throws {
        let kind = try #require(WorkloadKind.standard.first { $0.title == holder.title })
        let excerpt = try Excerpt(kind.group, kind.name)
        #expect(excerpt.title == "\(holder.apiVersion) \(holder.kind)")
        #expect(excerpt.complaints(about: holder.object()) == [])
        for path in kind.paths.map(\.description) {
            #expect(excerpt.fields[path] == "PodTemplateSpec" || path == "spec.templates[]", "\(path)")
        }
    }

    @Test func `each custom resource kind with a pod template has an example`() {
        #expect(WorkloadObject.all.map(\.title) == WorkloadKind.standard.map(\.title))
    }

    /// The fields that a rule's source file reads.
    static let ownFiles: [(rule: Rule, file: String)] = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources/Rules")
        let files =
            FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
        return Catalogue.playbook.rules.compactMap { rule in
            let name = rule.id.replacing("-", with: "")
            return files.first { $0.deletingPathExtension().lastPathComponent.lowercased() == name }.map {
                (rule, $0.path)
            }
        }
    }()

    @Test func `each rule has its own file`() { #expect(Self.ownFiles.count == Catalogue.playbook.rules.count) }

    @Test func `each field that a rule reads of a custom resource is in a definition`() throws {
        var asked = 0
        for (rule, file) in Self.ownFiles where rule.scope.kinds.kinds.allSatisfy(\.isCustom) {
            let kinds = rule.scope.kinds.kinds + rule.relatedObjects.filter(\.isCustom)
            let words = try kinds.flatMap { try Excerpt($0).words }
            // Fields of every object.
            let known = Set(words + ["spec", "metadata", "labels", "annotations"])
            let source = try String(contentsOfFile: file, encoding: .utf8)
            // Fields are read in expressions that can throw. Names after `fields` belong to the record of a related object.
            let pattern =
                #/(fields)?(?:\[|\.(?:member|objects|object|text|string|boolean|integer|array|strings|present|labels|intOrPercent|quantity)\()"([A-Za-z0-9]+)"[\])]/#
            for line in source.split(separator: "\n") where line.contains("try ") {
                for match in line.matches(of: pattern) where match.1 == nil {
                    asked += 1
                    #expect(known.contains(String(match.2)), "\(rule.id) reads \(match.2)")
                }
            }
        }
        #expect(asked > 100)
    }
}

extension ResourceKind {
    /// True if a project other than Kubernetes defines the kind.
    var isCustom: Bool { self != .other && !ResourceKind.ownGroups.contains("\(group)") }

    /// The API groups of Kubernetes that rules read.
    static let ownGroups: Set = [
        "", "apps", "batch", "policy", "autoscaling", "extensions", "networking.k8s.io", "storage.k8s.io",
        "rbac.authorization.k8s.io", "authentication.k8s.io",
    ]
}

/// An excerpt of a custom resource definition.
private struct Excerpt {
    let title: String
    let project: String
    let version: String
    /// Types by path, such as `spec.routes[].match`.
    let fields: [String: String]

    init(_ kind: ResourceKind) throws { try self.init("\(kind.group)", "\(kind.name)") }

    init(_ group: String, _ name: String) throws {
        let file = try Literal(yaml: Fixtures.text("crds/\(group)/\(name).yaml"))
        title = "\(file["apiVersion"]?.text ?? "") \(file["kind"]?.text ?? "")"
        project = file["project"]?.text ?? ""
        version = file["version"]?.text ?? ""
        fields = Dictionary(
            (file["fields"]?.members ?? []).map { ($0.key, $0.value.text ?? "") }, uniquingKeysWith: { $1 })
    }

    /// The names in all paths.
    var words: [String] { fields.keys.flatMap { $0.replacing("[]", with: "").split(separator: ".").map(String.init) } }

    /// Returns the differences between an object and the definition, except in fields that every object has.
    func complaints(about object: Literal) -> [String] {
        object.members.filter { !["apiVersion", "kind", "metadata", "status"].contains($0.key) }
            .flatMap { complaints(about: $0.value, at: $0.key) }
    }

    private func complaints(about value: Literal, at path: String) -> [String] {
        if let type = fields[path] { return Excerpt.fits(value, type) ? [] : ["\(path) is not of type \(type)"] }
        switch value {
        case .object(let members):
            guard leads(to: path + ".") else { return ["the definition has no \(path)"] }
            return members.flatMap { member -> [String] in
                let place = "\(path).\(member.key)"
                let isNamed = fields[place] != nil || leads(to: place + ".") || leads(to: place + "[]")
                return complaints(about: member.value, at: isNamed ? place : "\(path).*")
            }
        case .array(let elements):
            guard leads(to: path + "[]") else { return ["the definition has no list \(path)"] }
            return elements.flatMap { complaints(about: $0, at: path + "[]") }
        default: return ["the definition has no \(path)"]
        }
    }

    private func leads(to prefix: String) -> Bool { fields.keys.contains { $0.hasPrefix(prefix) } }

    private static func fits(_ value: Literal, _ type: String) -> Bool {
        switch (type, value) {
        case ("string", .string), ("boolean", .bool), ("quantity", .string), ("quantity", .number), ("any", _),
            ("LabelSelector", .object), ("PodTemplateSpec", .object), ("Container", .object),
            ("integer or string", .string):
            true
        case ("integer", .number(let text)), ("integer or string", .number(let text)): Int(text) != nil
        default: false
        }
    }

    /// Returns whether the definition contains a path, or a field below it.
    func has(_ pointer: Pointer) -> Bool {
        guard let first = pointer.tokens.first, first != "metadata", first != "kind" else { return true }
        var path = first
        for token in pointer.tokens.dropFirst() {
            // The excerpt does not list the fields of Kubernetes' own types.
            if ["any", "LabelSelector", "PodTemplateSpec", "Container"].contains(fields[path]) { return true }
            let isIndex = token == "-" || Int(token) != nil
            let next = isIndex && leads(to: path + "[]") ? path + "[]" : "\(path).\(token)"
            let isThere = fields[next] != nil || leads(to: next + ".") || leads(to: next + "[]")
            path = isThere ? next : "\(path).*"
        }
        return fields[path] != nil || leads(to: path + ".") || leads(to: path + "[]")
    }
}
