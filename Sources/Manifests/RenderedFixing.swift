import Evaluation
public import JSON
import Kubernetes

/// The changes to source files that fix rendered objects.
public struct SourceFixes: Sendable {
    /// The changed files, by path.
    public private(set) var files: [String: ManifestFile] = [:]
    /// The findings that are fixed, by the path of the source file.
    public private(set) var entries: [String: [FixedFile.Entry]] = [:]
    /// The findings that cannot be fixed, with the source file or root.
    public private(set) var refused: [(path: String, entry: FixedFile.Entry)] = []
    /// The objects of each root, by its path, with their fixes.
    public private(set) var intended: [String: [ObjectKey: Literal]] = [:]

    private var steps: [String: [Int: [Patch.Operation]]] = [:]
    private var planned: Set<String> = []
    private var sources: [String: ManifestFile] = [:]

    /// Creates an empty set of changes.
    public init() {}

    /// Adds the safe fixes of a root's objects; a source that several roots use is changed once.
    public mutating func add(_ root: RenderedRoot, _ evaluator: ManifestEvaluator) {
        for document in root.file.documents {
            try? document.objects(in: root.file.text) { object in
                guard let request = evaluator.request(for: object) else { return }
                root.withSource(of: object) { source in add(root, evaluator, object, request, source) }
            }
        }
    }

    private mutating func add(
        _ root: RenderedRoot, _ evaluator: ManifestEvaluator, _ object: ManifestObject, _ request: UnsentRequest,
        _ source: SourceObject?
    ) {
        let catalogue = evaluator.context.settings.catalogue
        func mutation(where isWanted: (DecidedFinding) -> Bool) -> Mutation {
            evaluator.evaluator.mutation(of: request.review, in: evaluator.context) { decided in
                guard let source, let place = source.place(of: decided.finding.place, in: object.value) else {
                    return isWanted(decided)
                }
                let isExempt = source.file.ignore(of: decided, source.object, at: place, in: catalogue) != nil
                return !isExempt && isWanted(decided)
            }
        }
        /// The edits of the source; nil if the value there comes from elsewhere.
        func edits(_ decided: DecidedFinding) -> [Edit]? {
            guard let source else { return nil }
            var result: [Edit] = []
            for edit in decided.finding.edits {
                guard let place = source.place(of: edit.pointer, in: object.value) else { return nil }
                switch edit {
                case .set(_, let value): result.append(.set(place, source.withoutAddedLabels(value)))
                case .remove: result.append(.remove(place))
                }
            }
            return result
        }
        let path = source?.file.path ?? root.path
        let all = mutation { _ in true }
        guard !all.fixes.isEmpty else { return }
        func entry(_ decided: DecidedFinding, _ refusal: CannotEdit? = nil) -> FixedFile.Entry {
            FixedFile.Entry(
                title: all.decision.subject.title, line: source?.object.line ?? 1, decided: decided, refusal: refusal
            )
        }
        let possible = Set(all.fixes.filter { edits($0) != nil }.map(\.key))
        for decided in all.fixes where !possible.contains(decided.key) {
            let reason = source == nil ? "its source file is not known" : "the value comes from a patch or another file"
            refused.append((path, entry(decided, CannotEdit(reason))))
        }
        let wanted = possible.count == all.fixes.count ? all : mutation { possible.contains($0.key) }
        guard let source, let key = ObjectKey(object), !wanted.fixes.isEmpty,
            let fixed = try? wanted.patch.applied(to: Literal(object.value))
        else { return }
        intended[root.path, default: [:]][key] = fixed
        guard planned.insert("\(path) \(source.document)\(source.object.place)").inserted else { return }
        let own = Literal(source.object.value)
        let patch = Patch(wanted.fixes.compactMap(edits).joined().map { $0 }, on: own)
        guard let patched = try? patch.applied(to: own), patched != own else { return }
        sources[path] = source.file
        steps[path, default: [:]][source.document, default: []].append(.replace(source.object.place, patched))
        entries[path, default: []] += wanted.fixes.map { entry($0) }
    }

    /// Changes the texts of the source files; a file that cannot be changed is left as it is.
    public mutating func finish() {
        for (path, documents) in steps.sorted(by: { $0.key < $1.key }) {
            guard var file = sources[path] else { continue }
            do throws(CannotEdit) {
                for (index, operations) in documents.sorted(by: { $0.key < $1.key }) {
                    guard let root = try? Literal(parsing: file.documents[index].json),
                        let target = try? Patch(operations).applied(to: root)
                    else { throw CannotEdit("the change does not apply to the source") }
                    file = try file.rewritten(index, toSay: target)
                }
                files[path] = file
            } catch {
                refuse(path, error)
            }
        }
    }

    /// Leaves a file as it is, with the reason.
    public mutating func refuse(_ path: String, _ reason: CannotEdit) {
        files[path] = nil
        for var entry in entries.removeValue(forKey: path) ?? [] {
            entry.refusal = reason
            refused.append((path, entry))
        }
    }
}

extension RenderedRoot {
    /// Compares the objects with another rendering of the root.
    ///
    /// - Parameters:
    ///   - before: The root before a change of its sources.
    ///   - intended: The objects with the intended changes; each may also be as before.
    ///   - added: True if an object may be there that was not there before.
    /// - Returns: The title of an object that differs in another way than intended; nil if there is none.
    public func unintendedChange(
        since before: RenderedRoot, intended: [ObjectKey: Literal] = [:], added: (ObjectKey) -> Bool = { _ in false }
    ) -> String? {
        let (old, new) = (before.objects(), objects())
        for (key, object) in old.sorted(by: { $0.key.title < $1.key.title }) {
            guard let now = new[key] else { return key.title }
            guard now.isSame(as: object) || intended[key].map(now.isSame) ?? false else { return key.title }
        }
        return new.keys.filter { old[$0] == nil && !added($0) }.map(\.title).min()
    }
}

/// A PodDisruptionBudget that is missing for a workload which a kustomization renders.
public struct MissingBudget: Sendable {
    /// The file of the workload.
    public let source: String
    /// The PodDisruptionBudget, with the names and labels of the source.
    public let object: Literal
    /// The finding.
    public let entry: FixedFile.Entry
}

extension ManifestEvaluator {
    /// Returns the PodDisruptionBudgets that findings about a root's objects suggest.
    public func missingBudgets(of root: RenderedRoot) -> [MissingBudget] {
        var result: [MissingBudget] = []
        let alone = ManifestWorld(isPartial: false, namespace: "", of: context.settings.catalogue)
        let raw = ManifestEvaluator(context.knowing(alone.relatedObjects), namespace: "")
        for document in root.file.documents {
            evaluate(document, of: root.file) { object, decision, _ in
                let finding = decision?.findings.first {
                    $0.effect != .exempt && !$0.finding.isReplacement && $0.finding.relatedObject?.isBudget ?? false
                }
                guard let finding, let decision else { return }
                root.withSource(of: object) { source in
                    guard let source, let request = raw.request(for: source.object) else { return }
                    let own = raw.evaluator.decision(on: request.review, in: raw.context).findings.first {
                        $0.rule.id == finding.rule.id && $0.finding.relatedObject?.isBudget ?? false
                    }
                    guard let budget = own?.finding.relatedObject else { return }
                    let entry = FixedFile.Entry(
                        title: decision.subject.title, line: source.object.line, decided: finding)
                    result.append(MissingBudget(source: source.file.path, object: budget, entry: entry))
                }
            }
        }
        return result
    }
}

extension Literal {
    /// True for a PodDisruptionBudget.
    var isBudget: Bool { self["kind"] == "PodDisruptionBudget" }

    /// The document of a file that contains this object alone.
    public var document: [UInt8] { Array(yaml.utf8) + (yaml.hasSuffix("\n") ? [] : Array("\n".utf8)) }
}
