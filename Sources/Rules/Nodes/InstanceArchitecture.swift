import JSON
import Kubernetes

/// The possible architectures of an EC2 instance type, family or category, derived from its name.
enum InstanceArchitecture {
    private typealias Reader = @Sendable (String) -> Set<String>

    /// Functions from the value of a requirement or label to the architectures it allows.
    private static let readers: [(key: StaticString, read: Reader)] = [
        ("node.kubernetes.io/instance-type", { family(String($0.prefix { $0 != "." })) }),
        ("karpenter.k8s.aws/instance-family", family), ("eks.amazonaws.com/instance-family", family),
        ("karpenter.k8s.aws/instance-category", category), ("eks.amazonaws.com/instance-category", category),
        ("karpenter.k8s.aws/instance-cpu-manufacturer", manufacturer),
        ("eks.amazonaws.com/instance-cpu-manufacturer", manufacturer),
    ]

    /// Returns the reader for a requirement's key; nil if the key does not restrict the architecture.
    static func reader(of key: Value) -> ((String) -> Set<String>)? {
        readers.first { key.equals($0.key) }?.read
    }

    /// True if the labels of a NodePool's template allow only one architecture.
    static func isFixed(by labels: Labels) -> Bool {
        readers.contains { key, read in labels["\(key)"].map { read($0).count == 1 } ?? false }
    }

    private static let both: Set = ["amd64", "arm64"]

    /// A family's name is letters, a generation and attributes; the attribute `g` is Graviton, as in m7g, c7gn and im4gn.
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
