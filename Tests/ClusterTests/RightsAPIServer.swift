import Foundation
import Synchronization

/// An API server that stores objects by path and answers access reviews.
final class RightsAPIServer: Sendable {
    private struct State {
        var objects: [String: String] = [:]
        var rights: Set<String> = []
        var requests: [String] = []
        /// The permissions that were asked for, such as `patch databases/main`.
        var reviews: Set<String> = []
        var allowsAll = false
        var patch = ""
        var refusals: [Int] = []
    }

    private let state = Mutex(State())
    private let box = Mutex<TLSPort?>(nil)

    init() throws {
        let port = try TLSPort(TestAuthorities.cluster.pair()) { [weak self] peer in
            while let request = peer.request() {
                guard let (code, body) = self?.answer(request) else { return }
                let warning = self?.warning(of: request.path).map { "Warning: 299 - \"\($0)\"\r\n" } ?? ""
                let head =
                    "HTTP/1.1 \(code) X\r\nContent-Type: application/json\r\n\(warning)Content-Length: \(body.utf8.count)\r\n\r\n"
                guard peer.send(head + body) else { return }
            }
        }
        box.withLock { $0 = port }
    }

    var port: UInt16 { box.withLock { $0?.port ?? 0 } }
    var requests: [String] { state.withLock { $0.requests } }
    var reviews: Set<String> { state.withLock { $0.reviews } }

    func put(_ path: String, _ json: String) { state.withLock { $0.objects[path] = json } }

    /// Sets the warning that responses of a path have.
    func warn(_ path: String, _ text: String) { put("Warning \(path)", text) }

    private func warning(of path: String) -> String? { state.withLock { $0.objects["Warning \(path)"] } }

    /// The body of the last PATCH.
    var patch: String { state.withLock { $0.patch } }
    /// Sets the status codes of the next PATCH responses; later PATCHes succeed.
    func refusePatches(_ codes: Int...) { state.withLock { $0.refusals = codes } }

    func grantAll() { state.withLock { $0.allowsAll = true } }

    func remove(_ path: String) { state.withLock { $0.objects[path] = nil } }

    /// Grants a permission, such as `update database/status shop`.
    func grant(_ right: String) { state.withLock { _ = $0.rights.insert(right) } }

    private func answer(_ request: TLSPeer.Request) -> (Int, String) {
        state.withLock { state in
            state.requests.append("\(request.verb) \(request.path)")
            if request.verb == "PATCH" {
                state.patch = request.body
                if !state.refusals.isEmpty {
                    let code = state.refusals.removeFirst()
                    return (code, #"{"kind":"Status","code":\#(code),"reason":"Refused"}"#)
                }
                return (200, "{}")
            }
            guard request.verb == "POST" else {
                if state.objects[request.path] == "broken" { return (500, "{}") }
                // A list with a selector counts as a different object.
                let path = request.query["fieldSelector"].map { "\(request.path)?fieldSelector=\($0)" } ?? request.path
                return state.objects[path].map { (200, $0) }
                    ?? (404, #"{"kind":"Status","code":404,"reason":"NotFound"}"#)
            }
            if !request.path.hasSuffix("subjectaccessreviews") {
                // A creation is allowed unless a test sets a denial message.
                guard let denial = state.objects["POST \(request.path)"] else { return (201, "{}") }
                return (403, #"{"kind":"Status","code":403,"message":"\#(denial)"}"#)
            }
            let body = try? JSONSerialization.jsonObject(with: Data(request.body.utf8)) as? [String: Any]
            let spec = body?["spec"] as? [String: Any] ?? [:]
            let attributes = spec["resourceAttributes"] as? [String: String] ?? [:]
            let resource = [attributes["resource"], attributes["subresource"]].compactMap(\.self)
                .joined(separator: "/")
            let name = attributes["name"].map { $0.isEmpty ? "" : "/\($0)" } ?? ""
            state.reviews.insert("\(attributes["verb"] ?? "") \(resource)\(name)")
            let right = "\(attributes["verb"] ?? "") \(resource) \(attributes["namespace"] ?? "everywhere")"
            return (201, #"{"status":{"allowed":\#(state.allowsAll || state.rights.contains(right))}}"#)
        }
    }
}
