public import JSON

/// One container of a pod template, in whatever list it stands.
public struct Container {
    /// What a container is for, by the list it stands in (Kubernetes, "Init Containers", "Sidecar Containers").
    public enum Role: Sendable, CaseIterable {
        /// An entry of `containers`.
        case main
        /// An entry of `initContainers` with `restartPolicy: Always`, which runs beside the main ones.
        case sidecar
        /// Any other entry of `initContainers`, which ends before the main ones start.
        case initial
        /// An entry of `ephemeralContainers`, added to a running Pod to look into it.
        case ephemeral
    }

    /// What it is for.
    public let role: Role
    /// The container itself.
    public let value: Value
    private let fields: Fields

    init(_ value: Value, role: Role) {
        self.role = role
        self.value = value
        fields = Fields(of: value)
    }

    /// Reads a container that has those fields of another one that it does not have itself.
    init(_ value: Value, role: Role, over defaults: Value) {
        self.role = role
        self.value = value
        fields = Fields(of: value, over: Fields(of: defaults))
    }

    /// What rules ask for again and again, found in one pass; absent and `null` are the same.
    private struct Fields {
        var image: Value?
        var securityContext: Value?
        var resources: Resources?
        var ports: Value?
        var livenessProbe: Value?
        var readinessProbe: Value?
        var startupProbe: Value?
        var env: Value?
        var envFrom: Value?
        var command: Value?
        var args: Value?
        var volumeMounts: Value?
        var lifecycle: Value?

        init(of container: Value) { read(container) }

        init(of container: Value, over defaults: Fields) {
            self = defaults
            read(container)
        }

        @inline(__always)
        private mutating func read(_ container: Value) {
            for member in container.members {
                let value = member.value.isNull ? nil : member.value
                switch member.key.contentLength {
                case 3 where member.key.equals("env"): env = value
                case 4 where member.key.equals("args"): args = value
                case 5 where member.key.equals("image"): image = value
                case 5 where member.key.equals("ports"): ports = value
                case 7 where member.key.equals("command"): command = value
                case 7 where member.key.equals("envFrom"): envFrom = value
                case 9 where member.key.equals("lifecycle"): lifecycle = value
                case 9 where member.key.equals("resources"): resources = value.map { Resources($0) }
                case 12 where member.key.equals("startupProbe"): startupProbe = value
                case 12 where member.key.equals("volumeMounts"): volumeMounts = value
                case 13 where member.key.equals("livenessProbe"): livenessProbe = value
                case 14 where member.key.equals("readinessProbe"): readinessProbe = value
                case 15 where member.key.equals("securityContext"): securityContext = value
                default: break
                }
            }
        }
    }

    /// Its name; empty when it has none.
    public var name: String { value["name"]?.string ?? "" }

    /// The container as a field.
    public var field: Field { Field(value) }

    private func field(_ found: Value?, _ key: StaticString) -> Field {
        found.map { Field($0) } ?? Field(absent: key, of: value)
    }

    /// The image.
    public var image: Field { field(fields.image, "image") }

    /// The security settings.
    public var securityContext: Field { field(fields.securityContext, "securityContext") }

    /// The declared ports.
    public var ports: Field { field(fields.ports, "ports") }

    /// The variables, each on its own.
    public var env: Field { field(fields.env, "env") }

    /// The sources of many variables at once.
    public var envFrom: Field { field(fields.envFrom, "envFrom") }

    /// The volumes' places in the file system.
    public var volumeMounts: Field { field(fields.volumeMounts, "volumeMounts") }

    /// The lifecycle handlers.
    public var lifecycle: Field { field(fields.lifecycle, "lifecycle") }

    /// What is run, in the place of the image's entry point; absent where the image decides.
    public var command: Field { field(fields.command, "command") }

    /// What is handed to the command, or to the image's entry point; absent where the image decides.
    public var args: Field { field(fields.args, "args") }

    /// The resources, as a field.
    public var resourcesField: Field { field(fields.resources?.value, "resources") }

    /// The resources.
    public func resources() throws(CannotJudge) -> Resources? {
        _ = try fields.resources?.value.asObject()
        return fields.resources
    }

    /// The declared port of a name.
    public func port(named name: Value) throws(CannotJudge) -> Value? {
        for port in try ports.objects() where try port["name"].text()?.isSame(as: name) ?? false { return port.base }
        return nil
    }

    /// A health check.
    public func probe(_ purpose: Probe.Purpose) throws(CannotJudge) -> Probe? {
        let value =
            switch purpose {
            case .liveness: fields.livenessProbe
            case .readiness: fields.readinessProbe
            case .startup: fields.startupProbe
            }
        return try value.map { (value) throws(CannotJudge) in Probe(value: try value.asObject()) }
    }
}

/// Requests and limits (`v1.ResourceRequirements`), of a container or of a whole pod.
public struct Resources {
    /// The object that holds them.
    public let value: Value
    private var requests: Value?
    private var limits: Value?

    init(_ value: Value) {
        self.value = value
        for member in value.members {
            switch member.key.contentLength {
            case 6 where member.key.equals("limits"): limits = member.value.isNull ? nil : member.value
            case 8 where member.key.equals("requests"): requests = member.value.isNull ? nil : member.value
            default: break
            }
        }
    }

    /// Whether there is a request or a limit.
    public func sets(_ resource: StaticString) throws(CannotJudge) -> Bool {
        if try request(resource) != nil { return true }
        return try limit(resource) != nil
    }

    /// The amount asked for, such as `requests.memory`.
    public func request(_ resource: StaticString) throws(CannotJudge) -> Amount? {
        try requests?.asObject().amount(resource)
    }

    /// The amount not to be exceeded, such as `limits.cpu`.
    public func limit(_ resource: StaticString) throws(CannotJudge) -> Amount? {
        try limits?.asObject().amount(resource)
    }
}

/// A quantity as it stands in an object.
///
/// It holds numbers alone, so that the many that a request has are copied without counting references.
public struct Amount: CustomStringConvertible {
    private let value: Value
    /// nil where there are more digits than fit: they are read again when they are asked for.
    private let number: Quantity.Number?

    /// Reads the amount that a string or a number holds.
    init?(_ value: Value) {
        guard value.kind == .string || value.kind == .number, let quantity = Quantity(value) else { return nil }
        self.value = value
        number = quantity.number
    }

    /// The quantity.
    public var quantity: Quantity { Quantity(number ?? Quantity.Number(), digitsOf: number == nil ? value : nil) }

    /// The quantity as it is written there.
    public var description: String { value.text }
}
