public import JSON
import Kubernetes

extension ManifestFile {
    /// Returns the file with objects added at its end, each as a separate document.
    ///
    /// - Parameter objects: The objects.
    /// - Returns: The changed file.
    /// - Throws: A ``CannotEdit`` if they cannot be added.
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

    /// Throws the reason that no object can be added to the file.
    func checkThatMoreFits() throws(CannotEdit) {
        guard problem == nil else { throw CannotEdit("the file could not be read completely") }
        guard !text.isTranscoded else { throw CannotEdit("the file is UTF-16; only UTF-8 files can be changed") }
        guard !documents.contains(where: { $0.extents == nil }) else {
            throw CannotEdit("a JSON file contains one document")
        }
    }

    /// Returns the file with one document changed, only in the places that differ from the target.
    ///
    /// - Parameters:
    ///   - index: The document's index.
    ///   - target: The expected content.
    /// - Returns: The changed file.
    /// - Throws: A ``CannotEdit`` if the text cannot be changed accordingly.
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

    /// Returns the file with edits applied, parsed again.
    ///
    /// - Parameters:
    ///   - edits: The edits.
    ///   - targets: The expected content of each document; nil for no change.
    /// - Returns: The changed file.
    /// - Throws: A ``CannotEdit`` if the content is not as expected.
    func rewritten(_ edits: [TextEdit], toSay targets: [Literal?]) throws(CannotEdit) -> ManifestFile {
        let changed = ManifestFile(path: path, bytes: try text.applying(edits))
        guard changed.says(zip(targets, documents).map { target, old in target.map { .this($0) } ?? .same(old) }) else {
            throw CannotEdit.wrong
        }
        return changed
    }

    /// The expected content of a document.
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
    fileprivate static let wrong = CannotEdit("the changed file would not have the expected content")
}

extension ManifestDocument {
    /// Returns the edits that give the document its expected content.
    func edits(of root: Value, to target: Literal, in text: SourceText) throws(CannotEdit) -> [TextEdit] {
        var rewriter = Rewriter(self, root, in: text)
        try rewriter.change(root, to: target)
        return rewriter.edits
    }
}
