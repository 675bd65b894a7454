public import JSON
import Kubernetes

extension Subject {
    /// Returns a path for people, with names instead of indexes: `containers[app].resources.limits.memory`.
    ///
    /// A path within the pod spec starts there, so that it is the same for all kinds. The field does not have to exist.
    public func path(_ pointer: Pointer) -> String { path(pointer, longest: .max) }

    /// Returns the path for messages, with long names shortened; the API server accepts no name that is this long.
    func shownPath(_ pointer: Pointer) -> String { path(pointer, longest: 300) }

    /// Returns the path as the API writes it, with indexes: `spec.template.spec.containers[0].image` (`metav1.StatusCause`).
    func fieldPath(_ pointer: Pointer) -> String {
        let children = children
        var path = ""
        var current: Value? = object
        for token in pointer.tokens {
            let isIndex = current?.kind == .array
            let isWord = token.utf8.allSatisfy { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "/") }
            let shown = token.utf8.count > 300 ? oneLine(token, atMost: 300) : token
            path += isIndex || !isWord ? "[\(shown)]" : path.isEmpty ? shown : ".\(shown)"
            current = current.flatMap { children[token, of: $0] }
        }
        return path
    }

    private func path(_ pointer: Pointer, longest: Int) -> String {
        var tokens = pointer.tokens[...]
        var current: Value? = object
        if let spec = templatePointer, pointer.isInside(spec), pointer != spec {
            tokens = tokens.dropFirst(spec.tokens.count)
            current = object[at: spec]
        }
        let children = children
        var path = ""
        for token in tokens {
            if let array = current, array.kind == .array {
                let element = children[token, of: array]
                let name = element?.identity?.value.text ?? token
                path += name.utf8.count > longest ? "[\(oneLine(name, atMost: longest))]" : "[\(name)]"
                current = element
            } else {
                let isWord = token.utf8.allSatisfy { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "/") }
                let shown = token.utf8.count > longest ? oneLine(token, atMost: longest) : token
                path += isWord ? (path.isEmpty ? shown : ".\(shown)") : "[\(shown)]"
                if let here = current { current = children[token, of: here] }
            }
        }
        return path
    }
}

extension Value {
    /// The member that identifies an element of a list: the merge key of such lists.
    var identity: (key: StaticString, value: Value)? {
        var best: (rank: Int, value: Value)?
        for member in members {
            let key = member.key
            // Compares the length first: few members are one of these.
            let rank: Int? =
                switch key.contentLength {
                case 3 where key.equals("key"): 4
                case 4 where key.equals("name"): 0
                case 7 where key.equals("dnsName"): 5
                case 9 where key.equals("mountPath"): 2
                case 10 where key.equals("deviceName"): 6
                case 11 where key.equals("topologyKey"): 1
                case 13 where key.equals("containerPort"): 3
                default: nil
                }
            guard let rank, rank <= best?.rank ?? .max else { continue }
            let value = member.value
            guard value.kind == .number || value.kind == .string && !value.equals("") else { continue }
            best = (rank, value)
        }
        return best.map { (Value.identities[$0.rank], $0.value) }
    }

    private static let identities: [StaticString] = [
        "name", "topologyKey", "mountPath", "containerPort", "key", "dnsName", "deviceName",
    ]
}
