import JSON
import Kubernetes
public import Playbook

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
    ///   - body: What to do with each object and what came of it; nothing of the object may be kept. What is no object of
    ///     Kubernetes comes with nil.
    public func judge(
        _ document: ManifestDocument, of file: ManifestFile, _ body: (ManifestObject, Judged?) -> Void
    ) {
        // What cannot be read was told when companions were looked for.
        try? document.objects(in: file.text) { object in
            guard let request = request(for: object) else { return body(object, nil) }
            let verdict = judge.verdict(on: request.review, in: context)
            body(object, Judged(title: request.review.title, verdict: verdict))
        }
    }

    /// An object's name for people, and what came of it.
    public struct Judged: Sendable {
        /// What it is called: `Deployment shop/catalogue`.
        public let title: String
        /// What came of it.
        public let verdict: Verdict
    }

    func request(for object: ManifestObject) -> UnsentRequest? {
        guard let type = object.type else { return nil }
        return UnsentRequest(of: object.value, kind: type.kind, apiVersion: type.apiVersion, in: namespace)
    }
}
