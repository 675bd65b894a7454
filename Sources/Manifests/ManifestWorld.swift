public import Evaluation
import JSON
import Kubernetes

/// The objects of all files of a run, as each other's companions.
public struct ManifestWorld: Sendable {
    /// What is known of them.
    public private(set) var relatedObjects: RelatedObjects
    /// Where objects are that do not say so themselves.
    let namespace: String
    private let relatedKinds: ResourceKinds

    /// Creates a world without objects.
    ///
    /// - Parameters:
    ///   - isPartial: Whether there may be more than the files say; else what is in none of them does not exist.
    ///   - namespace: Where objects are that do not say so themselves.
    ///   - catalogue: The rules, which say what is kept of each kind.
    public init(isPartial: Bool, namespace: String, of catalogue: Catalogue) {
        relatedKinds = catalogue.relatedKinds
        relatedObjects = RelatedObjects(knowledge: isPartial ? .kindsHeld : .kinds(relatedKinds), of: catalogue)
        self.namespace = namespace
    }

    /// Takes a file's objects in.
    ///
    /// - Returns: What could not be read of them.
    public mutating func add(_ file: ManifestFile) -> [ManifestProblem] {
        var problems: [ManifestProblem] = []
        for document in file.documents {
            do throws(ManifestProblem) {
                try document.objects(in: file.text) { object in
                    guard object.type != nil else { return }
                    if let problem = add(object) { problems.append(problem) }
                }
            } catch {
                problems.append(error)
            }
        }
        return problems
    }

    /// Takes in an object that is to be written.
    mutating func add(_ object: Value) {
        // Rules that ask for it know how the API has it.
        try? relatedObjects.add(object, in: namespace)
    }

    private mutating func add(_ object: ManifestObject) -> ManifestProblem? {
        guard let type = object.type else { return nil }
        let kind = ResourceKind(kind: type.kind, apiVersion: type.apiVersion)
        guard relatedKinds.contains(kind) else {
            if kind == .replicaSet || kind == .controllerRevision { add(object.value) }
            return nil
        }
        do throws(CannotJudge) {
            try relatedObjects.set(object.value, kind, in: namespace)
            return nil
        } catch {
            guard case .malformed(let node, let expected) = error else { return nil }
            let place = object.value.pointer(to: node) ?? Pointer()
            return ManifestProblem("\(place) is not \(expected)", at: object.region(of: place).start)
        }
    }
}
