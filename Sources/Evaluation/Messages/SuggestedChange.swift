import JSON
import Kubernetes

/// The suggested change as text: several lines for a denial, one line for a warning.
///
/// The text is created on demand: most findings need one of the two forms, many need none.
public struct SuggestedChange: Sendable {
    /// The fields that the edits set, as YAML.
    private var fragment: Literal?
    private var steps: [Step] = []
    private var relatedObject: Literal?
    private var advice: String?

    /// The change that one edit makes, with its path.
    private enum Step {
        case set(path: String, Literal)
        case add(list: String, Literal)
        case remove(path: String)
        /// A change in words, because the value contains a secret.
        case withheld(String)
    }

    /// The wording of a step: with the value, and without it.
    private typealias Phrase = (full: String, brief: String)

    /// The text of findings that are not shown.
    static let none = SuggestedChange()

    private init() {}

    init(_ finding: Finding, _ subject: Subject) {
        relatedObject = finding.relatedObject
        advice = finding.advice
        guard !finding.edits.isEmpty else { return }
        let sets = finding.edits.filter { if case .set = $0 { true } else { false } }
        if !sets.isEmpty { fragment = Fragment(sets, subject).literal }
        steps = finding.edits.map { edit in
            switch edit {
            case .set(let pointer, let value) where pointer.tokens.last == "-":
                .add(list: subject.shownPath(pointer.parent), value)
            case .set(let pointer, let value): .set(path: subject.shownPath(pointer), value)
            case .remove(let pointer): .remove(path: subject.shownPath(pointer))
            }
        }
    }

    /// The YAML and the advice, one per line.
    public var block: String {
        var blocks: [String] = []
        if let fragment { blocks.append(fragment.yaml) }
        for step in steps {
            switch step {
            case .remove(let path): blocks.append("# remove \(path)")
            case .withheld(let words): blocks.append("# " + words)
            case .set, .add: break
            }
        }
        if let relatedObject {
            // A separate YAML document.
            blocks.append(blocks.isEmpty ? relatedObject.yaml : "---\n" + relatedObject.yaml)
        }
        if let advice { blocks.append("# " + advice) }
        return blocks.joined(separator: "\n")
    }

    private var phrases: [Phrase] {
        var phrases: [Phrase] = steps.map { step in
            switch step {
            case .add(let list, let value): ("add to \(list): \(value.flow)", "add to \(list)")
            case .set(let path, let value): ("set \(path): \(value.flow)", "set \(path)")
            case .remove(let path): ("remove \(path)", "remove \(path)")
            case .withheld(let words): (words, words)
            }
        }
        if let relatedObject {
            let name = relatedObject["metadata"]?["name"].map { " \($0.flow)" } ?? ""
            let words = "apply \(relatedObject["kind"]?.flow ?? "the related object")\(name)"
            phrases.append((words, words))
        }
        if let advice, phrases.isEmpty { phrases.append((advice, advice)) }
        return phrases
    }

    /// Returns the suggested change on one line, shortened to the available room; empty if there is none.
    ///
    /// A warning begins with the finding, which must have room.
    public func line(within room: Int = .max) -> String {
        let phrases = phrases
        let full = phrases.map(\.full).joined(separator: ", ")
        guard full.utf8.count > room else { return full }
        var line = ""
        for phrase in phrases {
            let next = line.isEmpty ? phrase.full : "\(line), \(phrase.full)"
            guard next.utf8.count + SuggestedChange.more.utf8.count <= room else { break }
            line = next
        }
        if line.isEmpty { line = phrases[0].brief }
        if phrases.count > 1 { line += SuggestedChange.more }
        // A fragment of a few bytes is not useful.
        return line.utf8.count <= room ? line : room < 32 ? "" : oneLine(line, atMost: room)
    }

    private static let more = ", …"
}

extension SuggestedChange {
    /// Returns the text with replacements; nil if nothing is replaced.
    ///
    /// YAML that contains a mask cannot be applied, so the change is described in words without the value.
    func replacingTexts(_ replacement: TextReplacement) -> SuggestedChange? {
        var copy = self
        var isReplaced = false
        func text(_ text: String, isPath: Bool = true) -> String {
            guard let other = replacement(text, isPath) else { return text }
            isReplaced = true
            return other
        }
        let hidden = fragment?.hasSecret(replacement) ?? false
        if hidden { copy.fragment = nil }
        copy.steps = steps.map { step in
            switch step {
            case .set(let path, _) where hidden: .withheld("set \(text(path)); \(SuggestedChange.notShown)")
            case .add(let list, _) where hidden: .withheld("add an entry to \(text(list)); \(SuggestedChange.notShown)")
            case .set(let path, let value): .set(path: text(path), value)
            case .add(let list, let value): .add(list: text(list), value)
            case .remove(let path): .remove(path: text(path))
            case .withheld: step
            }
        }
        if let relatedObject, relatedObject.hasSecret(replacement) {
            copy.relatedObject = nil
            copy.steps.append(
                .withheld("apply the suggested \(relatedObject["kind"]?.text ?? "object"); \(SuggestedChange.notShown)")
            )
            isReplaced = true
        }
        copy.advice = advice.map { text($0, isPath: false) }
        return hidden || isReplaced ? copy : nil
    }

    private static let notShown = "the value contains a secret and is not shown"
}

/// The part of an object that edits change, from the pod spec on; elements of lists have their names.
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
        let next = current.flatMap { subject.children[token, of: $0] }
        if current?.kind == .array || token == "-" {
            // Elements are identified by their existing names; a new one has its name in the value.
            var elements: [Literal] = []
            if case .array(let present) = literal { elements = present }
            var element = Literal.object([])
            if let (key, name) = next?.identity { element = .object([.init("\(key)", Literal(name))]) }
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
