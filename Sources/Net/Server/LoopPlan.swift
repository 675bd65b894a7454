/// The work of one event loop: its listeners, connections and responder.
struct LoopPlan: Sendable {
    let listeners: [BoundListener]
    let maxConnections: Int
    /// True if the loop serves a single listener; the server's shutdown does not wait for its connections.
    let isOwn: Bool
    let makeResponder: @Sendable (LoopContext) -> Responder
}

extension LoopPlan {
    /// Returns the plans of the shared loops, then those of listeners with a separate loop.
    static func plans(
        _ configuration: ServerConfiguration, _ listeners: [BoundListener],
        responder: @escaping @Sendable (LoopContext) -> Responder
    ) -> [LoopPlan] {
        let count = max(1, configuration.loops)
        let shared = listeners.filter { $0.ownResponder == nil }
        let plans = (0..<count).map { index in
            let share = configuration.maxConnections / count + (index < configuration.maxConnections % count ? 1 : 0)
            return LoopPlan(listeners: shared, maxConnections: share, isOwn: false, makeResponder: responder)
        }
        let own = listeners.compactMap { listener in
            listener.ownResponder.map {
                LoopPlan(
                    listeners: [listener], maxConnections: configuration.maxOwnConnections, isOwn: true,
                    makeResponder: $0)
            }
        }
        return plans + own
    }
}
