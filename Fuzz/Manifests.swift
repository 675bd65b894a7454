import JSON
import Kubernetes
import Manifests
import Evaluation
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

private func judge(of file: ManifestFile, _ settings: Settings = settings) -> (
    judge: ManifestJudge, world: ManifestWorld
) {
    var world = ManifestWorld(isPartial: false, namespace: "", of: .playbook)
    _ = world.add(file)
    return (ManifestJudge(context.with(settings).knowing(world.relatedObjects), namespace: ""), world)
}

/// Every finding has a place in the text, and a message.
private func check(_ file: ManifestFile) {
    let judge = judge(of: file).judge
    for document in file.documents {
        judge.judge(document, of: file) { object, verdict, _ in
            for judgement in verdict?.judgements ?? [] {
                let region = object.region(of: judgement.finding.place)
                expect(region.start.line >= 1 && region.start.column >= 1, "a finding is before the file begins")
                expect(!judgement.finding.message.isEmpty, "a finding has no message")
            }
        }
    }
}

private func fix(_ file: ManifestFile) -> FixedFile {
    judge(of: file, settings.overridden(mode: .enforce, fixes: .all)).judge.fixed(file)
}

private func add(to file: ManifestFile) {
    let (judge, world) = judge(of: file)
    for additions in judge.additions(to: [file], in: world) where additions.refusal == nil && !additions.objects.isEmpty
    {
        guard let longer = try? file.appending(additions.objects) else { continue }
        expect(longer.documents.count == file.documents.count + additions.objects.count, "an added object is missing")
    }
}
