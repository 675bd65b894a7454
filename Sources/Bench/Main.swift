import Evaluation
import Foundation
import JSON
import Kubernetes
import Rules
import Webhook

/// Measures the evaluation without a server: `Bench FILE [LARGER-FILE] [--quick]`, or `Bench --companions`; also `--loop N FILE`
/// and `--cost`, for profilers.
///
/// Prints one figure per line as `name<TAB>value<TAB>unit`, for `scripts/bench`.
@main
enum Main {
    static func main() throws {
        var arguments = Array(CommandLine.arguments.dropFirst())
        let isQuick = arguments.contains("--quick")
        arguments.removeAll { $0 == "--quick" }
        if arguments.count == 3, arguments[0] == "--loop", let count = Int(arguments[1]) {
            let subject = try Subject(path: arguments[2])
            let work = subject.whole
            for _ in 0..<count where work.run() == 0 { exit(1) }
            return
        }
        if arguments.first == "--cost", let cost = try Cost(Array(arguments.dropFirst())) { return try cost.run() }
        if arguments == ["--companions"] { return try RelatedObjectFigures().report() }
        guard let path = arguments.first else {
            FileHandle.standardError.write(Data("usage: Bench FILE [LARGER-FILE] [--quick]\n".utf8))
            exit(2)
        }
        let figures = Figures(rounds: isQuick ? 5 : 15, milliseconds: isQuick ? 20 : 60)
        let subject = try Subject(path: path)
        figures.decoding(subject)
        figures.allocations([subject] + (try arguments.dropFirst().map { try Subject(path: $0) }))
        figures.rules(subject)
    }
}

/// A recorded review and the work that is measured with it.
struct Subject {
    let path: String
    let bytes: [UInt8]
    private let data: Data
    private let context = Context(settings: Settings(), now: Timestamp(seconds: 1_800_000_000))

    init(path: String) throws {
        self.path = path
        data = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes = Array(data)
        _ = try JSONDecoder().decode(Review.self, from: data)
    }

    /// Foundation's decoder, into a minimal struct.
    var decoder: Work {
        let decoder = JSONDecoder()
        return Work(name: "decoder") { (try? decoder.decode(Review.self, from: data))?.request.uid.utf8.count ?? 0 }
    }

    /// The parser alone.
    func parser(_ name: String, _ options: ParseOptions) -> Work {
        let document = Document()
        return Work(name: name) { (try? document.read(bytes.span, options) { $0.kind == .object ? 1 : 0 }) ?? 0 }
    }

    /// The work of the server from the request's body to the response's.
    var whole: Work {
        let admission = Admission(evaluator: Evaluator(context.settings))
        return Work(name: "whole") { (try? admission.answer(bytes.span, to: .validate, in: context))?.body.count ?? 0 }
    }

    /// The same with some of the rules.
    func evaluating(_ name: String, with rules: [Rule]) -> Work {
        let admission = Admission(evaluator: Evaluator(context.settings, rules: rules))
        return Work(name: name) { (try? admission.answer(bytes.span, to: .validate, in: context))?.body.count ?? 0 }
    }
}

/// Measures and prints figures.
struct Figures {
    let rounds: Int
    let milliseconds: Double

    private func report(_ name: String, _ value: Double, _ unit: String) {
        print("\(name)\t\(String(format: "%.2f", value))\t\(unit)")
    }

    /// Measures the decoder, the parser, and the whole.
    func decoding(_ subject: Subject) {
        let works = [
            subject.decoder, subject.parser("strict", .strict), subject.parser("skipping", AdmissionReview.options),
            subject.whole,
        ]
        let result = Rounds(works, rounds: rounds, milliseconds: milliseconds)
        for (index, work) in works.enumerated() { report(work.name, result.median(index), "µs") }
        report("decoder/strict", result.ratio(0, to: 1), "times")
        report("decoder/skipping", result.ratio(0, to: 2), "times")
        report("whole/decoder", result.ratio(3, to: 0), "times")
        report("strict speed", Double(subject.bytes.count) / result.median(1), "MB/s")
    }

    /// Counts the allocations for small and large documents.
    func allocations(_ subjects: [Subject]) {
        for (index, subject) in subjects.enumerated() {
            let size = index == 0 ? "small" : "large"
            for work in [subject.decoder, subject.parser("strict", .strict), subject.whole] {
                guard let count = Allocations.each(of: work) else { return }
                report("allocations \(work.name) \(size)", count, "")
            }
        }
    }

    /// Measures each rule's time without other rules.
    func rules(_ subject: Subject) {
        let rules = Catalogue.playbook.rules
        let works =
            [subject.evaluating("none", with: [.nothing]), subject.evaluating("all", with: rules)]
            + rules.map { subject.evaluating($0.id, with: [.nothing, $0]) }
        let result = Rounds(works, rounds: rounds, milliseconds: milliseconds / 4)
        report("rules none", result.median(0), "µs")
        report("rules all", result.difference(1, from: 0), "µs")
        for (index, work) in works.enumerated().dropFirst(2) {
            report("rule \(work.name)", result.difference(index, from: 0), "µs")
        }
    }
}

extension Rule {
    /// A rule that applies to everything and never reports a finding: without rules, nothing would be evaluated.
    static let nothing = Rule(
        id: "nothing", title: "", group: .application, section: .applicationRequirements, rationale: "", level: .warn,
        concern: .convention, scope: Scope(.withPodSpec), clauses: [], examples: [], check: { _, _, _ in })
}
