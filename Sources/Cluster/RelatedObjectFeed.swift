public import Evaluation
internal import JSON
public import Kubernetes
public import Net
internal import Synchronization

/// The cluster's companions as they are now: follows them, and looks again for what is absent.
///
/// All of it happens on a thread of its own. What is known is handed out as a value each time it changes.
public final class RelatedObjectFeed: Sendable {
    /// How far each kind is known.
    public let statuses: [(kind: ResourceKind, status: ReflectorStatus)]
    /// What came of looking again.
    public let confirmations: ConfirmationCounts
    private let handout: Handout
    private let thread: ClientThread<Follower>

    /// Begins to follow all kinds that are kept.
    ///
    /// - Parameters:
    ///   - access: The cluster.
    ///   - catalogue: The rules, which say what is kept of each kind.
    ///   - kinds: The kinds; where they are not given, all that the rules look up and a server may watch.
    ///   - options: How each is followed.
    ///   - enforcement: The annotation that says since when this server enforces; nil where nobody needs to know.
    ///   - publish: Told what is known whenever that changes, on the feed's thread.
    ///   - report: Told what an operator should know, on the feed's thread.
    ///   - interval: How often to check up.
    ///   - checkUp: Called that often, on the feed's thread, for whoever looks after ages.
    /// - Throws: A ``SystemError`` when there is no thread for it.
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
            // Each watch has one of its own for good.
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

    /// Whether every kind was listed once, as far as that is permitted, and all of it was published.
    public var hasSynced: Bool { handout.isWhole.load(ordering: .acquiring) }

    /// Asks the API server what a denial rests on.
    ///
    /// - Parameters:
    ///   - lookups: The questions.
    ///   - limit: How long it may take.
    ///   - completion: Called once, on the feed's thread, with an answer for each.
    public func ask(
        _ lookups: [Lookup], within limit: Duration, _ completion: @escaping @Sendable ([LookupAnswer]) -> Void
    ) {
        let isTaken = thread.perform { $0.lookupQueue.ask(lookups, within: limit, completion) }
        if !isTaken { completion(lookups.map { LookupAnswer(unanswered: $0) }) }
    }

    /// Ends it; nothing more is told.
    ///
    /// - Parameter deadline: How long to wait at most.
    /// - Returns: Whether its thread has ended.
    @discardableResult
    public func stop(by deadline: Instant = .distantFuture) -> Bool { thread.stop(by: deadline) }
}

/// What came of looking again for what was absent, since the start.
public final class ConfirmationCounts: Sendable {
    private let asked = Atomic<Int>(0)
    private let failed = Atomic<Int>(0)

    /// How often the API server was asked.
    public var requests: Int { asked.load(ordering: .relaxed) }
    /// How many of a review's questions got no answer in time.
    public var failures: Int { failed.load(ordering: .relaxed) }

    func countRequest() { asked.add(1, ordering: .relaxed) }
    func countFailure() { failed.add(1, ordering: .relaxed) }
}

/// Whether all that was asked for was handed out once.
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
    /// No objects, to list some into.
    let noRelatedObjects: RelatedObjects

    /// Changes that come one after the other are told together.
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

    /// Follows CustomResourceDefinitions, so that a kind that is installed later is known at once.
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

    /// Finds out since when this server enforces.
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

    /// Does something again and again.
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

/// Takes in the objects of one kind.
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

    // An object that the API server let in but that cannot be read is none to us, as for `--companions`.
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

/// Wakes the reflectors of kinds whose CustomResourceDefinition comes or becomes served.
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
