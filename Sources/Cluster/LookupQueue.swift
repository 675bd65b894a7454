internal import Evaluation
internal import Net

/// The lookups that reviews wait for; each is made once for all reviews that requested it before it was sent.
///
/// A response counts only for those reviews: a later review may depend on an object that was created in between. So at most one
/// call of each lookup is in progress and one waits, and the number of concurrent lookups is limited.
final class LookupQueue {
    private let client: APIClient
    private let calls: LookupCalls
    private let counts: ConfirmationCounts
    /// The lookups that wait to be sent, with their time limit and the requests that wait for them, in order of the first
    /// request.
    private var waiting: [(lookup: Lookup, limit: Duration, requests: [LookupRequest])] = []
    private var underWay: Set<Lookup> = []
    private var backoff: Backoff
    /// The end of the wait that the API server asked for.
    private var pause: (end: Instant, alarm: Alarm)?

    private static let mostAtOnce = 4

    init(_ client: APIClient, _ catalogue: Catalogue, _ counts: ConfirmationCounts) {
        self.client = client
        calls = LookupCalls(client, catalogue)
        self.counts = counts
        backoff = client.options.backoff
    }

    /// Makes all lookups and completes once: when each has an answer, or when the time limit is reached.
    func ask(_ lookups: [Lookup], within limit: Duration, _ completion: @escaping ([LookupAnswer]) -> Void) {
        let request = LookupRequest(lookups, completion, end: Instant.now + limit)
        let alarm = client.loop.after(limit) { [self] in giveUp(request) }
        request.ended = { alarm.cancel() }
        var open: [Lookup] = []
        for lookup in lookups {
            if let answer = calls.recentAnswer(to: lookup) { request.take(lookup, answer) } else { open.append(lookup) }
        }
        if open.isEmpty { return }
        if limit <= .zero { return giveUp(request) }
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

    /// Pauses all calls; requests whose deadline is earlier complete at once.
    private func rest(atLeast asked: Duration) {
        // Several throttled responses at the same moment count as one.
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
        // Lookups of requests that have completed are dropped.
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

/// The lookups of one request.
private final class LookupRequest {
    private let lookups: [Lookup]
    private var found: [Lookup: LookupAnswer] = [:]
    private var open: Set<Lookup>
    /// The time after which an answer is not used.
    let deadline: Instant
    private var completion: (([LookupAnswer]) -> Void)?
    var ended: () -> Void = {}

    init(_ lookups: [Lookup], _ completion: @escaping ([LookupAnswer]) -> Void, end: Instant) {
        deadline = end
        self.lookups = lookups
        open = Set(lookups)
        self.completion = completion
    }

    /// The number of lookups without an answer; 0 after completion.
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
