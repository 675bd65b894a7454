import Evaluation
import Report

/// `playbook check`: evaluates manifests and reports findings with their locations.
///
/// All files are read before the first is evaluated, since the objects of a run are each other's related objects.
struct CheckCommand {
    private let arguments: Arguments
    private var manifests: ManifestRun
    private var printer: ReportPrinter
    private var known: Baseline?
    private let failureLevel: FailureLevel

    init(_ arguments: Arguments) throws(CommandError) {
        self.arguments = arguments
        manifests = try ManifestRun(arguments)
        printer = try ReportPrinter(arguments)
        failureLevel = try arguments.failureLevel()
        guard let path = arguments.last(.baseline) else { return }
        guard !arguments.has(.writeBaseline) else {
            throw CommandError(
                message: "--baseline cannot be combined with --write-baseline, which writes all findings")
        }
        do throws(Inputs.Failure) {
            known = try Inputs.baseline(path)
        } catch {
            let isMissing = DirectoryWalk.type(of: path) == 0
            throw CommandError(message: "\(error)\(isMissing ? "; create it with --write-baseline \(path)" : "")")
        }
    }

    mutating func run() throws(CommandError) -> ExitCode {
        manifests.read()
        var (printer, known, found) = (printer, known, Baseline())
        let path = arguments.last(.writeBaseline)
        let worlds = manifests.worlds(of: manifests.files, manifests.roots, telling: .withoutFinding)
        manifests.evaluate(
            manifests.files, manifests.roots, with: worlds,
            accepting: { decision in
                if path != nil { found.add(decision) }
                return known?.take(from: decision) ?? decision
            },
            { printer.add($0) })
        manifests.reportIgnores()
        manifests.summary.isBaselineWritten = path != nil
        manifests.summary.baseline = known?.outcome(
            isWhole: !arguments.has(.partial) && manifests.summary.unreadable.isEmpty)
        let isWritten = printer.finish(manifests.summary)
        if let path, let failure = FileWriter.write(path, Array(found.text.utf8)) {
            throw CommandError(message: "\(failure)")
        }
        // Findings that were written to the baseline do not fail the run.
        return manifests.exitCode(failingOn: path == nil ? failureLevel : .never, isWritten: isWritten)
    }
}
