import JSON
import Kubernetes

/// A text of an object that has a secret in it, and where it stands.
struct PlainText {
    /// Where.
    enum Place {
        /// The value of a variable.
        case variable(Container, index: Int, EnvironmentVariable)
        /// A part of a command; after a flag, if it is that flag's value.
        case argument(Container, list: StaticString, index: Int, flag: Value?)
        /// A header or a part of a command, of a probe or of a lifecycle handler.
        case handler(Pointer, isHeader: Bool)
        /// An entry of a ConfigMap, in `data` or `binaryData`.
        case entry(of: StaticString, key: Value)
        /// An annotation of the object, or of its template.
        case annotation(of: Pointer, key: Value)
    }

    let place: Place
    private let text: Value
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

    /// Every secret in it, each with a mark that tells it from others.
    func credentials() -> [(credential: Credential, mark: String)] {
        withContents { bytes in
            let all = Credential.all(
                in: bytes, named: name, of: program, atMost: PlainText.maximumCredentials)
            return all.enumerated().map { index, credential in
                // Where there may be more than are told, the last one stands for the rest of the text.
                let isLast = index == PlainText.maximumCredentials - 1
                let range = credential.range.lowerBound..<(isLast ? bytes.count : credential.range.upperBound)
                return (credential, PlainText.mark(of: bytes, range))
            }
        }
    }

    /// More secrets of one text than this are not told one by one.
    private static let maximumCredentials = 20

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

    /// Where it stands in the object.
    var pointer: Pointer {
        switch place {
        case .variable(let container, let index, _): container.pointer / "env" / String(index) / "value"
        case .argument(let container, let list, let index, _): container.pointer / "\(list)" / String(index)
        case .handler(let pointer, _): pointer
        case .entry(let field, let key): Pointer(["\(field)", key.text])
        case .annotation(let parent, let key): parent / "annotations" / key.text
        }
    }
}

extension Subject {
    /// The texts that people write secrets into and that have some: variables, commands, annotations, and what a ConfigMap holds.
    func plainTexts() throws(CannotJudge) -> [PlainText] { try foundPlainTexts.get() }

    /// Looks for them.
    func findPlainTexts() throws(CannotJudge) -> [PlainText] {
        var found: [PlainText] = []
        if !changesOnlyMetadata {
            try addTemplate(to: &found)
            try addEntries(to: &found)
        }
        if let metadata = metadata.value { addAnnotations(of: metadata, at: "/metadata", to: &found) }
        return found
    }

    private func addTemplate(to found: inout [PlainText]) throws(CannotJudge) {
        guard let template = try template() else { return }
        for container in template.containers {
            try addVariables(of: container, to: &found)
            try addArguments(of: container, to: &found)
            try addHandlers(of: container, to: &found)
        }
        // A Pod is its own template.
        if kind != .pod, let metadata = template.metadata {
            addAnnotations(of: metadata, at: template.pointer.parent / "metadata", to: &found)
        }
    }

    private func addEntries(to found: inout [PlainText]) throws(CannotJudge) {
        guard kind == .configMap else { return }
        for (field, isEncoded) in [("data", false), ("binaryData", true)] as [(StaticString, Bool)] {
            guard let data = try object.object(field) else { continue }
            for entry in data.members {
                let (key, value) = (entry.key, entry.value)
                guard value.kind == .string else { throw .malformed(value.id, expected: "a string") }
                let name = CredentialName(key)
                let place = PlainText.Place.entry(of: field, key: key)
                let text =
                    isEncoded
                    ? PlainText(base64: value, at: place, named: name) : PlainText(value, at: place, named: name)
                if let text { found.append(text) }
            }
        }
    }

    private func addVariables(of container: Container, to found: inout [PlainText]) throws(CannotJudge) {
        var index = -1
        for entry in try container.environment() {
            index += 1
            let variable = try EnvironmentVariable(entry)
            guard let value = variable.value else { continue }
            let text = PlainText(
                value, at: .variable(container, index: index, variable), named: CredentialName(variable.name))
            if let text { found.append(text) }
        }
    }

    private func addArguments(of container: Container, to found: inout [PlainText]) throws(CannotJudge) {
        var list = ArgumentList()
        var before: Value?
        func add(_ arguments: Value?, _ field: StaticString) {
            guard let arguments else { return }
            for (index, argument) in arguments.elements.enumerated() {
                let name = argument.withContents { list.name(of: $0) }
                let text = PlainText(
                    argument, at: .argument(container, list: field, index: index, flag: name == nil ? nil : before),
                    named: name, of: list.program)
                if let text { found.append(text) }
                before = argument
            }
        }
        // One command line, of which the arguments are the rest.
        add(try container.command(), "command")
        add(try container.args(), "args")
    }

    private func addHandlers(of container: Container, to found: inout [PlainText]) throws(CannotJudge) {
        for purpose in Probe.Purpose.allCases {
            guard let probe = try container.probe(purpose) else { continue }
            addTexts(of: probe.value, at: container.pointer / "\(purpose.field)", to: &found)
        }
        guard let lifecycle = container.value.present("lifecycle") else { return }
        for hook in ["postStart", "preStop"] as [StaticString] {
            guard let handler = lifecycle.present(hook) else { continue }
            addTexts(of: handler, at: container.pointer / "lifecycle" / "\(hook)", to: &found)
        }
    }

    /// Takes in the command and the headers of a handler, whatever is malformed left to the rules about it.
    private func addTexts(of handler: Value, at place: @autoclosure () -> Pointer, to found: inout [PlainText]) {
        if let command = handler.present("exec")?.present("command") {
            var list = ArgumentList()
            for (index, argument) in command.elements.enumerated() where argument.kind == .string {
                let name = argument.withContents { list.name(of: $0) }
                let text = PlainText(
                    argument, at: .handler(place() / "exec" / "command" / String(index), isHeader: false),
                    named: name, of: list.program)
                if let text { found.append(text) }
            }
        }
        guard let headers = handler.present("httpGet")?.present("httpHeaders") else { return }
        for (index, header) in headers.elements.enumerated() {
            guard let value = header["value"], value.kind == .string else { continue }
            let text = PlainText(
                value, at: .handler(place() / "httpGet" / "httpHeaders" / String(index) / "value", isHeader: true),
                named: header["name"]?.string.flatMap { CredentialName(header: $0) })
            if let text { found.append(text) }
        }
    }

    private func addAnnotations(
        of metadata: Value, at place: @autoclosure () -> Pointer, to found: inout [PlainText]
    ) {
        guard let annotations = metadata["annotations"] else { return }
        for annotation in annotations.members where annotation.value.kind == .string {
            // What was applied last repeats the object, and goes when it is applied without.
            guard !annotation.key.equals("kubectl.kubernetes.io/last-applied-configuration") else { continue }
            let text = PlainText(
                annotation.value, at: .annotation(of: place(), key: annotation.key),
                named: CredentialName(annotation: annotation.key))
            if let text { found.append(text) }
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
