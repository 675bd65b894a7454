internal import JSON
internal import Kubernetes
internal import Net
internal import Playbook

/// Looks again for what is absent: one GET of a namespace's list of a kind, for all who ask at the same time.
///
/// Few are under way at once, whatever is asked, and an answer holds for a second: many requests that lack the same thing cost
/// the API server one.
final class Questions {
    private let client: APIClient
    private let counts: ConfirmationCounts
    private var answers: [Absence: (found: Companions, at: Instant)] = [:]
    private var underWay: [Absence: [(Companions?) -> Void]] = [:]
    private var waiting: [(absence: Absence, limit: Duration)] = []
    private var running = 0

    private static let mostAtOnce = 4
    private static let freshness = Duration.seconds(1)

    init(_ client: APIClient, _ counts: ConfirmationCounts) {
        self.client = client
        self.counts = counts
    }

    /// Asks for all of what is absent, and answers once: when all is known, or when the time is up.
    func ask(_ absences: [Absence], within limit: Duration, _ completion: @escaping ([Confirmation]) -> Void) {
        let inquiry = Inquiry(absences, completion)
        let alarm = client.loop.after(limit) { [counts] in
            for _ in 0..<inquiry.missing { counts.countFailure() }
            inquiry.end()
        }
        inquiry.ended = { alarm.cancel() }
        for absence in absences {
            if let answer = answers[absence], client.loop.now - answer.at < Questions.freshness {
                inquiry.take(absence, answer.found)
                continue
            }
            underWay[absence, default: []].append { [counts] found in
                if found == nil, inquiry.missing > 0 { counts.countFailure() }
                inquiry.take(absence, found)
            }
            if underWay[absence]?.count == 1 { waiting.append((absence, limit)) }
        }
        startMore()
    }

    private func startMore() {
        while running < Questions.mostAtOnce, !waiting.isEmpty {
            let (absence, limit) = waiting.removeFirst()
            running += 1
            counts.countRequest()
            var found = Companions(knowledge: .kinds(ResourceKinds(absence.kind)))
            client.list(
                APIResource(absence.kind), in: absence.namespace, within: limit,
                each: { try? found.set($0, absence.kind) }
            ) { [self] result in
                running -= 1
                let answer: Companions? = if case .success = result { found } else { nil }
                if let answer { keep(answer, for: absence) }
                for completion in underWay.removeValue(forKey: absence) ?? [] { completion(answer) }
                startMore()
            }
        }
    }

    private func keep(_ found: Companions, for absence: Absence) {
        let now = client.loop.now
        answers = answers.filter { now - $0.value.at < Questions.freshness }
        answers[absence] = (found, now)
    }
}

/// One request's questions.
private final class Inquiry {
    private let absences: [Absence]
    private var found: [Absence: Companions] = [:]
    private var open: Set<Absence>
    private var completion: (([Confirmation]) -> Void)?
    var ended: () -> Void = {}

    init(_ absences: [Absence], _ completion: @escaping ([Confirmation]) -> Void) {
        self.absences = absences
        open = Set(absences)
        self.completion = completion
    }

    /// How many questions have no answer yet; none when it has ended.
    var missing: Int { completion == nil ? 0 : open.count }

    func take(_ absence: Absence, _ companions: Companions?) {
        open.remove(absence)
        found[absence] = companions
        if open.isEmpty { end() }
    }

    func end() {
        guard let completion else { return }
        self.completion = nil
        ended()
        completion(absences.map { Confirmation($0, found: found[$0]) })
    }
}
