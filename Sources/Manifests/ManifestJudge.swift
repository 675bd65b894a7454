public import Evaluation
import JSON
import Kubernetes

/// Judges the objects of files as requests that would create them.
public struct ManifestJudge: Sendable {
    /// What they are judged with.
    public let context: Context
    let judge: Judge
    private let namespace: String

    /// Creates a judge.
    ///
    /// - Parameters:
    ///   - context: What objects are judged with.
    ///   - namespace: Where objects go that do not say so themselves; empty where that is not known.
    public init(_ context: Context, namespace: String) {
        self.context = context
        self.namespace = namespace
        judge = Judge(context.settings)
    }

    /// Judges every object of a document.
    ///
    /// - Parameters:
    ///   - document: The document.
    ///   - file: Its file.
    ///   - body: Takes each object, the decision on it, and the indexes of the file's comments that exempted findings. The
    ///     object must not be kept. A document that is not a Kubernetes object comes without a decision.
    public func judge(
        _ document: ManifestDocument, of file: ManifestFile,
        _ body: (ManifestObject, Verdict?, _ usedIgnores: Set<Int>) -> Void
    ) {
        // What cannot be read was told when companions were looked for.
        try? document.objects(in: file.text) { object in
            guard let request = request(for: object) else { return body(object, nil, []) }
            var used: Set<Int> = []
            let verdict = judge.verdict(on: request.review, in: context).exempting { judgement in
                guard let index = file.ignore(of: judgement, object, in: context.settings.catalogue) else { return nil }
                used.insert(index)
                return file.ignores[index].reason
            }
            body(object, verdict, used)
        }
    }

    func request(for object: ManifestObject) -> UnsentRequest? {
        guard let type = object.type else { return nil }
        // Pods are made beside the object.
        let isWorkload = context.settings.workloadKinds.contains {
            $0.name == type.kind && type.apiVersion.hasPrefix($0.group + "/")
        }
        return UnsentRequest(
            of: object.value, kind: type.kind, apiVersion: type.apiVersion, in: namespace, isNamespaced: isWorkload)
    }
}

extension ManifestFile {
    /// The comment that exempts a finding, by its index; nil where there is none.
    func ignore(of judgement: Judgement, _ object: ManifestObject, in catalogue: Catalogue) -> Int? {
        guard !ignores.isEmpty else { return nil }
        let line = object.region(of: judgement.finding.place).start.line
        return ignores.firstIndex { comment in
            guard comment.problem(in: catalogue) == nil, comment.rules.contains(judgement.rule.id) else { return false }
            return switch comment.target {
            case .line(let wanted): wanted == line
            case .document(let index): documents[index].head == object.document.head
            }
        }
    }
}
