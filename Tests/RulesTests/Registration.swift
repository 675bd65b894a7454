import Evaluation
import Foundation
import JSON
import Kubernetes
import TestSupport

/// A webhook of the webhook configurations under `deploy/base`.
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

    /// A resource and an operation.
    struct Row: Hashable, CustomStringConvertible {
        let group: String
        /// The resource with its subresource, such as `pods/resize`.
        let resource: String
        let operation: String
        var description: String { "\(operation) \(group.isEmpty ? "" : "\(group)/")\(resource)" }
    }

    /// The resources and operations of the webhook's rules.
    var rows: [Row] { rows { _ in true } }

    /// The resources and operations of the rules with scope Cluster.
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

    /// Returns whether the API server sends a request, the `request` of an AdmissionReview, to the webhook.
    ///
    /// The namespace has its `kubernetes.io/metadata.name` label.
    func matches(_ row: Row, _ request: Literal) throws -> Bool {
        guard rows.contains(row), selects(namespace: request["namespace"]?.text) else { return false }
        return try holds(of: request)
    }

    /// Returns whether the webhook receives objects of a namespace.
    func selects(namespace: String?) -> Bool {
        // A cluster-scoped object has no namespace to select by.
        guard let namespace, let selector = entry["namespaceSelector"] else { return true }
        let key = "kubernetes.io/metadata.name"
        if let name = selector["matchLabels"]?[key], name != .string(namespace) { return false }
        return (selector["matchExpressions"]?.elements ?? []).allSatisfy { expression in
            let isListed = expression["values"]?.elements.contains(.string(namespace)) ?? false
            return expression["key"] == .string(key) && isListed == (expression["operator"] == "In")
        }
    }

    /// Returns whether all match conditions are true; like the API server, it evaluates all of them.
    func holds(of request: Literal) throws -> Bool {
        let variables = [
            "request": request, "object": request["object"] ?? .null, "oldObject": request["oldObject"] ?? .null,
        ]
        return try (entry["matchConditions"]?.elements ?? []).map { condition in
            try Condition.holds(condition["expression"]?.text ?? "", variables)
        }.allSatisfy { $0 }
    }

    /// Returns a field of the webhook by name.
    func field(_ name: String) -> Literal? { entry[name] }
}

extension Registration.Row {
    /// The resource and operation of a request.
    init(_ request: Literal) {
        let subresource = request["subResource"]?.text ?? ""
        // A request that a test creates has no API group in its resource.
        let group = request["resource"]?["group"]?.text ?? ""
        let guess = ["scale": "apps", "token": ""][subresource] ?? request["kind"]?["group"]?.text ?? ""
        self.init(
            group: group.isEmpty ? guess : group,
            resource: (request["resource"]?["resource"]?.text ?? "") + (subresource.isEmpty ? "" : "/\(subresource)"),
            operation: request["operation"]?.text ?? "")
    }

    /// The resources and operations of a rule's scope.
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
        // Scale and TokenRequest are sent as subresources of workloads and service accounts.
        case (.none, _) where [.scale, .tokenRequest].contains(kind): return []
        // Traefik 2 also serves its kinds in an older API group.
        case (.none, _) where "\(kind.group)" == "traefik.io":
            return [row(kind), row(kind, group: "traefik.containo.us")]
        case (.none, _): return [row(kind)]
        case (.token, .create) where kind == .tokenRequest: return [row(.serviceAccount, "/token")]
        case (.scale, .update) where kind == .scale: return ResourceKinds.replicated.kinds.map { row($0, "/scale") }
        // Only Pods have these subresources, and only UPDATE applies to them.
        case (.ephemeralContainers, .update) where kind == .pod: return [row(kind, "/ephemeralcontainers")]
        case (.resize, .update) where kind == .pod: return [row(kind, "/resize")]
        default: return []
        }
    }
}

/// The manifests under `deploy`.
enum Deployed {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "deploy")

    /// The objects of a file under `deploy/base`.
    static func objects(_ file: String) throws -> [Literal] {
        let url = folder.appending(path: "base/\(file)")
        return try Literal.all(yaml: String(decoding: Data(contentsOf: url), as: UTF8.self))
    }

    /// The names of the directories in a directory under `deploy`, sorted.
    static func folders(in name: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: name).path).sorted()
    }
}
