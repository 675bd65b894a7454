import Foundation
import Net
import Synchronization

/// An API server that lists and watches objects of one kind, has no other objects, and has scripted faults.
final class ScriptedAPIServer: Sendable {
    /// A fault in the response to one request.
    enum Cue: Sendable {
        /// Answers with a status, and headers that end with line breaks.
        case status(Int, headers: String = "", body: String = "")
        /// Reads the request and never responds.
        case stall
        /// Reads the request and closes the connection.
        case hangUp
        /// A watch that opens and then sends no events.
        case silence
        /// A watch that opens, sends half of the next event's line and closes the connection.
        case cutMidLine
        /// A watch that opens, sends the given lines and ends normally.
        case lines([String])
        /// A watch that opens, sends the given lines and breaks.
        case broken([String])
        /// A watch that ends normally after the next event.
        case endAfterEvent
    }

    struct Object: Sendable, Equatable {
        var version: Int
        var value: String
    }

    private struct State {
        var objects: [String: Object] = [:]
        var version = 100
        /// The oldest version from which a watch can begin.
        var oldest = 0
        var history: [(version: Int, line: String)] = []
        var listCues: [Cue] = []
        var watchCues: [Cue] = []
        var otherCues: [Cue] = []
        var requests: [TLSPeer.Request] = []
        /// Increases to end all watches.
        var era = 0
        var tokens: Set<String>?
        var answersQuestions = true
        /// The responses to GETs of other paths.
        var bodies: [String: String] = [:]
    }

    private let state = Mutex(State())
    private let changed = NSCondition()
    private let box: PortBox
    static let path = "/apis/policy/v1/poddisruptionbudgets"
    /// The path of the same objects in namespace default.
    static let namespacePath = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"

    /// Breaks the cycle: the port calls this object, which owns the port.
    private final class PortBox: Sendable {
        let port = Mutex<TLSPort?>(nil)
    }

    init(authority: CertificateAuthority = TestAuthorities.cluster, clientAuthority: String? = nil) throws {
        box = PortBox()
        let port = try TLSPort(authority.pair(), clientAuthority: clientAuthority) { [weak self] peer in
            while let request = peer.request() {
                guard let self, self.answer(request, peer) else { return }
            }
        }
        box.port.withLock { $0 = port }
    }

    var port: UInt16 { box.port.withLock { $0?.port ?? 0 } }

    // MARK: Controls for tests

    func cueList(_ cues: Cue...) { state.withLock { $0.listCues += cues } }
    func cueWatch(_ cues: Cue...) { state.withLock { $0.watchCues += cues } }
    func cueOther(_ cues: Cue...) { state.withLock { $0.otherCues += cues } }
    func allow(absenceChecker: Bool) { state.withLock { $0.answersQuestions = absenceChecker } }
    func allow(tokens: Set<String>?) { state.withLock { $0.tokens = tokens } }

    func put(_ path: String, _ body: String) { state.withLock { $0.bodies[path] = body } }

    func set(_ name: String, _ value: String) {
        state.withLock { state in
            let type = state.objects[name] == nil ? "ADDED" : "MODIFIED"
            state.version += 1
            state.objects[name] = Object(version: state.version, value: value)
            state.history.append((state.version, Self.event(type, name, state.version, value)))
        }
        wakeWatches()
    }

    func remove(_ name: String) {
        state.withLock { state in
            guard let object = state.objects.removeValue(forKey: name) else { return }
            state.version += 1
            state.history.append((state.version, Self.event("DELETED", name, state.version, object.value)))
        }
        wakeWatches()
    }

    /// Removes the history: watches from earlier versions are expired.
    func compact() {
        state.withLock {
            $0.oldest = $0.version; $0.history = []
        }
    }

    /// Replaces versions and objects, as after a restored backup.
    func restart(version: Int, objects: [String: String]) {
        state.withLock { state in
            state.version = version
            // Earlier versions are unknown, as in a watch cache that was just filled.
            state.oldest = version
            state.history = []
            state.objects = objects.mapValues { Object(version: version, value: $0) }
            state.era += 1
        }
        wakeWatches()
    }

    /// Closes all connections without a response.
    func dropConnections() { box.port.withLock { $0 }?.dropAll() }

    func replaceCertificate(by authority: CertificateAuthority) throws {
        try box.port.withLock { $0 }?.replace(with: authority.pair())
    }

    var requests: [TLSPeer.Request] { state.withLock { $0.requests } }
    var lists: [TLSPeer.Request] { requests.filter { $0.path == Self.path && $0.query["watch"] == nil } }
    var absenceChecker: [TLSPeer.Request] { requests.filter { $0.path == Self.namespacePath } }
    var watches: [TLSPeer.Request] { requests.filter { $0.path == Self.path && $0.query["watch"] == "1" } }
    var values: [String: String] { state.withLock { $0.objects.mapValues(\.value) } }

    static func event(_ type: String, _ name: String, _ version: Int, _ value: String) -> String {
        #"{"type":"\#(type)","object":\#(object(name, version, value))}"#
    }

    /// A PodDisruptionBudget for the pods whose label `app` is its name.
    private static func object(_ name: String, _ version: Int, _ value: String) -> String {
        #"{"metadata":{"name":"\#(name)","resourceVersion":"\#(version)"},"value":"\#(value)","#
            + #""spec":{"maxUnavailable":1,"selector":{"matchLabels":{"app":"\#(name)"}}}}"#
    }

    static func bookmark(_ version: Int) -> String {
        #"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"\#(version)"}}}"#
    }

    static func status(_ code: Int, _ reason: String, _ message: String) -> String {
        #"{"kind":"Status","apiVersion":"v1","status":"Failure","code":\#(code),"reason":"\#(reason)","#
            + #""message":"\#(message)"}"#
    }

    // MARK: Responses

    /// Answers a request; returns false to close the connection.
    private func answer(_ request: TLSPeer.Request, _ peer: TLSPeer) -> Bool {
        let isOurs = request.path == Self.path
        let isWatch = request.query["watch"] == "1"
        let isList = !isWatch && isOurs
        let (cue, isAllowed) = state.withLock { state -> (Cue?, Bool) in
            state.requests.append(request)
            let token = request.headers["authorization"]?.replacingOccurrences(of: "Bearer ", with: "") ?? ""
            guard state.tokens?.contains(token) ?? true else { return (nil, false) }
            func take(_ cues: inout [Cue]) -> Cue? { cues.isEmpty ? nil : cues.removeFirst() }
            if isList { return (take(&state.listCues), true) }
            if isWatch { return (isOurs ? take(&state.watchCues) : nil, true) }
            return (take(&state.otherCues), true)
        }
        guard isAllowed else { return peer.answer(401, Self.status(401, "Unauthorized", "Unauthorized")) }
        switch cue {
        case .status(let code, let headers, let body): return peer.answer(code, body, headers: headers)
        case .hangUp: return false
        case .stall:
            // Waits until the client closes the connection.
            return peer.request() != nil
        default: break
        }
        if isWatch { return watch(request, peer, cue) }
        if request.path == Self.namespacePath, !state.withLock({ $0.answersQuestions }) {
            return peer.answer(403, Self.status(403, "Forbidden", "no questions"))
        }
        if isList || request.path == Self.namespacePath { return list(request, peer) }
        if let body = state.withLock({ $0.bodies[request.path] }) { return peer.answer(200, body) }
        if request.query["limit"] != nil, !request.path.contains("/namespaces/") {
            return peer.answer(200, #"{"kind":"List","metadata":{"resourceVersion":"1"},"items":null}"#)
        }
        return peer.answer(200, #"{"kind":"Echo","verb":"\#(request.verb)","length":\#(request.body.utf8.count)}"#)
    }

    private func list(_ request: TLSPeer.Request, _ peer: TLSPeer) -> Bool {
        let body = state.withLock { state -> String in
            let names = state.objects.keys.sorted()
            let start = Int(request.query["continue"] ?? "0") ?? 0
            let limit = Int(request.query["limit"] ?? "") ?? Int.max
            let page = names.dropFirst(start).prefix(limit)
            let items = page.map { name in
                let object = state.objects[name]
                return Self.object(name, object?.version ?? 0, object?.value ?? "")
            }
            let end = start + page.count
            let next = end < names.count ? #","continue":"\#(end)""# : ""
            return #"{"kind":"List","metadata":{"resourceVersion":"\#(state.version)"\#(next)},"#
                + #""items":\#(items.isEmpty ? "null" : "[" + items.joined(separator: ",") + "]")}"#
        }
        return peer.answer(200, body)
    }

    private func watch(_ request: TLSPeer.Request, _ peer: TLSPeer, _ cue: Cue?) -> Bool {
        var version = Int(request.query["resourceVersion"] ?? "") ?? 0
        let isOurs = request.path == Self.path
        let (era, isTooOld) = state.withLock { ($0.era, isOurs && version < $0.oldest) }
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        if isTooOld {
            let status = Self.status(410, "Expired", "too old resource version: \(version)")
            peer.chunk(#"{"type":"ERROR","object":\#(status)}"# + "\n")
            return peer.send("0\r\n\r\n")
        }
        if case .lines(let lines) = cue {
            for line in lines { guard peer.chunk(line + "\n") else { return false } }
            return peer.send("0\r\n\r\n")
        }
        if case .broken(let lines) = cue {
            for line in lines { guard peer.chunk(line + "\n") else { return false } }
            return false
        }
        if case .silence = cue { return peer.request() != nil }
        while true {
            let (lines, isOver, current) = state.withLock { state in
                (state.history.filter { isOurs && $0.version > version }, state.era != era, state.version)
            }
            guard !isOver else { return false }
            for (number, line) in lines {
                if case .cutMidLine = cue {
                    peer.chunk(String(line.prefix(line.count / 2)))
                    return false
                }
                // In two pieces, as a network might deliver it.
                guard peer.chunk(String(line.prefix(10))), peer.chunk(line.dropFirst(10) + "\n") else { return false }
                version = number
                if case .endAfterEvent = cue { return peer.send("0\r\n\r\n") }
            }
            // Also detects that the client has disconnected.
            guard !lines.isEmpty || peer.chunk(Self.bookmark(current) + "\n") else { return false }
            changed.lock()
            _ = changed.wait(until: Date().addingTimeInterval(0.02))
            changed.unlock()
        }
    }

    private func wakeWatches() {
        changed.lock()
        changed.broadcast()
        changed.unlock()
    }
}
