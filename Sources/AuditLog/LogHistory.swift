public import Evaluation
import JSON
import Kubernetes

/// The cluster as a log has shown it so far: turns events, in the order of time, into the requests that a server would have
/// received.
///
/// Its memory is bounded: the last states of objects, with their related objects, by a limit in bytes, and operators by their
/// number. A value must not be copied to continue in two ways: copies share what is known about operators.
public struct LogHistory {
    /// The counts of the events that are not evaluated.
    public private(set) var summary = LogSummary()
    private let kinds: LogKinds
    private let readKinds: ResourceKinds
    private var states: ObjectStates
    private var related: RelatedObjects
    /// True if the related objects were given: those of the log are then not used.
    private let isGiven: Bool
    private var operators = OperatorEvidence()
    private let eventDocument = Document()
    private let objectDocument = Document()

    /// The default limit of the states and related objects in bytes.
    public static let defaultLimit = 256 << 20

    private static let eventOptions = ParseOptions(
        skipped: SkipTree([.init("requestObject"), .init("responseObject")]), toleratesDepth: true)
    private static let objectOptions = ParseOptions(
        skipped: SkipTree([.init("status"), .init("metadata", [.init("managedFields")])]), toleratesDepth: true)

    /// Creates an empty history.
    ///
    /// - Parameters:
    ///   - settings: The settings, with the rules.
    ///   - given: Related objects to use instead of those of the log; nil for those of the log.
    ///   - limit: The limit of the last states of objects and of related objects, in bytes.
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
        if logged.isCut {
            forget(cut: logged)
            return nil
        }
        do throws(ParseError) {
            return try eventDocument.read(logged.bytes.span, LogHistory.eventOptions) { value in
                guard let event = AuditEvent(value) else { return refuse(.malformed) }
                if event.subresource == "status", let entry = OperatorEvidence.Entry(event) {
                    if !operators.insert(entry) { summary.droppedStatusUpdates += 1 }
                    return cover()
                }
                if event.isOfResourceDefinition {
                    define(event)
                    return cover()
                }
                guard let entry = kinds[event.group, event.resource, event.subresource] else { return cover() }
                return request(of: event, entry, logged)
            }
        } catch {
            return refuse(.malformed)
        }
    }

    /// Forgets the object of an event that is cut off; it is counted as a damaged line.
    private mutating func forget(cut logged: LoggedEvent) {
        let isRead: Void? = try? eventDocument.read(logged.bytes.span, LogHistory.eventOptions) { value in
            guard let event = AuditEvent(value) else { return }
            if kinds[event.group, event.resource, event.subresource] != nil { forget(event) }
        }
        // It can have been a change of any revision.
        if isRead == nil { states.loseRevisions() }
    }

    /// Reads the names of a custom resource.
    private mutating func define(_ event: AuditEvent) {
        guard event.code < 300, let bytes = event.value["responseObject"]?.source else { return }
        _ = try? objectDocument.read(bytes.span, LogHistory.objectOptions) { object in
            operators.define(object["spec"])
        }
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
            deleteCollection(event, entry.kind)
            return entry.isEvaluatedOnDelete ? refuse(.deleteCollection) : cover()
        case .patch where isRefused: return refuse(.refusedPatch)
        case .delete: return deletion(event, entry, logged, isRefused)
        case .create, .update, .patch: break
        }
        if event.isTruncated { return lose(event, .truncated) }
        let response = isRefused ? nil : event.value["responseObject"]
        // The body of a patch is not an object.
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
        if key.name.isEmpty { key = ObjectStates.Key(collection: key.collection, name: metadata.name ?? "") }
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
                forget(key)
            } else if states[key].map({ $0.uid != uid || $0.version <= version }) ?? true {
                let owner = metadata.controller?.uid ?? ""
                let state = ObjectStates.State(bytes: object.reduced, uid: uid, version: version, owner: owner)
                set(key, state, object, entry.kind, isCreated: isCreated)
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
            "metadata": ["name": .string(key.name), "namespace": .string(key.collection.namespace)],
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
        guard let document = try? Document(parsing: bytes) else { return }
        let scaled = ObjectStates.State(bytes: bytes, uid: state.uid, version: state.version, owner: state.owner)
        withExtendedLifetime(document) { set(key, scaled, document.root, entry.kind) }
    }

    /// Returns the earlier pod templates that the log has shown, for requests that can go back to one.
    private func revisions(
        for entry: LogKinds.Entry, _ object: Value, _ past: ObjectStates.State?, _ key: ObjectStates.Key
    ) -> LoggedRequest.Revisions {
        func collection(_ kind: ResourceKind) -> ObjectStates.Collection {
            ObjectStates.Collection(
                group: "\(kind.group)", resource: kind.plural, namespace: key.collection.namespace)
        }
        switch entry.kind {
        case .deployment, .rollout, .statefulSet, .daemonSet:
            let isOfReplicaSets = entry.kind == .deployment || entry.kind == .rollout
            let kind: ResourceKind = isOfReplicaSets ? .replicaSet : .controllerRevision
            guard let past else {
                guard entry.kind == .statefulSet else { return .none }
                return orphans(kind, collection(kind), object)
            }
            let objects = states.revisions(ofController: past.uid, in: collection(kind))
            // Without any revision, the log does not show this resource.
            return LoggedRequest.Revisions(
                kind: kind, objects: objects, isWhole: !objects.isEmpty && states.isWhole(since: key))
        case .job:
            guard let owner = ObjectMeta(of: object).controller, owner.kind == .cronJob,
                let state = states[ObjectStates.Key(collection: collection(.cronJob), name: owner.name)],
                state.uid == owner.uid
            else { return .none }
            return LoggedRequest.Revisions(kind: .cronJob, objects: [state.bytes], isWhole: true)
        default: return .none
        }
    }

    /// Returns the ControllerRevisions that a deleted StatefulSet has left: all are known if the log has shown the creation of
    /// the Namespace.
    private func orphans(
        _ kind: ResourceKind, _ collection: ObjectStates.Collection, _ object: Value
    ) -> LoggedRequest.Revisions {
        let selector = object["spec"]?["selector"].flatMap { try? LabelSelector($0) }
        let objects = states.revisions(ofController: "", in: collection).filter { bytes in
            let isSelected = try? Document().read(bytes.span, LogHistory.objectOptions) {
                selector?.matches(ObjectMeta(of: $0).labels) ?? false
            }
            return isSelected ?? false
        }
        let namespace = ObjectStates.Collection(group: "", resource: "namespaces", namespace: "")
        let isWhole = states.isWhole(since: ObjectStates.Key(collection: namespace, name: collection.namespace))
        return LoggedRequest.Revisions(kind: kind, objects: objects, isWhole: isWhole)
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

    private mutating func deleteCollection(_ event: AuditEvent, _ kind: ResourceKind) {
        let options = event.options
        guard !options.isDryRun else { return }
        let collection = key(event).collection
        for name in states.names(in: collection) {
            let key = ObjectStates.Key(collection: collection, name: name)
            // A selector can have left the object.
            if options.hasSelector { forget(key) } else { remove(key, kind, nil) }
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
        unrelate(key, kind)
    }

    // MARK: Objects

    /// Sets the state of an object, and what rules read of it.
    private mutating func set(
        _ key: ObjectStates.Key, _ state: ObjectStates.State, _ object: Value, _ kind: ResourceKind,
        isCreated: Bool = false
    ) {
        for dropped in states.set(key, state, isCreated: isCreated) { unrelate(dropped) }
        guard readKinds.contains(kind), !isGiven else { return }
        try? related.set(object, kind, in: key.collection.namespace)
    }

    /// Forgets an object that was changed in a way that the log does not show.
    private mutating func forget(_ key: ObjectStates.Key) {
        states.forget(key)
        unrelate(key)
    }

    private mutating func unrelate(_ key: ObjectStates.Key) {
        guard let entry = kinds[key.collection.group, key.collection.resource, ""] else { return }
        unrelate(key, entry.kind)
    }

    private mutating func unrelate(_ key: ObjectStates.Key, _ kind: ResourceKind) {
        guard readKinds.contains(kind), !isGiven else { return }
        let namespace = key.collection.namespace
        related.remove(kind, named: key.name, in: namespace.isEmpty ? nil : namespace)
    }

    // MARK: Counting

    private func key(_ event: AuditEvent) -> ObjectStates.Key {
        // The events of a Namespace have its name as their namespace, except that of its creation.
        let isNamespace = event.resource == "namespaces" && event.group.isEmpty
        let collection = ObjectStates.Collection(
            group: event.group, resource: event.resource, namespace: isNamespace ? "" : event.namespace)
        return ObjectStates.Key(collection: collection, name: event.name)
    }

    /// Forgets the object of an event that does not show it.
    private mutating func forget(_ event: AuditEvent) {
        guard event.code < 300, event.subresource != "token", !event.options.isDryRun else { return }
        forget(key(event))
    }

    private mutating func lose(_ event: AuditEvent, _ obstacle: LogSummary.Obstacle) -> LoggedRequest? {
        forget(event)
        return refuse(obstacle)
    }

    private mutating func refuse(_ obstacle: LogSummary.Obstacle) -> LoggedRequest? {
        summary.obstacles[obstacle, default: 0] += 1
        return nil
    }

    /// Counts a write that no rule evaluates.
    private mutating func cover() -> LoggedRequest? {
        summary.notCovered += 1
        return nil
    }
}
