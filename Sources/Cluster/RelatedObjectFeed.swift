public import Evaluation
internal import JSON
public import Kubernetes
public import Net
internal import Synchronization

/// The cluster's related objects: watches them, and makes lookups for absent objects.
///
/// It runs on a separate thread and publishes a new snapshot after each change.
public final class RelatedObjectFeed: Sendable {
    /// The status of each kind.
    public let statuses: [(kind: ResourceKind, status: ReflectorStatus)]
    /// The counts of lookups.
    public let confirmations: ConfirmationCounts
    private let handout: Handout
    private let thread: ClientThread<Follower>

    /// Starts following all kinds.
    ///
    /// - Parameters:
    ///   - access: The cluster.
    ///   - catalogue: The rules, which determine the fields to keep of each kind.
    ///   - kinds: The kinds; by default, all that rules look up and a server may watch.
    ///   - options: The options for each kind.
    ///   - enforcement: The annotation with the time at which enforcement started; nil if it is not needed.
    ///   - publish: Called with a snapshot after each change, on the feed's thread.
    ///   - report: Called with events for the log, on the feed's thread.
    ///   - interval: The interval of `checkUp`.
    ///   - checkUp: Called at each interval, on the feed's thread, to check ages.
    /// - Throws: A ``SystemError`` if the thread cannot be started.
    public init(
        _ access: ClusterAccess, of catalogue: Catalogue, kinds: ResourceKinds? = nil,
        options: ReflectorOptions = ReflectorOptions(), enforcement: EnforcementAnnotation? = nil,
        publish: @escaping @Sendable (RelatedObjects) -> Void,
        report: @escaping @Sendable (RelatedObjectEvent) -> Void = { _ in },
        every interval: Duration = .seconds(30),
        checkUp: @escaping @Sendable ([(kind: ResourceKind, status: ReflectorStatus)]) -> Void = { _ in }
    ) throws(SystemError) {
        let statuses = (kinds ?? catalogue.watchedKinds).kinds.map { ($0, ReflectorStatus()) }
        let confirmations = ConfirmationCounts()
        let handout = Handout(isWhole: statuses.isEmpty)
        thread = try ClientThread { loop in
            var api = APIOptions()
            // Each watch occupies a connection permanently.
            api.maxConnections += statuses.count
            let client = APIClient(loop: loop, access: access, options: api)
            let follower = Follower(client, catalogue, confirmations, statuses, handout, publish)
            follower.start(options, report)
            if let enforcement { follower.find(enforcement, report) }
            follower.look(after: interval) { checkUp(statuses) }
            return follower
        }
        self.statuses = statuses
        self.confirmations = confirmations
        self.handout = handout
    }

    /// True if every permitted kind was listed once and published.
    public var hasSynced: Bool { handout.isWhole.load(ordering: .acquiring) }

    /// Asks the API server for the objects that a denial depends on.
    ///
    /// - Parameters:
    ///   - lookups: The lookups.
    ///   - limit: The time limit.
    ///   - completion: Called once, on the feed's thread, with an answer for each lookup.
    public func ask(
        _ lookups: [Lookup], within limit: Duration, _ completion: @escaping @Sendable ([LookupAnswer]) -> Void
    ) {
        let isTaken = thread.perform { $0.lookupQueue.ask(lookups, within: limit, completion) }
        if !isTaken { completion(lookups.map { LookupAnswer(unanswered: $0) }) }
    }

    /// Stops the feed; nothing more is published or reported.
    ///
    /// - Parameter deadline: The longest time to wait.
    /// - Returns: True if its thread has ended.
    @discardableResult
    public func stop(by deadline: Instant = .distantFuture) -> Bool { thread.stop(by: deadline) }
}

/// The counts of lookups since the start.
public final class ConfirmationCounts: Sendable {
    private let asked = Atomic<Int>(0)
    private let failed = Atomic<Int>(0)

    /// The number of API calls.
    public var requests: Int { asked.load(ordering: .relaxed) }
    /// The number of lookups of reviews that got no answer in time.
    public var failures: Int { failed.load(ordering: .relaxed) }

    func countRequest() { asked.add(1, ordering: .relaxed) }
    func countFailure() { failed.add(1, ordering: .relaxed) }
}

/// True if all requested kinds were published once.
private final class Handout: Sendable {
    let isWhole: Atomic<Bool>

    init(isWhole: Bool) { self.isWhole = Atomic(isWhole) }
}

/// The state of the feed's thread.
private final class Follower {
    private let client: APIClient
    private let statuses: [(kind: ResourceKind, status: ReflectorStatus)]
    private let handout: Handout
    private let publish: (RelatedObjects) -> Void
    let lookupQueue: LookupQueue
    private var reflectors: [Reflector] = []
    private var publication: Alarm?
    var relatedObjects: RelatedObjects
    /// An empty set, to list objects into.
    let noRelatedObjects: RelatedObjects

    /// The time within which successive changes are published together.
    private static let pause = Duration.milliseconds(20)

    init(
        _ client: APIClient, _ catalogue: Catalogue, _ counts: ConfirmationCounts,
        _ statuses: [(kind: ResourceKind, status: ReflectorStatus)], _ handout: Handout,
        _ publish: @escaping (RelatedObjects) -> Void
    ) {
        self.client = client
        self.statuses = statuses
        self.handout = handout
        self.publish = publish
        lookupQueue = LookupQueue(client, catalogue, counts)
        relatedObjects = RelatedObjects(knowledge: .kinds([]), of: catalogue)
        noRelatedObjects = RelatedObjects(knowledge: .nothing, of: catalogue)
    }

    func start(_ options: ReflectorOptions, _ report: @escaping (RelatedObjectEvent) -> Void) {
        let troubles = Troubles(client.loop, report)
        reflectors = statuses.map { kind, status in
            Reflector(
                APIResource(kind), client: client, sink: KindSink(kind, self), options: options, status: status,
                report: { troubles.take($0) })
        }
        for reflector in reflectors { reflector.start() }
        followDefinitions(options)
    }

    /// Watches CustomResourceDefinitions, so that a kind that is installed later is followed at once.
    private func followDefinitions(_ options: ReflectorOptions) {
        let custom = reflectors.filter { !APIGroup.isBuiltIn($0.resource.group) }
        guard !custom.isEmpty else { return }
        var options = options
        options.readsOnlyMetadata = true
        let resource = APIResource(group: "apiextensions.k8s.io", version: "v1", plural: "customresourcedefinitions")
        let definitions = Reflector(
            resource, client: client, sink: DefinitionSink(custom), options: options)
        reflectors.append(definitions)
        definitions.start()
    }

    /// Reads or writes the time at which enforcement started.
    func find(_ annotation: EnforcementAnnotation, _ report: @escaping (RelatedObjectEvent) -> Void) {
        EnforcementStart(client, annotation) { [self] result in
            switch result {
            case .success(let since):
                relatedObjects.enforcedSince = since
                changed()
                report(.enforced(since: since))
            case .failure(let error): report(.enforcementUnknown("\(error)"))
            }
        }.find()
    }

    /// Runs an action repeatedly.
    func look(after interval: Duration, _ action: @escaping () -> Void) {
        client.loop.after(interval) { [self] in
            action()
            look(after: interval, action)
        }
    }

    func changed() {
        guard publication == nil else { return }
        publication = client.loop.after(Follower.pause) { [self] in
            publication = nil
            publish(relatedObjects)
            guard statuses.allSatisfy({ $0.status.state != .starting }) else { return }
            handout.isWhole.store(true, ordering: .releasing)
        }
    }
}

/// Receives the objects of one kind.
private final class KindSink: ReflectorSink {
    private let kind: ResourceKind
    private unowned let follower: Follower
    private var arriving: RelatedObjects

    init(_ kind: ResourceKind, _ follower: Follower) {
        self.kind = kind
        self.follower = follower
        arriving = follower.noRelatedObjects
    }

    func listBegan() { arriving = follower.noRelatedObjects }

    // Objects that cannot be read are skipped, as for `--companions`.
    func listed(_ object: Value) { try? arriving.set(object, kind) }

    func listEnded() {
        follower.relatedObjects.replace(kind, from: arriving)
        arriving = follower.noRelatedObjects
        follower.changed()
    }

    func upsert(_ object: Value) {
        try? follower.relatedObjects.set(object, kind)
        follower.changed()
    }

    func delete(_ object: Value) {
        follower.relatedObjects.remove(object, kind)
        follower.changed()
    }

    func synced() { follower.changed() }

    func unavailable(_ reason: String) {
        follower.relatedObjects.forget(kind)
        follower.changed()
    }
}

/// Restarts the reflectors of kinds whose CustomResourceDefinition is created or becomes served.
private final class DefinitionSink: ReflectorSink {
    private let reflectors: [String: Reflector]

    init(_ reflectors: [Reflector]) {
        self.reflectors = Dictionary(
            reflectors.map { ("\($0.resource.plural).\($0.resource.group)", $0) },
            uniquingKeysWith: { first, _ in first })
    }

    func upsert(_ object: Value) { object["metadata"]?["name"]?.string.flatMap { reflectors[$0] }?.retry() }

    func listed(_ object: Value) { upsert(object) }
    func listBegan() {}
    func listEnded() {}
    func delete(_ object: Value) {}
    func synced() {}
    func unavailable(_ reason: String) {}
}
