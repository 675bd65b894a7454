import JSON
import Kubernetes

/// The architectures that an instance type, family or category of EC2 may have, by its name.
enum InstanceArchitecture {
    private typealias Reader = @Sendable (String) -> Set<String>

    /// Reads what a requirement's or label's values say of the architecture.
    private static let readers: [(key: StaticString, read: Reader)] = [
        ("node.kubernetes.io/instance-type", { family(String($0.prefix { $0 != "." })) }),
        ("karpenter.k8s.aws/instance-family", family), ("eks.amazonaws.com/instance-family", family),
        ("karpenter.k8s.aws/instance-category", category), ("eks.amazonaws.com/instance-category", category),
        ("karpenter.k8s.aws/instance-cpu-manufacturer", manufacturer),
        ("eks.amazonaws.com/instance-cpu-manufacturer", manufacturer),
    ]

    /// The reader of the values of a requirement; nil where they say nothing of the architecture.
    static func reader(of key: Value) -> ((String) -> Set<String>)? {
        readers.first { key.equals($0.key) }?.read
    }

    /// True if the labels of a pool's template leave one architecture.
    static func isFixed(by labels: Labels) -> Bool {
        readers.contains { key, read in labels["\(key)"].map { read($0).count == 1 } ?? false }
    }

    private static let both: Set = ["amd64", "arm64"]

    /// A family is its letters, a generation and what it has more: `g` there is Graviton, as in m7g, c7gn and im4gn.
    @Sendable private static func family(_ name: String) -> Set<String> {
        if name == "a1" || name.hasPrefix("mac2") { return ["arm64"] }
        let letters = name.prefix { $0.isLetter || $0 == "-" }
        let rest = name.dropFirst(letters.count).drop { $0.isNumber }
        guard !letters.isEmpty, letters.count < name.count else { return both }
        return rest.contains("g") ? ["arm64"] : ["amd64"]
    }

    @Sendable private static func category(_ name: String) -> Set<String> {
        switch name {
        case "a", "im", "is": ["arm64"]
        case "inf", "trn", "dl", "vt", "f", "d", "h", "z", "u": ["amd64"]
        default: both
        }
    }

    @Sendable private static func manufacturer(_ name: String) -> Set<String> {
        switch name {
        case "aws": ["arm64"]
        case "intel", "amd": ["amd64"]
        default: both
        }
    }
}
