import Evaluation
import Foundation
import JSON
import Kubernetes
import TestSupport

/// One entry of a webhook configuration under `deploy/base`: what the API server sends, and what it does without an answer.
struct Registration: CustomStringConvertible {
    let name: String
    let failurePolicy: String
    private let entry: Literal

    var description: String { name }

    static func validating() throws -> [Registration] { try read("validating.yaml") }
    static func mutating() throws -> [Registration] { try read("mutating.yaml") }

    private static func read(_ file: String) throws -> [Registration] {
        try Deployed.objects(file).flatMap { $0["webhooks"]?.elements ?? [] }.map { entry in
            Registration(
                name: entry["name"]?.text ?? "", failurePolicy: entry["failurePolicy"]?.text ?? "", entry: entry)
        }
    }

    /// A resource and what happens to it.
    struct Row: Hashable, CustomStringConvertible {
        let group: String
        /// With the subresource, as in `pods/resize`.
        let resource: String
        let operation: String
        var description: String { "\(operation) \(group.isEmpty ? "" : "\(group)/")\(resource)" }
    }

    /// Everything it asks for.
    var rows: [Row] { rows { _ in true } }

    /// What it asks for that is in no namespace.
    var clusterRows: [Row] { rows { $0["scope"] == "Cluster" } }

    private func rows(where isMeant: (Literal) -> Bool) -> [Row] {
        (entry["rules"]?.elements ?? []).filter(isMeant).flatMap { rule -> [Row] in
            func words(_ key: String) -> [String] { (rule[key]?.elements ?? []).compactMap(\.text) }
            return words("apiGroups").flatMap { group in
                words("resources").flatMap { resource in
                    words("operations").map { Row(group: group, resource: resource, operation: $0) }
                }
            }
        }
    }

    /// Whether a request, `request` of an AdmissionReview, is sent here.
    ///
    /// The namespace has the label that the API server gives it.
    func matches(_ row: Row, _ request: Literal) throws -> Bool {
        guard rows.contains(row), selects(namespace: request["namespace"]?.text) else { return false }
        return try holds(of: request)
    }

    /// Whether objects of a namespace are sent here.
    func selects(namespace: String?) -> Bool {
        // What belongs to the cluster has no namespace to select by.
        guard let namespace, let selector = entry["namespaceSelector"] else { return true }
        let key = "kubernetes.io/metadata.name"
        if let name = selector["matchLabels"]?[key], name != .string(namespace) { return false }
        return (selector["matchExpressions"]?.elements ?? []).allSatisfy { expression in
            let isListed = expression["values"]?.elements.contains(.string(namespace)) ?? false
            return expression["key"] == .string(key) && isListed == (expression["operator"] == "In")
        }
    }

    /// Whether all conditions hold; as at the API server, all of them are evaluated.
    func holds(of request: Literal) throws -> Bool {
        let variables = [
            "request": request, "object": request["object"] ?? .null, "oldObject": request["oldObject"] ?? .null,
        ]
        return try (entry["matchConditions"]?.elements ?? []).map { condition in
            try Condition.holds(condition["expression"]?.text ?? "", variables)
        }.allSatisfy { $0 }
    }

    /// Any field.
    func field(_ name: String) -> Literal? { entry[name] }
}

extension Registration.Row {
    /// What a request is about.
    init(_ request: Literal) {
        let subresource = request["subResource"]?.text ?? ""
        // A request that a test makes up names the resource, but not its group.
        let group = request["resource"]?["group"]?.text ?? ""
        let guess = ["scale": "apps", "token": ""][subresource] ?? request["kind"]?["group"]?.text ?? ""
        self.init(
            group: group.isEmpty ? guess : group,
            resource: (request["resource"]?["resource"]?.text ?? "") + (subresource.isEmpty ? "" : "/\(subresource)"),
            operation: request["operation"]?.text ?? "")
    }

    /// Rows of a scope: kinds, operations and subresources as the API has them.
    static func rows(of scope: Scope) -> Set<Registration.Row> {
        var rows: Set<Registration.Row> = []
        for kind in scope.kinds.kinds {
            for subresource in scope.subresources {
                for operation in scope.operations {
                    rows.formUnion(self.rows(kind, subresource, operation))
                }
            }
        }
        return rows
    }

    private static func rows(
        _ kind: ResourceKind, _ subresource: Subresource, _ operation: Kubernetes.Operation
    ) -> [Registration.Row] {
        func row(_ kind: ResourceKind, _ suffix: String = "", group: String? = nil) -> Registration.Row {
            Registration.Row(
                group: group ?? "\(kind.group)", resource: kind.plural + suffix,
                operation: "\(operation.name)")
        }
        switch (subresource, operation) {
        // These are no resources of their own: they belong to what is scaled, and to whom the token is given.
        case (.none, _) where [.scale, .tokenRequest].contains(kind): return []
        // Traefik 2 has its kinds in an older group, too.
        case (.none, _) where "\(kind.group)" == "traefik.io":
            return [row(kind), row(kind, group: "traefik.containo.us")]
        case (.none, _): return [row(kind)]
        case (.token, .create) where kind == .tokenRequest: return [row(.serviceAccount, "/token")]
        case (.scale, .update) where kind == .scale: return ResourceKinds.replicated.kinds.map { row($0, "/scale") }
        // Only Pods have these, and all of them can only be updated.
        case (.ephemeralContainers, .update) where kind == .pod: return [row(kind, "/ephemeralcontainers")]
        case (.resize, .update) where kind == .pod: return [row(kind, "/resize")]
        default: return []
        }
    }
}

/// The manifests.
enum Deployed {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "deploy")

    /// The objects of a file under `deploy/base`.
    static func objects(_ file: String) throws -> [Literal] {
        let url = folder.appending(path: "base/\(file)")
        return try Literal.all(yaml: String(decoding: Data(contentsOf: url), as: UTF8.self))
    }

    /// The names of the folders in a folder under `deploy`, in order.
    static func folders(in name: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: name).path).sorted()
    }
}
