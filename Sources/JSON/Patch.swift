/// A list of operations on a document (RFC 6902).
public struct Patch: Sendable, Hashable {
    /// One step.
    ///
    /// Of the six of RFC 6902 these three are made, and `test` is understood.
    public enum Operation: Sendable, Hashable {
        /// Puts a value where none is, or into an array before the index.
        case add(Pointer, Literal)
        /// Puts a value in the place of another.
        case replace(Pointer, Literal)
        /// Takes a value out.
        case remove(Pointer)
        /// Demands that a value is there.
        case test(Pointer, Literal)
    }

    /// The steps, each on what the ones before it left.
    public var operations: [Operation]

    /// Creates a patch from its steps.
    public init(_ operations: [Operation] = []) { self.operations = operations }

    /// Makes the patch that carries edits out on a document.
    ///
    /// Missing parents are made once, by the first edit that needs them; what is already as wished takes no step, so that a
    /// second patch of the same edits is empty. An edit that cannot be carried out (its way leads through a scalar, or to an
    /// array element that is not there) is left out.
    public init(_ edits: [Edit], on document: Literal) {
        operations = []
        var current = document
        for edit in edits {
            let operation: Operation?
            switch edit {
            case .set(let pointer, let value): operation = Patch.setting(pointer, to: value, in: current)
            case .remove(let pointer): operation = current[at: pointer] == nil ? nil : .remove(pointer)
            }
            guard let operation, let changed = try? Patch([operation]).applied(to: current) else { continue }
            operations.append(operation)
            current = changed
        }
    }

    private static func setting(_ pointer: Pointer, to value: Literal, in document: Literal) -> Operation? {
        if let present = document[at: pointer] { return present.isSame(as: value) ? nil : .replace(pointer, value) }
        // The longest part of the way that is there; the rest becomes part of the value.
        var depth = pointer.tokens.count - 1
        while depth > 0, isMissing(document[at: Pointer(Array(pointer.tokens[..<depth]))]) { depth -= 1 }
        var added = value
        for token in pointer.tokens[min(depth + 1, pointer.tokens.count)...].reversed() {
            added = token == "-" ? .array([added]) : .object([.init(token, added)])
        }
        let place = Pointer(Array(pointer.tokens[...max(depth, 0)]))
        // A `null` on the way counts as missing: it is replaced by what is added.
        return document[at: place] == nil ? .add(place, added) : .replace(place, added)
    }

    private static func isMissing(_ value: Literal?) -> Bool { value == nil || value == .null }

    /// Why a patch does not apply.
    public struct ApplyError: Error, CustomStringConvertible, Equatable {
        /// The step's number, counted from 0.
        public let step: Int
        /// What is wrong, and where.
        public let description: String
    }

    /// Applies every step, or none.
    ///
    /// - Parameter document: What to change; it is not changed itself.
    /// - Returns: The changed document.
    /// - Throws: ``ApplyError`` where a place is missing, or is not what a `test` demands.
    public func applied(to document: Literal) throws(ApplyError) -> Literal {
        var result = document
        for (step, operation) in operations.enumerated() {
            do throws(Obstacle) {
                try Patch.carryOut(operation, on: &result)
            } catch {
                throw ApplyError(step: step, description: "step \(step): \(error.reason)")
            }
        }
        return result
    }

    private static func carryOut(_ operation: Operation, on document: inout Literal) throws(Obstacle) {
        switch operation {
        case .add(let pointer, let value): try document.change(pointer.tokens[...]) { .add($0, value) }
        case .replace(let pointer, let value): try document.change(pointer.tokens[...]) { .replace($0, value) }
        case .remove(let pointer): try document.change(pointer.tokens[...]) { .remove($0) }
        case .test(let pointer, let value):
            guard let present = document[at: pointer], present.isSame(as: value) else {
                throw Obstacle(reason: "\(pointer) is not \(value.json)")
            }
        }
    }

    /// The patch as RFC 6902 writes it.
    public var literal: Literal {
        .array(
            operations.map { operation in
                switch operation {
                case .add(let pointer, let value):
                    ["op": "add", "path": .string(pointer.description), "value": value]
                case .replace(let pointer, let value):
                    ["op": "replace", "path": .string(pointer.description), "value": value]
                case .remove(let pointer): ["op": "remove", "path": .string(pointer.description)]
                case .test(let pointer, let value):
                    ["op": "test", "path": .string(pointer.description), "value": value]
                }
            })
    }

    fileprivate struct Obstacle: Error {
        let reason: String
    }

    /// A step's last part, at the value that holds its place.
    fileprivate enum Change {
        case add(String, Literal)
        case replace(String, Literal)
        case remove(String)
    }
}

extension Literal {
    fileprivate mutating func change(
        _ tokens: ArraySlice<String>, _ change: (String) -> Patch.Change
    ) throws(Patch.Obstacle) {
        guard let token = tokens.first else {
            // The whole document: only replacing it means something.
            switch change("") {
            case .add(_, let value), .replace(_, let value): self = value
            case .remove: throw Patch.Obstacle(reason: "the whole document cannot be removed")
            }
            return
        }
        if tokens.count == 1 { return try carryOut(change(token)) }
        switch self {
        case .object(var members):
            guard let index = members.firstIndex(where: { $0.key == token }) else {
                throw Patch.Obstacle(reason: "there is no '\(token)' on the way")
            }
            self = .null
            try members[index].value.change(tokens.dropFirst(), change)
            self = .object(members)
        case .array(var elements):
            guard let index = arrayIndex(token), index < elements.count else {
                throw Patch.Obstacle(reason: "there is no element '\(token)' on the way")
            }
            self = .null
            try elements[index].change(tokens.dropFirst(), change)
            self = .array(elements)
        default: throw Patch.Obstacle(reason: "'\(token)' lies inside a scalar")
        }
    }

    private mutating func carryOut(_ change: Patch.Change) throws(Patch.Obstacle) {
        switch (self, change) {
        case (.object(var members), .add(let key, let value)):
            if let index = members.firstIndex(where: { $0.key == key }) {
                members[index].value = value
            } else {
                members.append(Member(key, value))
            }
            self = .object(members)
        case (.object(var members), .replace(let key, let value)):
            guard let index = members.firstIndex(where: { $0.key == key }) else {
                throw Patch.Obstacle(reason: "there is no '\(key)' to replace")
            }
            members[index].value = value
            self = .object(members)
        case (.object(var members), .remove(let key)):
            guard let index = members.firstIndex(where: { $0.key == key }) else {
                throw Patch.Obstacle(reason: "there is no '\(key)' to remove")
            }
            members.remove(at: index)
            self = .object(members)
        case (.array(var elements), .add(let token, let value)):
            guard let index = token == "-" ? elements.count : arrayIndex(token), index <= elements.count else {
                throw Patch.Obstacle(reason: "there is no place '\(token)' in the array")
            }
            elements.insert(value, at: index)
            self = .array(elements)
        case (.array(var elements), .replace(let token, let value)):
            guard let index = arrayIndex(token), index < elements.count else {
                throw Patch.Obstacle(reason: "there is no element '\(token)' to replace")
            }
            elements[index] = value
            self = .array(elements)
        case (.array(var elements), .remove(let token)):
            guard let index = arrayIndex(token), index < elements.count else {
                throw Patch.Obstacle(reason: "there is no element '\(token)' to remove")
            }
            elements.remove(at: index)
            self = .array(elements)
        default: throw Patch.Obstacle(reason: "the place lies inside a scalar")
        }
    }
}
