import Evaluation
import Foundation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// What rules read of custom resources, held against their definitions.
///
/// `Fixtures/crds/GROUP/KIND.yaml` is an excerpt of a project's definition: the fields that rules and examples use, with their types.
/// `[]` is an element of a list, `*` any key of a map.
@Suite struct CustomResourceTests {
    /// The kinds that other projects define, as far as rules read or look them up.
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
    func `there is an excerpt of its definition`(_ kind: ResourceKind) throws {
        let excerpt = try Excerpt(kind)
        #expect(excerpt.title == "\(kind.apiVersion) \(kind.name)")
        #expect(!excerpt.project.isEmpty && !excerpt.version.isEmpty && !excerpt.fields.isEmpty)
    }

    @Test(arguments: Case.all)
    func `its examples are as the definitions have it`(_ item: Case) throws {
        let texts = [item.example.yaml, item.example.relatedObjects, item.example.before].compactMap(\.self)
        for object in try texts.flatMap({ try Literal.all(yaml: $0) }) {
            #expect(try excerpt(of: object)?.complaints(about: object) ?? [] == [], "\(object["kind"]?.text ?? "")")
        }
    }

    @Test(arguments: Case.bad)
    func `its findings and remedies are about fields that there are`(_ item: Case) throws {
        var world = try World(item.example)
        world.rules = [item.rule]
        let object = try #require(world.object ?? world.before)
        let excerpt = try excerpt(of: object)
        for finding in try world.verdict().judgements.map(\.finding) {
            for pointer in [finding.place] + finding.edits.map(\.pointer) {
                #expect(excerpt?.has(pointer) ?? true, "\(pointer)")
            }
            guard let relatedObject = finding.relatedObject else { continue }
            #expect(try self.excerpt(of: relatedObject)?.complaints(about: relatedObject) ?? [] == [])
        }
    }

    @Test(arguments: WorkloadHolder.all)
    func `its pod templates stand where the definition has them`(_ holder: WorkloadHolder) throws {
        let kind = try #require(WorkloadKind.standard.first { $0.title == holder.title })
        let excerpt = try Excerpt(kind.group, kind.name)
        #expect(excerpt.title == "\(holder.apiVersion) \(holder.kind)")
        #expect(excerpt.complaints(about: holder.object()) == [])
        for path in kind.paths.map(\.description) {
            #expect(excerpt.fields[path] == "PodTemplateSpec" || path == "spec.templates[]", "\(path)")
        }
    }

    @Test func `there is an example of each kind that pods are made of`() {
        #expect(WorkloadHolder.all.map(\.title) == WorkloadKind.standard.map(\.title))
    }

    /// The names of the fields that a rule's own file asks for.
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

    @Test func `a rule has a file of its own name`() { #expect(Self.ownFiles.count == Catalogue.playbook.rules.count) }

    @Test func `every field that a rule asks custom resources for is in some definition that it reads`() throws {
        var asked = 0
        for (rule, file) in Self.ownFiles where rule.scope.kinds.kinds.allSatisfy(\.isCustom) {
            let kinds = rule.scope.kinds.kinds + rule.relatedObjects.filter(\.isCustom)
            let words = try kinds.flatMap { try Excerpt($0).words }
            // What every object has.
            let known = Set(words + ["spec", "metadata", "labels", "annotations"])
            let source = try String(contentsOfFile: file, encoding: .utf8)
            // A field is read where an error may be thrown; what follows `fields` is of a related object's record.
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
    /// Whether another project than Kubernetes defines it.
    var isCustom: Bool { self != .other && !ResourceKind.ownGroups.contains("\(group)") }

    /// The groups of Kubernetes itself, as far as rules read something of them.
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
    /// Types by path, as in `spec.routes[].match`.
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

    /// Every name in a path.
    var words: [String] { fields.keys.flatMap { $0.replacing("[]", with: "").split(separator: ".").map(String.init) } }

    /// What of an object is not as the definition has it, but for what all objects have.
    func complaints(about object: Literal) -> [String] {
        object.members.filter { !["apiVersion", "kind", "metadata", "status"].contains($0.key) }
            .flatMap { complaints(about: $0.value, at: $0.key) }
    }

    private func complaints(about value: Literal, at path: String) -> [String] {
        if let type = fields[path] { return Excerpt.fits(value, type) ? [] : ["\(path) is no \(type)"] }
        switch value {
        case .object(let members):
            guard leads(to: path + ".") else { return ["there is no \(path)"] }
            return members.flatMap { member -> [String] in
                let place = "\(path).\(member.key)"
                let isNamed = fields[place] != nil || leads(to: place + ".") || leads(to: place + "[]")
                return complaints(about: member.value, at: isNamed ? place : "\(path).*")
            }
        case .array(let elements):
            guard leads(to: path + "[]") else { return ["there is no list \(path)"] }
            return elements.flatMap { complaints(about: $0, at: path + "[]") }
        default: return ["there is no \(path)"]
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

    /// Whether a place is one of the definition's, or leads to one.
    func has(_ pointer: Pointer) -> Bool {
        guard let first = pointer.tokens.first, first != "metadata", first != "kind" else { return true }
        var path = first
        for token in pointer.tokens.dropFirst() {
            // Kubernetes' own types go on by themselves.
            if ["any", "LabelSelector", "PodTemplateSpec", "Container"].contains(fields[path]) { return true }
            let isIndex = token == "-" || Int(token) != nil
            let next = isIndex && leads(to: path + "[]") ? path + "[]" : "\(path).\(token)"
            let isThere = fields[next] != nil || leads(to: next + ".") || leads(to: next + "[]")
            path = isThere ? next : "\(path).*"
        }
        return fields[path] != nil || leads(to: path + ".") || leads(to: path + "[]")
    }
}
