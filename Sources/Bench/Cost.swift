import Evaluation
import Foundation
import JSON
import Kubernetes
import Rules
import Webhook

/// A review, evaluated again and again under a profiler that counts instructions: `Bench --cost [--mutate] [--answer] COPIES FILE`.
///
/// The steps are functions of their own here, so that callgrind reports each, while the product's code is inlined as it is shipped.
/// `--answer` leaves out the steps and calls what the server calls.
struct Cost {
    private let bytes: [UInt8]
    private let endpoint: Endpoint
    private let copies: Int
    private let hasSteps: Bool

    /// Reads the command line without its `--cost`; nil where it is wrong.
    init?(_ arguments: [String]) throws {
        let words = arguments.filter { !$0.hasPrefix("--") }
        let options = Set(arguments).subtracting(words)
        guard words.count == 2, let copies = Int(words[0]), options.isSubset(of: ["--mutate", "--answer"]) else {
            return nil
        }
        self.copies = copies
        bytes = Array(try Data(contentsOf: URL(fileURLWithPath: words[1])))
        endpoint = options.contains("--mutate") ? .mutate : .validate
        hasSteps = !options.contains("--answer")
    }

    /// Does it, with the settings of the environment.
    func run() throws {
        let settings = try Settings(environment: ProcessInfo.processInfo.environment)
        let context = Context(settings: settings, now: Timestamp(seconds: 1_800_000_000))
        let judge = Judge(settings)
        let admission = Admission(judge: judge)
        let document = Document()
        for _ in 0..<copies {
            if hasSteps { costParse(bytes, document, judge, context, endpoint) }
            guard costAnswer(bytes, admission, context, endpoint) > 0 else { exit(1) }
        }
    }
}

/// Reads a review and evaluates it: what ``costEvaluate(_:_:_:_:)`` takes off is reading.
@inline(never)
func costParse(_ bytes: [UInt8], _ document: Document, _ judge: Judge, _ context: Context, _ endpoint: Endpoint) {
    try? document.read(bytes.span, AdmissionReview.options) { root in
        if let review = try? AdmissionReview(root) { costEvaluate(review, judge, context, endpoint) }
    }
}

/// Evaluates a review that is read.
@inline(never)
func costEvaluate(_ review: AdmissionReview, _ judge: Judge, _ context: Context, _ endpoint: Endpoint) {
    switch endpoint {
    case .validate: withExtendedLifetime(judge.verdict(on: review, in: context)) {}
    case .mutate: withExtendedLifetime(judge.mutation(of: review, in: context)) {}
    }
}

/// Reads, evaluates and answers: what the server does between a request's body and the response's.
@inline(never)
func costAnswer(_ bytes: [UInt8], _ admission: Admission, _ context: Context, _ endpoint: Endpoint) -> Int {
    (try? admission.answer(bytes.span, to: endpoint, in: context))?.body.count ?? 0
}
