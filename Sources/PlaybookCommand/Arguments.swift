import Evaluation
import JSON
import Rules

/// The words after a command's name: flags with their values, and operands.
struct Arguments {
    private var values: [Flag: [String]] = [:]
    private(set) var operands: [String] = []
    private let command: Command
    /// The files with settings that are read, in order of precedence.
    let settingsFiles: [SettingsFile]

    init(_ words: [String], for command: Command) throws(CommandError) {
        self.command = command
        var values: [Flag: [String]] = [:]
        var operands: [String] = []
        func add(_ flag: Flag, _ value: String) {
            if flag == .filename { operands.append(value) } else { values[flag, default: []].append(value) }
        }
        var rest = words[...]
        var onlyOperands = false
        while let word = rest.popFirst() {
            guard !onlyOperands, word.hasPrefix("-"), word != "-" else {
                operands.append(word)
                continue
            }
            if word == "--" {
                onlyOperands = true
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            // `-qo json`: letters without a value may be followed by others, the rest of the word is the last one's value.
            var letters = word.hasPrefix("--") ? [] : Array(parts[0].dropFirst())
            let names = command.flags.map { "--\($0.rawValue)" }
            let long = command.flags.first { "--\($0.rawValue)" == parts[0] }
            let isMissingDash = letters.count > 1 && names.contains("-\(parts[0])")
            guard !isMissingDash, var flag = long ?? letters.first.flatMap({ command.flag(of: $0) }) else {
                throw CommandError.unknown("flag", parts[0], among: names, help: command.rawValue)
            }
            while flag.value == nil {
                let form = letters.isEmpty ? "--\(flag.rawValue)" : "-\(letters.removeFirst())"
                add(flag, "")
                guard let letter = letters.first else {
                    guard parts.count == 1 else { throw CommandError(message: "\(form) does not take a value") }
                    break
                }
                guard let next = command.flag(of: letter) else {
                    throw CommandError.unknown("flag", "-\(letter)", among: [], help: command.rawValue)
                }
                flag = next
            }
            guard let placeholder = flag.value else { continue }
            let form = letters.first.map { "-\($0)" } ?? "--\(flag.rawValue)"
            let attached =
                letters.count > 1 ? String(letters.dropFirst()) + (parts.count > 1 ? "=\(parts[1])" : "") : nil
            guard let value = attached ?? (parts.count > 1 ? parts[1] : rest.popFirst()) else {
                throw CommandError(message: "\(form) needs a value: \(form) \(placeholder)")
            }
            add(flag, value)
        }
        if command.operands.isEmpty, let operand = operands.first {
            throw CommandError(
                message: "unexpected argument \"\(operand)\"; playbook \(command.rawValue) takes no arguments")
        }
        self.values = values
        self.operands = operands
        settingsFiles =
            command.flags.contains(.envFile) ? try SettingsFile.all(named: values[.envFile] ?? []) : []
        // A second reader would see an empty input and report no error.
        let inputs = operands + [Flag.relatedObjects, .baseline, .review].flatMap { all($0) }
        guard inputs.count(where: { $0 == "-" }) + (readsStandardInput ? 1 : 0) < 2 else {
            throw CommandError(
                message: "standard input is named more than once; name it once, as - or by giving no file")
        }
        guard !has(.exitZero) || !has(.failOn) else {
            throw CommandError(message: "--exit-zero cannot be combined with --fail-on; it means --fail-on never")
        }
    }

    /// True when no file is named, so that the command reads standard input.
    private var readsStandardInput: Bool { operands.isEmpty && command.operands.hasPrefix("[PATH|-]") }

    func all(_ flag: Flag) -> [String] { values[flag] ?? [] }

    func last(_ flag: Flag) -> String? { values[flag]?.last }

    func has(_ flag: Flag) -> Bool { values[flag] != nil }

    /// Returns true when `--quiet` suppresses a format; it suppresses text only, so that programs still get their format.
    func isSilent(_ format: String) -> Bool { has(.quiet) && format == "text" }

    /// The requested format.
    func format() throws(CommandError) -> String {
        guard let format = last(.format) else { return command.formats.first ?? "" }
        return try known(format, among: command.formats, as: .format)
    }

    /// The reports to write to files, with their formats.
    func outputs() throws(CommandError) -> [(format: String, path: String)] {
        // The format `response` is the answer of a server to each review, not a report.
        let formats = command.formats.filter { $0 != "response" }
        var outputs: [(format: String, path: String)] = []
        for text in all(.output) {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                throw CommandError(
                    message: "unsupported --output \"\(text)\"; use FORMAT=FILE, such as json=report.json")
            }
            guard parts[1] != "-" else {
                throw CommandError(message: "--output needs a file; --format \(parts[0]) prints to standard output")
            }
            guard !outputs.contains(where: { $0.path == parts[1] }) else {
                throw CommandError(message: "--output names the file \(parts[1]) more than once")
            }
            // No report is YAML or has an API version.
            let target = Inputs.realPath(parts[1])
            let isManifest =
                [".yaml", ".yml"].contains { parts[1].hasSuffix($0) } || target.map(Arguments.isObject) ?? false
            if isManifest
                || target != nil && (operands + all(.relatedObjects)).contains(where: { Inputs.realPath($0) == target })
            {
                throw CommandError(message: "--output would overwrite a manifest: \(parts[1]); use another name")
            }
            outputs.append((try known(parts[0], among: formats, as: .output), parts[1]))
        }
        return outputs
    }

    /// True if a file is a Kubernetes object as JSON.
    private static func isObject(_ path: String) -> Bool {
        guard let bytes = try? Inputs.bytes(of: path).get(), let value = try? Literal(parsing: bytes) else {
            return false
        }
        return value["apiVersion"] != nil
    }

    private func known(_ format: String, among formats: [String], as flag: Flag) throws(CommandError) -> String {
        guard formats.contains(format) else {
            throw CommandError(
                message:
                    "unsupported --\(flag.rawValue) \"\(format)\"; use one of \(formats.joined(separator: ", "))")
        }
        return format
    }

    /// True if kustomizations and charts are rendered.
    func render() throws(CommandError) -> Bool {
        if let text = last(.render), !Command.renderings.contains(text) {
            throw CommandError(
                message: "unsupported --render \"\(text)\"; use \(Command.renderings.joined(separator: " or "))")
        }
        for path in all(.values) where DirectoryWalk.type(of: path) == 0 {
            // Helm would read an address from the network.
            throw CommandError(message: "\(Inputs.failure(path))")
        }
        for text in all(.set) where !text.contains("=") {
            throw CommandError(message: "unsupported --set \"\(text)\"; use KEY=VALUE")
        }
        return last(.render) != "never"
    }

    /// The least severe effect that makes the exit code 1.
    func failureLevel() throws(CommandError) -> FailureLevel {
        if has(.exitZero) { return .never }
        guard let text = last(.failOn) else { return .deny }
        guard let level = FailureLevel(rawValue: text) else {
            throw CommandError(message: "unsupported --fail-on \"\(text)\"; use deny, warn or never")
        }
        return level
    }

    // MARK: Settings

    /// The variables with settings: of the environment, or else of the files.
    var environment: [String: String] {
        settingsFiles.reduce(Process.environment) { $0.merging($1.values) { first, _ in first } }
    }

    /// The settings of the environment and the files; the flags' levels and mode override them.
    func settings() throws(CommandError) -> Settings {
        var environment = environment
        if let profile = last(.profile) { environment["PLAYBOOK_PROFILE"] = profile }
        let settings: Settings
        do throws(SettingsError) {
            settings = try Settings(environment: Version.completed(environment))
        } catch {
            throw CommandError(message: error.description)
        }
        var mode: Mode?
        if let text = last(.mode) {
            guard let known = Mode(rawValue: text) else {
                throw CommandError(message: "unsupported --mode \"\(text)\"; use enforce or dry-run")
            }
            mode = known
        }
        return try ExemptionsFile.load(settings).overridden(
            mode: mode, levels: try levels(settings), includesSystem: has(.includeSystem))
    }

    /// The levels that flags set.
    private func levels(_ settings: Settings) throws(CommandError) -> [String: Level] {
        var levels: [String: Level] = [:]
        for text in all(.level) {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, let level = Level(rawValue: parts[1]) else {
                throw CommandError(message: "unsupported --level \"\(text)\"; use RULE=deny, RULE=warn or RULE=off")
            }
            levels[try rule(parts[0]).id] = level
        }
        let only = try rules(.only)
        let skipped = try rules(.skip)
        for rule in only {
            guard !skipped.contains(where: { $0 === rule }) else {
                throw CommandError(message: "--only and --skip both name \(rule.id)")
            }
            // A run without any rule would report success.
            guard levels[rule.id] ?? settings.level(of: rule) != .off else {
                throw CommandError(
                    message: "--only names \(rule.id), which is off; add --level \(rule.id)=warn or \(rule.id)=deny")
            }
        }
        if !only.isEmpty {
            for rule in Catalogue.playbook.rules where !only.contains(where: { $0 === rule }) { levels[rule.id] = .off }
        }
        for rule in skipped { levels[rule.id] = .off }
        return levels
    }

    /// The rules that a flag names, several in one value separated by commas.
    private func rules(_ flag: Flag) throws(CommandError) -> [Rule] {
        var rules: [Rule] = []
        for text in all(flag) {
            for id in text.split(separator: ",", omittingEmptySubsequences: false) {
                rules.append(try rule(String(id)))
            }
        }
        return rules
    }

    private func rule(_ id: String) throws(CommandError) -> Rule {
        guard let rule = Catalogue.playbook[id] else {
            throw CommandError.unknown("rule", id, among: Catalogue.playbook.reported.map(\.id), help: "rules")
        }
        return rule
    }
}

extension Command {
    /// Returns the flag with a short form.
    fileprivate func flag(of letter: Character) -> Flag? { flags.first { $0.letter == letter } }
}

/// The least severe effect that makes the exit code 1.
enum FailureLevel: String, CaseIterable {
    case deny, warn, never

    /// Returns the exit code of a run with denials and warnings.
    func code(isDenied: Bool, isWarned: Bool) -> ExitCode {
        switch self {
        case .deny: isDenied ? .denied : .success
        case .warn: isDenied || isWarned ? .denied : .success
        case .never: .success
        }
    }
}
