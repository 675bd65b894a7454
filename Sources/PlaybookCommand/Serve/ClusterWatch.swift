import Cluster
import Evaluation
import JSON
import Kubernetes
import Net
import Synchronization
import Webhook

/// The related objects that are known, for all event loops: each is notified of changes and then reads the present value.
final class ClusterWatch: Sendable {
    private struct State {
        var relatedObjects = RelatedObjects.unknown
        var loops: [LoopNotifier] = []
    }

    private let feed: RelatedObjectFeed
    // Its lock is held to read or replace a value: when related objects change, and when a loop starts or refreshes.
    private let state: SharedState

    private final class SharedState: Sendable {
        let value = Mutex(State())
    }

    /// The longest time that a review waits for lookups; webhooks have ten seconds in all by default.
    private static let lookupTimeout = Duration.seconds(1)

    /// Finds the cluster and begins to follow it; nil where the settings say that there is none.
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
                    "\(error)\nthe cluster's objects cannot be followed; PLAYBOOK_COMPANIONS=none does without them")
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
                            .warn, "nothing has come from the API server for long; what was known holds",
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

    /// The related objects that are known now.
    var relatedObjects: RelatedObjects { state.value.withLock { $0.relatedObjects } }

    /// Notifies one more loop of changes, and returns the related objects that are known now.
    func join(_ loop: LoopNotifier) -> RelatedObjects {
        state.value.withLock { state in
            state.loops.append(loop)
            return state.relatedObjects
        }
    }

    /// Asks the API server what a denial rests on, in a third of the time that the review's sender gives us.
    func ask(
        _ lookups: [Lookup], before timeout: Duration?, _ completion: @escaping @Sendable ([LookupAnswer]) -> Void
    ) {
        let limit = min(timeout.map { $0 / 3 } ?? ClusterWatch.lookupTimeout, ClusterWatch.lookupTimeout)
        feed.ask(lookups, within: limit, completion)
    }

    /// What is still missing before reviews can be judged; nil when nothing is.
    var problem: String? {
        guard !feed.hasSynced else { return nil }
        let missing = feed.statuses.filter { $0.status.state == .starting }.map { "\($0.kind.name)" }
        return missing.isEmpty
            ? "what was listed has not reached the event loops yet"
            : "not listed yet: \(missing.joined(separator: ", "))"
    }

    /// Appends the metrics of what is followed.
    func write(to text: inout Exposition) {
        text.family("playbook_companions_known", .gauge, "Whether all objects of a kind are known, by kind.")
        for (kind, status) in feed.statuses {
            text.sample([("kind", "\(kind.name)")], status.state == .synced ? 1 : 0)
        }
        text.family(
            "playbook_companions_age_seconds", .gauge, "How long nothing has come from the API server, by kind.")
        for (kind, status) in feed.statuses {
            guard status.state == .synced, let age = status.age else { continue }
            text.sample([("kind", "\(kind.name)")], age / .seconds(1))
        }
        text.family("playbook_companion_lists_total", .counter, "Lists of a kind's objects, by kind.")
        for (kind, status) in feed.statuses { text.sample([("kind", "\(kind.name)")], Double(status.counts.lists)) }
        text.family("playbook_companion_events_total", .counter, "Changes of objects that were told, by kind.")
        for (kind, status) in feed.statuses { text.sample([("kind", "\(kind.name)")], Double(status.counts.events)) }
        text.family("playbook_companion_failures_total", .counter, "Lists and watches that failed, by kind.")
        for (kind, status) in feed.statuses { text.sample([("kind", "\(kind.name)")], Double(status.counts.failures)) }
        text.family(
            "playbook_companion_confirmations_total", .counter,
            "GETs made before a denial that rests on the absence of another object.")
        text.sample([], Double(feed.confirmations.requests))
        text.family(
            "playbook_companion_confirmation_failures_total", .counter,
            "Absences that could not be looked for in time, so that the review got a warning instead of a denial.")
        text.sample([], Double(feed.confirmations.failures))
    }

    /// Ends it.
    ///
    /// - Returns: Whether its thread has ended by the deadline.
    func stop(by deadline: Instant) -> Bool { feed.stop(by: deadline) }
}

extension Log {
    /// Writes the line for something that happened to kinds that are followed.
    func write(_ event: RelatedObjectEvent) {
        switch event {
        case .synced(let resource, let objects):
            write(
                .info, "companions are known",
                [("resource", .string("\(resource)")), ("objects", .number(String(objects)))])
        case .unavailable(let resource, let reason):
            write(
                .warn, "companions cannot be known; rules that need them are not evaluated",
                [("resource", .string("\(resource)")), ("reason", .string(reason))])
        case .troubled(let resources, let reason):
            write(
                .warn, "watch failed; using cached objects",
                [("resources", .array(resources.map { .string("\($0)") })), ("reason", .string(reason))])
        case .recovered(let resources):
            write(
                .info, "watch recovered; objects are up to date",
                [("resources", .array(resources.map { .string("\($0)") }))])
        case .enforced(let since): write(.info, "denials are enforced since", [("time", .string("\(since)"))])
        case .enforcementUnknown(let reason):
            write(
                .warn,
                "the time since which this server enforces is unknown; workloads whose related objects stay missing are not denied updates",
                [("reason", .string(reason)), ("setting", "PLAYBOOK_ENFORCED_SINCE")])
        }
    }
}
