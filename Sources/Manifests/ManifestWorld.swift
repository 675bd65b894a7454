public import Evaluation
import JSON
import Kubernetes

/// The objects of all files of a run, which are each other's related objects.
public struct ManifestWorld: Sendable {
    /// The related objects.
    public private(set) var relatedObjects: RelatedObjects
    /// The evaluated objects that were read from a cluster.
    public private(set) var owners: Set<OwnerKey> = []
    /// The namespace of objects without one.
    let namespace: String
    private let relatedKinds: ResourceKinds

    /// Creates an empty set of objects.
    ///
    /// - Parameters:
    ///   - isPartial: True if objects that are not in the files are unknown; otherwise they are assumed not to exist.
    ///   - namespace: The namespace of objects without one.
    ///   - catalogue: The rules, which determine the fields to keep of each kind.
    public init(isPartial: Bool, namespace: String, of catalogue: Catalogue) {
        relatedKinds = catalogue.relatedKinds
        relatedObjects = RelatedObjects(knowledge: isPartial ? .kindsHeld : .kinds(relatedKinds), of: catalogue)
        self.namespace = namespace
    }

    /// Adds a file's objects.
    ///
    /// - Parameters:
    ///   - file: The file.
    ///   - isEvaluated: False if its objects are only read as related objects.
    /// - Returns: The errors of objects that could not be read.
    public mutating func add(_ file: ManifestFile, isEvaluated: Bool = true) -> [ManifestProblem] {
        var problems: [ManifestProblem] = []
        for document in file.documents {
            do throws(ManifestProblem) {
                try document.objects(in: file.text) { object in
                    guard object.type != nil else { return }
                    if isEvaluated, let key = object.ownerKey { owners.insert(key) }
                    if let problem = add(object) { problems.append(problem) }
                }
            } catch {
                problems.append(error)
            }
        }
        return problems
    }

    /// Adds an object that will be written.
    mutating func add(_ object: Value) {
        // Suggested objects match the API, so no error is expected.
        try? relatedObjects.add(object, in: namespace)
    }

    private mutating func add(_ object: ManifestObject) -> ManifestProblem? {
        guard let type = object.type else { return nil }
        let kind = ResourceKind(kind: type.kind, apiVersion: type.apiVersion)
        guard relatedKinds.contains(kind) else {
            if RelatedObjects.templateKinds.contains(kind) { add(object.value) }
            return nil
        }
        do throws(CannotEvaluate) {
            try relatedObjects.set(object.value, kind, in: namespace)
            return nil
        } catch {
            guard case .malformed(let node, let expected) = error else { return nil }
            let place = object.value.pointer(to: node) ?? Pointer()
            return ManifestProblem("\(place) is not \(expected)", at: object.region(of: place).start)
        }
    }
}
