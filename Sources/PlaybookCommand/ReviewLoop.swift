import Cluster
import Evaluation
import HTTP
import Net
import Synchronization
import Webhook

/// What answers the requests of one event loop; it lives on that loop's thread.
final class ReviewLoop {
    private let webhook: Webhook
    private let counters: Registry.Shared
    private let log: Log
    private let cluster: ClusterWatch?
    private let recorder: Recorder?
    private let deliveries: Deliveries
    /// Reviews that wait until somebody has looked again for what they lack.
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
        deliveries = loop.deliveries
        self.log = log
        webhook = Webhook(admission: admission)
        if let companions = cluster?.join(deliveries) { admission.context = context.knowing(companions) }
    }

    var responder: Responder {
        Responder(
            respond: { [self] request, body, _, ticket in respond(to: request, body, ticket) },
            resume: { [self] in resume($0, with: $1, body: $2) },
            forget: { [self] in waiting[$0] = nil }, hear: { [self] in hear($0) })
    }

    private func respond(to request: Request, _ body: Span<UInt8>, _ ticket: Ticket) -> Response? {
        let start = Process.nanoseconds
        webhook.admission.context.now = Process.now
        let reply = webhook.respond(to: request, body: body)
        guard !reply.absences.isEmpty, let cluster else {
            return finish(reply, to: body, in: webhook.admission.context, since: start)
        }
        waiting[ticket] = Waiting(request: request, start: start)
        cluster.confirm(reply.absences, before: request.head.timeout) { [deliveries] in
            deliveries.deliver($0, for: ticket)
        }
        return nil
    }

    private func resume(_ ticket: Ticket, with message: any Sendable, body: Span<UInt8>) -> Response {
        guard let review = waiting.removeValue(forKey: ticket), let confirmations = message as? [Confirmation] else {
            return Response(HTTPError(status: 500, message: "no review waits for this"))
        }
        webhook.admission.context.now = Process.now
        let reply = webhook.respond(again: review.request, to: body, with: confirmations)
        let context = webhook.admission.context.confirming(confirmations)
        return finish(reply, to: body, in: context, since: review.start)
    }

    private func hear(_ message: any Sendable) {
        guard let companions = message as? Companions else { return }
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
