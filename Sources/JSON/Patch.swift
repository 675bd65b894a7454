/// A JSON Patch: a list of operations on a document (RFC 6902).
public struct Patch: Sendable, Hashable {
    /// An operation.
    ///
    /// Of the six of RFC 6902, the first three are generated, and `test` is supported.
    public enum Operation: Sendable, Hashable {
        /// Adds a value, or inserts it into an array before the index.
        case add(Pointer, Literal)
        /// Replaces a value.
        case replace(Pointer, Literal)
        /// Removes a value.
        case remove(Pointer)
        /// Requires a value to be present.
        case test(Pointer, Literal)
    }

    /// The operations, each applied to the result of the ones before it.
    public var operations: [Operation]

    /// Creates a patch from operations.
    public init(_ operations: [Operation] = []) { self.operations = operations }

    /// Creates the patch that applies edits to a document.
    ///
    /// Missing parents are created once, by the first edit that needs them (a `null` parent counts as missing). Values that are
    /// already as required need no operation, and `-` appends only values that the array does not contain, so that a second patch
    /// of the same edits is empty. Removals of array elements come last, the highest index first, because they move later
    /// elements: every index refers to `document`. An edit that cannot be applied (a parent is a scalar, or an array element is
    /// missing) is left out.
    public init(_ edits: [Edit], on document: Literal) {
        operations = []
        var current = document
        var leaving: [Pointer] = []
        for edit in edits {
            switch edit {
            case .set(let pointer, let value):
                // Of two edits of one place, the later one counts, as for members.
                leaving.removeAll { $0.isInside(pointer) }
                guard let operation = Patch.setting(pointer, to: value, in: current) else { continue }
                append(operation, &current)
            case .remove(let pointer):
                if case .array? = current[at: pointer.parent], !pointer.tokens.isEmpty {
                    leaving.append(pointer)
                } else {
                    appendRemoval(of: pointer, &current)
                }
            }
        }
        leaving.sort(by: Patch.leavesFirst)
        var last: Pointer?
        for pointer in leaving where pointer != last {
            last = pointer
            appendRemoval(of: pointer, &current)
        }
    }

    private mutating func appendRemoval(of pointer: Pointer, _ current: inout Literal) {
        guard current[at: pointer] != Literal?.none else { return }
        append(.remove(pointer), &current)
    }

    private mutating func append(_ operation: Operation, _ current: inout Literal) {
        // An operation that does not apply is left out.
        guard (try? Patch.carryOut(operation, on: &current)) != nil else { return }
        operations.append(operation)
    }

    /// Orders removals backwards in the document, and nested places before their elements.
    private static func leavesFirst(_ left: Pointer, _ right: Pointer) -> Bool {
        for (one, other) in zip(left.tokens, right.tokens) where !hasSameBytes(one, other) {
            switch (arrayIndex(one), arrayIndex(other)) {
            case (let index?, let otherIndex?): return index > otherIndex
            // The order of two members makes no difference, but it must be total.
            case (nil, nil): return other.utf8.lexicographicallyPrecedes(one.utf8)
            case (let index, _): return index == nil
            }
        }
        return left.tokens.count > right.tokens.count
    }

    private static func setting(_ pointer: Pointer, to value: Literal, in document: Literal) -> Operation? {
        if let present = document[at: pointer] { return present.isSame(as: value) ? nil : .replace(pointer, value) }
        let tokens = pointer.tokens
        // The longest existing part of the path is the value to add to; the rest becomes part of the added value.
        var present = tokens.count - 1
        while present >= 0, isMissing(document[at: Pointer(Array(tokens[..<present]))]) { present -= 1 }
        let place = Pointer(Array(tokens[...present]))
        var added = value
        for token in tokens[place.tokens.count...].reversed() {
            added = token == "-" ? .array([added]) : .object([.init(token, added)])
        }
        if place.tokens.last == "-", case .array(let elements)? = document[at: place.parent],
            elements.contains(where: { $0.isSame(as: added) })
        {
            return nil
        }
        // The place has a value only if it is a `null` parent.
        return document[at: place] == Literal?.none ? .add(place, added) : .replace(place, added)
    }

    private static func isMissing(_ value: Literal?) -> Bool {
        switch value {
        case nil, .null?: true
        default: false
        }
    }

    /// The error of a patch that does not apply.
    public struct ApplyError: Error, CustomStringConvertible, Equatable {
        /// The operation's index, counted from 0.
        public let step: Int
        /// The problem and its location.
        public let description: String
    }

    /// Applies all operations, or none.
    ///
    /// - Parameter document: The document; it is not changed itself.
    /// - Returns: The changed document.
    /// - Throws: An ``ApplyError`` if a place is missing, or differs from a `test`.
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

    /// The patch in the form of RFC 6902.
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

    /// The change of an operation at the container of its place.
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
            // For the whole document, only a replacement makes sense.
            switch change("") {
            case .add(_, let value), .replace(_, let value): self = value
            case .remove: throw Patch.Obstacle(reason: "the whole document cannot be removed")
            }
            return
        }
        if tokens.count == 1 { return try carryOut(change(token)) }
        if var members = takeMembers() {
            defer { self = .object(members) }
            guard let index = members.firstIndex(where: { hasSameBytes($0.key, token) }) else {
                throw Patch.Obstacle(reason: "the path has no member \"\(token)\"")
            }
            return try members[index].value.change(tokens.dropFirst(), change)
        }
        if var elements = takeElements() {
            defer { self = .array(elements) }
            guard let index = arrayIndex(token), index < elements.count else {
                throw Patch.Obstacle(reason: "the path has no element \"\(token)\"")
            }
            return try elements[index].change(tokens.dropFirst(), change)
        }
        throw Patch.Obstacle(reason: "\"\(token)\" is inside a scalar")
    }

    private mutating func carryOut(_ change: Patch.Change) throws(Patch.Obstacle) {
        if var members = takeMembers() {
            defer { self = .object(members) }
            return try change.carryOut(on: &members)
        }
        if var elements = takeElements() {
            defer { self = .array(elements) }
            return try change.carryOut(on: &elements)
        }
        throw Patch.Obstacle(reason: "the path ends inside a scalar")
    }

    // Members and elements are taken out of the enum, not only inspected in a `switch`, so that they are uniquely referenced and
    // change in place.

    @inline(never)
    private mutating func takeMembers() -> [Member]? {
        guard case .object(let members) = self else { return nil }
        self = .null
        return members
    }

    @inline(never)
    private mutating func takeElements() -> [Literal]? {
        guard case .array(let elements) = self else { return nil }
        self = .null
        return elements
    }
}

extension Patch.Change {
    fileprivate func carryOut(on members: inout [Literal.Member]) throws(Patch.Obstacle) {
        func index(of key: String) -> Int? { members.firstIndex { hasSameBytes($0.key, key) } }
        switch self {
        case .add(let key, let value):
            if let index = index(of: key) { members[index].value = value } else { members.append(.init(key, value)) }
        case .replace(let key, let value):
            guard let index = index(of: key) else { throw Patch.Obstacle(reason: "no member \"\(key)\" to replace") }
            members[index].value = value
        case .remove(let key):
            guard let index = index(of: key) else { throw Patch.Obstacle(reason: "no member \"\(key)\" to remove") }
            members.remove(at: index)
        }
    }

    fileprivate func carryOut(on elements: inout [Literal]) throws(Patch.Obstacle) {
        func index(_ token: String, _ use: String) throws(Patch.Obstacle) -> Int {
            guard let index = arrayIndex(token), index < elements.count else {
                throw Patch.Obstacle(reason: "no element \"\(token)\" to \(use)")
            }
            return index
        }
        switch self {
        case .add(let token, let value):
            guard let index = token == "-" ? elements.count : arrayIndex(token), index <= elements.count else {
                throw Patch.Obstacle(reason: "the array has no index \"\(token)\"")
            }
            elements.insert(value, at: index)
        case .replace(let token, let value): elements[try index(token, "replace")] = value
        case .remove(let token): elements.remove(at: try index(token, "remove"))
        }
    }
}
