import Cluster
import Evaluation
import HTTP
import JSON
import Net
import Synchronization
import Webhook

/// Answers the requests of one event loop, on that loop's thread.
final class ReviewLoop {
    private let admission: Admission
    /// The settings, related objects and time to evaluate requests with.
    private var context: Context
    private let counters: Registry.Shared
    private let log: Log
    private let cluster: ClusterWatch?
    private let recorder: Recorder?
    private let exemptions: ExemptionsFile?
    private let registry: Registry
    private let lookupAnswers: Deliveries<[LookupAnswer]>
    /// The reviews that wait for answers of the API server.
    private var waiting: [Ticket: Waiting] = [:]

    private struct Waiting {
        let request: Request
        let start: UInt64
        /// The answers so far: one of them can make another question necessary.
        var answers: [LookupAnswer] = []
        var rounds = 0
        /// The end of the time for all rounds.
        var end = Instant.distantFuture
    }

    private static let mostRounds = 4

    init(_ loop: LoopContext, evaluator: Evaluator, settings: Settings, _ registry: Registry, _ log: Log) {
        self.registry = registry
        recorder = registry.recorder
        admission = Admission(
            evaluator: evaluator, describesAll: log.writes(.debug),
            recorded: recorder == nil ? nil : settings.recording.sample)
        exemptions = registry.exemptions
        counters = registry.join()
        cluster = registry.cluster
        lookupAnswers = Deliveries(to: loop.notifier)
        self.log = log
        let context = Context(settings: exemptions?.join(loop.notifier) ?? settings, now: Process.now)
        self.context = (cluster?.join(loop.notifier)).map(context.knowing) ?? context
    }

    var responder: Responder {
        Responder(
            respond: { [self] request, body, _, ticket in respond(to: request, body, ticket) },
            resume: { [self] in resume($0, body: $1) },
            forget: { [self] in forget($0) },
            refresh: { [self] in refresh() })
    }

    private func respond(to request: Request, _ body: Span<UInt8>, _ ticket: Ticket) -> Response? {
        evaluate(Waiting(request: request, start: Process.nanoseconds), body, ticket)
    }

    private func resume(_ ticket: Ticket, body: Span<UInt8>) -> Response? {
        guard let answers = lookupAnswers.remove(for: ticket), var review = waiting.removeValue(forKey: ticket)
        else {
            return Response(HTTPError(status: 500, message: "no review is waiting for this answer"))
        }
        review.answers += answers
        return evaluate(review, body, ticket)
    }

    /// Returns the response to a review; nil if the API server must be asked first.
    private func evaluate(_ review: Waiting, _ body: Span<UInt8>, _ ticket: Ticket) -> Response? {
        context.now = Process.now
        let context = review.answers.isEmpty ? context : context.answering(review.answers)
        do throws(Rejection) {
            let answer = try admission.answer(review.request, body: body, in: context)
            let lookups = answer.decision.lookups
            guard !lookups.isEmpty, review.rounds < ReviewLoop.mostRounds, let cluster else {
                return finish(answer, to: body, in: context, since: review.start)
            }
            var review = review
            let now = Instant.now
            if review.rounds == 0 { review.end = now + ClusterWatch.lookupTime(of: review.request.head.timeout) }
            review.rounds += 1
            waiting[ticket] = review
            cluster.ask(lookups, within: review.end - now) { [lookupAnswers] in lookupAnswers.deliver($0, for: ticket) }
            return nil
        } catch {
            counters.metrics.withLock { $0.count(error, of: review.request.head.path) }
            return error.response
        }
    }

    private func forget(_ ticket: Ticket) {
        waiting[ticket] = nil
        lookupAnswers.remove(for: ticket)
    }

    private func refresh() {
        if let exemptions { context = context.with(exemptions.settings) }
        if let relatedObjects = cluster?.relatedObjects { context = context.knowing(relatedObjects) }
    }

    private func finish(
        _ answer: AdmissionAnswer, to body: Span<UInt8>, in context: Context, since start: UInt64
    ) -> Response {
        let duration = Process.nanoseconds - start
        counters.metrics.withLock { $0.count(answer, nanoseconds: duration) }
        if let account = answer.decision.operatorAccount, registry.isNew(operatorAccount: account) {
            log.write(.info, "service account treated as an operator", [("account", .string(account))])
        }
        log.write(answer, nanoseconds: duration)
        if answer.isRecorded { recorder?.record(body, answer.decision, in: context, nanoseconds: duration) }
        return answer.response
    }
}
