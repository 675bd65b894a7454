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
    }

    init(_ loop: LoopContext, judge: Judge, settings: Settings, _ registry: Registry, _ log: Log) {
        self.registry = registry
        recorder = registry.recorder
        admission = Admission(
            judge: judge, describesAll: log.writes(.debug),
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
        let start = Process.nanoseconds
        context.now = Process.now
        do throws(Rejection) {
            let answer = try admission.answer(request, body: body, in: context)
            guard !answer.verdict.lookups.isEmpty, let cluster else {
                return finish(answer, to: body, in: context, since: start)
            }
            waiting[ticket] = Waiting(request: request, start: start)
            cluster.ask(answer.verdict.lookups, before: request.head.timeout) { [lookupAnswers] in
                lookupAnswers.deliver($0, for: ticket)
            }
            return nil
        } catch {
            return error.response
        }
    }

    private func resume(_ ticket: Ticket, body: Span<UInt8>) -> Response {
        guard let answers = lookupAnswers.remove(for: ticket), let review = waiting.removeValue(forKey: ticket)
        else {
            return Response(HTTPError(status: 500, message: "no review is waiting for this answer"))
        }
        context.now = Process.now
        let context = self.context.answering(answers)
        do throws(Rejection) {
            let answer = try admission.answer(review.request, body: body, in: context)
            return finish(answer, to: body, in: context, since: review.start)
        } catch {
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
        if let account = answer.verdict.operatorAccount, registry.isNew(operatorAccount: account) {
            log.write(.info, "service account treated as an operator", [("account", .string(account))])
        }
        log.write(answer, nanoseconds: duration)
        if answer.isRecorded { recorder?.record(body, answer.verdict, in: context, nanoseconds: duration) }
        return answer.response
    }
}
