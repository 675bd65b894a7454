internal import Net

/// Groups the failures of kinds: an unreachable API server is one failure, not one for each kind.
///
/// Kinds that fail at about the same time are reported together, and again together when the last of them has recovered.
final class Troubles {
    private let loop: ClientLoop
    private let report: (RelatedObjectEvent) -> Void
    /// The failures that are not reported yet.
    private var arising: [APIResource] = []
    private var reason = ""
    /// The reported groups, and the kinds of each that have not recovered.
    private var reported: [(kinds: [APIResource], remaining: Set<APIResource>)] = []

    private static let pause = Duration.seconds(1)

    init(_ loop: ClientLoop, _ report: @escaping (RelatedObjectEvent) -> Void) {
        self.loop = loop
        self.report = report
    }

    /// Handles a reflector's event.
    func take(_ event: ReflectorEvent) {
        switch event {
        case .synced(let kind, let objects): report(.synced(kind, objects: objects))
        case .unavailable(let kind, let reason):
            settle(kind, hasRecovered: false)
            report(.unavailable(kind, reason: reason))
        case .troubled(let kind, let reason): begin(kind, reason)
        case .recovered(let kind): settle(kind, hasRecovered: true)
        }
    }

    private func begin(_ kind: APIResource, _ reason: String) {
        if arising.isEmpty {
            self.reason = reason
            loop.after(Troubles.pause) { [self] in
                guard !arising.isEmpty else { return }
                reported.append((arising, Set(arising)))
                report(.troubled(arising, reason: self.reason))
                arising = []
            }
        }
        arising.append(kind)
    }

    /// Records that a kind has recovered or has become unavailable.
    private func settle(_ kind: APIResource, hasRecovered: Bool) {
        arising.removeAll { $0 == kind }
        guard let index = reported.firstIndex(where: { $0.remaining.contains(kind) }) else { return }
        reported[index].remaining.remove(kind)
        guard reported[index].remaining.isEmpty else { return }
        let kinds = reported.remove(at: index).kinds
        if hasRecovered { report(.recovered(kinds)) }
    }
}
