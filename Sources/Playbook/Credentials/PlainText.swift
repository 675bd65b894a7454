import JSON
import Kubernetes

/// A text of an object that has a secret in it.
struct PlainText {
    /// What the text is.
    enum Place {
        /// The value of a variable of a name.
        case variable(Value)
        /// A part of a command of a container, by its number; after a flag, if it is that flag's value.
        case argument(container: Int, flag: Value?)
        /// A header or a part of a command, of a probe or of a lifecycle handler.
        case handler(isHeader: Bool)
        /// An entry of a ConfigMap.
        case entry
        /// An annotation of the object, or of its template.
        case annotation
    }

    let place: Place
    /// The text as it stands in the object.
    let text: Value
    /// What the text stands for, where it is encoded.
    private var decoded: [UInt8]?
    private let name: CredentialName?
    /// The program that it is an argument of, where that matters.
    private var program: LoginProgram?

    init?(
        _ text: Value, at place: @autoclosure () -> Place, named name: CredentialName?,
        of program: LoginProgram? = nil
    ) {
        guard text.withContents({ Credential.first(in: $0, named: name, of: program) }) != nil else { return nil }
        self.text = text
        self.place = place()
        self.name = name
        self.program = program
    }

    /// A text that stands there in base64; nil where it is none.
    init?(base64 text: Value, at place: @autoclosure () -> Place, named name: CredentialName?) {
        guard let bytes = base64Decoded(text.text), Credential.first(in: bytes.span, named: name) != nil else {
            return nil
        }
        self.text = text
        decoded = bytes
        self.place = place()
        self.name = name
    }

    /// Hands out the bytes that the secrets stand in.
    func withContents<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        if let decoded { return body(decoded.span) }
        return text.withContents(body)
    }

    /// Every secret in it.
    ///
    /// Where there may be more than are told, the last one stands for the rest of the text.
    func credentials() -> [Credential] {
        withContents { bytes in
            var all = Credential.all(in: bytes, named: name, of: program, atMost: PlainText.maximumCredentials)
            if all.count == PlainText.maximumCredentials, let last = all.popLast() {
                all.append(
                    Credential(kind: last.kind, range: last.range.lowerBound..<bytes.count, line: last.line))
            }
            return all
        }
    }

    /// More secrets of one text than this are not told one by one.
    private static let maximumCredentials = 20

    /// What tells a secret of the text from others.
    func mark(of credential: Credential) -> String { withContents { PlainText.mark(of: $0, credential.range) } }

    /// What tells one secret from another.
    ///
    /// It is made with a random key that this process alone has: nobody who reads it can find the secret by trying.
    static func mark(of text: Span<UInt8>, _ range: Range<Int>) -> String {
        var hasher = Hasher()
        for at in range { hasher.combine(text[at]) }
        return String(hasher.finalize())
    }

    /// What tells a whole text from another.
    static func mark(of text: Value) -> String { text.withContents { mark(of: $0, 0..<$0.count) } }
}

/// The texts of an object that have secrets in them.
enum PlainTexts {
    /// All of them: an object that has any nearly always has few.
    case few([PlainText])
    /// There are more than are kept: each rule goes through the object itself.
    case many

    static let mostKept = 1000
}

extension Subject {
    /// Hands out the texts that people write secrets into and that have some: variables, commands, annotations, and what a ConfigMap
    /// holds.
    func forEachPlainText(_ body: (PlainText) throws(CannotJudge) -> Void) throws(CannotJudge) {
        switch try foundPlainTexts.get() {
        case .few(let texts): for text in texts { try body(text) }
        case .many: try findPlainTexts(body)
        }
    }

    /// Looks for those that are kept.
    func keepPlainTexts() throws(CannotJudge) -> PlainTexts {
        var found: [PlainText] = []
        do throws(CannotJudge) {
            try findPlainTexts { (text) throws(CannotJudge) in
                guard found.count < PlainTexts.mostKept else { throw .tooMuchWork }
                found.append(text)
            }
        } catch {
            guard case .tooMuchWork = error else { throw error }
            return .many
        }
        return .few(found)
    }

    private typealias Sink = (PlainText) throws(CannotJudge) -> Void

    private func findPlainTexts(_ add: Sink) throws(CannotJudge) {
        if !changesOnlyMetadata {
            if let template = try template() { try find(in: template, add) }
            try findEntries(add)
        }
        if let metadata = metadata.value { try findAnnotations(of: metadata, add) }
    }

    private func find(in template: PodTemplate, _ add: Sink) throws(CannotJudge) {
        for (index, container) in template.containers.enumerated() {
            try findVariables(of: container, add)
            try findArguments(of: container, index, add)
            try findHandlers(of: container, add)
        }
        // A Pod is its own template.
        if kind != .pod, let metadata = template.metadata { try findAnnotations(of: metadata, add) }
    }

    private func findEntries(_ add: Sink) throws(CannotJudge) {
        guard kind == .configMap else { return }
        for (field, isEncoded) in [("data", false), ("binaryData", true)] as [(StaticString, Bool)] {
            guard let data = try object.object(field) else { continue }
            for entry in data.members {
                let (key, value) = (entry.key, entry.value)
                guard value.kind == .string else { throw .malformed(value.id, expected: "a string") }
                let name = CredentialName(key)
                let text =
                    isEncoded
                    ? PlainText(base64: value, at: .entry, named: name) : PlainText(value, at: .entry, named: name)
                if let text { try add(text) }
            }
        }
    }

    private func findVariables(of container: Container, _ add: Sink) throws(CannotJudge) {
        for entry in try container.environment() {
            let variable = try EnvironmentVariable(entry)
            guard let value = variable.value else { continue }
            let name = CredentialName(variable.name)
            if let text = PlainText(value, at: .variable(variable.name), named: name) { try add(text) }
        }
    }

    private func findArguments(of container: Container, _ index: Int, _ add: Sink) throws(CannotJudge) {
        var list = ArgumentList()
        var before: Value?
        // One command line, of which the arguments are the rest.
        for arguments in [try container.command(), try container.args()] {
            guard let arguments else { continue }
            for argument in arguments.elements {
                let name = argument.withContents { list.name(of: $0) }
                let text = PlainText(
                    argument, at: .argument(container: index, flag: name == nil ? nil : before), named: name,
                    of: list.program)
                if let text { try add(text) }
                before = argument
            }
        }
    }

    private func findHandlers(of container: Container, _ add: Sink) throws(CannotJudge) {
        for purpose in Probe.Purpose.allCases {
            if let probe = try container.probe(purpose) { try findTexts(of: probe.value, add) }
        }
        guard let lifecycle = container.lifecycle else { return }
        for hook in ["postStart", "preStop"] as [StaticString] {
            if let handler = lifecycle.present(hook) { try findTexts(of: handler, add) }
        }
    }

    /// Takes in the command and the headers of a handler, whatever is malformed left to the rules about it.
    private func findTexts(of handler: Value, _ add: Sink) throws(CannotJudge) {
        if let command = handler.present("exec")?.present("command") {
            var list = ArgumentList()
            for argument in command.elements where argument.kind == .string {
                let name = argument.withContents { list.name(of: $0) }
                let text = PlainText(argument, at: .handler(isHeader: false), named: name, of: list.program)
                if let text { try add(text) }
            }
        }
        guard let headers = handler.present("httpGet")?.present("httpHeaders") else { return }
        for header in headers.elements {
            guard let value = header["value"], value.kind == .string else { continue }
            let name = header["name"]?.string.flatMap { CredentialName(header: $0) }
            if let text = PlainText(value, at: .handler(isHeader: true), named: name) { try add(text) }
        }
    }

    private func findAnnotations(of metadata: Value, _ add: Sink) throws(CannotJudge) {
        guard let annotations = metadata["annotations"] else { return }
        for annotation in annotations.members where annotation.value.kind == .string {
            // What was applied last repeats the object, and goes when it is applied without.
            guard !annotation.key.equals("kubectl.kubernetes.io/last-applied-configuration") else { continue }
            let name = CredentialName(annotation: annotation.key)
            if let text = PlainText(annotation.value, at: .annotation, named: name) { try add(text) }
        }
    }
}

extension CredentialName {
    init?(_ name: Value) {
        guard let found = name.withContents({ CredentialName($0, 0..<$0.count) }) else { return nil }
        self = found
    }

    /// The name of a flag that has no value of its own: `--token`.
    init?(flag: Span<UInt8>) {
        for at in flag.indices where !CredentialScan.isWord(flag[at]) { return nil }
        self.init(flag, 0..<flag.count)
    }

    /// The name of a header; `Authorization` may have anything else in it.
    init?(header: String) {
        let bytes = Array(header.utf8)
        if let found = CredentialName(bytes.span, bytes.indices) {
            self = found
        } else if header.lowercased().hasSuffix("authorization") {
            self.init(kind: .token, isVague: true)
        } else {
            return nil
        }
    }

    /// The name of an annotation, without its prefix.
    ///
    /// Annotations are full of the names and check sums of Secrets, so that only what is called a password, a token or an API key
    /// is one.
    fileprivate init?(annotation: Value) {
        let found = annotation.withContents { bytes -> CredentialName? in
            var start = bytes.count
            while start > 0, bytes[start - 1] != UInt8(ascii: "/") { start -= 1 }
            return CredentialName(bytes, start..<bytes.count)
        }
        guard let found, [.password, .token, .apiKey].contains(found.kind) else { return nil }
        self = found
    }
}
