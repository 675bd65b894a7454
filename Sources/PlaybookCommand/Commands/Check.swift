import Evaluation
import Report

/// `playbook check`: manifests to findings with their places.
///
/// Everything is read first, since the objects of a run are each other's companions, and judged then, file by file.
struct CheckCommand {
    private let arguments: Arguments
    private var manifests: ManifestRun
    private var printer: ReportPrinter
    private var known: Baseline?

    init(_ arguments: Arguments) throws(CommandError) {
        self.arguments = arguments
        manifests = try ManifestRun(arguments)
        printer = try ReportPrinter(arguments)
        guard let path = arguments.last(.baseline) else { return }
        guard !arguments.has(.writeBaseline) else {
            throw CommandError(message: "--write-baseline writes all findings down: take one of the two")
        }
        do throws(Inputs.Failure) {
            known = try Inputs.baseline(path)
        } catch {
            throw CommandError(message: "\(error)")
        }
    }

    mutating func run() throws(CommandError) -> ExitCode {
        manifests.read()
        var (printer, known, found) = (printer, known, Baseline())
        let path = arguments.last(.writeBaseline)
        let judge = manifests.judge(knowing: manifests.world(of: manifests.files))
        manifests.judge(
            manifests.files, with: judge,
            accepting: { verdict in
                if path != nil { found.add(verdict) }
                return known?.take(from: verdict) ?? verdict
            },
            { printer.add($0) })
        manifests.tellIgnores()
        manifests.summary.baseline = known?.outcome(
            isWhole: !arguments.has(.partial) && manifests.summary.unreadable.isEmpty)
        printer.finish(manifests.summary)
        guard let path else { return manifests.summary.code(arguments) }
        if let failure = FileWriter.write(path, Array(found.text.utf8)) { throw CommandError(message: "\(failure)") }
        // What is written down is accepted for now.
        return !manifests.summary.unreadable.isEmpty ? .usage : .success
    }
}
