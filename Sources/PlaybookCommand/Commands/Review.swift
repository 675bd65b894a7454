import Evaluation
import JSON
import Kubernetes
import Report
import Webhook

/// `playbook review`: evaluates AdmissionReviews from files.
struct ReviewCommand {
    private let arguments: Arguments
    private let context: Context
    private let evaluator: Evaluator
    private var printer: ReportPrinter
    private var summary = Summary(of: .review)
    private let document = Document()
    private let paths: [String]
    private let wish: Wish
    private let failureLevel: FailureLevel

    /// The rules whose results are shown in addition to findings.
    enum Wish {
        case nobody
        case every
        /// This rule only; findings of other rules are not shown.
        case one(Rule)
    }

    /// Prepares the command; `explain --review` passes its own files and rules.
    init(_ arguments: Arguments, of paths: [String]? = nil, showing wish: Wish? = nil) throws(CommandError) {
        self.arguments = arguments
        self.paths = paths ?? arguments.operands
        self.wish = wish ?? (arguments.has(.verbose) ? .every : .nobody)
        printer = try ReportPrinter(arguments)
        failureLevel = try arguments.failureLevel()
        summary.settingsFiles = arguments.settingsFiles.map(\.path)
        let settings = try arguments.settings()
        let (relatedObjects, failures) = Inputs.relatedObjects(arguments.all(.relatedObjects), of: settings.catalogue)
        // The format `response` prints the server's exact responses, including those for requests that it skips.
        context = Context(
            settings: settings, relatedObjects: relatedObjects, now: Process.now,
            source: printer.format == "response" ? .server : .recording)
        evaluator = Evaluator(settings)
        for failure in failures { complain(failure) }
    }

    mutating func run() -> ExitCode {
        let progress = Progress()
        let files = ReviewFiles(paths)
        while let next = files.next() {
            switch next {
            case .failure(let failure): complain(failure)
            case .success(let block): block.forEachReview { evaluate($0, from: block.path, line: $1) }
            }
            progress.show(files.readBytes, of: files.totalBytes)
        }
        progress.end()
        let isWritten = printer.finish(summary)
        guard summary.evaluated > 0 || !summary.unreadable.isEmpty else {
            Console.error("playbook: \(ReviewFiles.nothingFound)\n")
            return .usage
        }
        return summary.code(failingOn: failureLevel, isWritten: isWritten)
    }

    private mutating func complain(_ input: UnreadableInput) {
        summary.unreadable.append(input)
        Console.error("playbook: \(input)\n")
    }

    private mutating func evaluate(_ bytes: Span<UInt8>, from path: String, line: Int?) {
        if printer.format == "response" {
            respond(to: bytes, path, line)
            return
        }
        guard bytes.count <= context.settings.maximumBodyBytes else {
            let reason = "the review cannot be evaluated: it is larger than PLAYBOOK_MAX_BODY"
            return complain(UnreadableInput(path, line: line, reason))
        }
        let result: Result<ReportedObject, ReviewError>
        do throws(ParseError) {
            result = try document.read(bytes, AdmissionReview.options) { root in
                do throws(ReviewError) {
                    return .success(evaluated(try AdmissionReview(root), recordedContext(of: root), path, line))
                } catch {
                    guard let kind = root["kind"]?.string, kind != "AdmissionReview", root["apiVersion"] != nil else {
                        return .failure(error)
                    }
                    return .failure(.notAReview("this is a \(kind), not an AdmissionReview; use `playbook check`"))
                }
            }
        } catch {
            complain(UnreadableInput(path, from: line, error, unlike: "`review` reads AdmissionReviews"))
            return
        }
        switch result {
        case .failure(let error): complain(UnreadableInput(path, line: line, "\(error)"))
        case .success(let object):
            summary.add(object.decision)
            printer.add(object)
        }
    }

    /// The context of a review: with the related objects of its recording, unless `--companions` is given.
    private func recordedContext(of root: Value) -> Context {
        guard !arguments.has(.relatedObjects),
            let recording = try? Recording(of: root, with: context.settings.catalogue)
        else { return context }
        return context.knowing(recording.relatedObjects)
    }

    private func evaluated(
        _ review: AdmissionReview, _ context: Context, _ path: String, _ line: Int?
    ) -> ReportedObject {
        let decision = evaluator.decision(on: review, in: context)
        var (shown, answers): (Decision, [RuleAnswer]) = (decision, [])
        switch wish {
        case .nobody: break
        case .every: answers = decision.answers(to: review, in: context)
        case .one(let rule):
            answers = decision.answers(to: review, in: context, rules: [rule])
            shown = decision.leavingOut { $0.rule.id != rule.id }
        }
        var object = ReportedObject(
            file: path, line: line, request: review.shownRequest, decision: shown)
        object.answers = answers
        return object
    }

    private mutating func respond(to bytes: Span<UInt8>, _ path: String, _ line: Int?) {
        let admission = Admission(evaluator: evaluator)
        do throws(Rejection) {
            let limit = context.settings.maximumBodyBytes
            let isTruncated = bytes.count > limit
            let body = isTruncated ? bytes.extracting(..<min(limit, 64 << 10)) : bytes
            let answer = try admission.answer(body, isTruncated: isTruncated, to: .validate, in: context)
            summary.evaluated += 1
            if answer.isDenied { summary.denied += 1 }
            printer.print(String(decoding: answer.body, as: UTF8.self) + "\n")
        } catch {
            complain(UnreadableInput(path, line: line, error.message))
        }
    }
}

extension UnreadableInput {
    /// The failure for a review that cannot be parsed, with its location in the file.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - line: The line of the review; nil if the review is the whole file.
    ///   - error: The error.
    ///   - accepted: The command and what it reads.
    init(_ path: String, from line: Int?, _ error: ParseError, unlike accepted: String) {
        // Standard input has no name; what does not begin as JSON is probably YAML.
        let isOfManifest =
            path.hasSuffix(".yaml") || path.hasSuffix(".yml") || path == "-" && error.line == 1 && error.column == 1
        let reason =
            error.isTooDeep || error.hasTooManyValues
            ? error.reason
            : isOfManifest
                ? "not JSON; \(accepted), use `check` for manifests" : "not JSON: \(error.reason)"
        self.init(path, line: (line ?? 1) + error.line - 1, column: error.column, reason)
    }
}
