internal import Evaluation
internal import JSON
internal import Kubernetes
internal import Net

/// Looks again for what is absent: one GET of a namespace's list of a kind, for all who asked before it was sent.
///
/// An answer counts only for those: what somebody created after it, and before asking, would be denied for. So there is one GET of
/// a list under way and one to come, however many ask, and few of all lists at once.
final class AbsenceChecker {
    private let client: APIClient
    private let catalogue: Catalogue
    private let counts: ConfirmationCounts
    /// Who waits for a GET that is still to be sent, and how long it may take; in the order of the first who asked.
    private var waiting: [(absence: Absence, limit: Duration, requests: [AbsenceRequest])] = []
    private var underWay: Set<Absence> = []
    private var backoff: Backoff
    /// Until when the API server wants to be left alone.
    private var pause: (end: Instant, alarm: Alarm)?

    private static let mostAtOnce = 4

    init(_ client: APIClient, _ catalogue: Catalogue, _ counts: ConfirmationCounts) {
        self.client = client
        self.catalogue = catalogue
        self.counts = counts
        backoff = client.options.backoff
    }

    /// Asks for all of what is absent, and answers once: when all is known, or when the time is up.
    func ask(_ absences: [Absence], within limit: Duration, _ completion: @escaping ([Confirmation]) -> Void) {
        let request = AbsenceRequest(absences, completion, end: Instant.now + limit)
        let alarm = client.loop.after(limit) { [self] in giveUp(request) }
        request.ended = { alarm.cancel() }
        if let pause, pause.end >= request.deadline { return giveUp(request) }
        for absence in absences {
            if let index = waiting.firstIndex(where: { $0.absence == absence }) {
                waiting[index].requests.append(request)
                waiting[index].limit = max(waiting[index].limit, limit)
            } else {
                waiting.append((absence, limit, [request]))
            }
        }
        startMore()
    }

    private func giveUp(_ request: AbsenceRequest) {
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
        while pause == nil, underWay.count < AbsenceChecker.mostAtOnce,
            let index = waiting.firstIndex(where: { !underWay.contains($0.absence) })
        {
            let (absence, limit, requests) = waiting.remove(at: index)
            underWay.insert(absence)
            counts.countRequest()
            var found = RelatedObjects(knowledge: .kinds(ResourceKinds(absence.kind)), of: catalogue)
            client.list(
                APIResource(absence.kind), in: absence.namespace, within: limit,
                each: { try? found.set($0, absence.kind) }
            ) { [self] result in
                underWay.remove(absence)
                let answer: RelatedObjects?
                switch result {
                case .success:
                    answer = found
                    backoff.reset()
                case .failure(let error):
                    answer = nil
                    if let asked = error.throttling { rest(atLeast: client.bounded(asked)) }
                }
                for request in requests {
                    if answer == nil, request.missing > 0 { counts.countFailure() }
                    request.take(absence, answer)
                }
                startMore()
            }
        }
    }
}

/// One request's questions.
private final class AbsenceRequest {
    private let absences: [Absence]
    private var found: [Absence: RelatedObjects] = [:]
    private var open: Set<Absence>
    /// Until when an answer is of use.
    let deadline: Instant
    private var completion: (([Confirmation]) -> Void)?
    var ended: () -> Void = {}

    init(_ absences: [Absence], _ completion: @escaping ([Confirmation]) -> Void, end: Instant) {
        deadline = end
        self.absences = absences
        open = Set(absences)
        self.completion = completion
    }

    /// How many questions have no answer yet; none when it has ended.
    var missing: Int { completion == nil ? 0 : open.count }

    func take(_ absence: Absence, _ relatedObjects: RelatedObjects?) {
        open.remove(absence)
        found[absence] = relatedObjects
        if open.isEmpty { end() }
    }

    func end() {
        guard let completion else { return }
        self.completion = nil
        ended()
        completion(absences.map { Confirmation($0, found: found[$0]) })
    }
}
