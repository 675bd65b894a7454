/// Sentences about exemptions for whoever sent a request: the first few, each of a bounded length, and how many more there are.
struct Notices {
    private var kept: [String] = []
    private var omitted = 0

    /// How many sentences a review has at most.
    static let maximum = 10
    /// How long a sentence may be, in bytes.
    static let maximumLength = 512

    /// Whether a further sentence is only counted.
    var isFull: Bool { kept.count == Notices.maximum }

    /// Adds a sentence, which is not made where there is no room for it.
    mutating func add(_ sentence: @autoclosure () -> String) {
        guard !isFull else {
            omitted += 1
            return
        }
        kept.append(oneLine(sentence(), atMost: Notices.maximumLength))
    }

    /// Adds the sentences of others.
    mutating func add(_ others: Notices) {
        for sentence in others.kept { add(sentence) }
        omitted += others.omitted
    }

    /// The sentences; the last one says how many are missing.
    var sentences: [String] {
        omitted == 0 ? kept : kept.dropLast() + ["and \(omitted + 1) more notices"]
    }
}
