internal import HTTP
public import JSON
internal import Net

/// Who is told of a kind's objects; all of it on the loop's thread.
///
/// A ``Value`` ends with the call that hands it over. Objects of a list have neither `kind` nor `apiVersion`; whoever takes
/// them in knows which kind was asked for.
public protocol ReflectorSink: AnyObject {
    /// A list begins: what is `listed` until `listEnded` will be all there is. One that had begun before is void.
    func listBegan()
    /// An object of the list.
    func listed(_ object: Value)
    /// The list is whole: it takes the place of everything known before.
    func listEnded()
    /// An object is new or has changed.
    func upsert(_ object: Value)
    /// An object is gone; this is its last state.
    func delete(_ object: Value)
    /// What was told is all there is, for the first time or again after `unavailable`.
    func synced()
    /// The kind does not exist or is not for us: nothing is known of it from now on, and what was known holds no more.
    func unavailable(_ reason: String)
}

/// Follows all objects of one kind: lists them, watches their changes, and mends what breaks.
///
/// It belongs to a loop and is used on that loop's thread only; its ``status`` may be read from any.
public final class Reflector {
    /// Whose objects.
    public let resource: APIResource
    /// How far they are known.
    public let status: ReflectorStatus
    private let client: APIClient
    private let sink: any ReflectorSink
    private let options: ReflectorOptions
    private let report: (ReflectorEvent) -> Void
    private var machine: ListWatch
    private var pageSize: Int
    private var alarm: Alarm?
    /// The end of the time in which a kind that is being installed is asked for often.
    private var awaitedUntil: Instant?
    private var listing: APICall?
    private var watching: WatchCall?
    private var objects = 0
    private var isTroubled = false
    /// The end of the trouble, unless something fails before.
    private var recovery: Alarm?

    /// Prepares to follow a kind.
    ///
    /// - Parameters:
    ///   - resource: The kind.
    ///   - client: Whose API server.
    ///   - sink: Who is told of its objects.
    ///   - options: How.
    ///   - status: Where to keep how far it is.
    ///   - report: Who is told of what an operator should know.
    public init(
        _ resource: APIResource, client: APIClient, sink: any ReflectorSink,
        options: ReflectorOptions = ReflectorOptions(), status: ReflectorStatus = ReflectorStatus(),
        report: @escaping (ReflectorEvent) -> Void = { _ in }
    ) {
        self.resource = resource
        self.client = client
        self.sink = sink
        self.options = options
        self.status = status
        self.report = report
        machine = ListWatch(options)
        pageSize = options.pageSize
    }

    /// Begins to follow; to be called once.
    public func start() {
        take(machine.begin())
    }

    /// Ends it; nothing more is told.
    public func stop() {
        alarm?.cancel()
        recovery?.cancel()
        listing?.cancel()
        watching?.cancel()
        alarm = nil
        recovery = nil
        listing = nil
        watching = nil
    }

    /// Asks at once for a kind that was unavailable, since its CustomResourceDefinition has come.
    func retry() {
        guard status.state == .unavailable, let alarm else { return }
        alarm.cancel()
        // The API server serves a kind a moment after its definition says so.
        awaitedUntil = client.loop.now + .seconds(15)
        take(machine.begin())
    }

    private func take(_ next: ListWatch.Next) {
        if let reason = next.unavailable {
            // From here on this is what is said about the kind, and `synced` when it ends.
            isTroubled = false
            status.become(.unavailable)
            sink.unavailable(reason)
            report(.unavailable(resource, reason: reason))
        }
        let isAwaited = status.state == .unavailable && awaitedUntil.map { client.loop.now < $0 } ?? false
        alarm = client.loop.after(isAwaited ? min(next.delay, .milliseconds(250)) : next.delay) { [self] in
            alarm = nil
            switch next.step {
            case .list(let continuation): list(continuation)
            case .watch(let version, let seconds): watch(version, seconds)
            }
        }
    }

    // MARK: The list

    private func list(_ continuation: String?) {
        if continuation == nil {
            status.countList()
            sink.listBegan()
            objects = 0
        }
        listing = client.list(
            resource, page: (pageSize, continuation), readsOnlyMetadata: options.readsOnlyMetadata,
            atMost: options.maximumPage,
            each: { [self] object in
                objects += 1
                sink.listed(object)
            },
            { [self] result in
                listing = nil
                switch result {
                case .success(let page): listed(page)
                case .failure(let error): failed(error)
                }
            })
    }

    private func listed(_ page: ListPage) {
        status.heard(at: client.loop.now)
        let next = machine.listed(page)
        // Who may list but not watch would be told what nothing keeps right: after a refusal the list counts with its watch.
        if page.continuation == nil, !machine.isRefused {
            sink.listEnded()
            becomeSynced()
        }
        take(next)
    }

    private func becomeSynced() {
        guard status.state != .synced else { return }
        status.become(.synced)
        sink.synced()
        report(.synced(resource, objects: objects))
    }

    // MARK: The watch

    private func watch(_ version: String, _ seconds: Int) {
        status.countWatch()
        var times = client.options.times
        times.silence = options.watchSilence
        // The API server ends it; this is for one that does not.
        times.whole = .seconds(seconds) + max(times.response, .seconds(10))
        var request = APIRequest(
            .get, resource.path(),
            query: [
                ("watch", "1"), ("resourceVersion", version), ("allowWatchBookmarks", "true"),
                ("timeoutSeconds", String(seconds)),
            ])
        if options.readsOnlyMetadata { request.accept = APIRequest.metadata }
        watching = WatchCall(client: client, maximumLine: options.maximumLine) { [self] news in take(news) }
        watching?.begin(request, times)
    }

    private func take(_ news: WatchCall.News) {
        switch news {
        case .opened:
            status.heard(at: client.loop.now)
            if machine.isRefused { sink.listEnded() }
            machine.opened()
            becomeSynced()
            recover(after: options.steadyWatch)
        case .event(let change, let object, let version):
            status.heard(at: client.loop.now)
            guard machine.progressed(to: version) else {
                watching?.cancel()
                watching = nil
                return failed(.expired, "the cluster's versions went back to \(printable(version, atMost: 40))")
            }
            guard change != .bookmark else { return }
            status.countEvent()
            change == .deleted ? sink.delete(object) : sink.upsert(object)
        case .ended(let duration, let broughtSomething):
            watching = nil
            let next = machine.ended(after: duration, broughtSomething: broughtSomething)
            if next.delay > .zero { note("the watch ended at once") }
            take(next)
        case .failed(let error):
            watching = nil
            failed(error)
        case .garbled(let reason):
            watching = nil
            status.countRefusedLine()
            failed(.garbled, reason)
        }
    }

    // MARK: Failures

    private func failed(_ error: APIError) {
        client.note(error)
        switch error {
        case .status(let status) where status.code == 410: failed(.expired, "\(error)")
        case .status(let status) where status.code == 403 || status.code == 404:
            failed(.refused("\(error)"), "\(error)")
        case .status(let status):
            let isOurs = status.code < 500 && status.code != 401 || status.code == 504
            failed(
                error.throttling.map { .throttled(client.bounded($0)) } ?? (isOurs ? .rejected : .failed), "\(error)")
        // Pages are asked for again, lists begun again: what cannot be read may be cut off by something on the way.
        case .credentials, .transport, .malformed: failed(.failed, "\(error)")
        case .tooLarge:
            pageSize = max(1, pageSize / 2)
            failed(.failed, "\(error)")
        }
    }

    private func failed(_ failure: ListWatch.Failure, _ reason: String) {
        status.countFailure()
        let next = machine.failed(failure)
        // An expired version is in the nature of the thing.
        if failure == .expired { holdRecovery() } else { note(reason) }
        take(next)
    }

    /// Takes in that something went wrong; it is reported where all was well before.
    private func note(_ reason: String) {
        holdRecovery()
        guard !isTroubled, !machine.isRefused else { return }
        isTroubled = true
        report(.troubled(resource, reason: reason))
    }

    private func holdRecovery() {
        recovery?.cancel()
        recovery = nil
    }

    /// Reports recovery, if nothing fails until then: a watch that opens and breaks again has not recovered.
    private func recover(after delay: Duration) {
        guard isTroubled, recovery == nil else { return }
        recovery = client.loop.after(delay) { [self] in
            recovery = nil
            isTroubled = false
            report(.recovered(resource))
        }
    }
}
