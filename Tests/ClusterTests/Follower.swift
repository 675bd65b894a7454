import Cluster
import Foundation
import JSON
import Net
import Synchronization

/// The calls that a sink received, for the test's thread to read.
final class Observed: Sendable {
    struct State: Equatable {
        var objects: [String: String] = [:]
        var syncs = 0
        var unavailable: [String] = []
        var events: [ReflectorEvent] = []
    }

    private let state = Mutex(State())

    var objects: [String: String] { state.withLock { $0.objects } }
    var syncs: Int { state.withLock { $0.syncs } }
    var unavailable: [String] { state.withLock { $0.unavailable } }
    var events: [ReflectorEvent] { state.withLock { $0.events } }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }
}

/// A sink that stores each object's name and value.
private final class Keeper: ReflectorSink {
    let observed: Observed
    private var listed: [String: String] = [:]

    init(_ observed: Observed) { self.observed = observed }

    private func name(_ object: Value) -> String { object["metadata"]?["name"]?.string ?? "?" }

    func listBegan() { listed = [:] }
    func listed(_ object: Value) { listed[name(object)] = object["value"]?.string }
    func listEnded() { observed.change { [listed] in $0.objects = listed } }
    func upsert(_ object: Value) {
        let (name, value) = (name(object), object["value"]?.string)
        observed.change { $0.objects[name] = value }
    }
    func delete(_ object: Value) {
        let name = name(object)
        observed.change { $0.objects[name] = nil }
    }
    func synced() { observed.change { $0.syncs += 1 } }
    func unavailable(_ reason: String) { observed.change { $0.unavailable.append(reason) } }
}

/// A reflector on a separate thread, with a service account's directory and a sink.
final class Follower: Sendable {
    struct Parts {
        let client: APIClient
        let reflector: Reflector
    }

    let server: ScriptedAPIServer
    let folder: TestFolder
    let observed = Observed()
    let resource = APIResource(group: "policy", version: "v1", plural: "poddisruptionbudgets")
    let status = ReflectorStatus()
    private let thread: Mutex<ClientThread<Parts>?> = Mutex(nil)

    /// Shorter waits than the defaults: failures are retried almost immediately, refusals soon after.
    static var options: ReflectorOptions {
        var options = ReflectorOptions()
        options.backoff = Backoff(first: .milliseconds(5), longest: .milliseconds(20))
        options.refusedInterval = .milliseconds(30)
        options.shortestWatch = .milliseconds(50)
        options.steadyWatch = .milliseconds(100)
        options.chance = { 0 }
        return options
    }

    init(
        _ server: ScriptedAPIServer, authority: CertificateAuthority = TestAuthorities.cluster,
        _ adjust: (inout ReflectorOptions, inout APIOptions) -> Void = { _, _ in }
    ) throws {
        self.server = server
        folder = try TestFolder()
        var adjusted = (Follower.options, Follower.apiOptions)
        adjust(&adjusted.0, &adjusted.1)
        let (options, apiOptions) = adjusted
        let access = try folder.access(to: server.port, signedBy: authority)
        let (observed, status, resource) = (observed, status, resource)
        let thread = try ClientThread { loop in
            let client = APIClient(loop: loop, access: access, options: apiOptions)
            let reflector = Reflector(
                resource, client: client,
                sink: Keeper(observed), options: options, status: status,
                report: { event in observed.change { $0.events.append(event) } })
            reflector.start()
            return Parts(client: client, reflector: reflector)
        }
        self.thread.withLock { $0 = thread }
    }

    static var apiOptions: APIOptions {
        var options = APIOptions()
        options.backoff = Backoff(first: .milliseconds(5), longest: .milliseconds(20))
        options.longestRetryAfter = .milliseconds(50)
        options.credentialsInterval = .milliseconds(20)
        options.chance = { 0 }
        return options
    }

    deinit { stop() }

    func stop() {
        let thread = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        thread?.stop()
    }

    /// Returns true once the sink has the server's objects.
    func becomesRight() -> Bool { eventually { observed.syncs > 0 && observed.objects == server.values } }
}
