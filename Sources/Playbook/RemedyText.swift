import JSON
import Kubernetes

/// What to write instead, for people: on several lines for a denial, on one for a warning.
public struct RemedyText: Sendable {
    /// YAML and advice, a line each.
    public let block: String
    private let phrases: [Phrase]

    /// A step in words: in full, and without the value.
    private typealias Phrase = (full: String, brief: String)

    init(_ finding: Finding, _ subject: Subject) {
        var blocks: [String] = []
        var phrases: [Phrase] = []
        let sets = finding.edits.filter { if case .set = $0 { true } else { false } }
        if !sets.isEmpty { blocks.append(Fragment(sets, subject).literal.yaml) }
        for edit in finding.edits {
            let path = subject.path(edit.pointer)
            switch edit {
            case .set(let pointer, let value) where pointer.tokens.last == "-":
                let list = subject.path(Pointer(Array(pointer.tokens.dropLast())))
                phrases.append(("add to \(list): \(value.flow)", "add to \(list)"))
            case .set(_, let value): phrases.append(("set \(path): \(value.flow)", "set \(path)"))
            case .remove:
                blocks.append("# remove \(path)")
                phrases.append(("remove \(path)", "remove \(path)"))
            }
        }
        if let companion = finding.companion {
            // A document of its own, beside what to write in this one.
            blocks.append(blocks.isEmpty ? companion.yaml : "---\n" + companion.yaml)
            let name = companion["metadata"]?["name"].map { " \($0.flow)" } ?? ""
            let words = "apply \(companion["kind"]?.flow ?? "a companion")\(name)"
            phrases.append((words, words))
        }
        if let advice = finding.advice {
            blocks.append("# " + advice)
            if phrases.isEmpty { phrases.append((advice, advice)) }
        }
        block = blocks.joined(separator: "\n")
        self.phrases = phrases
    }

    /// The same in a few words, no more than fit; empty when there is nothing to say.
    ///
    /// A warning says first what to do: what is wrong, which follows, has to arrive too.
    public func line(within room: Int = .max) -> String {
        let full = phrases.map(\.full).joined(separator: ", ")
        guard full.utf8.count > room else { return full }
        var line = ""
        for phrase in phrases {
            let next = line.isEmpty ? phrase.full : "\(line), \(phrase.full)"
            guard next.utf8.count + RemedyText.more.utf8.count <= room else { break }
            line = next
        }
        if line.isEmpty { line = phrases[0].brief }
        if phrases.count > 1 { line += RemedyText.more }
        // A few bytes of it would help nobody.
        return line.utf8.count <= room ? line : room < 32 ? "" : oneLine(line, atMost: room)
    }

    private static let more = ", …"
}

/// The part of an object that edits touch, as one would write it: from the pod spec on, list elements by their names.
private struct Fragment {
    var literal = Literal.object([])

    init(_ edits: [Edit], _ subject: Subject) {
        let base = subject.templatePointer.flatMap { spec in
            edits.allSatisfy { $0.pointer.isInside(spec) && $0.pointer != spec } ? spec : nil
        }
        for case .set(let pointer, let value) in edits {
            let tokens = pointer.tokens.dropFirst(base?.tokens.count ?? 0)
            let start = base.map { subject.object[at: $0] } ?? subject.object
            Fragment.put(value, at: tokens, of: start, subject, into: &literal)
        }
    }

    private static func put(
        _ value: Literal, at tokens: ArraySlice<String>, of current: Value?, _ subject: Subject,
        into literal: inout Literal
    ) {
        guard let token = tokens.first else {
            literal = value
            return
        }
        let next = current.flatMap { $0[at: Pointer([token])] }
        if current?.kind == .array || token == "-" {
            // Elements are told apart by the name that they have; a new one brings its own.
            var elements: [Literal] = []
            if case .array(let present) = literal { elements = present }
            var element = Literal.object([])
            if let next, let (key, name) = subject.identityMember(next) {
                element = .object([.init(key, Literal(name))])
            }
            let index = elements.firstIndex { present in
                guard case .object(let members) = element, let first = members.first else { return false }
                return present[first.key] == first.value
            }
            if let index { element = elements[index] }
            put(value, at: tokens.dropFirst(), of: next, subject, into: &element)
            if let index { elements[index] = element } else { elements.append(element) }
            literal = .array(elements)
        } else {
            var members: [Literal.Member] = []
            if case .object(let present) = literal { members = present }
            let index = members.firstIndex { $0.key == token }
            var member = index.map { members[$0].value } ?? .object([])
            put(value, at: tokens.dropFirst(), of: next, subject, into: &member)
            if let index { members[index].value = member } else { members.append(.init(token, member)) }
            literal = .object(members)
        }
    }
}
