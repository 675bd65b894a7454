import Evaluation
import Report
import Rules

extension Command {
    /// Runs the command.
    func run(_ arguments: Arguments) throws(CommandError) -> ExitCode {
        switch self {
        case .serve: return try ServeCommand().run()
        case .review:
            var review = try ReviewCommand(arguments)
            return review.run()
        case .replay: return try ReplayCommand(arguments).run()
        case .check:
            var check = try CheckCommand(arguments)
            return try check.run()
        case .fix:
            var fix = try FixCommand(arguments)
            return fix.run()
        case .audit:
            var audit = try AuditCommand(arguments)
            return try audit.run()
        case .doctor: return try DoctorCommand(arguments).run()
        case .rules: return try rules(arguments)
        case .explain: return try explain(arguments)
        case .config: return try config(arguments)
        case .certs: return try CertsCommand.run(arguments)
        case .completion: return try completion(arguments)
        case .man:
            Console.print(ManualPage.text)
            return .success
        case .version:
            Console.print("playbook \(Version.current) (commit \(Version.commit), Swift \(Version.swift))\n")
            return .success
        }
    }

    private func rules(_ arguments: Arguments) throws(CommandError) -> ExitCode {
        let settings = try arguments.settings()
        switch try arguments.format() {
        case "json": Console.print(RuleList.json(Catalogue.playbook.rules, settings))
        case "markdown": Console.print(RulePage.markdown(Catalogue.playbook.reported))
        case "summary": Console.print(RulePage.summary(Catalogue.playbook.rules))
        case "coverage": Console.print(CoveragePage.markdown())
        default: Console.print(RuleList.text(Catalogue.playbook.rules, settings))
        }
        return .success
    }

    private func explain(_ arguments: Arguments) throws(CommandError) -> ExitCode {
        let file = arguments.last(.review)
        guard arguments.operands.count == 1 || arguments.operands.isEmpty && file != nil else {
            throw CommandError(message: "explain needs one rule; `playbook rules` lists them")
        }
        guard let id = arguments.operands.first else { return try answers(in: file ?? "-", .every, arguments) }
        guard let rule = Catalogue.playbook[id] else {
            throw CommandError.unknown("rule", id, among: Catalogue.playbook.reported.map(\.id))
        }
        if let file { return try answers(in: file, .one(rule), arguments) }
        Console.print(RulePage.text(rule, level: try arguments.settings().level(of: rule)))
        return .success
    }

    /// Shows the results of rules for the reviews of a file.
    private func answers(
        in file: String, _ wish: ReviewCommand.Wish, _ arguments: Arguments
    ) throws(CommandError) -> ExitCode {
        var review = try ReviewCommand(arguments, of: [file], showing: wish)
        return review.run() == .usage ? .usage : .success
    }

    private func completion(_ arguments: Arguments) throws(CommandError) -> ExitCode {
        let shells = Completion.allCases.map(\.rawValue)
        guard let shell = arguments.operands.first, arguments.operands.count == 1 else {
            throw CommandError(message: "completion needs one shell: \(shells.joined(separator: ", "))")
        }
        guard let completion = Completion(rawValue: shell) else {
            throw CommandError.unknown("shell", shell, among: shells)
        }
        Console.print(completion.script)
        return .success
    }

    private func config(_ arguments: Arguments) throws(CommandError) -> ExitCode {
        let format = try arguments.format()
        if format == "markdown" {
            Console.print(ConfigurationPage.markdown())
            return .success
        }
        // Settings that would not start a server are an error here too.
        _ = try arguments.settings()
        Console.print(
            format == "json"
                ? ConfigurationPage.json(environment: Process.environment)
                : ConfigurationPage.text(environment: Process.environment))
        return .success
    }
}
