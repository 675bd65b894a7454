import JSON
import Kubernetes
import YAML

// Block style: content structured by indentation.
extension Rewriter {
    /// Inserts lines after the line of a place, or after the last line before it that is not removed.
    mutating func insert(_ lines: [String], behind place: Int, _ indent: Int) {
        var at = text.endOfLine(before: place)
        while let gone = edits.first(where: { $0.text.isEmpty && $0.range.contains(at) }) {
            guard gone.range.lowerBound >= text.lineBreak.utf8.count else { break }
            at = text.endOfLine(before: gone.range.lowerBound - text.lineBreak.utf8.count)
        }
        let margin = text.lineBreak + String(repeating: " ", count: indent)
        edits.append(TextEdit(range: at..<at, text: lines.map { margin + $0 }.joined()))
    }

    /// Removes members, with the rest of their lines.
    mutating func removeLines(_ items: [Item], _ extent: Extent) {
        for (index, item) in items.enumerated() where !item.stays {
            let next = index + 1 < items.count ? items[index + 1].start : nil
            if text.isFirstInLine(item.start) {
                removeLines(from: item.start, to: item.end)
            } else if let next {
                // The first member of a list element follows its dash; the next one takes its place.
                edits.append(TextEdit(range: item.start..<next, text: ""))
            }
        }
    }

    private mutating func removeLines(from start: Int, to end: Int) {
        let first = text.range(ofLine: text.line(of: start)).lowerBound
        var last = text.endOfLine(before: end)
        while last < text.bytes.count, [0x0A, 0x0D].contains(text.bytes[last]) {
            last += 1
            if text.bytes[last - 1] == 0x0A { break }
        }
        edits.append(TextEdit(range: first..<last, text: ""))
    }

    mutating func removeElement(_ items: [Item], _ index: Int) throws(CannotEdit) {
        let dash = try dash(before: items[index].start)
        guard text.isFirstInLine(dash) else {
            throw CannotEdit("cannot remove elements of a list inside another list's line", at: place(of: dash))
        }
        removeLines(from: dash, to: items[index].end)
    }

    /// The dash of a list element.
    func dash(before start: Int) throws(CannotEdit) -> Int {
        let at = text.skippingSpace(backFrom: start)
        guard at > 0, text.bytes[at - 1] == UInt8(ascii: "-") else {
            throw CannotEdit("the style of this list is not supported", at: place(of: start))
        }
        return at - 1
    }

    /// Replaces a value.
    mutating func replace(
        _ value: Value, _ extent: Extent, with target: Literal, in holder: Holder, isInFlow: Bool
    ) throws(CannotEdit) {
        let start = skippingAnchor(of: extent)
        let range = start..<max(start, extent.end)
        if isJSON {
            edits.append(TextEdit(range: range, text: json(target, margin: text.margin(of: start))))
        } else if isInFlow {
            let needsSpace = start > 0 && text.bytes[start - 1] == UInt8(ascii: ":")
            edits.append(TextEdit(range: range, text: (needsSpace ? " " : "") + scalar(target, like: extent)))
        } else {
            try replaceInBlock(range, extent, with: target, in: holder)
        }
    }

    private mutating func replaceInBlock(
        _ range: Range<Int>, _ extent: Extent, with target: Literal, in holder: Holder
    ) throws(CannotEdit) {
        switch holder {
        case .root:
            throw CannotEdit("the whole document would have to be rewritten", at: place(of: range.lowerBound))
        case .element:
            let margin = text.lineBreak + String(repeating: " ", count: text.indent(of: range.lowerBound))
            let needsSpace = range.lowerBound > 0 && text.bytes[range.lowerBound - 1] == UInt8(ascii: "-")
            let lines = isOnOneLine(target) ? [scalar(target, like: extent)] : target.lines(style)
            edits.append(TextEdit(range: range, text: (needsSpace ? " " : "") + lines.joined(separator: margin)))
        case .member(let key):
            let name = self.extent(key)
            let colon = text.skippingSpace(from: name.end)
            guard colon < text.bytes.count, text.bytes[colon] == UInt8(ascii: ":") else {
                throw CannotEdit("the style of this key is not supported", at: place(of: name.start))
            }
            // An anchor, or a comment between the key and the removed text, stays.
            let stays = text.bytes[min(colon + 1, range.lowerBound)..<range.lowerBound].contains {
                $0 == UInt8(ascii: "#")
            }
            let isBehind = extent.start == range.lowerBound && !stays
            let old = isBehind ? colon + 1..<max(colon + 1, extent.end) : range
            if isOnOneLine(target) {
                // On a separate line, it must be indented more than its key; lists need not be.
                let isTooFarOut = text.indent(of: range.lowerBound) <= text.indent(of: name.start)
                let margin = isBehind ? " " : isTooFarOut ? String(repeating: " ", count: style.indent) : ""
                edits.append(TextEdit(range: old, text: margin + scalar(target, like: extent)))
            } else {
                // Text after the old value on its line, such as a comment, stays after the key.
                let indent = text.indent(of: name.start)
                let isList = if case .array = target { true } else { false }
                if !old.isEmpty { edits.append(TextEdit(range: old, text: "")) }
                insert(target.lines(style), behind: old.upperBound, indent + (isList ? style.listIndent : style.indent))
            }
        }
    }

    private func isOnOneLine(_ target: Literal) -> Bool {
        switch target {
        case .object(let members): members.isEmpty
        case .array(let elements): elements.isEmpty
        default: true
        }
    }

    /// A value on one line, in the quotes of the previous value.
    private func scalar(_ target: Literal, like extent: Extent) -> String {
        guard case .string(let string) = target, extent.style == .quoted else { return target.flow }
        let isSingle = text.bytes[skippingAnchor(of: extent)] == UInt8(ascii: "'")
        let isPrintable = string.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        if isSingle, isPrintable {
            return "'\(string.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''"))'"
        }
        return target.json
    }

    /// The start of the value itself, after an unused anchor.
    private func skippingAnchor(of extent: Extent) -> Int {
        var at = extent.start
        while at < extent.end, text.bytes[at] == UInt8(ascii: "&"), extent.style != .quoted {
            while at < extent.end, ![0x20, 0x09, 0x0A, 0x0D].contains(text.bytes[at]) { at += 1 }
            at = min(text.skippingSpace(from: at), extent.end)
        }
        return at
    }
}

extension YAMLStyle {
    /// Detects the layout of a document.
    init(of document: ManifestDocument, _ root: Value, in text: SourceText) {
        self.init()
        var seen = Seen()
        YAMLStyle.look(at: root, document, root, text, &seen)
        if let indent = seen.indent { self.indent = indent }
        if let listIndent = seen.listIndent { self.listIndent = listIndent }
        putsShortOnOneLine = seen.hasFlow || !seen.hasBlock
    }

    private struct Seen {
        var indent: Int?
        var listIndent: Int?
        /// True if a non-empty mapping or list is in flow style under a key in block style.
        var hasFlow = false
        /// True if one is on separate lines.
        var hasBlock = false
    }

    private static func look(
        at value: Value, _ document: ManifestDocument, _ root: Value, _ text: SourceText, _ seen: inout Seen
    ) {
        guard document.extent(of: value, in: root).style == .block else { return }
        for element in value.elements { look(at: element, document, root, text, &seen) }
        for member in value.members {
            let own = document.extent(of: member.value, in: root)
            let key = document.extent(of: member.key, in: root)
            guard !own.isShared, own.start >= key.end, let first = member.value.firstPart else { continue }
            if own.style == .flow { seen.hasFlow = true }
            guard own.style == .block else { continue }
            seen.hasBlock = true
            let start = document.extent(of: first, in: root).start
            if member.value.kind == .object {
                seen.indent = seen.indent ?? max(1, text.indent(of: start) - text.indent(of: key.start))
            } else {
                let dash = text.skippingSpace(backFrom: start) - 1
                seen.listIndent = seen.listIndent ?? max(0, text.indent(of: max(0, dash)) - text.indent(of: key.start))
            }
            look(at: member.value, document, root, text, &seen)
        }
    }
}

extension Value {
    /// The first key or element; nil if there is none.
    fileprivate var firstPart: Value? {
        for member in members { return member.key }
        for element in elements { return element }
        return nil
    }
}
