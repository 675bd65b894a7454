import JSON
import Kubernetes
import Manifests
import Playbook
import Report

/// `playbook check`: manifests to findings with their places.
///
/// Everything is read first, since the objects of a run are each other's companions, and judged then, file by file.
struct CheckCommand {
    private let arguments: Arguments
    private let settings: Settings
    private let namespace: String
    private var output: Output
    private var summary = Summary(of: .object)

    init(_ arguments: Arguments) throws(CommandError) {
        self.arguments = arguments
        settings = try arguments.settings()
        namespace = arguments.last(.namespace) ?? ""
        output = try Output(arguments)
    }

    mutating func run() -> ExitCode {
        var world = ManifestWorld(isPartial: arguments.has(.partial), namespace: namespace)
        let progress = Progress()
        for path in arguments.all(.companions) {
            for file in Inputs.files([path], endings: Inputs.manifests) { _ = read(file, into: &world) }
        }
        var files: [ManifestFile] = []
        for file in Inputs.files(arguments.operands, endings: Inputs.manifests) {
            if let file = read(file, into: &world) { files.append(file) }
            progress.show("\(files.count) files read")
        }
        summary.files = files.count
        let context = Context(settings: settings, companions: world.companions, now: Process.now, source: .files)
        let judge = Judge(settings)
        for file in files {
            for document in file.documents { judgeObjects(of: document, in: file, judge, context) }
            progress.show("\(summary.judged) objects judged")
        }
        progress.end()
        output.finish(summary)
        return summary.code
    }

    private mutating func complain(_ message: String) {
        summary.unreadable += 1
        Console.error("playbook: \(message)\n")
    }

    private mutating func read(
        _ entry: Result<String, Inputs.Failure>, into world: inout ManifestWorld
    ) -> ManifestFile? {
        do throws(Inputs.Failure) {
            let path = try entry.get()
            let bytes = try Inputs.bytes(of: path).get()
            guard !ManifestFile.isBinary(bytes) else {
                Console.error("playbook: \(path): passed over: this is no text\n")
                return nil
            }
            let file = ManifestFile(path: path, bytes: bytes)
            for problem in world.add(file) + [file.problem].compactMap({ $0 }) {
                complain("\(path):\(problem.location.line):\(problem.location.column): \(problem.message)")
            }
            return file
        } catch {
            complain(error.message)
            return nil
        }
    }

    private mutating func judgeObjects(
        of document: ManifestDocument, in file: ManifestFile, _ judge: Judge, _ context: Context
    ) {
        // What cannot be read was told when the companions were looked for.
        try? document.objects(in: file.text) { object in
            guard let type = object.type,
                let creation = Creation(
                    of: object.value, kind: type.kind, apiVersion: type.apiVersion, in: namespace)
            else {
                summary.foreign += 1
                return
            }
            let verdict = judge.verdict(on: creation.review, in: context)
            summary.add(verdict)
            output.add(
                JudgedObject(
                    file: file.path, line: object.line, request: "", title: creation.review.title, verdict: verdict,
                    locate: { object.region(of: $0) }))
        }
    }
}
