public import Evaluation
import JSON
import Kubernetes

/// Evaluates the objects of files as CREATE requests, and those that were read from a cluster as an audit does.
public struct ManifestEvaluator: Sendable {
    /// The context of the evaluation.
    public let context: Context
    let evaluator: Evaluator
    private let namespace: String
    /// The context of objects that were read from a cluster.
    private let live: Context
    private let owners: Set<OwnerKey>

    /// Creates a value for a context.
    ///
    /// - Parameters:
    ///   - context: The context of the evaluation.
    ///   - namespace: The namespace of objects without one; empty if it is unknown.
    ///   - owners: The evaluated objects that were read from a cluster.
    public init(_ context: Context, namespace: String, owners: Set<OwnerKey> = []) {
        self.context = context
        self.owners = owners
        live = Context(
            settings: context.settings, relatedObjects: context.relatedObjects, now: context.now, source: .cluster,
            evaluatedOwners: owners)
        self.namespace = namespace
        evaluator = Evaluator(context.settings)
    }

    /// Evaluates every object of a document.
    ///
    /// - Parameters:
    ///   - document: The document.
    ///   - file: Its file.
    ///   - body: Receives each object, the decision, and the indexes of the file's comments that exempted findings. It must not
    ///     keep the object. A document that is not a Kubernetes object has no decision.
    public func evaluate(
        _ document: ManifestDocument, of file: ManifestFile,
        _ body: (ManifestObject, Decision?, _ usedIgnores: Set<Int>) -> Void
    ) {
        // Errors were already reported when the related objects were collected.
        try? document.objects(in: file.text) { object in
            let isLive = object.uid != nil
            guard let request = request(for: object, isLive ? .update : .create) else { return body(object, nil, []) }
            var used: Set<Int> = []
            let decision = evaluator.decision(on: request.review, in: isLive ? live : context).exempting { decided in
                guard let index = file.ignore(of: decided, object, in: context.settings.catalogue) else { return nil }
                used.insert(index)
                return file.ignores[index].reason
            }
            body(object, decision, used)
        }
    }

    /// Returns the request whose fixes are applied to an object; nil for what a controller made for another evaluated object.
    func requestToFix(_ object: ManifestObject) -> UnsentRequest? {
        let metadata = ObjectMeta(of: object.value)
        if let owner = metadata.controller, owners.contains(OwnerKey(owner, in: metadata.namespace ?? "")) {
            return nil
        }
        return request(for: object)
    }

    func request(for object: ManifestObject, _ operation: Operation = .create) -> UnsentRequest? {
        guard let type = object.type else { return nil }
        // Pods are in the object's namespace.
        let isWorkload = context.settings.workloadKinds.contains {
            $0.name == type.kind && type.apiVersion.hasPrefix($0.group + "/")
        }
        return UnsentRequest(
            of: object.value, kind: type.kind, apiVersion: type.apiVersion, in: namespace, operation: operation,
            isNamespaced: isWorkload)
    }
}

extension ManifestFile {
    /// Returns the index of the comment that exempts a finding; nil if there is none.
    func ignore(
        of decided: DecidedFinding, _ object: ManifestObject, at place: Pointer? = nil, in catalogue: Catalogue
    ) -> Int? {
        guard !ignores.isEmpty else { return nil }
        let line = object.region(of: place ?? decided.finding.place).start.line
        return ignores.firstIndex { comment in
            guard comment.problem(in: catalogue) == nil, comment.rules.contains(decided.rule.id) else { return false }
            return switch comment.target {
            case .line(let wanted): wanted == line
            case .document(let index): documents[index].head == object.document.head
            }
        }
    }
}
