import Evaluation
public import JSON
import Kubernetes

/// The objects to add to a file, as suggested by findings.
public struct RelatedObjectAdditions: Sendable {
    /// The objects, in the order of their findings.
    public internal(set) var objects: [Literal] = []
    /// The suggested objects that cannot be written.
    public internal(set) var refused: [FixedFile.Entry] = []
    /// The reason that no object can be added to the file; nil if no object is missing or it can.
    public internal(set) var refusal: CannotEdit?
}

extension ManifestEvaluator {
    /// Finds the missing objects that findings suggest; each is added to the file of the first such finding that can be changed.
    ///
    /// - Parameters:
    ///   - files: The files.
    ///   - world: The related objects, including those of the files.
    /// - Returns: The additions to each of the files.
    public func additions(to files: [ManifestFile], in world: ManifestWorld) -> [RelatedObjectAdditions] {
        var plan = AdditionPlan(self, files, world)
        plan.run()
        return plan.additions
    }
}

/// A suggested object and its finding.
private struct Wish {
    let relatedObject: Literal
    /// The index of the finding's file.
    let file: Int
    let entry: FixedFile.Entry
    /// The kind of the finding's object.
    let kind: ResourceKind
    let name: String
    let namespace: String

    var isBudget: Bool { relatedObject.isBudget }

    /// The number of labels in the selector: the fewer, the more pods it selects.
    var labelCount: Int { isBudget ? relatedObject["spec"]?["selector"]?["matchLabels"]?.members.count ?? 0 : 0 }
}

/// The additions to all files.
private struct AdditionPlan {
    private let evaluator: ManifestEvaluator
    private let files: [ManifestFile]
    /// The objects of the files and the additions.
    private var world: ManifestWorld
    private(set) var additions: [RelatedObjectAdditions]
    /// The keys of existing objects.
    private var taken: Set<String> = []
    /// The additions by key.
    private var written: [String: Literal] = [:]

    init(_ evaluator: ManifestEvaluator, _ files: [ManifestFile], _ world: ManifestWorld) {
        (self.evaluator, self.files, self.world) = (evaluator, files, world)
        additions = files.map { _ in RelatedObjectAdditions() }
    }

    mutating func run() {
        let wishes = wishes()
        // A PodDisruptionBudget with fewer labels also covers the pods of those with more, which are then not needed.
        let inOrder = wishes.map(\.labelCount).enumerated().sorted {
            ($0.element, $0.offset) < ($1.element, $1.offset)
        }
        var granted: Set<Int> = []
        for (index, _) in inOrder where !isGranted(wishes[index]) {
            let wish = wishes[index]
            do throws(CannotEdit) {
                try grant(wish)
                granted.insert(index)
            } catch {
                var entry = wish.entry
                entry.refusal = error
                additions[wish.file].refused.append(entry)
            }
        }
        for (index, wish) in wishes.enumerated() where granted.contains(index) {
            additions[wish.file].objects.append(wish.relatedObject)
        }
    }

    /// Returns the suggested objects in files that can be changed, and records existing objects.
    private mutating func wishes() -> [Wish] {
        var wishes: [Wish] = []
        for (index, file) in files.enumerated() {
            let start = wishes.count
            for document in file.documents {
                evaluator.evaluate(document, of: file) { object, decision, _ in
                    taken.insert(key(of: object.value))
                    wishes += decision.map { self.wishes(of: $0, object, index) } ?? []
                }
            }
            guard wishes.count > start else { continue }
            do throws(CannotEdit) {
                try file.checkThatMoreFits()
            } catch {
                additions[index].refusal = error
                wishes.removeSubrange(start...)
            }
        }
        return wishes
    }

    private func wishes(of decision: Decision, _ object: ManifestObject, _ file: Int) -> [Wish] {
        decision.findings.compactMap { decided in
            guard decided.effect != .exempt, !decided.finding.isReplacement,
                let relatedObject = decided.finding.relatedObject, relatedObject.isBudget
            else { return nil }
            let metadata = ObjectMeta(of: object.value)
            return Wish(
                relatedObject: relatedObject, file: file,
                entry: FixedFile.Entry(title: decision.subject.title, line: object.line, decided: decided),
                kind: ResourceKind(kind: object.type?.kind ?? "", apiVersion: object.type?.apiVersion ?? ""),
                name: metadata.name ?? "", namespace: metadata.namespace ?? world.namespace)
        }
    }

    /// True if a suggested object is no longer missing because of other additions.
    private func isGranted(_ wish: Wish) -> Bool {
        if written[key(of: wish.relatedObject)] == wish.relatedObject { return true }
        guard wish.isBudget, let labels = labels(of: wish) else { return false }
        return !((try? world.relatedObjects.budgets(selecting: labels, in: wish.namespace))?.isEmpty ?? true)
    }

    private func labels(of wish: Wish) -> Labels? {
        let workload = try? world.relatedObjects.workload(wish.kind, wish.name, in: wish.namespace)
        return workload.map { Labels($0.labels) }
    }

    private mutating func grant(_ wish: Wish) throws(CannotEdit) {
        let (kind, name) = (wish.relatedObject["kind"]?.flow ?? "", wish.relatedObject["metadata"]?["name"]?.flow ?? "")
        let key = key(of: wish.relatedObject)
        guard !taken.contains(key), written[key] == nil else {
            throw CannotEdit("a \(kind) named \(name) already exists")
        }
        guard let document = try? Document(parsing: Array(wish.relatedObject.json.utf8)) else { return }
        defer { withExtendedLifetime(document) {} }
        if wish.isBudget, let budget = try? DisruptionBudget(of: document.root, in: world.namespace),
            let other = (try? world.relatedObjects.budgets(overlapping: budget))?.first
        {
            throw CannotEdit("it would select pods that \(kind) \(other.name) already selects")
        }
        try checkThatNoRuleDenies(document.root, kind)
        written[key] = wish.relatedObject
        world.add(document.root)
    }

    /// Throws if a rule would deny an object that is added.
    private func checkThatNoRuleDenies(_ object: Value, _ kind: String) throws(CannotEdit) {
        let known = evaluator.context.knowing(world.relatedObjects)
        guard
            let request = UnsentRequest(
                of: object, kind: kind, apiVersion: object["apiVersion"]?.string ?? "", in: world.namespace)
        else { return }
        let denial = Evaluator(known.settings).decision(on: request.review, in: known).findings.first {
            $0.effect == .deny
        }
        if let denial { throw CannotEdit("\(denial.rule.id) would deny it: \(denial.path) \(denial.finding.message)") }
    }

    private func key(of object: Value) -> String {
        key(object["kind"]?.string, ObjectMeta(of: object).namespace, ObjectMeta(of: object).name)
    }

    private func key(of object: Literal) -> String {
        key(object["kind"]?.text, object["metadata"]?["namespace"]?.text, object["metadata"]?["name"]?.text)
    }

    private func key(_ kind: String?, _ namespace: String?, _ name: String?) -> String {
        "\(kind ?? "")/\(namespace ?? world.namespace)/\(name ?? "")"
    }
}
