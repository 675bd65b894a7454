internal import Evaluation
internal import Net

/// The lookups that reviews wait for: each is made once for all who asked before it was sent.
///
/// An answer counts only for those: what somebody created after it, and before asking, would be denied for. So one call of a lookup
/// is under way and one to come, however many ask, and few of all lookups at once.
final class LookupQueue {
    private let client: APIClient
    private let calls: LookupCalls
    private let counts: ConfirmationCounts
    /// Who waits for a GET that is still to be sent, and how long it may take; in the order of the first who asked.
    private var waiting: [(lookup: Lookup, limit: Duration, requests: [LookupRequest])] = []
    private var underWay: Set<Lookup> = []
    private var backoff: Backoff
    /// Until when the API server wants to be left alone.
    private var pause: (end: Instant, alarm: Alarm)?

    private static let mostAtOnce = 4

    init(_ client: APIClient, _ catalogue: Catalogue, _ counts: ConfirmationCounts) {
        self.client = client
        calls = LookupCalls(client, catalogue)
        self.counts = counts
        backoff = client.options.backoff
    }

    /// Makes all lookups, and answers once: when each has an answer, or when the time is up.
    func ask(_ lookups: [Lookup], within limit: Duration, _ completion: @escaping ([LookupAnswer]) -> Void) {
        let request = LookupRequest(lookups, completion, end: Instant.now + limit)
        let alarm = client.loop.after(limit) { [self] in giveUp(request) }
        request.ended = { alarm.cancel() }
        var open: [Lookup] = []
        for lookup in lookups {
            if let answer = calls.recentAnswer(to: lookup) { request.take(lookup, answer) } else { open.append(lookup) }
        }
        if open.isEmpty { return }
        if let pause, pause.end >= request.deadline { return giveUp(request) }
        for lookup in open {
            if let index = waiting.firstIndex(where: { $0.lookup == lookup }) {
                waiting[index].requests.append(request)
                waiting[index].limit = max(waiting[index].limit, limit)
            } else {
                waiting.append((lookup, limit, [request]))
            }
        }
        startMore()
    }

    private func giveUp(_ request: LookupRequest) {
        for _ in 0..<request.missing { counts.countFailure() }
        request.end()
    }

    /// Asks nothing for a while; those who cannot wait that long are answered at once.
    private func rest(atLeast asked: Duration) {
        // Several answers of one moment are one wish.
        let delay = pause == nil ? backoff.wait(atLeast: asked, client.options.chance()) : asked
        let end = Instant.now + delay
        if let pause, pause.end >= end { return }
        pause?.alarm.cancel()
        pause = (
            end,
            client.loop.after(delay) { [self] in
                pause = nil
                startMore()
            }
        )
        for request in waiting.flatMap(\.requests) where request.deadline <= end { giveUp(request) }
    }

    private func startMore() {
        // While the API server is slow, nobody waits behind questions of those who have gone.
        waiting.removeAll { $0.requests.allSatisfy { $0.missing == 0 } }
        while pause == nil, underWay.count < LookupQueue.mostAtOnce,
            let index = waiting.firstIndex(where: { !underWay.contains($0.lookup) })
        {
            let (lookup, limit, requests) = waiting.remove(at: index)
            underWay.insert(lookup)
            counts.countRequest()
            calls.make(lookup, within: limit) { [self] result in
                underWay.remove(lookup)
                var answer: LookupAnswer?
                switch result {
                case .success(let found):
                    answer = found
                    backoff.reset()
                case .failure(let error):
                    if let asked = error.throttling { rest(atLeast: client.bounded(asked)) }
                }
                for request in requests {
                    if answer == nil, request.missing > 0 { counts.countFailure() }
                    request.take(lookup, answer)
                }
                startMore()
            }
        }
    }
}

/// One request's questions.
private final class LookupRequest {
    private let lookups: [Lookup]
    private var found: [Lookup: LookupAnswer] = [:]
    private var open: Set<Lookup>
    /// Until when an answer is of use.
    let deadline: Instant
    private var completion: (([LookupAnswer]) -> Void)?
    var ended: () -> Void = {}

    init(_ lookups: [Lookup], _ completion: @escaping ([LookupAnswer]) -> Void, end: Instant) {
        deadline = end
        self.lookups = lookups
        open = Set(lookups)
        self.completion = completion
    }

    /// How many questions have no answer yet; none when it has ended.
    var missing: Int { completion == nil ? 0 : open.count }

    func take(_ lookup: Lookup, _ answer: LookupAnswer?) {
        open.remove(lookup)
        found[lookup] = answer
        if open.isEmpty { end() }
    }

    func end() {
        guard let completion else { return }
        self.completion = nil
        ended()
        completion(lookups.map { found[$0] ?? LookupAnswer(unanswered: $0) })
    }
}
