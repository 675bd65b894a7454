public import JSON

/// A probe of a container (`v1.Probe`).
public struct Probe {
    /// The purpose of a probe.
    public enum Purpose: Sendable, CaseIterable {
        case liveness, readiness, startup

        /// The field of the container, as in `livenessProbe`.
        public var field: StaticString {
            switch self {
            case .liveness: "livenessProbe"
            case .readiness: "readinessProbe"
            case .startup: "startupProbe"
            }
        }
    }

    /// The probe object.
    public let value: Value

    /// The names of the handlers that are set; the API allows one.
    public var handlers: [StaticString] { Probe.handlerNames.filter { value.present($0) != nil } }

    /// True if there is exactly one handler.
    public var hasOneHandler: Bool {
        // Usually there is one member per handler; duplicate and `null` members are looked up.
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

    /// Returns the HTTP request of the probe; nil for other handlers.
    public func httpGet() throws(CannotEvaluate) -> HTTPGet? { try value.object("httpGet").map { HTTPGet(value: $0) } }

    /// The HTTP request of a probe.
    public struct HTTPGet {
        /// The handler object.
        public let value: Value

        /// The handler as a field.
        public var field: Field { Field(value) }

        /// True if both are the same request to a container, even if written differently; paths are compared first.
        public func isSame(as other: HTTPGet, of container: Container) throws(CannotEvaluate) -> Bool {
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

        /// Returns the port number, resolving a name among the container's ports; nil if the port is not declared.
        public func portNumber(in container: Container) throws(CannotEvaluate) -> Int? {
            guard let port = value.present("port"), port.kind == .string else { return try portNumber() }
            return try container.port(named: port)?.integer("containerPort")
        }

        /// Returns the path without its query; the default is the root.
        public func path() throws(CannotEvaluate) -> String {
            let path = try value.string("path") ?? "/"
            guard let question = path.utf8.firstIndex(of: UInt8(ascii: "?")) else { return path }
            return String(path[..<question])
        }

        /// Returns the port number; nil if the port is a name.
        public func portNumber() throws(CannotEvaluate) -> Int? {
            guard let port = value.present("port"), port.kind != .string else { return nil }
            guard let number = port.int else { throw .malformed(port.id, expected: "a port's name or number") }
            return number
        }
    }
}
