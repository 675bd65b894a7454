import JSON
import Kubernetes
import YAML

/// Changes a document's text to an expected content, only in the places that differ.
///
/// The document and its target are compared recursively, and each difference becomes an edit of the text: a member is added or
/// removed, or a value replaced. New text follows the text around it: block or flow style, indentation, quotes, line breaks. Not
/// all of YAML needs to be supported, since the result is parsed again and compared.
struct Rewriter {
    let text: SourceText
    let document: ManifestDocument
    let root: Value
    let style: YAMLStyle
    /// The edits so far; the inner ones precede those around them.
    var edits: [TextEdit] = []

    init(_ document: ManifestDocument, _ root: Value, in text: SourceText) {
        self.document = document
        self.root = root
        self.text = text
        style = YAMLStyle(of: document, root, in: text)
    }

    /// The text of a member or an element: its start, its end, and true if it stays.
    struct Item {
        let start: Int
        let end: Int
        let stays: Bool
    }

    /// The location of a value that will change.
    enum Holder {
        case root
        case member(key: Value)
        case element
    }

    func extent(_ value: Value) -> Extent { document.extent(of: value, in: root) }

    func place(of offset: Int) -> Location { text.location(of: offset) }

    /// True if the document is JSON.
    var isJSON: Bool { document.extents == nil }

    /// Adds the edits that change a value to its target.
    ///
    /// - Parameters:
    ///   - value: The value.
    ///   - target: The expected value.
    ///   - holder: The location of the value.
    ///   - isInFlow: True if it is inside brackets.
    /// - Throws: A ``CannotEdit`` if the text cannot be changed accordingly.
    mutating func change(
        _ value: Value, to target: Literal, in holder: Holder = .root, isInFlow: Bool = false
    ) throws(CannotEdit) {
        guard !Literal(value).isSame(as: target) else { return }
        let extent = extent(value)
        guard !extent.isShared else {
            throw CannotEdit(
                "this value is used in several places, by an anchor or a merge; write it out where it must differ",
                at: place(of: extent.start))
        }
        switch (value.kind, target) {
        case (.object, .object(let members)): try change(value, extent, holder, isInFlow, members: members)
        case (.array, .array(let elements)): try change(value, extent, holder, isInFlow, elements: elements)
        default: try replace(value, extent, with: target, in: holder, isInFlow: isInFlow)
        }
    }

    private mutating func change(
        _ value: Value, _ extent: Extent, _ holder: Holder, _ isInFlow: Bool, members target: [Literal.Member]
    ) throws(CannotEdit) {
        let isFlow = extent.style == .flow
        var items: [Item] = []
        var names: Set<[UInt8]> = []
        for member in value.members {
            let name = member.key.text
            names.insert(Array(name.utf8))
            let next = target.first { $0.key.utf8.elementsEqual(name.utf8) }
            let key = self.extent(member.key)
            if let next {
                try change(member.value, to: next.value, in: .member(key: member.key), isInFlow: isInFlow || isFlow)
            } else if key.isShared {
                throw CannotEdit("\"\(name)\" comes from a merge and cannot be removed here", at: place(of: key.start))
            }
            // A merged member is elsewhere.
            guard !key.isShared else { continue }
            items.append(Item(start: key.start, end: end(of: member.value, behind: key), stays: next != nil))
        }
        let added = target.filter { !names.contains(Array($0.key.utf8)) }
        guard !added.isEmpty || items.contains(where: { !$0.stays }) else { return }
        if isFlow {
            try rewriteFlow(value, extent, items, adding: added.map { flow($0, in: value, extent) })
        } else if !items.contains(where: \.stays), !items.isEmpty {
            try replace(value, extent, with: .object(target), in: holder, isInFlow: isInFlow)
        } else {
            removeLines(items, extent)
            guard !added.isEmpty else { return }
            let indent = text.indent(of: items.map(\.start).min() ?? extent.start)
            insert(added.flatMap { $0.lines(style) }, behind: lastEnd(of: items, in: extent), indent)
        }
    }

    private mutating func change(
        _ value: Value, _ extent: Extent, _ holder: Holder, _ isInFlow: Bool, elements target: [Literal]
    ) throws(CannotEdit) {
        let isFlow = extent.style == .flow
        let elements = Array(value.elements)
        let pairs = Alignment.pairs(elements, target)
        var items: [Item] = []
        for (index, element) in elements.enumerated() {
            let next = pairs[index]
            if let next { try change(element, to: target[next], in: .element, isInFlow: isInFlow || isFlow) }
            let own = self.extent(element)
            if next == nil, own.isShared {
                throw CannotEdit("an element that is an alias cannot be removed", at: place(of: extent.start))
            }
            items.append(Item(start: own.start, end: own.end, stays: next != nil))
        }
        let first = pairs.compactMap { $0 }.max().map { $0 + 1 } ?? 0
        let added = first < target.count ? Array(target[first...]) : []
        guard !added.isEmpty || items.contains(where: { !$0.stays }) else { return }
        if isFlow {
            try rewriteFlow(value, extent, items, adding: added.map { flow($0, in: value, extent) })
        } else if !items.contains(where: \.stays) {
            try replace(value, extent, with: .array(target), in: holder, isInFlow: isInFlow)
        } else {
            for (index, item) in items.enumerated() where !item.stays { try removeElement(items, index) }
            guard !added.isEmpty else { return }
            let dash = try dash(before: items[0].start)
            insert(Literal.array(added).lines(style), behind: lastEnd(of: items, in: extent), text.indent(of: dash))
        }
    }

    /// The end of a member's value here, even if it is an alias.
    private func end(of value: Value, behind key: Extent) -> Int {
        let own = extent(value)
        guard own.start < key.end else { return own.end }
        var at = text.skippingSpace(from: key.end)
        // `: *name`
        while at < text.bytes.count, ![0x0A, 0x0D, 0x2C, 0x5D, 0x7D].contains(text.bytes[at]) { at += 1 }
        return text.skippingSpace(backFrom: at)
    }

    /// The end of the last item that stays.
    private func lastEnd(of items: [Item], in extent: Extent) -> Int {
        guard items.contains(where: { !$0.stays }) else { return extent.end }
        return items.filter(\.stays).map(\.end).max() ?? extent.end
    }
}

/// The mapping of list elements to those of another list.
private enum Alignment {
    /// The index of the new element for each old one; nil for a removed one.
    static func pairs(_ old: [Value], _ new: [Literal]) -> [Int?] {
        var result: [Int?] = []
        var next = 0
        for (index, element) in old.enumerated() {
            let mustStay = old.count - index <= new.count - next
            if next < new.count, mustStay || isSame(element, new[next]) {
                result.append(next)
                next += 1
            } else {
                result.append(nil)
            }
        }
        return result
    }

    private static func isSame(_ old: Value, _ new: Literal) -> Bool {
        if let name = old["name"]?.string { return new["name"] == .string(name) }
        return Literal(old).isSame(as: new)
    }
}
