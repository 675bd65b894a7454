import Evaluation
import JSON
import Kubernetes

private let settings = Settings()
private let time = Timestamp(seconds: 1_795_435_200)
private let evaluator = Evaluator(settings)
private let context = Context(settings: settings, now: time)
// libFuzzer calls from one thread only.
nonisolated(unsafe) private let writer = RecordingWriter(settings, version: "fuzz")

/// A recording is a review, and a replay of it decides what was decided.
func fuzzRecordings(_ bytes: [UInt8]) {
    let document = Document()
    let decision = try? document.read(bytes.span, AdmissionReview.options) { root -> Decision? in
        (try? AdmissionReview(root)).map { evaluator.decision(on: $0, in: context) }
    }
    // `status` and `managedFields` are skipped for an evaluation, and read whole for a recording.
    let isWhole = (try? document.read(bytes.span, ParseOptions(toleratesDepth: true)) { _ in true }) ?? false
    guard isWhole, let decision = decision ?? nil else { return }
    guard let line = writer.line(bytes.span, decision, in: context, nanoseconds: 1000) else {
        return expect(false, "a review that is evaluated cannot be recorded")
    }
    expect(!line.contains(UInt8(ascii: "\n")), "a recording has a line break")
    do throws(ParseError) {
        try document.read(line.span, AdmissionReview.options) { root in replay(root, decision.outcome) }
    } catch {
        expect(false, "a recording cannot be read: \(error)")
    }
}

private func replay(_ root: Value, _ decision: Decision.Outcome) {
    guard let review = try? AdmissionReview(root), let recording = try? Recording(of: root) else {
        return expect(false, "a recording cannot be read as a review")
    }
    expect(recording.decision == decision, "a recording has another decision")
    let replayed = Context(settings: settings, relatedObjects: recording.relatedObjects, now: recording.time ?? time)
    let comparison = Comparison(evaluator.decision(on: review, in: replayed), with: recording, of: review, settings)
    expect(comparison.now == decision, "a replay decides \(comparison.now), not \(decision)")
}
