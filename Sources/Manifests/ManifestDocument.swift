public import JSON
import YAML

/// A document of a file, with the locations of its values.
public struct ManifestDocument: Sendable {
    /// The document as JSON.
    public let json: [UInt8]
    /// The locations of its nodes; nil in a JSON file, whose nodes have their own.
    let extents: [Extent]?
    /// The start of the document in its file, including the comments before it.
    let head: Int
    /// True if it has the key `$patch`; in a value, its quotes would be escaped.
    let carriesPatchDirective: Bool

    init(_ document: YAMLDocument) {
        json = document.json
        carriesPatchDirective = json.has("\"$patch\"")
        extents = document.extents
        head = document.head
    }

    init(json text: SourceText, from start: Int) throws(ManifestProblem) {
        json = Array(text.bytes[start...])
        carriesPatchDirective = json.has("\"$patch\"")
        extents = nil
        head = start
        let document: Document
        do throws(ParseError) {
            document = try Document(parsing: json)
        } catch {
            throw ManifestProblem(error.reason, at: text.location(of: start + error.offset))
        }
        defer { withExtendedLifetime(document) {} }
        try ManifestDocument.refuseDoubles(in: document.root, root: document.root, text, start)
    }

    /// Rejects duplicate keys, as the YAML reader does: an API server would silently use the last one.
    private static func refuseDoubles(
        in value: Value, root: Value, _ text: SourceText, _ start: Int
    ) throws(ManifestProblem) {
        var places: [String: Int] = [:]
        for member in value.members {
            let place = start + root.range(of: member.key).lowerBound
            let key = member.key.text
            if let first = places.updateValue(place, forKey: key) {
                throw ManifestProblem(
                    "duplicate key \"\(key)\" (first defined on line \(text.line(of: first)))",
                    at: text.location(of: place))
            }
            try refuseDoubles(in: member.value, root: root, text, start)
        }
        for element in value.elements { try refuseDoubles(in: element, root: root, text, start) }
    }

    /// Calls a closure with each object of the document; a `List` is split into its items.
    ///
    /// - Parameters:
    ///   - text: The text of the document's file.
    ///   - body: Receives each object, which it must not keep.
    /// - Throws: A ``ManifestProblem`` if the document nests too deep.
    public func objects(in text: SourceText, _ body: (ManifestObject) -> Void) throws(ManifestProblem) {
        try read(in: text) { _, objects in objects.forEach(body) }
    }

    /// Calls a closure with the document's root and the objects in it.
    func read(in text: SourceText, _ body: (Value, [ManifestObject]) -> Void) throws(ManifestProblem) {
        let document: Document
        do throws(ParseError) {
            document = try Document(parsing: json)
        } catch {
            throw ManifestProblem(error.reason, at: text.location(of: extents?.first?.start ?? head))
        }
        defer { withExtendedLifetime(document) {} }
        var objects: [ManifestObject] = []
        visit(document.root, root: document.root, Pointer(), text, kind: nil, apiVersion: nil) { objects.append($0) }
        body(document.root, objects)
    }

    private func visit(
        _ value: Value, root: Value, _ place: Pointer, _ text: SourceText, kind: String?, apiVersion: String?,
        _ body: (ManifestObject) -> Void
    ) {
        let kind = value["kind"]?.string ?? kind
        let apiVersion = value["apiVersion"]?.string ?? apiVersion
        if let kind, kind.hasSuffix("List"), let items = value["items"], items.kind == .array {
            // The items of a DeploymentList can omit their kind.
            let one = kind == "List" ? nil : String(kind.dropLast(4))
            for (index, item) in items.elements.enumerated() {
                let place = place / "items" / String(index)
                visit(item, root: root, place, text, kind: one, apiVersion: one == nil ? nil : apiVersion, body)
            }
        } else {
            body(
                ManifestObject(
                    value, kind: kind, apiVersion: apiVersion, at: place, root: root, document: self, text: text))
        }
    }

    /// The location of a value in the file's text, with its style.
    func extent(of value: Value, in root: Value) -> Extent {
        if let extents {
            return root.order(of: value.id).map { extents[$0] } ?? Extent(start: head, end: head, style: .plain)
        }
        let range = root.range(of: value)
        let style: Extent.Style =
            switch value.kind {
            case .array, .object: .flow
            case .string: .quoted
            default: .plain
            }
        return Extent(start: head + range.lowerBound, end: head + range.upperBound, style: style)
    }

    /// The location of a value in the file's text.
    func range(of value: Value, in root: Value) -> Range<Int> { extent(of: value, in: root).range }
}
