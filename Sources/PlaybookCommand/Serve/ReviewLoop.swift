import Cluster
import Evaluation
import HTTP
import Net
import Synchronization
import Webhook

/// Answers the requests of one event loop, on that loop's thread.
final class ReviewLoop {
    private let webhook: Webhook
    private let counters: Registry.Shared
    private let log: Log
    private let cluster: ClusterWatch?
    private let recorder: Recorder?
    private let confirmations: Deliveries<[Confirmation]>
    /// The reviews that wait for confirmations.
    private var waiting: [Ticket: Waiting] = [:]

    private struct Waiting {
        let request: Request
        let start: UInt64
    }

    init(_ loop: LoopContext, judge: Judge, settings: Settings, _ registry: Registry, _ log: Log) {
        let context = Context(settings: settings, now: Process.now)
        recorder = registry.recorder
        let admission = Admission(
            judge: judge, context: context, describesAll: log.writes(.debug),
            recorded: recorder == nil ? nil : settings.recording.sample)
        counters = registry.join()
        cluster = registry.cluster
        confirmations = Deliveries(to: loop.notifier)
        self.log = log
        webhook = Webhook(admission: admission)
        if let companions = cluster?.join(loop.notifier) { admission.context = context.knowing(companions) }
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
        webhook.admission.context.now = Process.now
        let reply = webhook.respond(to: request, body: body)
        guard !reply.absences.isEmpty, let cluster else {
            return finish(reply, to: body, in: webhook.admission.context, since: start)
        }
        waiting[ticket] = Waiting(request: request, start: start)
        cluster.confirm(reply.absences, before: request.head.timeout) { [confirmations] in
            confirmations.deliver($0, for: ticket)
        }
        return nil
    }

    private func resume(_ ticket: Ticket, body: Span<UInt8>) -> Response {
        guard let confirmations = confirmations.remove(for: ticket), let review = waiting.removeValue(forKey: ticket)
        else {
            return Response(HTTPError(status: 500, message: "no review waits for this"))
        }
        webhook.admission.context.now = Process.now
        let reply = webhook.respond(again: review.request, to: body, with: confirmations)
        let context = webhook.admission.context.confirming(confirmations)
        return finish(reply, to: body, in: context, since: review.start)
    }

    private func forget(_ ticket: Ticket) {
        waiting[ticket] = nil
        confirmations.remove(for: ticket)
    }

    private func refresh() {
        guard let companions = cluster?.companions else { return }
        webhook.admission.context = webhook.admission.context.knowing(companions)
    }

    private func finish(
        _ reply: Webhook.Reply, to body: Span<UInt8>, in context: Context, since start: UInt64
    ) -> Response {
        if let event = reply.event {
            let duration = Process.nanoseconds - start
            counters.metrics.withLock { $0.count(event, nanoseconds: duration) }
            log.write(event, nanoseconds: duration)
            if let verdict = reply.verdict {
                recorder?.record(body, verdict, in: context, nanoseconds: duration)
            }
        }
        return reply.response
    }
}
