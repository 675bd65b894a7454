import Evaluation
import JSON
import Kubernetes
import Manifests
import Rules

private let settings = Settings()
private let context = Context(settings: settings, now: Timestamp(seconds: 1_795_435_200), source: .files)

/// A fixed file is read to what it should say and needs no second fix; the objects that it lacks can be added to it.
func fuzzManifests(_ bytes: [UInt8]) {
    guard !ManifestFile.isBinary(bytes) else { return }
    let file = ManifestFile(path: "a.yaml", bytes: bytes)
    check(file)
    let fixed = fix(file)
    expect(fixed.isChanged || fixed.file.text.bytes == file.text.bytes, "nothing is fixed, and the text differs")
    if fixed.isChanged {
        let again = ManifestFile(path: "a.yaml", bytes: fixed.file.text.bytes)
        expect(again.problem == nil, "a fixed file cannot be read")
        expect(again.documents.map(\.json) == fixed.file.documents.map(\.json), "a fixed file reads differently")
        expect(!fix(again).isChanged, "a fixed file is fixed once more")
    }
    add(to: fixed.file)
}

private func evaluate(of file: ManifestFile, _ settings: Settings = settings) -> (
    evaluator: ManifestEvaluator, world: ManifestWorld
) {
    var world = ManifestWorld(isPartial: false, namespace: "", of: .playbook)
    _ = world.add(file)
    return (ManifestEvaluator(context.with(settings).knowing(world.relatedObjects), namespace: ""), world)
}

/// Every finding has a place in the text, and a message.
private func check(_ file: ManifestFile) {
    let evaluator = evaluate(of: file).evaluator
    for document in file.documents {
        evaluator.evaluate(document, of: file) { object, decision, _ in
            for decided in decision?.findings ?? [] {
                let region = object.region(of: decided.finding.place)
                expect(region.start.line >= 1 && region.start.column >= 1, "a finding is before the file begins")
                expect(!decided.finding.message.isEmpty, "a finding has no message")
            }
        }
    }
}

private func fix(_ file: ManifestFile) -> FixedFile {
    evaluate(of: file, settings.overridden(mode: .enforce, fixes: .all)).evaluator.fixed(file)
}

private func add(to file: ManifestFile) {
    let (evaluator, world) = evaluate(of: file)
    for additions in evaluator.additions(to: [file], in: world)
    where additions.refusal == nil && !additions.objects.isEmpty {
        guard let longer = try? file.appending(additions.objects) else { continue }
        expect(longer.documents.count == file.documents.count + additions.objects.count, "an added object is missing")
    }
}
