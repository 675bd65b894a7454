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
        case .help:
            guard arguments.operands.count < 2 else {
                throw CommandError(message: "help takes one command; `playbook help` lists them")
            }
            Console.print(
                try arguments.operands.first.map { name throws(CommandError) in
                    Help.page(try Command(named: name))
                } ?? Help.overview)
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
        let format = try arguments.format()
        guard file == nil || format == "text" else {
            throw CommandError(message: "explain --review supports --format text only")
        }
        guard let id = arguments.operands.first else { return try answers(in: file ?? "-", .every, arguments) }
        guard let rule = Catalogue.playbook[id] else { throw unknownRule(id) }
        if let file { return try answers(in: file, .one(rule), arguments) }
        let level = try arguments.settings().level(of: rule)
        switch format {
        case "json": Console.print(RulePage.json(rule, level: level))
        case "markdown": Console.print(RulePage.section(rule))
        default: Console.print(RulePage.text(rule, level: level))
        }
        return .success
    }

    /// The error for a word that is not a rule, with the rules that mention it.
    private func unknownRule(_ word: String) -> CommandError {
        let error = CommandError.unknown("rule", word, among: Catalogue.playbook.reported.map(\.id), help: "rules")
        let found = RuleSearch.rules(for: word, in: Catalogue.playbook.reported)
        guard Catalogue.playbook.nearestRule(to: word) == nil, !found.isEmpty else { return error }
        let width = found.map(\.id.count).max() ?? 0
        let lines = found.map { rule in
            "  \(rule.id)\(String(repeating: " ", count: width - rule.id.count))  \(rule.title)"
        }
        return CommandError(
            message: (["unknown rule \"\(word)\"; rules that mention it:"] + lines).joined(separator: "\n"))
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
            throw CommandError(message: "unsupported shell \"\(shell)\"; use one of \(shells.joined(separator: ", "))")
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
        let environment = arguments.environment
        switch format {
        case "json": Console.print(ConfigurationPage.json(environment: environment))
        case "env": Console.print(ConfigurationPage.variables(environment: environment, of: SettingsFile.topics))
        case "yaml": Console.print(ConfigurationPage.yaml(environment: environment))
        default: Console.print(ConfigurationPage.text(environment: Version.completed(environment)))
        }
        return .success
    }
}
