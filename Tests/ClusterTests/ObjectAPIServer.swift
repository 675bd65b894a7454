import Foundation
import Languages
import Synchronization

/// An API server that stores objects with resource versions: a PUT with another version is a conflict.
final class ObjectAPIServer: Sendable {
    private struct Stored {
        var version: Int
        var json: String
    }

    private struct State {
        var objects: [String: Stored] = [:]
        var version = 100
        /// Status codes to answer with instead of the object, by verb and path.
        var refusals: [String: [Int]] = [:]
        var words: [String: String] = [:]
        /// The number of PUTs that still fail with a conflict.
        var races = 0
        var isDown = false
        /// The number of times that the Secret was read, by token.
        var secretReads: [String: Int] = [:]
    }

    static let secrets = "/api/v1/namespaces/playbook/secrets"
    static let secret = "\(secrets)/playbook-certificates"
    static let registrations = ["validating", "mutating"].map {
        "/apis/admissionregistration.k8s.io/v1/\($0)webhookconfigurations/playbook"
    }

    private let state = Mutex(State())
    private let box = PortBox()

    private final class PortBox: Sendable {
        let port = Mutex<TLSPort?>(nil)
    }

    init() throws {
        let port = try TLSPort(TestAuthorities.cluster.pair()) { [weak self] peer in
            while let request = peer.request() {
                guard let self, self.answer(request, peer) else { return }
            }
        }
        box.port.withLock { $0 = port }
        for (path, count) in zip(Self.registrations, [2, 1]) {
            let webhook =
                #"{"name":"w","clientConfig":{"service":{"name":"playbook","path":"/validate"}},"timeoutSeconds":3}"#
            let webhooks = Array(repeating: webhook, count: count).joined(separator: ",")
            put(
                path,
                #"{"kind":"Configuration","metadata":{"name":"playbook","labels":{"a":"b"}},"webhooks":[\#(webhooks)]}"#
            )
        }
        put(Self.secret, #"{"kind":"Secret","metadata":{"name":"playbook-certificates"},"type":"t"}"#)
    }

    var port: UInt16 { box.port.withLock { $0?.port ?? 0 } }

    // MARK: Controls for tests

    func put(_ path: String, _ json: String) {
        state.withLock { state in
            state.version += 1
            state.objects[path] = Stored(version: state.version, json: json)
        }
    }

    func delete(_ path: String) { state.withLock { $0.objects[path] = nil } }

    func refuse(_ verb: String, _ path: String, _ codes: Int...) {
        state.withLock { $0.refusals["\(verb) \(path)"] = codes }
    }

    /// Refuses one request with the given Status object.
    func refuse(_ verb: String, _ path: String, _ code: Int, _ status: String) {
        state.withLock { $0.refusals["\(verb) \(path)"] = [code] }
        state.withLock { $0.words["\(verb) \(path)"] = status }
    }

    func race(_ count: Int) { state.withLock { $0.races = count } }

    func setDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }

    var secretReads: [String: Int] { state.withLock { $0.secretReads } }

    func object(_ path: String) -> [String: Any]? {
        guard let json = state.withLock({ $0.objects[path]?.json }) else { return nil }
        return try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
    }

    /// The version of an object; 0 if it does not exist.
    func version(of path: String) -> Int { state.withLock { $0.objects[path]?.version ?? 0 } }

    /// The Secret's data, decoded.
    var data: [String: String] {
        let data = object(Self.secret)?["data"] as? [String: String] ?? [:]
        return data.mapValues { String(decoding: Data(base64Encoded: $0) ?? Data(), as: UTF8.self) }
    }

    /// The decoded `caBundle` of every webhook in every webhook configuration; empty if it is not set.
    var bundles: [String] {
        Self.registrations.flatMap { path -> [String] in
            (object(path)?["webhooks"] as? [[String: Any]] ?? []).map { webhook in
                let bundle = (webhook["clientConfig"] as? [String: Any])?["caBundle"] as? String ?? ""
                return String(decoding: Data(base64Encoded: bundle) ?? Data(), as: UTF8.self)
            }
        }
    }

    // MARK: Responses

    /// Answers a request; returns false to close the connection.
    private func answer(_ request: TLSPeer.Request, _ peer: TLSPeer) -> Bool {
        let answer = state.withLock { state -> (Int, String)? in
            guard !state.isDown else { return nil }
            if request.verb == "GET", request.path == Self.secret {
                state.secretReads[request.headers["authorization"] ?? "", default: 0] += 1
            }
            let key = "\(request.verb) \(request.path)"
            if let code = state.refusals[key]?.first {
                state.refusals[key]?.removeFirst()
                // Repeats the request body, as a proxy might.
                return (code, state.words[key] ?? "refused: \(request.body)")
            }
            switch request.verb {
            case "GET":
                guard let stored = state.objects[request.path] else { return Self.status(404, "NotFound") }
                return (200, Self.stamped(stored.json, stored.version))
            case "POST":
                let name = Self.metadata(request.body)["name"] as? String ?? "?"
                let path = "\(request.path)/\(name)"
                guard state.objects[path] == nil else { return Self.status(409, "AlreadyExists") }
                state.version += 1
                state.objects[path] = Stored(version: state.version, json: request.body)
                return (201, Self.stamped(request.body, state.version))
            case "PUT":
                guard let stored = state.objects[request.path] else { return Self.status(404, "NotFound") }
                if state.races > 0 {
                    state.races -= 1
                    state.version += 1
                    state.objects[request.path]?.version = state.version
                }
                let version = state.objects[request.path]?.version ?? stored.version
                guard Self.metadata(request.body)["resourceVersion"] as? String == "\(version)" else {
                    return Self.status(409, "Conflict")
                }
                state.version += 1
                state.objects[request.path] = Stored(version: state.version, json: request.body)
                return (200, Self.stamped(request.body, state.version))
            default: return Self.status(405, "MethodNotAllowed")
            }
        }
        guard let answer else { return false }
        return peer.answer(answer.0, answer.1)
    }

    private static func status(_ code: Int, _ reason: String) -> (Int, String) {
        (code, ScriptedAPIServer.status(code, reason, reason))
    }

    private static func parsed(_ json: String) -> [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]) ?? [:]
    }

    private static func metadata(_ json: String) -> [String: Any] { parsed(json)["metadata"] as? [String: Any] ?? [:] }

    private static func stamped(_ json: String, _ version: Int) -> String {
        var object = parsed(json)
        var metadata = object["metadata"] as? [String: Any] ?? [:]
        metadata["resourceVersion"] = "\(version)"
        object["metadata"] = metadata
        let data = try? JSONSerialization.data(withJSONObject: object)
        return String(decoding: data ?? Data(), as: UTF8.self)
    }
}
