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
    /// Its list, as in `initContainers`.
    public let list: StaticString
    /// Its place in the list.
    let index: Int
    /// The kind of the object that it stands in.
    let kind: ResourceKind

    /// Its name; empty when it has none.
    public var name: String { value["name"]?.string ?? "" }

    /// Where it stands in the object.
    public var pointer: Pointer { (kind.podSpecPointer ?? Pointer()) / "\(list)" / String(index) }

    /// The security settings.
    public func securityContext() throws(CannotJudge) -> Value? { try value.object("securityContext") }

    /// The resources.
    public func resources() throws(CannotJudge) -> Resources? { try value.object("resources").map { Resources($0) } }

    /// The declared ports.
    public func ports() throws(CannotJudge) -> Objects { try value.objects("ports") }
}

/// Requests and limits (`v1.ResourceRequirements`), of a container or of a whole pod.
public struct Resources {
    /// The object that holds them.
    public let value: Value

    init(_ value: Value) { self.value = value }

    /// Whether there is a request or a limit.
    public func sets(_ resource: StaticString) throws(CannotJudge) -> Bool {
        if try request(resource) != nil { return true }
        return try limit(resource) != nil
    }

    /// The amount asked for, such as `requests.memory`.
    public func request(_ resource: StaticString) throws(CannotJudge) -> Quantity? {
        try value.object("requests")?.quantity(resource)
    }

    /// The amount not to be exceeded, such as `limits.cpu`.
    public func limit(_ resource: StaticString) throws(CannotJudge) -> Quantity? {
        try value.object("limits")?.quantity(resource)
    }
}
