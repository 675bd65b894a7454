public import Evaluation
import JSON
import Kubernetes

/// The cluster as a log has shown it so far: turns events, in the order of time, into the requests that a server would have
/// received.
///
/// Its memory is bounded: the last states of objects by a limit in bytes, related objects and operators by their number. A value
/// must not be copied to continue in two ways: copies share what is known about operators.
public struct LogHistory {
    /// The counts of the events that are not evaluated.
    public private(set) var summary = LogSummary()
    private let kinds: LogKinds
    private let readKinds: ResourceKinds
    private var states: ObjectStates
    private var related: RelatedObjects
    /// True if the related objects were given: those of the log are then not used.
    private let isGiven: Bool
    private var relatedCount = 0
    private var operators = OperatorEvidence()
    private let eventDocument = Document()
    private let objectDocument = Document()

    /// The default limit of the states in bytes.
    public static let defaultLimit = 256 << 20
    /// The largest number of related objects; further ones are unknown.
    private static let maximumRelated = 200_000

    private static let eventOptions = ParseOptions(
        skipped: SkipTree([.init("requestObject"), .init("responseObject")]), toleratesDepth: true)
    private static let objectOptions = ParseOptions(
        skipped: SkipTree([.init("status"), .init("metadata", [.init("managedFields")])]), toleratesDepth: true)

    /// Creates an empty history.
    ///
    /// - Parameters:
    ///   - settings: The settings, with the rules.
    ///   - given: Related objects to use instead of those of the log; nil for those of the log.
    ///   - limit: The limit of the last states of objects, in bytes.
    public init(_ settings: Settings, relatedObjects given: RelatedObjects? = nil, limit: Int = LogHistory.defaultLimit)
    {
        kinds = LogKinds(settings)
        readKinds = settings.catalogue.relatedKinds
        states = ObjectStates(limit: limit)
        isGiven = given != nil
        related = given ?? RelatedObjects(knowledge: .kindsHeld, of: settings.catalogue)
    }

    /// Takes the next event; returns the request to evaluate, or nil if there is none.
    public mutating func take(_ logged: LoggedEvent) -> LoggedRequest? {
        defer { summary.droppedStates = states.dropped }
        let taken = try? eventDocument.read(logged.bytes.span, LogHistory.eventOptions) { value -> LoggedRequest? in
            guard let event = AuditEvent(value) else { return nil }
            if event.subresource == "status", let entry = OperatorEvidence.Entry(event) {
                if !operators.insert(entry) { summary.droppedStatusUpdates += 1 }
                summary.notCovered += 1
                return nil
            }
            guard let entry = kinds[event.group, event.resource, event.subresource] else { return nil }
            return request(of: event, entry, logged)
        }
        return taken
    }

    private mutating func request(
        of event: AuditEvent, _ entry: LogKinds.Entry, _ logged: LoggedEvent
    ) -> LoggedRequest? {
        let code = event.code
        let isRefused = code >= 300 && event.isRefusedAtAdmission
        guard code < 300 || isRefused else {
            summary.failed += 1
            return nil
        }
        switch event.verb {
        case .deleteCollection:
            guard !isRefused else { return refuse(.deleteCollection) }
            for key in states.keys(event.group, event.resource, in: event.namespace) { remove(key, entry.kind, nil) }
            return entry.isEvaluatedOnDelete ? refuse(.deleteCollection) : cover()
        case .patch where isRefused: return refuse(.refusedPatch)
        case .delete: return deletion(event, entry, logged, isRefused)
        case .create, .update, .patch: break
        }
        if event.isTruncated { return lose(event, .truncated) }
        let response = isRefused ? nil : event.value["responseObject"]
        // Never a patch's: it is not an object.
        let body = response ?? (event.verb == .patch ? nil : event.value["requestObject"])
        guard let body, !body.isNull else {
            forget(event)
            // The server skips these requests.
            if event.isOfControlPlane { return cover() }
            if event.value["level"]?.equals("RequestResponse") ?? false { return refuse(.noObject) }
            summary.hide(entry)
            return nil
        }
        let bytes = body.source
        do throws(ParseError) {
            return try objectDocument.read(bytes.span, LogHistory.objectOptions) { object in
                write(object, bytes, event, entry, logged, isRefused, isStored: response != nil)
            }
        } catch {
            return lose(event, .malformed)
        }
    }

    // MARK: Creating and updating

    private mutating func write(
        _ object: Value, _ bytes: [UInt8], _ event: AuditEvent, _ entry: LogKinds.Entry, _ logged: LoggedEvent,
        _ isRefused: Bool, isStored: Bool
    ) -> LoggedRequest? {
        let subresource = event.subresource
        let metadata = ObjectMeta(of: object)
        guard isExpected(object, entry, subresource) else { return lose(event, .noObject) }
        var key = key(event)
        if key.name.isEmpty {
            key = ObjectStates.Key(
                group: key.group, resource: key.resource, namespace: key.namespace, name: metadata.name ?? "")
        }
        let isCreated = event.verb == .create || !isRefused && event.code == 201
        let options = event.options
        let version = UInt64(metadata.value?["resourceVersion"]?.string ?? "") ?? 0
        let uid = metadata.value?["uid"]?.string ?? ""
        var past = isCreated || subresource == "scale" ? nil : states[key]
        if let known = past, isStored, known.uid != uid || known.version > version, subresource.isEmpty {
            if known.uid == uid { summary.outOfOrder += 1 }
            past = nil
        }
        var old = past?.bytes
        if subresource == "scale", !isCreated { old = states[key].flatMap { LogHistory.scale(of: $0, key) } }
        var request = LoggedRequest(
            event, LogHistory.kind(of: object), bytes, old: old, isCreated ? .create : .update, name: key.name, options,
            at: logged,
            related, operators)
        request.isRefused = isRefused
        request.hasGivenRelatedObjects = isGiven
        request.hasUnknownPast = !isCreated && old == nil
        request.revisions = revisions(for: entry, object, past, key)
        if !isRefused, !options.isDryRun {
            if subresource == "scale" {
                setReplicas(object, key, entry)
            } else if subresource == "token" {
                // The object is a token request; the service account keeps its state.
            } else if !isStored {
                states.remove(key)
            } else if states[key].map({ $0.uid != uid || $0.version <= version }) ?? true {
                let owner = metadata.controller?.uid ?? ""
                states.set(
                    key, ObjectStates.State(bytes: object.reduced, uid: uid, version: version, owner: owner))
                relate(object, entry.kind, key.namespace)
            }
        }
        return request
    }

    /// True if an object has the kind that its resource has; a table or a status has another.
    private func isExpected(_ object: Value, _ entry: LogKinds.Entry, _ subresource: String) -> Bool {
        guard let kind = object["kind"] else { return false }
        switch subresource {
        case "scale": return kind.equals("Scale")
        default: return kind.equals(string: entry.kindName)
        }
    }

    private static func kind(of object: Value) -> (group: String, version: String, name: String) {
        let parts = (object["apiVersion"]?.string ?? "").split(separator: "/").map(String.init)
        return (parts.count > 1 ? parts[0] : "", parts.last ?? "", object["kind"]?.string ?? "")
    }

    /// Returns the Scale of a workload's state; nil if it has no count.
    private static func scale(of state: ObjectStates.State, _ key: ObjectStates.Key) -> [UInt8]? {
        let count = try? Document().read(state.bytes.span, objectOptions) { $0["spec"]?["replicas"]?.int }
        guard let count else { return nil }
        let scale: Literal = [
            "kind": "Scale", "apiVersion": "autoscaling/v1",
            "metadata": ["name": .string(key.name), "namespace": .string(key.namespace)],
            "spec": ["replicas": .number(String(count))],
        ]
        return Array(scale.json.utf8)
    }

    /// Sets the count of a workload's state to that of a Scale.
    private mutating func setReplicas(_ scale: Value, _ key: ObjectStates.Key, _ entry: LogKinds.Entry) {
        guard let state = states[key], let count = scale["spec"]?["replicas"]?.int,
            let workload = try? Literal(parsing: state.bytes),
            let changed = try? Patch([.set("/spec/replicas", .number(String(count)))], on: workload).applied(
                to: workload)
        else { return }
        let bytes = Array(changed.json.utf8)
        states.set(key, ObjectStates.State(bytes: bytes, uid: state.uid, version: state.version, owner: state.owner))
        guard let document = try? Document(parsing: bytes) else { return }
        withExtendedLifetime(document) { relate(document.root, entry.kind, key.namespace) }
    }

    /// Returns the earlier pod templates that the log has shown, for requests that can go back to one.
    private func revisions(
        for entry: LogKinds.Entry, _ object: Value, _ past: ObjectStates.State?, _ key: ObjectStates.Key
    ) -> LoggedRequest.Revisions {
        switch entry.kind {
        case .deployment, .rollout, .statefulSet, .daemonSet:
            guard let past else { return .none }
            let isOfReplicaSets = entry.kind == .deployment || entry.kind == .rollout
            let kind: ResourceKind = isOfReplicaSets ? .replicaSet : .controllerRevision
            return LoggedRequest.Revisions(
                kind: kind, objects: states.objects(ofController: past.uid, resource: kind.plural))
        case .job:
            guard let owner = ObjectMeta(of: object).controller, owner.kind == .cronJob,
                let state = states[
                    ObjectStates.Key(
                        group: "batch", resource: "cronjobs", namespace: key.namespace, name: owner.name)],
                state.uid == owner.uid
            else { return .none }
            return LoggedRequest.Revisions(kind: .cronJob, objects: [state.bytes])
        default: return .none
        }
    }

    // MARK: Deleting

    private mutating func deletion(
        _ event: AuditEvent, _ entry: LogKinds.Entry, _ logged: LoggedEvent, _ isRefused: Bool
    ) -> LoggedRequest? {
        guard event.subresource.isEmpty else { return cover() }
        let key = key(event)
        let body = (event.value["responseObject"]?.source).flatMap {
            try? Document(parsing: $0, LogHistory.objectOptions)
        }
        return withExtendedLifetime(body) { () -> LoggedRequest? in
            let object = (body?.root).flatMap { isExpected($0, entry, "") ? $0 : nil }
            let old = states[key]?.bytes ?? object?.reduced
            if !isRefused, !event.options.isDryRun { remove(key, entry.kind, object) }
            // Rules about a deletion only warn.
            guard entry.isEvaluatedOnDelete else { return cover() }
            guard let old else { return refuse(.deletedObject) }
            var request = LoggedRequest(
                event, (entry.group, event.version, entry.kindName), nil, old: old, .delete, name: key.name,
                event.options, at: logged, related, operators)
            request.isRefused = isRefused
            request.hasGivenRelatedObjects = isGiven
            return request
        }
    }

    /// Removes an object, unless finalizers or a grace period keep it.
    private mutating func remove(_ key: ObjectStates.Key, _ kind: ResourceKind, _ object: Value?) {
        if let metadata = object?["metadata"],
            metadata["finalizers"]?.elements.contains(where: { _ in true }) ?? false
                || metadata["deletionGracePeriodSeconds"]?.int ?? 0 > 0
        {
            return
        }
        states.remove(key)
        guard readKinds.contains(kind), !isGiven else { return }
        var metadata: [Literal.Member] = [.init("name", .string(key.name))]
        if !key.namespace.isEmpty { metadata.append(.init("namespace", .string(key.namespace))) }
        let named: Literal = ["metadata": .object(metadata)]
        guard let document = try? Document(parsing: Array(named.json.utf8)) else { return }
        withExtendedLifetime(document) { related.remove(document.root, kind) }
    }

    // MARK: Related objects

    private mutating func relate(_ object: Value, _ kind: ResourceKind, _ namespace: String) {
        guard readKinds.contains(kind), !isGiven else { return }
        relatedCount += 1
        // An object that is not stored is unknown. Updates count too, which only makes the limit lower.
        guard relatedCount < LogHistory.maximumRelated || related.knows(kind, in: namespace) else { return }
        try? related.set(object, kind, in: namespace)
    }

    // MARK: Counting

    private func key(_ event: AuditEvent) -> ObjectStates.Key {
        // The events of a Namespace have its name as their namespace, except that of its creation.
        let isNamespace = event.resource == "namespaces" && event.group.isEmpty
        return ObjectStates.Key(
            group: event.group, resource: event.resource, namespace: isNamespace ? "" : event.namespace,
            name: event.name)
    }

    /// Forgets the state of an object that was changed in a way that the log does not show.
    private mutating func forget(_ event: AuditEvent) {
        guard event.code < 300, event.subresource != "token" else { return }
        states.remove(key(event))
    }

    private mutating func lose(_ event: AuditEvent, _ obstacle: LogSummary.Obstacle) -> LoggedRequest? {
        forget(event)
        return refuse(obstacle)
    }

    private mutating func refuse(_ obstacle: LogSummary.Obstacle) -> LoggedRequest? {
        summary.obstacles[obstacle, default: 0] += 1
        return nil
    }

    private mutating func cover() -> LoggedRequest? {
        summary.notCovered += 1
        return nil
    }
}
