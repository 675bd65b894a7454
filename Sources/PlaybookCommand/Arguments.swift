import Evaluation
import Rules

/// What follows a command's name: flags with their values, and the rest.
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
                guard parts.count == 1 else { throw CommandError(message: "--\(name) takes no value") }
                values[flag, default: []].append("")
                continue
            }
            guard let value = parts.count > 1 ? String(parts[1]) : rest.popFirst() else {
                throw CommandError(message: "--\(name) needs a value: --\(name) \(flag.value ?? "")")
            }
            values[flag, default: []].append(value)
        }
        if command.operands.isEmpty, let operand = operands.first {
            throw CommandError(message: "playbook \(command.rawValue) takes no argument '\(operand)'")
        }
        // Who comes second would find nothing there, and nothing to say against it.
        let inputs = operands + [Flag.relatedObjects, .baseline, .review].flatMap { all($0) }
        guard inputs.count(where: { $0 == "-" }) + (readsStandardInput ? 1 : 0) < 2 else {
            throw CommandError(message: "standard input is read once, and here it stands for two: - or no file is one")
        }
    }

    /// Whether standard input takes the place of files that are not named.
    private var readsStandardInput: Bool { operands.isEmpty && command.operands.hasPrefix("[PATH|-]") }

    func all(_ flag: Flag) -> [String] { values[flag] ?? [] }

    func last(_ flag: Flag) -> String? { values[flag]?.last }

    func has(_ flag: Flag) -> Bool { values[flag] != nil }

    /// Whether nothing is to be printed in a format: who names one for programs wants it, and only the rest to be quiet.
    func isSilent(_ format: String) -> Bool { has(.quiet) && format == "text" }

    /// The format asked for.
    func format() throws(CommandError) -> String {
        guard let format = last(.format) else { return command.formats.first ?? "" }
        guard command.formats.contains(format) else {
            throw CommandError(
                message:
                    "playbook \(command.rawValue) does not print '\(format)', but \(command.formats.joined(separator: ", "))"
            )
        }
        return format
    }

    /// The environment's settings with the flags' levels and mode over them.
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
                throw CommandError(message: "--level takes RULE=deny, RULE=warn or RULE=off, not '\(text)'")
            }
            guard Catalogue.playbook[parts[0]] != nil else {
                throw CommandError.unknown("rule", parts[0], among: Catalogue.playbook.reported.map(\.id))
            }
            levels[parts[0]] = level
        }
        var mode: Mode?
        if let text = last(.mode) {
            guard let known = Mode(rawValue: text) else {
                throw CommandError(message: "--mode takes enforce or dry-run, not '\(text)'")
            }
            mode = known
        }
        return try ExemptionsFile.load(settings).overridden(
            mode: mode, levels: levels, includesSystem: has(.includeSystem))
    }
}
