import JSON
public import Kubernetes

/// Replaces secrets in all texts about a request: findings, paths, suggested changes, notices and titles.
///
/// Rules quote values and do not handle secrets. Replaced are secrets that the credential scan finds in a text, and secrets of
/// the object, as they are, in base64 or escaped. Edits are not changed: a fix uses the real value.
public struct SecretMask {
    private var known: KnownSecrets?

    /// The maximum number of bytes of a text that are read, and that are shown.
    private static let (longest, longestShown) = (8 << 10, 4 << 10)

    /// Returns a text with the secrets replaced that the credential scan finds.
    public static func masked(_ text: String) -> String { SecretMask().replacement(for: text, isPath: false) ?? text }

    /// Returns the ranges of secrets that the credential scan finds in a part of a text.
    public static func secrets(in text: ArraySlice<UInt8>) -> [Range<Int>] {
        SecretMask().words(in: Array(text), isPath: false).map {
            $0.range.lowerBound + text.startIndex..<$0.range.upperBound + text.startIndex
        }
    }

    /// Replaces the secrets in all texts of a decision.
    static func mask(_ decision: inout Decision, of subject: Subject) {
        let unreadable = decision.unreadable.count + decision.notEvaluated.count { $0.path != nil }
        guard
            !decision.isSilent || decision.untrustedController != nil || unreadable > 0
                || !decision.exemptionUses.isEmpty
        else { return }
        let mask = SecretMask(of: subject, decision.findings.count * 4 + unreadable) { decision.replaceTexts($0) }
        decision.replaceTexts(mask.replacement)
    }

    private init() {}

    /// Collects the secrets of an object that occur in the texts; `texts` calls a function with each text.
    private init(of subject: Subject, _ count: Int, _ texts: (TextReplacement) -> Void) {
        var known = KnownSecrets(of: subject, comparedWith: count)
        texts { text, _ in
            let bytes = SecretMask.beginning(of: text)
            known.note(bytes.span)
            _ = RedactionClass.hidden(in: bytes.span) { plain in
                known.note(plain)
                return []
            }
            return nil
        }
        known.compare()
        self.known = known
    }

    private static func beginning(of text: String) -> [UInt8] {
        text.utf8.count <= longest ? Array(text.utf8) : Array(text.utf8.prefix(longest))
    }

    /// Returns a text without secrets; nil if it has none.
    private func replacement(for text: String, isPath: Bool) -> String? {
        guard text.utf8.count >= SecretMask.shortest else { return nil }
        let bytes = SecretMask.beginning(of: text)
        let words = words(in: bytes, isPath: isPath)
        guard !words.isEmpty || text.utf8.count > SecretMask.longestShown else { return nil }
        var result: [UInt8] = []
        var end = 0
        for (range, kind) in RedactionClass.apart(words, in: bytes.count) {
            result += bytes[end..<range.lowerBound]
            result += Redaction(kind).text.utf8
            end = range.upperBound
        }
        result += bytes[end...]
        let isCut = result.count > SecretMask.longestShown || bytes.count < text.utf8.count
        return String(decoding: result.prefix(SecretMask.longestShown), as: UTF8.self) + (isCut ? "…" : "")
    }

    /// The length of the shortest text with a secret: `pwd=x`.
    private static let shortest = 5

    private func words(in bytes: [UInt8], isPath: Bool) -> [RedactionClass.Word] {
        var words = found(in: bytes.span) + RedactionClass.hidden(in: bytes.span, found)
        // In a path, each key and name is a separate text.
        if isPath { words += RedactionClass.found(in: SecretMask.separated(bytes).span) }
        // A text can quote a secret twice, with and without the context that identifies it.
        let ranges = words.map(\.range)
        return ranges.isEmpty ? [] : KnownSecrets.repeated(ranges, in: bytes.span).map { ($0, "secret") } + words
    }

    private static func separated(_ path: [UInt8]) -> [UInt8] {
        // Keys with a period are in brackets.
        var depth = 0
        return path.map { byte in
            if byte == UInt8(ascii: "[") { depth += 1 }
            if byte == UInt8(ascii: "]") { depth -= 1 }
            let isBetween = byte == UInt8(ascii: ".") && depth == 0
            return isBetween || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "]") ? UInt8(ascii: "\n") : byte
        }
    }

    private func found(in text: Span<UInt8>) -> [RedactionClass.Word] {
        (known?.parts(of: text) ?? []).map { ($0, "secret") } + RedactionClass.found(in: text)
    }
}

/// Returns the replacement of a text; nil if the text is not changed.
///
/// A path is a text of keys and names.
typealias TextReplacement = (_ text: String, _ isPath: Bool) -> String?

// MARK: Texts

extension AdmissionReview {
    /// The object of the request, for people, without secrets.
    public var shownTitle: String { SecretMask.masked(title) }

    /// The operation and the requester, for people, without secrets: `CREATE by kubernetes-admin`.
    public var shownRequest: String {
        let subresource = subresourceName.isEmpty ? "" : "/\(subresourceName)"
        return SecretMask.masked("\(operation.name)\(subresource) by \(user.name)")
    }
}

extension Decision {
    /// Replaces all texts that have a replacement.
    fileprivate mutating func replaceTexts(_ replacement: TextReplacement) {
        for index in findings.indices {
            if let decided = findings[index].replacingTexts(replacement) { findings[index] = decided }
        }
        for index in notEvaluated.indices { notEvaluated[index].replacePath(replacement) }
        for index in unreadable.indices { unreadable[index].replacePath(replacement) }
        for index in notices.indices { notices[index] = replacement(notices[index], false) ?? notices[index] }
        denialAdvice = replacement(denialAdvice, false) ?? denialAdvice
        object = object.map { object in replacement(object.title, false).map(object.titled) ?? object }
        untrustedController = untrustedController.map { replacement($0, false) ?? $0 }
        operatorAccount = operatorAccount.map { replacement($0, false) ?? $0 }
        for index in exemptionUses.indices {
            let use = exemptionUses[index]
            exemptionUses[index].place = replacement(use.place, false) ?? use.place
            exemptionUses[index].reason = replacement(use.reason, false) ?? use.reason
        }
    }
}

extension NotEvaluated {
    fileprivate mutating func replacePath(_ replacement: TextReplacement) {
        if let path = path.flatMap({ replacement($0, true) }) { cause = .type(path: path) }
    }
}

extension DecidedFinding {
    /// Returns the finding with replaced texts; nil if nothing is replaced.
    fileprivate func replacingTexts(_ replacement: TextReplacement) -> DecidedFinding? {
        let change = change.replacingTexts(replacement)
        let (path, message) = (replacement(path, true), replacement(finding.message, false))
        // Its keys are those of the path.
        let field = path == nil ? nil : replacement(field, true)
        let (advice, choice) = (
            finding.advice.flatMap { replacement($0, false) }, finding.choice.flatMap { replacement($0, false) }
        )
        let reason = exemption.flatMap { replacement($0.reason, false) }
        let past = replacement(past, false)
        guard
            change != nil || past != nil || path != nil || message != nil || advice != nil || choice != nil
                || reason != nil
        else {
            return nil
        }
        let finding = finding.with {
            $0.message = message ?? $0.message
            $0.advice = advice ?? $0.advice
            $0.choice = choice ?? $0.choice
        }
        let exemption = exemption.map {
            Exemption(origin: $0.origin, rules: $0.rules, reason: reason ?? $0.reason, until: $0.until)
        }
        return DecidedFinding(
            rule: rule, finding: finding, path: path ?? self.path, field: field ?? self.field,
            change: change ?? self.change, level: level,
            effect: effect, leniency: leniency, exemption: exemption, past: past ?? self.past, remark: remark)
    }
}

extension Literal {
    /// True if a text in the value has a replacement.
    func hasSecret(_ replacement: TextReplacement) -> Bool {
        switch self {
        case .null, .bool: false
        case .number(let text), .string(let text): replacement(text, false) != nil
        case .array(let elements): Literal.areArguments(elements) || elements.contains { $0.hasSecret(replacement) }
        case .object(let members):
            members.contains { member in
                replacement(member.key, false) != nil || member.value.hasSecret(replacement)
            }
        }
    }

    /// True for arguments of which one is a secret because of the argument before it.
    private static func areArguments(_ elements: [Literal]) -> Bool {
        var list = ArgumentList()
        for case .string(let text) in elements {
            let bytes = Array(text.utf8)
            let name = list.name(of: bytes.span)
            if Credential.first(in: bytes.span, named: name, of: list.program) != nil { return true }
        }
        return false
    }
}
