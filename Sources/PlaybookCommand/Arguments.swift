import Evaluation
import Rules

/// The words after a command's name: flags with their values, and operands.
struct Arguments {
    private var values: [Flag: [String]] = [:]
    private(set) var operands: [String] = []
    private let command: Command

    init(_ words: [String], for command: Command) throws(CommandError) {
        self.command = command
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
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0].drop { $0 == "-" })
            guard word.hasPrefix("--"), let flag = Flag(rawValue: name), command.flags.contains(flag) else {
                throw CommandError.unknown("flag", String(parts[0]), among: command.flags.map { "--\($0.rawValue)" })
            }
            guard flag.value != nil else {
                guard parts.count == 1 else { throw CommandError(message: "--\(name) does not take a value") }
                values[flag, default: []].append("")
                continue
            }
            guard let value = parts.count > 1 ? String(parts[1]) : rest.popFirst() else {
                throw CommandError(message: "--\(name) needs a value: --\(name) \(flag.value ?? "")")
            }
            values[flag, default: []].append(value)
        }
        if command.operands.isEmpty, let operand = operands.first {
            throw CommandError(
                message: "unexpected argument \"\(operand)\"; playbook \(command.rawValue) takes flags only")
        }
        // A second reader would see an empty input and report no error.
        let inputs = operands + [Flag.relatedObjects, .baseline, .review].flatMap { all($0) }
        guard inputs.count(where: { $0 == "-" }) + (readsStandardInput ? 1 : 0) < 2 else {
            throw CommandError(
                message: "standard input is named more than once; name it once, as - or by giving no file")
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
        guard command.formats.contains(format) else {
            throw CommandError(
                message:
                    "unsupported --format \"\(format)\"; use one of \(command.formats.joined(separator: ", "))"
            )
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

    /// The environment's settings; the flags' levels and mode override them.
    func settings() throws(CommandError) -> Settings {
        let settings: Settings
        do throws(SettingsError) {
            settings = try Settings(environment: Process.environment)
        } catch {
            throw CommandError(message: error.description)
        }
        var levels: [String: Level] = [:]
        for text in all(.level) {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, let level = Level(rawValue: parts[1]) else {
                throw CommandError(message: "unsupported --level \"\(text)\"; use RULE=deny, RULE=warn or RULE=off")
            }
            guard Catalogue.playbook[parts[0]] != nil else {
                throw CommandError.unknown("rule", parts[0], among: Catalogue.playbook.reported.map(\.id))
            }
            levels[parts[0]] = level
        }
        var mode: Mode?
        if let text = last(.mode) {
            guard let known = Mode(rawValue: text) else {
                throw CommandError(message: "unsupported --mode \"\(text)\"; use enforce or dry-run")
            }
            mode = known
        }
        return try ExemptionsFile.load(settings).overridden(
            mode: mode, levels: levels, includesSystem: has(.includeSystem))
    }
}
