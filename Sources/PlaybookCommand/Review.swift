import Glibc
import JSON
import Kubernetes
import Playbook
import Report
import Webhook

/// `playbook review`: recorded AdmissionReviews to verdicts.
struct ReviewCommand {
    private let arguments: Arguments
    private let context: Context
    private let judge: Judge
    private var output: Output
    private var summary = Summary(of: .review)
    private let document = Document()

    init(_ arguments: Arguments) throws(CommandError) {
        self.arguments = arguments
        output = try Output(arguments)
        let settings = try arguments.settings()
        let (companions, failures) = Inputs.companions(arguments.all(.companions))
        // The server's bytes are the server's, what it passes over included.
        context = Context(
            settings: settings, companions: companions, now: Process.now,
            source: output.format == "response" ? .server : .recording)
        judge = Judge(settings)
        for failure in failures { complain(failure.message) }
    }

    mutating func run() -> ExitCode {
        let progress = Progress()
        for file in Inputs.files(arguments.operands, endings: [".json", ".jsonl", ".ndjson"]) {
            do throws(Inputs.Failure) {
                let path = try file.get()
                judge(try Inputs.bytes(of: path).get(), from: path)
            } catch {
                complain(error.message)
            }
            progress.show("\(summary.judged) reviews")
        }
        progress.end()
        output.finish(summary)
        return summary.code
    }

    private mutating func complain(_ message: String) {
        summary.unreadable += 1
        Console.error("playbook: \(message)\n")
    }

    /// A file with one review, or with one a line.
    private mutating func judge(_ bytes: [UInt8], from path: String) {
        let lines = bytes.split(separator: UInt8(ascii: "\n"))
        let isLines =
            lines.count > 1 && lines.allSatisfy { $0.first == UInt8(ascii: "{") && $0.last == UInt8(ascii: "}") }
        guard isLines else {
            judgeOne(bytes, from: path, line: nil)
            return
        }
        for (index, line) in lines.enumerated() { judgeOne(Array(line), from: path, line: index + 1) }
    }

    private mutating func judgeOne(_ bytes: [UInt8], from path: String, line: Int?) {
        let place = line.map { "\(path):\($0)" } ?? path
        if output.format == "response" {
            respond(to: bytes, at: place)
            return
        }
        let result: Result<JudgedObject, NotAReview>
        do throws(ParseError) {
            result = try document.read(bytes.span, AdmissionReview.options) { root in
                do throws(NotAReview) {
                    let review = try AdmissionReview(root)
                    return .success(judged(review, path, line))
                } catch {
                    return .failure(error)
                }
            }
        } catch {
            complain("\(place): \(error)")
            return
        }
        switch result {
        case .failure(let error): complain("\(place): \(error)")
        case .success(let object):
            summary.add(object.verdict)
            output.add(object)
        }
    }

    private func judged(_ review: AdmissionReview, _ path: String, _ line: Int?) -> JudgedObject {
        let verdict = judge.verdict(on: review, in: context)
        let subresource = review.subresourceName.isEmpty ? "" : "/\(review.subresourceName)"
        return JudgedObject(
            file: path, line: line, request: "\(review.operation.name)\(subresource) by \(review.user.name)",
            title: review.title, verdict: verdict)
    }

    private mutating func respond(to bytes: [UInt8], at place: String) {
        let admission = Admission(judge: judge, context: context)
        do throws(Rejection) {
            let limit = context.settings.maximumBodyBytes
            let isTruncated = bytes.count > limit
            let body = isTruncated ? Array(bytes[..<min(limit, 64 << 10)]) : bytes
            let answer = try admission.answer(body.span, isTruncated: isTruncated, to: .validate)
            summary.judged += 1
            if answer.event.decision == .deny { summary.denied += 1 }
            output.print(String(decoding: answer.body, as: UTF8.self) + "\n")
        } catch {
            complain("\(place): \(error.message)")
        }
    }
}

/// How far a long run has come, on a terminal only.
final class Progress {
    private let isShown = isatty(2) == 1
    private let start = Process.nanoseconds
    private var last: UInt64 = 0

    /// Shows how far it is, a few times a second, once a second has passed.
    func show(_ text: String) {
        let now = Process.nanoseconds
        guard isShown, now - start > 1_000_000_000, now - last > 200_000_000 else { return }
        last = now
        Console.error("\r\u{1B}[K\(text)")
    }

    /// Takes the line away again.
    func end() { if last > 0 { Console.error("\r\u{1B}[K") } }
}
