/// Sentences about exemptions for the requester: a limited number, each of limited length, and the number of omitted ones.
struct Notices {
    private var kept: [String] = []
    private var omitted = 0

    /// The maximum number of sentences of a review.
    static let maximum = 10
    /// The maximum length of a sentence, in bytes.
    static let maximumLength = 512

    /// True if further sentences are only counted.
    var isFull: Bool { kept.count == Notices.maximum }

    /// Adds a sentence, which is evaluated only if there is room for it.
    mutating func add(_ sentence: @autoclosure () -> String) {
        guard !isFull else {
            omitted += 1
            return
        }
        kept.append(oneLine(sentence(), atMost: Notices.maximumLength))
    }

    /// Adds the sentences of other notices.
    mutating func add(_ others: Notices) {
        for sentence in others.kept { add(sentence) }
        omitted += others.omitted
    }

    /// The sentences; the last one says how many are missing.
    var sentences: [String] {
        omitted == 0 ? kept : kept.dropLast() + ["and \(omitted + 1) more notices"]
    }
}
