import Cluster
import Evaluation
import JSON
import Kubernetes
import Net
import Synchronization
import Webhook

/// The cached related objects for all event loops: each loop is notified of changes and then reads the current value.
final class ClusterWatch: Sendable {
    private struct State {
        var relatedObjects = RelatedObjects.unknown
        var loops: [LoopNotifier] = []
    }

    private let feed: RelatedObjectFeed
    // The lock is held to read or replace a value: when related objects change, and when a loop starts or refreshes.
    private let state: SharedState

    private final class SharedState: Sendable {
        let value = Mutex(State())
    }

    /// The longest time that a review waits for lookups; webhooks have ten seconds in all by default.
    private static let lookupTimeout = Duration.seconds(1)

    /// Finds the cluster and starts to watch it; nil if the settings name none.
    init?(_ settings: Settings, _ environment: [String: String], _ log: Log) throws(CommandError) {
        let access: ClusterAccess
        do throws(CredentialsError) {
            switch settings.relatedObjectSource {
            case .none: return nil
            case .automatic:
                guard environment["KUBERNETES_SERVICE_HOST"] != nil else { return nil }
                access = try ClusterAccess.inCluster(environment: environment)
            case .cluster: access = try ClusterAccess.find(environment: environment)
            }
        } catch {
            throw CommandError(
                message:
                    "\(error)\ncannot watch related objects; set PLAYBOOK_COMPANIONS=none to run without them")
        }
        var enforcement: EnforcementAnnotation?
        if settings.mode == .enforce, settings.relatedObjectGrace > .zero, settings.enforcedSince == nil {
            enforcement = EnforcementAnnotation(
                on: settings.webhookConfiguration, named: settings.catalogue.annotations.enforcedSince, now: Process.now
            )
        }
        let state = SharedState()
        self.state = state
        do throws(SystemError) {
            feed = try RelatedObjectFeed(
                access, of: settings.catalogue, enforcement: enforcement,
                publish: { relatedObjects in
                    let loops = state.value.withLock { state in
                        state.relatedObjects = relatedObjects
                        return state.loops
                    }
                    for loop in loops { loop.refresh() }
                },
                report: { log.write($0) },
                every: max(.seconds(1), min(.seconds(30), settings.relatedObjectsMaximumAge)),
                checkUp: { statuses in
                    for (kind, status) in statuses where status.state == .synced {
                        guard let age = status.age, age > settings.relatedObjectsMaximumAge else { continue }
                        log.write(
                            .warn, "no data received from the API server; using cached objects",
                            [
                                ("kind", .string("\(kind.name)")),
                                ("seconds", .number(String(age.components.seconds))),
                            ])
                    }
                })
        } catch {
            throw CommandError(message: error.description)
        }
    }

    /// The current related objects.
    var relatedObjects: RelatedObjects { state.value.withLock { $0.relatedObjects } }

    /// Adds a loop to notify of changes, and returns the current related objects.
    func join(_ loop: LoopNotifier) -> RelatedObjects {
        state.value.withLock { state in
            state.loops.append(loop)
            return state.relatedObjects
        }
    }

    /// Returns the time in which the API server must answer all lookups of a review: a third of its timeout.
    static func lookupTime(of timeout: Duration?) -> Duration {
        min(timeout.map { $0 / 3 } ?? lookupTimeout, lookupTimeout)
    }

    /// Asks the API server what a denial depends on.
    func ask(
        _ lookups: [Lookup], within limit: Duration, _ completion: @escaping @Sendable ([LookupAnswer]) -> Void
    ) {
        feed.ask(lookups, within: limit, completion)
    }

    /// The reason why reviews cannot be evaluated yet; nil if they can.
    var problem: String? {
        guard !feed.hasSynced else { return nil }
        let missing = feed.statuses.filter { $0.status.state == .starting }.map { "\($0.kind.name)" }
        return missing.isEmpty
            ? "listed objects have not reached the event loops yet"
            : "not listed yet: \(missing.joined(separator: ", "))"
    }

    /// Appends the metrics of related objects.
    func write(to text: inout Exposition) {
        text.family("playbook_companions_known", .gauge, "1 if all objects of a kind are known, 0 if not, by kind.")
        for (kind, status) in feed.statuses {
            text.sample([("kind", "\(kind.name)")], status.state == .synced ? 1 : 0)
        }
        text.family(
            "playbook_companions_age_seconds", .gauge, "Seconds since the API server last sent data, by kind.")
        for (kind, status) in feed.statuses {
            guard status.state == .synced, let age = status.age else { continue }
            text.sample([("kind", "\(kind.name)")], age / .seconds(1))
        }
        text.family("playbook_companion_lists_total", .counter, "Lists of objects, by kind.")
        for (kind, status) in feed.statuses { text.sample([("kind", "\(kind.name)")], Double(status.counts.lists)) }
        text.family("playbook_companion_events_total", .counter, "Received watch events, by kind.")
        for (kind, status) in feed.statuses { text.sample([("kind", "\(kind.name)")], Double(status.counts.events)) }
        text.family("playbook_companion_failures_total", .counter, "Failed lists and watches, by kind.")
        for (kind, status) in feed.statuses { text.sample([("kind", "\(kind.name)")], Double(status.counts.failures)) }
        text.family(
            "playbook_companion_confirmations_total", .counter,
            "Requests to the API server to confirm that a related object is missing, before a denial.")
        text.sample([], Double(feed.confirmations.requests))
        text.family(
            "playbook_companion_confirmation_failures_total", .counter,
            "Lookups of missing related objects that got no answer in time, so that findings warned instead of denying."
        )
        text.sample([], Double(feed.confirmations.failures))
    }

    /// Stops the watches.
    ///
    /// - Returns: True if the thread has ended by the deadline.
    func stop(by deadline: Instant) -> Bool { feed.stop(by: deadline) }
}

extension Log {
    /// Logs an event of the watched kinds.
    func write(_ event: RelatedObjectEvent) {
        switch event {
        case .synced(let resource, let objects):
            write(
                .info, "related objects synced",
                [("resource", .string("\(resource)")), ("objects", .number(String(objects)))])
        case .unavailable(let resource, let reason):
            write(
                .warn, "related objects unavailable; rules that need them are not evaluated",
                [("resource", .string("\(resource)")), ("reason", .string(reason))])
        case .troubled(let resources, let reason):
            write(
                .warn, "watch failed; using cached objects",
                [("resources", .array(resources.map { .string("\($0)") })), ("reason", .string(reason))])
        case .recovered(let resources):
            write(
                .info, "watch recovered; objects are up to date",
                [("resources", .array(resources.map { .string("\($0)") }))])
        case .enforced(let since): write(.info, "enforcement start time loaded", [("time", .string("\(since)"))])
        case .enforcementUnknown(let reason):
            write(
                .warn,
                "enforcement start time unknown; updates of workloads whose related objects stay missing are not denied",
                [("reason", .string(reason)), ("setting", "PLAYBOOK_ENFORCED_SINCE")])
        }
    }
}
