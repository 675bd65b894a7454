public import JSON

/// A container of a pod template, from any of its lists.
public struct Container {
    /// The role of a container, from the list that it is in (Kubernetes, "Init Containers", "Sidecar Containers").
    public enum Role: Sendable, CaseIterable {
        /// An entry of `containers`.
        case main
        /// An entry of `initContainers` with `restartPolicy: Always`, which runs during the lifetime of the main containers.
        case sidecar
        /// Any other entry of `initContainers`, which terminates before the main containers start.
        case initial
        /// An entry of `ephemeralContainers`, which is added to a running Pod for debugging.
        case ephemeral
    }

    /// The role of the container.
    public let role: Role
    /// The container object.
    public let value: Value
    private let fields: Fields

    init(_ value: Value, role: Role) {
        self.role = role
        self.value = value
        fields = Fields(of: value)
    }

    /// Creates a container that inherits missing fields from another one.
    init(_ value: Value, role: Role, over defaults: Value) {
        self.role = role
        self.value = value
        fields = Fields(of: value, over: Fields(of: defaults))
    }

    /// The fields that rules read most often, found in one pass; `null` counts as absent.
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

    /// The name; empty if it is not set.
    public var name: String { value["name"]?.string ?? "" }

    /// The container as a field.
    public var field: Field { Field(value) }

    private func field(_ found: Value?, _ key: StaticString) -> Field {
        found.map { Field($0) } ?? Field(absent: key, of: value)
    }

    /// The image.
    public var image: Field { field(fields.image, "image") }

    /// The security context.
    public var securityContext: Field { field(fields.securityContext, "securityContext") }

    /// The ports.
    public var ports: Field { field(fields.ports, "ports") }

    /// The variables.
    public var env: Field { field(fields.env, "env") }

    /// The sources of variables.
    public var envFrom: Field { field(fields.envFrom, "envFrom") }

    /// The volume mounts.
    public var volumeMounts: Field { field(fields.volumeMounts, "volumeMounts") }

    /// The lifecycle handlers.
    public var lifecycle: Field { field(fields.lifecycle, "lifecycle") }

    /// The command, which replaces the entry point of the image; absent if the image decides.
    public var command: Field { field(fields.command, "command") }

    /// The arguments of the command or the image's entry point; absent if the image decides.
    public var args: Field { field(fields.args, "args") }

    /// The resources, as a field.
    public var resourcesField: Field { field(fields.resources?.value, "resources") }

    /// The resources.
    public func resources() throws(CannotEvaluate) -> Resources? {
        _ = try fields.resources?.value.asObject()
        return fields.resources
    }

    /// Returns the port with a name.
    public func port(named name: Value) throws(CannotEvaluate) -> Value? {
        for port in try ports.objects() where try port["name"].text()?.isSame(as: name) ?? false { return port.base }
        return nil
    }

    /// Returns a probe.
    public func probe(_ purpose: Probe.Purpose) throws(CannotEvaluate) -> Probe? {
        try probeField(purpose).object().map { Probe(value: $0) }
    }

    /// Returns a probe as a field.
    public func probeField(_ purpose: Probe.Purpose) -> Field {
        switch purpose {
        case .liveness: field(fields.livenessProbe, purpose.field)
        case .readiness: field(fields.readinessProbe, purpose.field)
        case .startup: field(fields.startupProbe, purpose.field)
        }
    }
}

/// The requests and limits of a container or a pod (`v1.ResourceRequirements`).
public struct Resources {
    /// The object with the requests and limits.
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

    /// True if there is a request or a limit for a resource.
    public func sets(_ resource: StaticString) throws(CannotEvaluate) -> Bool {
        if try request(resource) != nil { return true }
        return try limit(resource) != nil
    }

    /// Returns a request, such as `requests.memory`.
    public func request(_ resource: StaticString) throws(CannotEvaluate) -> Amount? {
        try requests?.asObject().amount(resource)
    }

    /// Returns a limit, such as `limits.cpu`.
    public func limit(_ resource: StaticString) throws(CannotEvaluate) -> Amount? {
        try limits?.asObject().amount(resource)
    }
}

/// A quantity in an object.
///
/// It contains only numbers, so that copies do not count references; a request has many quantities.
public struct Amount: CustomStringConvertible {
    private let value: Value
    /// The quantity; nil if it has too many digits and is read again on demand.
    private let number: Quantity.Number?

    /// Reads the quantity of a string or a number.
    init?(_ value: Value) {
        guard value.kind == .string || value.kind == .number, let quantity = Quantity(value) else { return nil }
        self.value = value
        number = quantity.number
    }

    /// The quantity.
    public var quantity: Quantity { Quantity(number ?? Quantity.Number(), digitsOf: number == nil ? value : nil) }

    /// The quantity as written.
    public var description: String { value.text }
}
