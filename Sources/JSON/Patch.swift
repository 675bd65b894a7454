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
    /// Missing parents are made once, by the first edit that needs them (a `null` on the way counts as missing). What is
    /// already as wished takes no step, and `-` appends only what the array does not hold yet, so that a second patch of the
    /// same edits is empty. The exception is an element taken out of an array, whose place the next one takes: those steps come
    /// last, the highest index first, so that every index means the element it means in `document`. An edit that cannot be
    /// carried out (its way leads through a scalar, or to an array element that is not there) is left out.
    public init(_ edits: [Edit], on document: Literal) {
        operations = []
        var current = document
        var leaving: [Pointer] = []
        for edit in edits {
            switch edit {
            case .set(let pointer, let value):
                // Of two wishes for one place the later counts, as it does for members.
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
        // What does not apply changes nothing, and is left out.
        guard (try? Patch.carryOut(operation, on: &current)) != nil else { return }
        operations.append(operation)
    }

    /// Backwards in the document, and what is inside an element before the element.
    private static func leavesFirst(_ left: Pointer, _ right: Pointer) -> Bool {
        for (one, other) in zip(left.tokens, right.tokens) where !hasSameBytes(one, other) {
            switch (arrayIndex(one), arrayIndex(other)) {
            case (let index?, let otherIndex?): return index > otherIndex
            // Which of two members goes first makes no difference, but the order has to be one.
            case (nil, nil): return other.utf8.lexicographicallyPrecedes(one.utf8)
            case (let index, _): return index == nil
            }
        }
        return left.tokens.count > right.tokens.count
    }

    private static func setting(_ pointer: Pointer, to value: Literal, in document: Literal) -> Operation? {
        if let present = document[at: pointer] { return present.isSame(as: value) ? nil : .replace(pointer, value) }
        let tokens = pointer.tokens
        // The longest part of the way that is there leads to a value to add to; the rest becomes part of what is added.
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
        // There is something in the place only where a `null` stood in the way.
        return document[at: place] == Literal?.none ? .add(place, added) : .replace(place, added)
    }

    private static func isMissing(_ value: Literal?) -> Bool {
        switch value {
        case nil, .null?: true
        default: false
        }
    }

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
        if var members = takeMembers() {
            defer { self = .object(members) }
            guard let index = members.firstIndex(where: { hasSameBytes($0.key, token) }) else {
                throw Patch.Obstacle(reason: "there is no '\(token)' on the way")
            }
            return try members[index].value.change(tokens.dropFirst(), change)
        }
        if var elements = takeElements() {
            defer { self = .array(elements) }
            guard let index = arrayIndex(token), index < elements.count else {
                throw Patch.Obstacle(reason: "there is no element '\(token)' on the way")
            }
            return try elements[index].change(tokens.dropFirst(), change)
        }
        throw Patch.Obstacle(reason: "'\(token)' lies inside a scalar")
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
        throw Patch.Obstacle(reason: "the place lies inside a scalar")
    }

    // Taken out, and not only looked at in a `switch`, members and elements are held once and change in place.

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
            guard let index = index(of: key) else { throw Patch.Obstacle(reason: "there is no '\(key)' to replace") }
            members[index].value = value
        case .remove(let key):
            guard let index = index(of: key) else { throw Patch.Obstacle(reason: "there is no '\(key)' to remove") }
            members.remove(at: index)
        }
    }

    fileprivate func carryOut(on elements: inout [Literal]) throws(Patch.Obstacle) {
        func index(_ token: String, _ use: String) throws(Patch.Obstacle) -> Int {
            guard let index = arrayIndex(token), index < elements.count else {
                throw Patch.Obstacle(reason: "there is no element '\(token)' to \(use)")
            }
            return index
        }
        switch self {
        case .add(let token, let value):
            guard let index = token == "-" ? elements.count : arrayIndex(token), index <= elements.count else {
                throw Patch.Obstacle(reason: "there is no place '\(token)' in the array")
            }
            elements.insert(value, at: index)
        case .replace(let token, let value): elements[try index(token, "replace")] = value
        case .remove(let token): elements.remove(at: try index(token, "remove"))
        }
    }
}
