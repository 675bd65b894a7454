public import JSON
import Kubernetes

extension Subject {
    /// A place as people write it, with names instead of indexes: `containers[app].resources.limits.memory`.
    ///
    /// Below the pod spec it starts there, since that reads alike for all kinds. The place may lead beyond what is there.
    public func path(_ pointer: Pointer) -> String { path(pointer, index: { $0 }) }

    /// The same with every element that has no name alike, for telling what was chosen there wherever it has moved to.
    func pathWithoutIndexes(_ pointer: Pointer) -> String { path(pointer, index: { _ in "" }) }

    private func path(_ pointer: Pointer, index word: (String) -> String) -> String {
        var tokens = pointer.tokens[...]
        var current: Value? = object
        if let spec = templatePointer, pointer.isInside(spec), pointer != spec {
            tokens = tokens.dropFirst(spec.tokens.count)
            current = object[at: spec]
        }
        var path = ""
        if tokens.count > 1, let list = tokens.first, let index = tokens.dropFirst().first.flatMap({ Int($0) }),
            let container = containersByList[list].flatMap({ index < $0.count ? $0[index] : nil })
        {
            // By its number, not by going through the list: there may be many, each with findings.
            path = "\(list)[\(identity(container) ?? word(String(index)))]"
            current = container
            tokens = tokens.dropFirst(2)
        }
        for token in tokens {
            if let array = current, array.kind == .array {
                let element = array[at: Pointer([token])]
                path += "[\(element.flatMap(identity) ?? word(token))]"
                current = element
            } else {
                let isWord = token.utf8.allSatisfy { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "/") }
                path += isWord ? (path.isEmpty ? token : ".\(token)") : "[\(token)]"
                if let here = current { current = here[name: token] }
            }
        }
        return path
    }

    /// What an element of a list is called, by the field that the API merges such lists by.
    func identity(_ element: Value) -> String? { identityMember(element)?.value.text }

    /// The member of an element that tells it from its siblings.
    func identityMember(_ element: Value) -> (key: String, value: Value)? {
        for key in ["name", "topologyKey", "mountPath", "containerPort", "key", "dnsName", "deviceName"] {
            guard let value = element[name: key], value.kind == .string || value.kind == .number else { continue }
            if !value.equals("") { return (key, value) }
        }
        return nil
    }
}
