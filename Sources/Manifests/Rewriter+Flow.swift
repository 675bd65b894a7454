import JSON
import Kubernetes
import YAML

// Flow style: content in brackets, in YAML and JSON.
extension Rewriter {
    /// Returns a member in flow style.
    func flow(_ member: Literal.Member, in value: Value, _ extent: Extent) -> String {
        guard isJSON || hasQuotedKeys(value) else {
            // `{key: value}` without its brackets.
            return String(Literal.object([member]).flow.dropFirst().dropLast())
        }
        return "\(Literal.string(member.key).json):\(isTight(value) ? "" : " ")\(json(member.value, in: value, extent))"
    }

    /// Returns an element in flow style.
    func flow(_ element: Literal, in value: Value, _ extent: Extent) -> String {
        isJSON ? json(element, in: value, extent) : element.flow
    }

    private func hasQuotedKeys(_ value: Value) -> Bool {
        for member in value.members { return extent(member.key).style == .quoted }
        return false
    }

    /// True if the first key's colon is not followed by a space.
    private func isTight(_ value: Value) -> Bool {
        for member in value.members {
            let (key, own) = (extent(member.key), extent(member.value))
            return own.start - key.end == 1
        }
        for element in value.elements where element.kind == .object { return isTight(element) }
        return false
    }

    private func json(_ literal: Literal, in value: Value, _ extent: Extent) -> String {
        let isOnLines = text.line(of: extent.start) != text.line(of: max(extent.start, extent.end - 1))
        if isJSON, isOnLines, let unit = unit(of: value, extent) {
            return literal.prettyJSON(margin: text.margin(of: extent.start) + unit, unit: unit)
        }
        return literal.spacedJSON(isTight: isTight(value))
    }

    /// Returns a value as JSON.
    func json(_ literal: Literal, margin: String) -> String {
        let isOnLines = text.lineCount > 1
        return isOnLines ? literal.prettyJSON(margin: margin, unit: "  ") : literal.spacedJSON(isTight: isTight(root))
    }

    /// The indentation of a container's members relative to the container.
    private func unit(of value: Value, _ extent: Extent) -> String? {
        let outer = text.margin(of: extent.start)
        let inner = text.margin(of: text.skippingSpace(from: extent.start + 1))
        guard inner.hasPrefix(outer), inner.utf8.count > outer.utf8.count else { return nil }
        return String(inner.dropFirst(outer.count))
    }

    /// Removes items in brackets, and adds others after the last one.
    mutating func rewriteFlow(
        _ value: Value, _ extent: Extent, _ items: [Item], adding added: [String]
    ) throws(CannotEdit) {
        let closer = extent.end - 1
        guard closer > extent.start, [UInt8(ascii: "}"), UInt8(ascii: "]")].contains(text.bytes[closer]) else {
            throw CannotEdit(
                "the style of these brackets is not supported", at: place(of: extent.start))
        }
        let tight = isTight(value)
        guard let last = items.last(where: \.stays) else {
            // No item stays: everything between the brackets is replaced.
            let opener = opener(of: extent)
            edits.append(
                TextEdit(range: opener + 1..<closer, text: added.joined(separator: tight ? "," : ", ")))
            return
        }
        let lastIndex = items.lastIndex(where: \.stays) ?? 0
        for (index, item) in items.enumerated() where !item.stays && index < lastIndex {
            edits.append(TextEdit(range: item.start..<items[index + 1].start, text: ""))
        }
        // The location of an alias is unknown; then the content ends at the closing bracket.
        let isKnown = last.end > extent.start && last.end <= closer && last.start >= extent.start
        let end = isKnown ? last.end : text.skippingSpace(backFrom: closer)
        let comma = text.skippingSpace(from: end)
        let hasComma = comma < closer && text.bytes[comma] == UInt8(ascii: ",")
        let goes = lastIndex + 1 < items.count
        guard !goes else {
            // Removing the last items also removes the comma before them; added items take their place.
            let isOnLines = text.line(of: end) != text.line(of: closer)
            if isOnLines, hasComma, text.line(of: comma) < text.line(of: items[lastIndex + 1].start) {
                return takeLines(from: comma, items, added, closer, margin: text.margin(of: last.start))
            }
            let separator = isOnLines ? "," + text.lineBreak + text.margin(of: last.start) : tight ? "," : ", "
            let range = end..<items[items.count - 1].end
            edits.append(TextEdit(range: range, text: added.map { separator + $0 }.joined()))
            return
        }
        if !added.isEmpty { insertInFlow(added, end, hasComma ? comma + 1 : nil, closer, last, tight) }
    }

    /// Removes the last items, which are on separate lines with their comments; the comment of the item before them stays.
    private mutating func takeLines(
        from comma: Int, _ items: [Item], _ added: [String], _ closer: Int, margin: String
    ) {
        let end = items[items.count - 1].end
        let next = text.skippingSpace(from: end)
        let hasTrailingComma = next < closer && text.bytes[next] == UInt8(ascii: ",")
        if added.isEmpty, !hasTrailingComma { edits.append(TextEdit(range: comma..<comma + 1, text: "")) }
        let line = text.endOfLine(before: comma + 1)
        let behind = text.line(of: end) == text.line(of: closer) ? end : text.endOfLine(before: end)
        let lines = added.map { text.lineBreak + margin + $0 }.joined(separator: ",")
        edits.append(TextEdit(range: line..<behind, text: lines + (hasTrailingComma && !added.isEmpty ? "," : "")))
    }

    private mutating func insertInFlow(
        _ added: [String], _ end: Int, _ behindComma: Int?, _ closer: Int, _ last: Item, _ isTight: Bool
    ) {
        let place = behindComma ?? end
        let isOnLines = text.line(of: end) != text.line(of: closer)
        guard isOnLines else {
            let separator = isTight ? "," : ", "
            let before = behindComma == nil ? separator : isTight ? "" : " "
            edits.append(TextEdit(range: place..<place, text: before + added.joined(separator: separator)))
            return
        }
        let margin = text.lineBreak + text.margin(of: last.start)
        if behindComma == nil { edits.append(TextEdit(range: end..<end, text: ",")) }
        // A comment after the last item stays there.
        let line = text.endOfLine(before: place)
        let lines = margin + added.joined(separator: "," + margin) + (behindComma == nil ? "" : ",")
        edits.append(TextEdit(range: line..<line, text: lines))
    }

    /// The opening bracket of a container, after an anchor or a tag.
    private func opener(of extent: Extent) -> Int {
        let brackets = [UInt8(ascii: "{"), UInt8(ascii: "[")]
        return text.bytes[extent.range].firstIndex { brackets.contains($0) } ?? extent.start
    }
}

extension Literal {
    /// JSON on one line, with a space after colons and commas unless it is tight.
    fileprivate func spacedJSON(isTight: Bool) -> String {
        guard !isTight else { return json }
        switch self {
        case .array(let elements):
            return "[" + elements.map { $0.spacedJSON(isTight: false) }.joined(separator: ", ") + "]"
        case .object(let members):
            return "{"
                + members.map { "\(Literal.string($0.key).json): \($0.value.spacedJSON(isTight: false))" }
                .joined(separator: ", ") + "}"
        default: return json
        }
    }

    /// JSON on several lines; the first one is not indented.
    fileprivate func prettyJSON(margin: String, unit: String) -> String {
        let inner = margin + unit
        switch self {
        case .array(let elements) where !elements.isEmpty:
            let lines = elements.map { inner + $0.prettyJSON(margin: inner, unit: unit) }
            return "[\n" + lines.joined(separator: ",\n") + "\n\(margin)]"
        case .object(let members) where !members.isEmpty:
            let lines = members.map {
                "\(inner)\(Literal.string($0.key).json): \($0.value.prettyJSON(margin: inner, unit: unit))"
            }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(margin)}"
        default: return json
        }
    }
}
