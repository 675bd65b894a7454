import Evaluation
import Glibc
import JSON
import Kubernetes
import Net
import Report
import Synchronization

/// `playbook replay`: re-evaluates recordings or an audit log and shows which decisions change.
struct ReplayCommand {
    private let arguments: Arguments
    private let settings: Settings
    private let format: String
    private let outputs: [(format: String, path: String)]
    private let failureLevel: FailureLevel

    init(_ arguments: Arguments) throws(CommandError) {
        self.arguments = arguments
        guard !arguments.has(.redactNames) || arguments.has(.auditLog) else {
            throw CommandError(message: "--redact-names needs --audit-log")
        }
        format = try arguments.format()
        outputs = try arguments.outputs()
        failureLevel = try arguments.failureLevel()
        settings = try arguments.settings()
    }

    func run() throws(CommandError) -> ExitCode {
        let (relatedObjects, failures) = Inputs.relatedObjects(arguments.all(.relatedObjects), of: settings.catalogue)
        let given = arguments.has(.relatedObjects) ? relatedObjects : nil
        for failure in failures { Console.error("playbook: \(failure)\n") }
        if arguments.has(.auditLog) {
            let replay = AuditLogReplay(settings, isRedacted: arguments.has(.redactNames), given)
            return finish(replay.run(arguments.operands), failures.count)
        }
        let files = ReviewFiles(arguments.operands)
        let shared = Shared(settings, files, given)
        let threads = (0..<2).compactMap { _ in try? Thread { shared.work() } }
        if threads.isEmpty { shared.work() }
        shared.showProgress(until: threads.count)
        for thread in threads { thread.join() }
        return finish(shared.tally, failures.count)
    }

    private func finish(_ tally: ReplayTally, _ unreadable: Int) -> ExitCode {
        var tally = tally
        tally.unreadable += unreadable
        if !arguments.isSilent(format) {
            Console.print(report(tally, in: format, isColored: Console.isColored() && !arguments.has(.noColor)))
        }
        let isWritten = ReportPrinter.write(outputs) { report(tally, in: $0) }
        for file in arguments.settingsFiles { Console.note("settings read from \(file.path)") }
        if tally.unreadable > 0 || !isWritten { return .usage }
        if tally.reviews == 0, !arguments.has(.auditLog) {
            Console.error("playbook: \(ReviewFiles.nothingFound)\n")
            return .usage
        }
        return failureLevel.code(isDenied: tally.newlyDenied > 0, isWarned: tally.newlyWarned > 0)
    }

    private func report(_ tally: ReplayTally, in format: String, isColored: Bool = false) -> String {
        switch format {
        case "json": ReplayReport.json(tally)
        case "markdown": MarkdownReport.text(tally, documentation: settings.documentation)
        case "html": HTMLReport.text(tally, documentation: settings.documentation, .current)
        default: ReplayReport(isColored: isColored).text(tally)
        }
    }

    /// The state that the threads share: each takes a block of a file at a time, and adds its counts at the end.
    private final class Shared: Sendable {
        private let settings: Settings
        private let files: ReviewFiles
        private let relatedObjects: RelatedObjects?
        private let evaluator: Evaluator
        private let sum = Mutex(ReplayTally())
        private let complaints = Atomic<Int>(0)
        private let done = Atomic<Int>(0)

        /// The number of errors that are printed; further ones are counted.
        private static let maximumComplaints = 20

        init(_ settings: Settings, _ files: ReviewFiles, _ relatedObjects: RelatedObjects?) {
            self.settings = settings
            self.files = files
            self.relatedObjects = relatedObjects
            evaluator = Evaluator(settings)
        }

        var tally: ReplayTally { sum.withLock { $0 } }

        func work() {
            let document = Document()
            var tally = ReplayTally()
            while let next = files.next() {
                switch next {
                case .failure(let failure):
                    tally.unreadable += 1
                    complain("\(failure)")
                case .success(let block):
                    block.forEachReview { review, line in
                        let place = ReplayTally.Place(file: block.path, order: block.file, line: line)
                        replay(review, place, document, &tally)
                    }
                }
            }
            sum.withLock { $0 += tally }
            done.add(1, ordering: .relaxed)
        }

        private func replay(
            _ bytes: Span<UInt8>, _ place: ReplayTally.Place, _ document: Document, _ tally: inout ReplayTally
        ) {
            do throws(ParseError) {
                let problem = try document.read(bytes, AdmissionReview.options) { root -> String? in
                    compare(root, place, &tally)
                }
                guard let problem else { return }
                complain("\(place.text): \(problem)")
            } catch {
                let accepted = "`replay` reads recordings and AdmissionReviews"
                complain("\(UnreadableInput(place.file, from: place.line, error, unlike: accepted))")
            }
            tally.unreadable += 1
        }

        /// Evaluates a review and compares it with its recording; returns the problem if it cannot be evaluated.
        private func compare(_ root: Value, _ place: ReplayTally.Place, _ tally: inout ReplayTally) -> String? {
            let review: AdmissionReview
            do throws(ReviewError) {
                review = try AdmissionReview(root)
            } catch {
                return error.description
            }
            do throws(CannotEvaluate) {
                let recording = try Recording(of: root, with: settings.catalogue)
                let context = Context(
                    settings: settings, relatedObjects: relatedObjects ?? recording?.relatedObjects ?? .unknown,
                    now: recording?.time ?? Process.now)
                let decision = evaluator.decision(on: review, in: context)
                if let recording {
                    tally.add(
                        Comparison(decision, with: recording, of: review, settings), of: review, decision,
                        of: settings.team(of: review), recorded: recording.time,
                        isOtherMode: recording.mode.map { $0 != settings.mode } ?? false,
                        at: place)
                } else {
                    tally.add(undecided: decision)
                }
                return nil
            } catch {
                guard case .malformed(let node, let expected) = error else {
                    return "the recording is incomplete"
                }
                return "\(root.pointer(to: node)?.description ?? "") is not \(expected)"
            }
        }

        private func complain(_ message: String) {
            let count = complaints.add(1, ordering: .relaxed).newValue
            guard count <= Shared.maximumComplaints else { return }
            Console.tell("playbook: \(message)")
            if count == Shared.maximumComplaints { Console.error("playbook: further errors are counted, not shown\n") }
        }

        /// Shows the progress on a terminal until this number of threads is done.
        func showProgress(until count: Int) {
            let progress = Progress()
            while progress.isShown, done.load(ordering: .relaxed) < count {
                progress.show(files.readBytes, of: files.totalBytes)
                usleep(50_000)
            }
            progress.end()
        }
    }
}
