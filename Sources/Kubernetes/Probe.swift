public import JSON

/// A container's health check (`v1.Probe`).
public struct Probe {
    /// What a check is for.
    public enum Purpose: Sendable, CaseIterable {
        case liveness, readiness, startup

        /// The container's field, as in `livenessProbe`.
        public var field: StaticString {
            switch self {
            case .liveness: "livenessProbe"
            case .readiness: "readinessProbe"
            case .startup: "startupProbe"
            }
        }
    }

    /// The probe itself.
    public let value: Value

    /// The names of the handlers that are set, of which the API allows one.
    public var handlers: [StaticString] { Probe.handlerNames.filter { value.present($0) != nil } }

    /// Whether there is exactly one handler.
    public var hasOneHandler: Bool {
        // One of a kind, nearly always; what is there twice or is `null` is looked up.
        var count = 0
        for member in value.members where Probe.isHandler(member.key) {
            guard !member.value.isNull, count == 0 else { return handlers.count == 1 }
            count += 1
        }
        return count == 1
    }

    private static func isHandler(_ key: Value) -> Bool {
        switch key.contentLength {
        case 4: key.equals("exec") || key.equals("grpc")
        case 7: key.equals("httpGet")
        case 9: key.equals("tcpSocket")
        default: false
        }
    }

    private static let handlerNames: [StaticString] = ["httpGet", "exec", "tcpSocket", "grpc"]

    /// What an HTTP probe asks for; nil for the other handlers.
    public func httpGet() throws(CannotJudge) -> HTTPGet? { try value.object("httpGet").map { HTTPGet(value: $0) } }

    /// An HTTP probe's request.
    public struct HTTPGet {
        /// The handler itself.
        public let value: Value

        /// The handler as a field.
        public var field: Field { Field(value) }

        /// Whether both ask the same of a container, in whatever words; different paths, the common case, are seen before all else.
        public func isSame(as other: HTTPGet, of container: Container) throws(CannotJudge) -> Bool {
            if let path = value["path"], let otherPath = other.value["path"], !path.isSame(as: otherPath) {
                return false
            }
            if value.isSame(as: other.value) { return true }
            for (field, assumed) in [("path", "/"), ("scheme", "HTTP"), ("host", "")] as [(StaticString, String)] {
                guard try value.string(field) ?? assumed == other.value.string(field) ?? assumed else { return false }
            }
            guard let number = try portNumber(in: container), try number == other.portNumber(in: container) else {
                return false
            }
            let (headers, others) = (value.present("httpHeaders"), other.value.present("httpHeaders"))
            guard let headers, let others else { return headers == nil && others == nil }
            return headers.isSame(as: others)
        }

        /// The port's number, which a name stands for among the container's ports; nil where it is not declared there.
        public func portNumber(in container: Container) throws(CannotJudge) -> Int? {
            guard let port = value.present("port"), port.kind == .string else { return try portNumber() }
            return try container.port(named: port)?.integer("containerPort")
        }

        /// The path without its query; the root where nothing is said.
        public func path() throws(CannotJudge) -> String {
            let path = try value.string("path") ?? "/"
            guard let question = path.utf8.firstIndex(of: UInt8(ascii: "?")) else { return path }
            return String(path[..<question])
        }

        /// The port's number; nil when it is given by name.
        public func portNumber() throws(CannotJudge) -> Int? {
            guard let port = value.present("port"), port.kind != .string else { return nil }
            guard let number = port.int else { throw .malformed(port.id, expected: "a port's name or number") }
            return number
        }
    }
}
