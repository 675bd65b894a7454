public import JSON
import Kubernetes

extension ManifestFile {
    /// The file with more objects at its end, each a document of its own.
    ///
    /// - Parameter objects: The objects.
    /// - Returns: The longer file.
    /// - Throws: ``CannotEdit`` where they cannot stand there.
    public func appending(_ objects: [Literal]) throws(CannotEdit) -> ManifestFile {
        try checkThatMoreFits()
        let lineBreak = text.lineBreak
        var bytes = text.bytes
        if let last = bytes.last, last != UInt8(ascii: "\n") { bytes += lineBreak.utf8 }
        for object in objects {
            bytes += "---\(lineBreak)".utf8
            for line in object.yaml.utf8.split(separator: UInt8(ascii: "\n")) {
                bytes += line
                bytes += lineBreak.utf8
            }
        }
        let longer = ManifestFile(path: path, bytes: bytes)
        guard longer.says(documents.map { .same($0) } + objects.map { .this($0) }) else { throw CannotEdit.wrong }
        return longer
    }

    /// Throws why no object can be added to the file.
    func checkThatMoreFits() throws(CannotEdit) {
        guard problem == nil else { throw CannotEdit("the file could not be read to its end") }
        guard !text.isTranscoded else { throw CannotEdit("the file is UTF-16, and UTF-8 would be written") }
        guard !documents.contains(where: { $0.extents == nil }) else {
            throw CannotEdit("a file of JSON holds one document")
        }
    }

    /// The file with one document changed: nothing but the places where it differs from what it shall be.
    ///
    /// - Parameters:
    ///   - index: Which document.
    ///   - target: What it shall be.
    /// - Returns: The changed file.
    /// - Throws: ``CannotEdit`` where the text leaves no way.
    public func rewritten(_ index: Int, toSay target: Literal) throws(CannotEdit) -> ManifestFile {
        var outcome: Result<[TextEdit], CannotEdit> = .success([])
        let document = documents[index]
        try? document.read(in: text) { root, _ in
            do throws(CannotEdit) {
                outcome = .success(try document.edits(of: root, to: target, in: text))
            } catch {
                outcome = .failure(error)
            }
        }
        return try rewritten(try outcome.get(), toSay: target, in: index)
    }

    func rewritten(_ edits: [TextEdit], toSay target: Literal, in index: Int) throws(CannotEdit) -> ManifestFile {
        var targets = documents.map { _ in Literal?.none }
        targets[index] = target
        return try rewritten(edits, toSay: targets)
    }

    /// The file with edits carried out, read again.
    ///
    /// - Parameters:
    ///   - edits: The edits.
    ///   - targets: What each document shall be; nil: what it was.
    /// - Returns: The changed file.
    /// - Throws: ``CannotEdit`` when it says anything else.
    func rewritten(_ edits: [TextEdit], toSay targets: [Literal?]) throws(CannotEdit) -> ManifestFile {
        let changed = ManifestFile(path: path, bytes: try text.applying(edits))
        guard changed.says(zip(targets, documents).map { target, old in target.map { .this($0) } ?? .same(old) }) else {
            throw CannotEdit.wrong
        }
        return changed
    }

    /// What a document shall say.
    private enum Expectation {
        case same(ManifestDocument)
        case this(Literal)
    }

    private func says(_ expected: [Expectation]) -> Bool {
        guard problem == nil, documents.count == expected.count else { return false }
        return zip(documents, expected).allSatisfy { document, expectation in
            switch expectation {
            case .same(let old): document.json == old.json
            case .this(let target): (try? Literal(parsing: document.json))?.isSame(as: target) ?? false
            }
        }
    }
}

extension CannotEdit {
    fileprivate static let wrong = CannotEdit("written there, the file would say something else")
}

extension ManifestDocument {
    /// The edits that make the document say something else.
    func edits(of root: Value, to target: Literal, in text: SourceText) throws(CannotEdit) -> [TextEdit] {
        var rewriter = Rewriter(self, root, in: text)
        try rewriter.change(root, to: target)
        return rewriter.edits
    }
}
