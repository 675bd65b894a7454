internal import HTTP
public import JSON
internal import Net

/// Receives the objects of a kind, on the loop's thread.
///
/// A ``Value`` is valid only during the call. Objects of a list have no `kind` and no `apiVersion`.
public protocol ReflectorSink: AnyObject {
    /// A list begins; the objects `listed` until `listEnded` are all that exist. It replaces a list that has not ended.
    func listBegan()
    func listed(_ object: Value)
    /// The list is complete and replaces all earlier objects.
    func listEnded()
    /// An object was created or changed.
    func upsert(_ object: Value)
    /// An object was deleted; this is its last state.
    func delete(_ object: Value)
    /// All objects are known, for the first time or again after `unavailable`.
    func synced()
    /// The kind does not exist or must not be read; earlier objects are no longer valid.
    func unavailable(_ reason: String)
}

/// Follows all objects of one kind: lists them, watches changes, and recovers from failures.
///
/// Used only on the thread of its loop; its ``status`` can be read from any thread.
public final class Reflector {
    /// The resource that is followed.
    public let resource: APIResource
    /// The status.
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
    /// The alarm that reports recovery unless something fails before.
    private var recovery: Alarm?

    /// Creates a reflector.
    ///
    /// - Parameters:
    ///   - resource: The resource.
    ///   - client: The API server's client.
    ///   - sink: Receives the objects.
    ///   - options: The options.
    ///   - status: The status to update.
    ///   - report: Receives the events for the log.
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

    /// Starts following; must be called once.
    public func start() {
        take(machine.begin())
    }

    /// Stops; the sink and the report are not called again.
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

    /// Requests a kind that is not followed at once, because its CustomResourceDefinition has been created.
    func retry() {
        guard status.state != .synced else { return }
        // The API server serves a kind a moment after its definition says so.
        awaitedUntil = client.loop.now + .seconds(15)
        // A list that is under way is followed by the next one.
        guard let alarm else { return }
        alarm.cancel()
        take(machine.begin())
    }

    private func take(_ next: ListWatch.Next, isRefused: Bool = false) {
        if let reason = next.unavailable {
            // From here, the kind is reported as unavailable, and as `synced` when it is available again.
            isTroubled = false
            status.become(.unavailable)
            sink.unavailable(reason)
            report(.unavailable(resource, reason: reason))
        }
        let isAwaited = isRefused && awaitedUntil.map { client.loop.now < $0 } ?? false
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
        // Without permission to watch, a list would go stale, so after a denial the list counts only once the watch has started.
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
        // The API server ends the watch; this limit is for one that does not.
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
                return failed(.expired, "the resourceVersion went back to \(printable(version, atMost: 40))")
            }
            guard change != .bookmark else { return }
            status.countEvent()
            change == .deleted ? sink.delete(object) : sink.upsert(object)
        case .ended(let duration, let broughtSomething):
            watching = nil
            let next = machine.ended(after: duration, broughtSomething: broughtSomething)
            if next.delay > .zero { note("the watch ended immediately") }
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
            if status.code == 403 { awaitedUntil = nil }
            failed(.refused("\(error)"), "\(error)")
        case .status(let status):
            if error.throttling != nil { awaitedUntil = nil }
            let isOurs = status.code < 500 && status.code != 401 || status.code == 504
            failed(
                error.throttling.map { .throttled(client.bounded($0)) } ?? (isOurs ? .rejected : .failed), "\(error)")
        // Pages are requested again and lists start over: the response may have been cut off by a proxy.
        case .credentials, .transport, .malformed: failed(.failed, "\(error)")
        case .tooLarge:
            pageSize = max(1, pageSize / 2)
            failed(.failed, "\(error)")
        }
    }

    private func failed(_ failure: ListWatch.Failure, _ reason: String) {
        status.countFailure()
        let next = machine.failed(failure)
        // An expired version is normal.
        if failure == .expired { holdRecovery() } else { note(reason) }
        if case .refused = failure { take(next, isRefused: true) } else { take(next) }
    }

    /// Records a failure; reported only if there was none before.
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

    /// Reports recovery after a delay without failures: a watch that opens and fails again has not recovered.
    private func recover(after delay: Duration) {
        guard isTroubled, recovery == nil else { return }
        recovery = client.loop.after(delay) { [self] in
            recovery = nil
            isTroubled = false
            report(.recovered(resource))
        }
    }
}
