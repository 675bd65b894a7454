import JSON
import Kubernetes

/// An event of an audit log (`audit.k8s.io/v1`, Event), read in place.
struct AuditEvent {
    let value: Value
    let verb: Verb

    /// The verbs of requests that change objects.
    enum Verb {
        case create, update, patch, delete, deleteCollection
    }

    /// Reads an event; nil if it is not the end of a request that changes an object.
    init?(_ value: Value) {
        guard let verb = value["verb"], value["stage"]?.equals("ResponseComplete") ?? false else { return nil }
        if verb.equals("create") {
            self.verb = .create
        } else if verb.equals("update") {
            self.verb = .update
        } else if verb.equals("patch") {
            self.verb = .patch
        } else if verb.equals("delete") {
            self.verb = .delete
        } else if verb.equals("deletecollection") {
            self.verb = .deleteCollection
        } else {
            return nil
        }
        self.value = value
    }

    private func reference(_ key: StaticString) -> String { value["objectRef"]?[key]?.string ?? "" }

    var group: String { reference("apiGroup") }
    var version: String { reference("apiVersion") }
    var resource: String { reference("resource") }
    var subresource: String { reference("subresource") }
    var namespace: String { reference("namespace") }
    var name: String { reference("name") }

    /// The status code of the response; 0 if the event has none.
    var code: Int { value["responseStatus"]?["code"]?.int ?? 0 }

    /// The requester: the impersonated user if there is one, as in an admission review.
    var user: Value? {
        let user = value["impersonatedUser"] ?? value["user"]
        return user?.kind == .object ? user : nil
    }

    /// True for the control plane and kubelets, which every rule skips.
    var isOfControlPlane: Bool {
        let name = user?["username"]
        return name?.equals("system:kube-controller-manager") ?? false || name?.equals("system:apiserver") ?? false
            || name?.equals("system:kube-scheduler") ?? false
            || user?["groups"]?.elements.contains { $0.equals("system:nodes") } ?? false
    }

    /// True for a CustomResourceDefinition.
    var isOfResourceDefinition: Bool {
        resource == "customresourcedefinitions" && group == "apiextensions.k8s.io" && subresource.isEmpty
    }

    private func annotation(_ key: StaticString) -> Value? { value["annotations"]?[key] }

    /// True if the API server removed the bodies because the event was too large.
    var isTruncated: Bool { annotation("audit.k8s.io/truncated")?.equals("true") ?? false }

    /// True if the authorizer allowed the request by the role of administrators.
    var isByAdministrator: Bool {
        annotation("authorization.k8s.io/reason")?.contains("ClusterRole \"cluster-admin\"") ?? false
    }

    /// True if the authorizer allowed the request in all namespaces.
    var isAllowedInAllNamespaces: Bool {
        annotation("authorization.k8s.io/reason")?.contains("ClusterRoleBinding") ?? false
    }

    /// True if a request failed at admission: by a webhook, a policy or a quota, not because a permission is missing.
    var isRefusedAtAdmission: Bool {
        guard !(annotation("authorization.k8s.io/decision")?.equals("forbid") ?? false) else { return false }
        return code == 403
            || value["responseStatus"]?["message"]?.contains("denied the request") ?? false
    }

    /// The time of the response, in microseconds since 1970; nil if it cannot be read.
    var microseconds: Int64? {
        guard let text = (value["stageTimestamp"] ?? value["requestReceivedTimestamp"])?.string,
            let time = Timestamp(text)
        else { return nil }
        let fraction = text.utf8.drop { $0 != UInt8(ascii: ".") }.dropFirst().prefix(6).prefix {
            $0 &- UInt8(ascii: "0") <= 9
        }
        var micros: Int64 = 0
        for digit in fraction { micros = micros * 10 + Int64(digit - UInt8(ascii: "0")) }
        for _ in fraction.count..<6 { micros *= 10 }
        return time.seconds * 1_000_000 + micros
    }

    /// The identity of the event.
    ///
    /// Clients can choose an audit id, so the time is a part of it.
    var identity: Int {
        var hasher = Hasher()
        for part in [value["auditID"], value["stageTimestamp"]] {
            part?.withContents { hasher.combine(text: $0) }
        }
        return hasher.finalize()
    }

    /// The options of the request, which are only in its URI.
    var options: RequestOptions { RequestOptions(uri: value["requestURI"]?.string ?? "") }
}

/// The query of a request's URI, as far as admission sees it.
struct RequestOptions: Equatable {
    private(set) var isDryRun = false
    private(set) var fieldManager = ""
    private(set) var isForced: Bool?
    /// True if a deletion of many objects selects some of them.
    private(set) var hasSelector = false

    /// Reads a URI such as `/api/v1/namespaces?fieldManager=kubectl-create`.
    init(uri: String) {
        guard let start = uri.utf8.firstIndex(of: UInt8(ascii: "?")) else { return }
        for pair in uri[uri.index(after: start)...].split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            let value = RequestOptions.decoded(parts[1])
            switch parts[0] {
            case "dryRun": isDryRun = value == "All"
            case "fieldManager": fieldManager = value
            case "force": isForced = value == "true"
            case "labelSelector", "fieldSelector": hasSelector = !value.isEmpty
            default: break
            }
        }
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2, let value = UInt8(String(Substring(digits)), radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Value {
    /// True if a string contains a text.
    fileprivate func contains(_ text: StaticString) -> Bool {
        let word = Array("\(text)".utf8)
        return withContents { bytes in
            guard bytes.count >= word.count else { return false }
            return (0...bytes.count - word.count).contains { start in
                word.indices.allSatisfy { bytes[start + $0] == word[$0] }
            }
        }
    }
}
