import JSON
import Kubernetes

/// The literal variables of a container that are secrets because of `$(NAME)` references to them (Kubernetes, "Dependent
/// environment variables").
struct VariableReferences {
    /// A variable with a literal value.
    private struct Variable {
        let name: Value
        let value: Value
        /// The value, with the values of the variables that it references.
        let resolved: Resolved
        var isFound = false
    }

    /// A text with the values of the variables that it references.
    private struct Resolved {
        var bytes: [UInt8] = []
        /// The parts that are values of variables, with the indexes of these variables.
        var parts: [(range: Range<Int>, variable: Int)] = []
    }

    /// The variables whose values are secrets only because of references, and the kinds of these secrets.
    private(set) var secrets: [(name: Value, value: Value, kind: Credential.Kind)] = []
    private var variables: [Variable] = []
    private var numbers: [String: Int] = [:]
    /// The remaining number of bytes for resolved texts.
    private var rest = 1 << 20

    /// The maximum length of a resolved text.
    private static let longest = 4 << 10

    /// True if there are more references than the maximum.
    var isExhausted: Bool { rest <= 0 }

    /// Searches the variables, the command and the arguments of a container, of any type.
    init(in env: Value?, _ command: Value?, _ arguments: Value?) {
        guard let env, env.kind == .array else { return }
        let isReferring =
            env.elements.contains { $0["value"].map(VariableReferences.mayBe) ?? false }
            || command?.elements.contains(where: VariableReferences.mayBe) ?? false
            || arguments?.elements.contains(where: VariableReferences.mayBe) ?? false
        guard isReferring else { return }
        for entry in env.elements {
            guard let name = entry["name"], name.kind == .string, let value = entry["value"], value.kind == .string
            else { continue }
            find(by: value, named: CredentialName(name), of: nil)
            add(name, value)
        }
        // The arguments continue the command line of `command`.
        var list = ArgumentList()
        for words in [command, arguments].compactMap(\.self) {
            for word in words.elements where word.kind == .string {
                let name = word.withContents { list.name(of: $0) }
                find(by: word, named: name, of: list.program)
            }
        }
    }

    /// True if a text can reference a variable.
    private static func mayBe(_ text: Value) -> Bool {
        guard text.kind == .string else { return false }
        return text.withRawText { bytes in
            for at in bytes.indices.dropLast()
            where bytes[at] == UInt8(ascii: "$") && bytes[at + 1] == UInt8(ascii: "(") {
                return true
            }
            return false
        }
    }

    /// Adds a variable, which later ones can reference.
    private mutating func add(_ name: Value, _ value: Value) {
        let number = variables.count
        var resolved = VariableReferences.mayBe(value) ? resolve(value) : nil
        if resolved == nil, value.byteCount <= VariableReferences.longest {
            let bytes = value.contents
            resolved = Resolved(bytes: bytes, parts: [(bytes.indices, number)])
        }
        numbers[name.text] = number
        variables.append(Variable(name: name, value: value, resolved: resolved ?? Resolved()))
    }

    /// Returns a text with the values of the variables that it references; nil if it references no known variable.
    private mutating func resolve(_ text: Value) -> Resolved? {
        var resolved = Resolved()
        let limit = min(VariableReferences.longest, rest)
        text.withContents { bytes in
            var at = 0
            while at < bytes.count, resolved.bytes.count < limit {
                let isDollar = bytes[at] == UInt8(ascii: "$") && at + 1 < bytes.count
                if isDollar, bytes[at + 1] == UInt8(ascii: "$") {
                    resolved.bytes.append(bytes[at])
                    at += 2
                    continue
                }
                guard isDollar, bytes[at + 1] == UInt8(ascii: "("), let (number, end) = reference(bytes, at + 2) else {
                    resolved.bytes.append(bytes[at])
                    at += 1
                    continue
                }
                let start = resolved.bytes.count
                let value = variables[number].resolved
                resolved.bytes += value.bytes
                resolved.parts += value.parts.map {
                    ($0.range.lowerBound + start..<$0.range.upperBound + start, $0.variable)
                }
                at = end
            }
        }
        rest -= resolved.bytes.count
        return resolved.parts.isEmpty || resolved.parts.count > 64 ? nil : resolved
    }

    private func reference(_ bytes: Span<UInt8>, _ start: Int) -> (number: Int, end: Int)? {
        var name: [UInt8] = []
        var at = start
        while at < bytes.count, name.count < 256, bytes[at] != UInt8(ascii: ")") {
            name.append(bytes[at])
            at += 1
        }
        guard at < bytes.count, bytes[at] == UInt8(ascii: ")"),
            let number = numbers[String(decoding: name, as: UTF8.self)]
        else { return nil }
        return (number, at + 1)
    }

    /// Finds the variables that a text references as secrets.
    private mutating func find(by text: Value, named name: CredentialName?, of program: LoginProgram?) {
        guard !isExhausted, VariableReferences.mayBe(text), let resolved = resolve(text) else { return }
        let credentials = Credential.all(
            in: resolved.bytes.span, named: name, of: program, atMost: PlainTexts.mostOfOne)
        for credential in credentials {
            for part in resolved.parts
            where part.range.overlaps(credential.range) && !variables[part.variable].isFound {
                variables[part.variable].isFound = true
                let variable = variables[part.variable]
                // Secrets that are recognized without references are found elsewhere.
                let own = CredentialName(variable.name)
                if variable.value.withContents({ Credential.first(in: $0, named: own) }) != nil { continue }
                secrets.append((variable.name, variable.value, credential.kind))
            }
        }
    }
}
