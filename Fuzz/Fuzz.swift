import Evaluation
import Glibc
import HTTP
import JSON
import Kubernetes
import Webhook

// Integers and pointers are passed alike in C and Swift.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ run: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// libFuzzer as a library: the program's entry is Swift's own.
@main
struct Fuzz {
    static func main() {
        var (count, arguments) = (CommandLine.argc, CommandLine.unsafeArgv)
        exit(runDriver(&count, &arguments) { fuzzOneInput($0, $1) })
    }
}

/// Tries one input; the environment's `PLAYBOOK_FUZZ` says on what.
private func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // libFuzzer's bytes live as long as this call; a copy of exactly that length lets the sanitizer see one byte too far.
    let bytes = Array(UnsafeBufferPointer(start: data, count: count))
    switch target {
    case "json": fuzzJSON(bytes)
    case "http": fuzzHTTP(bytes)
    case "yaml": fuzzManifests(bytes)
    case "recordings": fuzzRecordings(bytes)
    default: fuzzEvaluator(bytes)
    }
    return 0
}

private let target = getenv("PLAYBOOK_FUZZ").map { String(cString: $0) } ?? "reviews"

/// Ends the process, so that libFuzzer keeps the input.
func expect(_ condition: Bool, _ message: @autoclosure () -> String) {
    if !condition { fatalError(message()) }
}

// MARK: JSON

/// A parsed document can be traversed; it can be written and parsed again to an equal one.
private func fuzzJSON(_ bytes: [UInt8]) {
    let document = Document()
    for (options, isWhole) in [(ParseOptions.strict, true), (AdmissionReview.options, false)] {
        do throws(ParseError) {
            try document.read(bytes.span, options) { root in
                walk(root)
                let literal = Literal(root)
                guard isWhole else { return }
                let written = Array(literal.json.utf8)
                guard let again = try? Literal(parsing: written) else {
                    return expect(false, "what was written cannot be read: \(literal.json)")
                }
                expect(again.isSame(as: literal), "what was written reads differently")
                expect(root.isSame(as: root), "a value is not the same as itself")
            }
        } catch {
            expect(error.offset <= bytes.count, "an error lies outside of the text")
        }
    }
}

private func walk(_ value: Value) {
    _ = value.text
    _ = value.int
    for element in value.elements { walk(element) }
    for member in value.members {
        expect(value[name: member.key.text] != nil, "a member is not found by its key")
        walk(member.value)
    }
}

// MARK: HTTP

/// Cut anywhere, the same bytes mean the same; a chunked body too.
private func fuzzHTTP(_ bytes: [UInt8]) {
    let whole = RequestParser.parse(bytes.span)
    guard let cut = bytes.first.map({ Int($0) * bytes.count / 256 }) else { return }
    switch (RequestParser.parse(Array(bytes[..<cut]).span), whole) {
    case (.incomplete, _): break
    case (let part, let whole): expect(part == whole, "a head changes by what follows it")
    }
    if case .head(let head, let length) = whole {
        expect(length <= bytes.count && !head.path.isEmpty, "a head is longer than its bytes")
        _ = head.timeout
    }
    var (one, two) = (ChunkedDecoder(), ChunkedDecoder())
    var (body, pieces): ([UInt8], [UInt8]) = ([], [])
    let (_, state) = one.decode(bytes.span) { body += bytes[$0] }
    let (head, tail) = (Array(bytes[..<cut]), Array(bytes[cut...]))
    var (_, last) = two.decode(head.span) { pieces += head[$0] }
    if last == .more { (_, last) = two.decode(tail.span) { pieces += tail[$0] } }
    expect(body == pieces && state == last, "a chunked body changes by where it is cut")
}

// MARK: Evaluation

private let settings = Settings()
// libFuzzer calls from one thread only.
nonisolated(unsafe) private let admission = Admission(evaluator: Evaluator(settings))
private let context = Context(settings: settings, now: Timestamp(seconds: 1_795_435_200))

/// Every answer is JSON, and its warnings arrive; every patch applies to its object.
private func fuzzEvaluator(_ bytes: [UInt8]) {
    for endpoint in Endpoint.allCases {
        guard let answer = try? admission.answer(bytes.span, to: endpoint, in: context) else { continue }
        guard let review = try? Literal(parsing: answer.body), let response = review["response"] else {
            return expect(false, "a response is not JSON")
        }
        guard case .array(let warnings)? = response["warnings"] else { continue }
        var total = 0
        for case .string(let text) in warnings {
            total += text.utf8.count
            let isOneLine = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
            expect(text.utf8.count <= 256 && isOneLine, "a warning would not arrive: \(text)")
        }
        expect(total <= 1500, "the warnings would not all arrive")
    }
    _ = try? admission.answer(bytes.span, isTruncated: true, to: .validate)
}
