public import Evaluation
public import JSON
import YAML

/// A comment that exempts findings: `# playbook:ignore RULE reason`.
///
/// It applies to its line, on a separate line to the next one, and before a document to the whole document.
public struct IgnoreComment: Sendable {
    /// The lines that it applies to.
    enum Target: Equatable, Sendable {
        case line(Int)
        case document(Int)
    }

    let target: Target
    /// The rule ids, known or not.
    public let rules: [String]
    /// The reason; empty if there is none.
    public let reason: String
    /// The location of the comment.
    public let location: Location

    /// The problem because of which the comment exempts no finding; nil if there is none.
    public func problem(in catalogue: Catalogue) -> String? {
        guard !rules.isEmpty else { return "playbook:ignore has no rule; use # playbook:ignore RULE reason" }
        for rule in rules where catalogue[rule] == nil {
            let hint = catalogue.nearestRule(to: rule).map { "; did you mean \"\($0)\"?" } ?? ""
            return "unknown rule \"\(rule)\" in playbook:ignore\(hint)"
        }
        return reason.isEmpty ? "playbook:ignore has no effect without a reason; add one after the rule" : nil
    }
}

extension ManifestFile {
    /// The exempting comments of a text, in order.
    static func ignoreComments(in text: SourceText, _ documents: [ManifestDocument]) -> [IgnoreComment] {
        let marker = Array("playbook:ignore".utf8)
        guard let first = marker.first, text.bytes.contains(first) else { return [] }
        var result: [IgnoreComment] = []
        for line in 1...max(1, text.lineCount) {
            let range = text.range(ofLine: line)
            guard let hash = text.comment(with: marker, in: range),
                !documents.contains(where: { $0.hasScalar(at: hash) })
            else { continue }
            let words = String(decoding: text.bytes[hash..<range.upperBound], as: UTF8.self)
            let isAlone = text.bytes[range.lowerBound..<hash].allSatisfy { $0 == 0x20 || $0 == 0x09 }
            let (rules, reason) = parse(words)
            result.append(
                IgnoreComment(
                    target: target(of: line, at: hash, isAlone: isAlone, text, documents), rules: rules, reason: reason,
                    location: text.location(of: hash)))
        }
        return result
    }

    private static func target(
        of line: Int, at offset: Int, isAlone: Bool, _ text: SourceText, _ documents: [ManifestDocument]
    ) -> IgnoreComment.Target {
        guard isAlone else { return .line(line) }
        for (index, document) in documents.enumerated() {
            if let start = document.extents?.first?.start, document.head <= offset, offset < start {
                return .document(index)
            }
        }
        // Comments and empty lines in between are skipped.
        var next = line + 1
        while next <= text.lineCount, text.isCommentOrEmpty(text.range(ofLine: next)) { next += 1 }
        return .line(next)
    }

    /// Parses `# playbook:ignore rule-a, rule-b reason`.
    private static func parse(_ comment: String) -> (rules: [String], reason: String) {
        var words = comment.split(whereSeparator: { $0 == " " || $0 == "\t" })[...]
        while let word = words.first, !word.hasSuffix("playbook:ignore") { words = words.dropFirst() }
        words = words.dropFirst()
        var rules: [String] = []
        while let word = words.popFirst() {
            rules += word.split(separator: ",").map(String.init)
            guard word.hasSuffix(",") || words.first?.hasPrefix(",") ?? false else { break }
        }
        return (rules, words.joined(separator: " "))
    }
}

extension ManifestDocument {
    /// True if a place is inside a scalar, where a number sign does not start a comment.
    fileprivate func hasScalar(at offset: Int) -> Bool {
        guard let extents else { return true }
        return extents.contains { extent in
            [.plain, .quoted, .literal].contains(extent.style) && extent.range.contains(offset)
        }
    }
}

extension SourceText {
    /// The start of the first comment with a marker in a line: after white space, or at the start.
    fileprivate func comment(with marker: [UInt8], in range: Range<Int>) -> Int? {
        var at = range.lowerBound
        while at < range.upperBound {
            defer { at += 1 }
            guard bytes[at] == UInt8(ascii: "#"),
                at == range.lowerBound || bytes[at - 1] == 0x20 || bytes[at - 1] == 0x09
            else { continue }
            var word = at + 1
            while word < range.upperBound, bytes[word] == 0x20 || bytes[word] == 0x09 { word += 1 }
            let end = word + marker.count
            if end <= range.upperBound, bytes[word..<end].elementsEqual(marker),
                end == range.upperBound || bytes[end] == 0x20 || bytes[end] == 0x09
            {
                return at
            }
        }
        return nil
    }

    fileprivate func isCommentOrEmpty(_ range: Range<Int>) -> Bool {
        let first = bytes[range].first { $0 != 0x20 && $0 != 0x09 }
        return first == nil || first == UInt8(ascii: "#")
    }
}
