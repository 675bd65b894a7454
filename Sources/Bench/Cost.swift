import Evaluation
import Foundation
import JSON
import Kubernetes
import Rules
import Webhook

/// Evaluates a review repeatedly under a profiler that counts instructions: `Bench --cost [--mutate] [--answer] COPIES FILE`.
///
/// The steps are separate functions, so that callgrind reports each, while the product's code is inlined as in a release.
/// `--answer` omits the steps and calls the server's function.
struct Cost {
    private let bytes: [UInt8]
    private let endpoint: Endpoint
    private let copies: Int
    private let hasSteps: Bool

    /// Reads the arguments after `--cost`; nil if they are invalid.
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

    /// Runs with the settings of the environment.
    func run() throws {
        let settings = try Settings(environment: ProcessInfo.processInfo.environment)
        let context = Context(settings: settings, now: Timestamp(seconds: 1_800_000_000))
        let evaluator = Evaluator(settings)
        let admission = Admission(evaluator: evaluator)
        let document = Document()
        for _ in 0..<copies {
            if hasSteps { costParse(bytes, document, evaluator, context, endpoint) }
            guard costAnswer(bytes, admission, context, endpoint) > 0 else { exit(1) }
        }
    }
}

/// Parses and evaluates a review; the difference from ``costEvaluate(_:_:_:_:)`` is parsing.
@inline(never)
func costParse(_ bytes: [UInt8], _ document: Document, _ evaluator: Evaluator, _ context: Context, _ endpoint: Endpoint)
{
    try? document.read(bytes.span, AdmissionReview.options) { root in
        if let review = try? AdmissionReview(root) { costEvaluate(review, evaluator, context, endpoint) }
    }
}

/// Evaluates a parsed review.
@inline(never)
func costEvaluate(_ review: AdmissionReview, _ evaluator: Evaluator, _ context: Context, _ endpoint: Endpoint) {
    switch endpoint {
    case .validate: withExtendedLifetime(evaluator.decision(on: review, in: context)) {}
    case .mutate: withExtendedLifetime(evaluator.mutation(of: review, in: context)) {}
    }
}

/// Parses, evaluates and answers a review, as the server does between a request's body and its response.
@inline(never)
func costAnswer(_ bytes: [UInt8], _ admission: Admission, _ context: Context, _ endpoint: Endpoint) -> Int {
    (try? admission.answer(bytes.span, to: endpoint, in: context))?.body.count ?? 0
}
