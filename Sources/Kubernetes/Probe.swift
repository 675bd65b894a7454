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

        /// Whether both ask the same; different paths, the common case, are seen before all else.
        public func isSame(as other: HTTPGet) -> Bool {
            if let path = value["path"], let otherPath = other.value["path"], !path.isSame(as: otherPath) {
                return false
            }
            return value.isSame(as: other.value)
        }

        /// The path without its query; the root where nothing is said.
        public func path() throws(CannotJudge) -> String {
            let path = try value.string("path") ?? "/"
            guard let question = path.utf8.firstIndex(of: UInt8(ascii: "?")) else { return path }
            return String(path[..<question])
        }

        /// The port's name; nil when it is given by number.
        public func portName() throws(CannotJudge) -> String? {
            guard let port = value.present("port"), port.kind == .string else { return nil }
            return port.string
        }

        /// The port's number; nil when it is given by name.
        public func portNumber() throws(CannotJudge) -> Int? {
            guard let port = value.present("port"), port.kind != .string else { return nil }
            guard let number = port.int else { throw .malformed(port.id, expected: "a port's name or number") }
            return number
        }
    }
}
