package import JSON
package import Kubernetes
import Languages

/// A text of an object that contains a secret.
package struct PlainText {
    /// The place of a text.
    package enum Place {
        /// The value of a variable, with its name.
        case variable(Value)
        /// A part of the command of a container, by the container's index, with the flag whose value it is.
        case argument(container: Int, flag: Value?)
        /// A header or a part of the command of a probe or lifecycle handler.
        case handler(isHeader: Bool)
        /// An entry of a ConfigMap, with its key.
        case entry(Value)
        /// A value for a Helm chart.
        case chartValue
        /// A literal value in a secret store.
        case storedValue
        /// An annotation of the object or its template.
        case annotation
    }

    package let place: Place
    /// The text in the object.
    package let text: Value
    /// The decoded text, if the text is encoded, or long with escapes.
    fileprivate let decoded: [UInt8]?

    /// Calls a function with the bytes that contain the secrets.
    package func withContents<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        if let decoded { return body(decoded.span) }
        return text.withContents(body)
    }

    /// True if an access key id is, by its own name, an SMTP user name of SES: AWS offers no IAM roles for SMTP.
    package func isUserOfSMTP(_ credential: Credential) -> Bool {
        let name: Value? =
            switch place {
            case .variable(let name), .entry(let name), .argument(_, .some(let name)): name
            default: nil
            }
        return withContents { credential.isUserOfSMTP(in: $0, named: name) }
    }

    /// Returns all secrets in it that are recognized by their form or the words before them, without a limit.
    package func allCredentials() -> [Credential] { withContents { Credential.all(in: $0, named: nil) } }

    /// Returns the mark that identifies a secret of the text.
    package func mark(of credential: Credential) -> String { withContents { PlainText.mark(of: $0, credential.range) } }

    /// Returns the mark that identifies a secret.
    ///
    /// It has a random key of the process, so that the secret cannot be guessed from the mark.
    package static func mark(of text: Span<UInt8>, _ range: Range<Int>) -> String {
        var hasher = Hasher()
        hasher.combine(text, in: range)
        return String(hasher.finalize())
    }

    /// Returns the mark that identifies a whole text.
    package static func mark(of text: Value) -> String { text.withContents { mark(of: $0, 0..<$0.count) } }
}

/// The texts of an object that contain secrets, and the secrets, found in one pass.
package struct PlainTexts {
    private var texts: [Entry] = []
    /// The decoded texts.
    private var decoded: [[UInt8]] = []
    /// The secrets of all texts, in order.
    private var credentials: [Credential] = []
    /// True if there were more texts than the maximum.
    private var isTooMuch = false

    /// A text, with the range of its secrets.
    private struct Entry {
        let place: PlainText.Place
        let text: Value
        /// The index of the decoded text; nil if the text is not encoded.
        let decoded: Int?
        let credentials: Range<Int>
    }

    /// The maximum number of texts.
    ///
    /// A text with a secret takes at least 12 bytes, and etcd stores no object that is larger than 1.5 MiB.
    static let mostKept = 131_072

    /// The maximum number of secrets of one text that are listed.
    package static let mostOfOne = 20

    /// The maximum length of a text with escapes that is decoded again for each secret in it.
    private static let longestEscaped = 1024

    /// Calls a function with each text and its secrets.
    ///
    /// If a text can have more secrets than are listed, the last one represents the rest.
    fileprivate func forEach(
        _ body: (PlainText, ArraySlice<Credential>) throws(CannotEvaluate) -> Void
    ) throws(CannotEvaluate) {
        for entry in texts {
            let text = PlainText(place: entry.place, text: entry.text, decoded: entry.decoded.map { decoded[$0] })
            try body(text, credentials[entry.credentials])
        }
        if isTooMuch || texts.count > PlainTexts.mostKept { throw .tooMuchWork }
    }

    /// Adds a text if it contains secrets.
    fileprivate mutating func add(
        _ text: Value, at place: @autoclosure () -> PlainText.Place, named name: CredentialName?,
        of program: LoginProgram? = nil
    ) {
        let first = credentials.count
        text.withContents { find(in: $0, named: name, of: program) }
        guard credentials.count > first else { return }
        let isPutTogether = text.isEscaped && text.byteCount > PlainTexts.longestEscaped
        keep(text, isPutTogether ? Array(text.text.utf8) : nil, at: place(), from: first)
    }

    /// Adds a text that is a secret regardless of its name; empty texts are skipped.
    fileprivate mutating func add(whole text: Value, at place: PlainText.Place, _ kind: Credential.Kind) {
        let first = credentials.count
        add(text, at: place, named: nil)
        guard credentials.count == first, text.byteCount > 0 else { return }
        credentials.append(Credential(kind: kind, range: 0..<text.contentLength, line: 1))
        keep(text, nil, at: place, from: first)
    }

    /// Adds the variables of a container that are secrets because of references to them.
    fileprivate mutating func addReferred(of container: Container) {
        let references = VariableReferences(in: container.env.value, container.command.value, container.args.value)
        for secret in references.secrets { add(whole: secret.value, at: .variable(secret.name), secret.kind) }
        if references.isExhausted { isTooMuch = true }
    }

    /// Adds a base64-encoded text if it contains secrets.
    fileprivate mutating func add(
        base64 text: Value, at place: @autoclosure () -> PlainText.Place, named name: CredentialName?
    ) {
        guard let bytes = text.withContents({ base64Decoded($0) }) else { return }
        let first = credentials.count
        find(in: bytes.span, named: name, of: nil)
        if credentials.count > first { keep(text, bytes, at: place(), from: first) }
    }

    private mutating func find(in text: Span<UInt8>, named name: CredentialName?, of program: LoginProgram?) {
        let first = credentials.count
        Credential.add(to: &credentials, from: text, named: name, of: program, atMost: PlainTexts.mostOfOne)
        guard credentials.count == first + PlainTexts.mostOfOne, let last = credentials.popLast() else { return }
        credentials.append(
            Credential(kind: last.kind, range: last.range.lowerBound..<text.count, line: last.line))
    }

    private mutating func keep(_ text: Value, _ bytes: [UInt8]?, at place: PlainText.Place, from first: Int) {
        guard texts.count <= PlainTexts.mostKept else { return credentials.removeSubrange(first...) }
        if let bytes { decoded.append(bytes) }
        let number = bytes == nil ? nil : decoded.count - 1
        texts.append(Entry(place: place, text: text, decoded: number, credentials: first..<credentials.count))
    }
}

extension Subject {
    /// Calls a function with the texts that contain secrets, and the secrets: variables, commands, annotations, and entries of
    /// ConfigMaps.
    ///
    /// - Throws: ``CannotEvaluate/tooMuchWork`` at the end if there are more than the maximum.
    package func forEachPlainText(
        _ body: (PlainText, ArraySlice<Credential>) throws(CannotEvaluate) -> Void
    ) throws(CannotEvaluate) {
        guard isSplit else { return try foundPlainTexts.get().forEach(body) }
        for part in parts { try part.forEachPlainText(body) }
    }

    /// Finds the texts.
    func findPlainTexts() throws(CannotEvaluate) -> PlainTexts {
        var found = PlainTexts()
        if !changesOnlyMetadata {
            if let template = try template() { try find(in: template, &found) }
            try findEntries(&found)
            findValues(&found)
        }
        if !isFurtherPart, let metadata = metadata.value { findAnnotations(of: metadata, &found) }
        return found
    }

    private func find(in template: PodTemplate, _ found: inout PlainTexts) throws(CannotEvaluate) {
        for (index, container) in template.containers.enumerated() {
            try findVariables(of: container, &found)
            found.addReferred(of: container)
            try findArguments(of: container, index, &found)
            try findHandlers(of: container, &found)
        }
        // A Pod is its own template.
        if kind != .pod, let metadata = template.metadata { findAnnotations(of: metadata, &found) }
    }

    private func findEntries(_ found: inout PlainTexts) throws(CannotEvaluate) {
        guard kind == .configMap else { return }
        for (field, isEncoded) in [("data", false), ("binaryData", true)] as [(StaticString, Bool)] {
            guard let data = try object.object(field) else { continue }
            for entry in data.members {
                let (key, value) = (entry.key, entry.value)
                guard value.kind == .string else { throw .malformed(value.id, expected: "a string") }
                let name = CredentialName(key)
                if isEncoded {
                    found.add(base64: value, at: .entry(key), named: name)
                } else {
                    found.add(value, at: .entry(key), named: name)
                }
            }
        }
    }

    private func findVariables(of container: Container, _ found: inout PlainTexts) throws(CannotEvaluate) {
        for entry in try container.env.objects() {
            let entry = entry.base
            let variable = try EnvironmentVariable(entry)
            guard let value = variable.value else { continue }
            found.add(value, at: .variable(variable.name), named: CredentialName(variable.name))
        }
    }

    private func findArguments(of container: Container, _ index: Int, _ found: inout PlainTexts) throws(CannotEvaluate)
    {
        var list = ArgumentList()
        var before: Value?
        // The arguments continue the command line of `command`.
        for arguments in [container.command, container.args] {
            for argument in try arguments.strings() {
                let argument = argument.base
                let name = argument.withContents { list.name(of: $0) }
                found.add(
                    argument, at: .argument(container: index, flag: name == nil ? nil : before), named: name,
                    of: list.program)
                before = argument
            }
        }
    }

    private func findHandlers(of container: Container, _ found: inout PlainTexts) throws(CannotEvaluate) {
        for purpose in Probe.Purpose.allCases {
            if let probe = try container.probe(purpose) { findTexts(of: probe.value, &found) }
        }
        guard let lifecycle = container.lifecycle.value else { return }
        for hook in ["postStart", "preStop"] as [StaticString] {
            if let handler = lifecycle.present(hook) { findTexts(of: handler, &found) }
        }
    }

    /// Adds the command and the headers of a handler; errors in it are left to the rules about handlers.
    private func findTexts(of handler: Value, _ found: inout PlainTexts) {
        if let command = handler.present("exec")?.present("command") {
            var list = ArgumentList()
            for argument in command.elements where argument.kind == .string {
                let name = argument.withContents { list.name(of: $0) }
                found.add(argument, at: .handler(isHeader: false), named: name, of: list.program)
            }
        }
        guard let headers = handler.present("httpGet")?.present("httpHeaders") else { return }
        for header in headers.elements {
            guard let value = header["value"], value.kind == .string else { continue }
            let name = header["name"]?.string.flatMap { CredentialName(header: $0) }
            found.add(value, at: .handler(isHeader: true), named: name)
        }
    }

    /// Searches values for Helm charts, and secret stores with literal values.
    private func findValues(_ found: inout PlainTexts) {
        guard let spec = object.present("spec") else { return }
        switch kind {
        case .argoApplication:
            if let source = spec.present("source") { findValues(ofSource: source, &found) }
            guard let sources = spec.present("sources") else { return }
            for source in sources.elements { findValues(ofSource: source, &found) }
        case .helmRelease:
            if let values = spec.present("values") { findValues(in: values, named: nil, &found) }
        case .secretStore, .clusterSecretStore:
            guard let provider = spec.present("provider") else { return }
            if let fake = provider.present("fake")?.present("data") { findStored(in: fake, &found) }
            guard let webhook = provider.present("webhook") else { return }
            if let url = webhook.present("url"), url.kind == .string { found.add(url, at: .storedValue, named: nil) }
            guard let headers = webhook.present("headers") else { return }
            for header in headers.members where header.value.kind == .string {
                found.add(header.value, at: .storedValue, named: CredentialName(header: header.key.text))
            }
        default: break
        }
    }

    /// Adds the literal values of a secret store.
    private func findStored(in data: Value, _ found: inout PlainTexts) {
        for entry in data.elements {
            if let value = entry.present("value"), value.kind == .string {
                found.add(whole: value, at: .storedValue, .secret)
            }
            guard let map = entry.present("valueMap") else { continue }
            for member in map.members where member.value.kind == .string {
                found.add(whole: member.value, at: .storedValue, .secret)
            }
        }
    }

    /// Searches a source of an Application of Argo CD.
    private func findValues(ofSource source: Value, _ found: inout PlainTexts) {
        if let helm = source.present("helm") {
            if let values = helm.present("values"), values.kind == .string {
                found.add(values, at: .chartValue, named: nil)
            }
            for field in ["parameters", "valuesObject"] as [StaticString] {
                if let values = helm.present(field) { findValues(in: values, named: nil, &found) }
            }
        }
        if let variables = source.present("plugin")?.present("env") { findValues(in: variables, named: nil, &found) }
    }

    /// Searches values by their keys, or by a `name` beside them.
    private func findValues(in value: Value, named name: CredentialName?, _ found: inout PlainTexts) {
        switch value.kind {
        case .object:
            let given = value["value"] == nil ? nil : value["name"].flatMap { CredentialName($0) }
            for member in value.members {
                let isGiven = given != nil && member.key.equals("value")
                findValues(in: member.value, named: isGiven ? given : CredentialName(member.key), &found)
            }
        case .array: for element in value.elements { findValues(in: element, named: nil, &found) }
        case .string:
            // `secret: web-tls` refers to a Secret.
            let isPlace = name?.kind == .secret && value.isNameOfObject
            found.add(value, at: .chartValue, named: isPlace ? nil : name)
        default: break
        }
    }

    private func findAnnotations(of metadata: Value, _ found: inout PlainTexts) {
        guard let annotations = metadata["annotations"] else { return }
        for annotation in annotations.members where annotation.value.kind == .string {
            // This annotation repeats the object and is updated with it.
            guard !annotation.key.equals("kubectl.kubernetes.io/last-applied-configuration") else { continue }
            let name = CredentialName(annotation: annotation.key)
            found.add(annotation.value, at: .annotation, named: name)
        }
    }
}

extension CredentialName {
    package init?(_ name: Value) {
        guard let found = name.withContents({ CredentialName($0, 0..<$0.count) }) else { return nil }
        self = found
    }

    /// Creates the name of a flag without its own value: `--token`.
    init?(flag: Span<UInt8>) {
        guard flag.endOfName(from: 0) == flag.count else { return nil }
        self.init(flag, 0..<flag.count)
    }

    /// Creates the name of a header; `Authorization` can have values that are not secrets.
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

    /// Creates the name of an annotation, without its prefix.
    ///
    /// Annotations often have names and checksums of Secrets, so only passwords, tokens and API keys count.
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

extension Value {
    /// True if the value can be the name of an object: words with dashes.
    fileprivate var isNameOfObject: Bool {
        withContents { text in
            var dashes = 0
            for at in text.indices {
                if text[at] == UInt8(ascii: "-") {
                    dashes += 1
                } else if text[at] &- UInt8(ascii: "a") >= 26 {
                    return false
                }
            }
            return dashes > 0
        }
    }
}
