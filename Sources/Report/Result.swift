public import Playbook

/// An object that was judged, with where it came from.
public struct JudgedObject: Sendable {
    /// The file; `-` for standard input.
    public let file: String
    /// The line in the file, where one is known.
    public let line: Int?
    /// What is said about the request beside the object: `CREATE by kubernetes-admin`.
    public let request: String
    /// What it is called: `Deployment shop/catalogue`.
    public let title: String
    /// What came of it.
    public let verdict: Verdict

    /// Creates a judged object.
    public init(file: String, line: Int?, request: String, title: String, verdict: Verdict) {
        self.file = file
        self.line = line
        self.request = request
        self.title = title
        self.verdict = verdict
    }
}

/// Counts over all that was judged.
public struct Summary: Sendable {
    /// How many were judged.
    public var reviews = 0
    /// How many would be, or are, refused.
    public var denied = 0
    /// How many pass with a warning.
    public var warned = 0
    /// How many inputs could not be read.
    public var unreadable = 0
    /// How often each rule had no answer.
    public var notEvaluated: [(rule: String, count: Int)] = []

    /// Creates a summary of nothing.
    public init() {}

    /// Counts one more.
    public mutating func add(_ verdict: Verdict) {
        reviews += 1
        if verdict.isDenied {
            denied += 1
        } else if !verdict.warnings.isEmpty {
            warned += 1
        }
        for entry in verdict.notEvaluated {
            if let index = notEvaluated.firstIndex(where: { $0.rule == entry.rule.id }) {
                notEvaluated[index].count += 1
            } else {
                notEvaluated.append((entry.rule.id, 1))
            }
        }
    }
}
