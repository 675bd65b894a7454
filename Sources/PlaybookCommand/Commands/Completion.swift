import Evaluation
import Rules

/// The shells with a completion script; its words come from ``Command``.
enum Completion: String, CaseIterable {
    case bash, zsh, fish

    /// The completion script.
    var script: String {
        switch self {
        case .bash: Completion.bashScript
        case .zsh: Completion.zshScript
        case .fish: Completion.fishScript
        }
    }

    private static let rules = Catalogue.playbook.reported.map(\.id)
    private static let levels = Level.allCases.map(\.rawValue)

    // MARK: bash

    // Without replies bash completes file names (`-o default`). It splits words at `=`.
    private static var bashScript: String {
        var cases = ""
        for command in Command.allCases {
            for flag in command.flags {
                guard let form = command.form(of: flag), let reply = bashReply(to: form) else { continue }
                let words = flag.forms.map { "'\(command.rawValue) \($0)'" }.joined(separator: " | ")
                cases += "    \(words)) \(reply) ;;\n"
            }
            let flags = (command.flags.flatMap(\.forms) + ["--help"]).joined(separator: " ")
            cases += "    '\(command.rawValue) '*)\n"
            cases += "        if [[ $word == -* ]]; then words='\(flags)'"
            cases += bashReply(to: command.operandForm).map { "; else \($0); fi ;;\n" } ?? "; fi ;;\n"
        }
        return """
            # bash completion for playbook
            _playbook() {
                local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words='' level=''
                local rules='\(rules.joined(separator: " "))'
                if ((COMP_CWORD == 1)); then
                    words='\(Command.allCases.map(\.rawValue).joined(separator: " ")) --help --version'
                    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
                    return
                fi
                # bash splits --flag=value and RULE=LEVEL into three words.
                if [[ $word == '=' ]]; then word='' before='='; fi
                if [[ $before == '=' ]]; then
                    local index=$((COMP_CWORD - 2))
                    if [[ ${COMP_WORDS[COMP_CWORD]} == '=' ]]; then index=$((COMP_CWORD - 1)); fi
                    before=${COMP_WORDS[index]}
                    if [[ ${COMP_WORDS[index - 1]} == --level ]]; then before=--level level=yes; fi
                fi
                case "${COMP_WORDS[1]} $before" in
            \(cases)    esac
                mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
            }
            complete -o default -F _playbook playbook

            """
    }

    private static func bashReply(to form: ValueForm) -> String? {
        switch form {
        case .text, .file: nil
        case .rule: "words=$rules"
        case .level:
            "if [[ $level ]]; then words='\(levels.joined(separator: " "))'; else words=$rules; compopt -o nospace 2>/dev/null; fi"
        case .words(let words): "words='\(words.joined(separator: " "))'"
        }
    }

    // MARK: zsh

    private static var zshScript: String {
        var commands = ""
        var cases = ""
        for command in Command.allCases {
            commands += "        '\(command.rawValue):\(quoted(command.summary))'\n"
            cases += "    \(command.rawValue)) _arguments"
            for flag in command.flags {
                let value = command.form(of: flag).map { ":\(flag.value ?? ""):\(zshAction(for: $0))" } ?? ""
                let end = value.isEmpty ? ("", "") : ("+", "=")
                let short = flag.letter.map { "-\($0)\(end.0)," } ?? ""
                let forms = "\(short)--\(flag.rawValue)\(end.1)"
                cases +=
                    " \\\n        '*'\(short.isEmpty ? forms : "{\(forms)}")'[\(quoted(command.summary(of: flag)))]\(value)'"
            }
            cases += " \\\n        '--help[show help]'"
            if !command.operands.isEmpty { cases += " \\\n        '*:argument:\(zshAction(for: command.operandForm))'" }
            cases += " ;;\n"
        }
        return """
            #compdef playbook
            _playbook() {
                local -a commands rules levels
                rules=(\(rules.joined(separator: " ")))
                levels=(\(levels.joined(separator: " ")))
                commands=(
            \(commands)    )
                if ((CURRENT == 2)); then
                    _describe 'command' commands
                    return
                fi
                local command=$words[2]
                shift words
                ((CURRENT--))
                case $command in
            \(cases)    esac
            }
            _playbook_level() {
                if compset -P '*='; then _values 'level' $levels; else compadd -S = -a rules; fi
            }
            if [ "$funcstack[1]" = _playbook ]; then _playbook "$@"; else compdef _playbook playbook; fi

            """
    }

    private static func zshAction(for form: ValueForm) -> String {
        switch form {
        case .text: " "
        case .file: "_files"
        case .rule: "compadd -a rules"
        case .level: "_playbook_level"
        case .words(let words): "(\(words.joined(separator: " ")))"
        }
    }

    /// A text for single quotes and brackets of zsh, where a colon separates fields.
    private static func quoted(_ text: String) -> String {
        text.map { character in
            switch character {
            case "'": "'\\''"
            case ":", "[", "]", "\\": "\\\(character)"
            default: String(character)
            }
        }.joined()
    }

    // MARK: fish

    private static var fishScript: String {
        var text = "# fish completion for playbook\ncomplete -c playbook -f\n"
        text += "set -l rules \(rules.joined(separator: " "))\n"
        for command in Command.allCases {
            text +=
                "complete -c playbook -n __fish_use_subcommand -a \(command.rawValue) -d '\(escaped(command.summary))'\n"
        }
        for command in Command.allCases {
            let head = "complete -c playbook -n '__fish_seen_subcommand_from \(command.rawValue)'"
            for flag in command.flags {
                let value = command.form(of: flag).map { " \(fishValue($0))" } ?? ""
                text +=
                    "\(head)\(flag.letter.map { " -s \($0)" } ?? "") -l \(flag.rawValue)\(value) -d '\(escaped(command.summary(of: flag)))'\n"
            }
            text += "\(head) -l help -d 'show help'\n"
            if !command.operands.isEmpty { text += "\(head) \(fishOperand(command.operandForm))\n" }
        }
        return text
    }

    private static func fishValue(_ form: ValueForm) -> String {
        switch form {
        case .text: "-x"
        case .file: "-r -F"
        case .rule: "-x -a \"$rules\""
        case .level: "-x -a '\(rules.flatMap { rule in levels.map { "\(rule)=\($0)" } }.joined(separator: " "))'"
        case .words(let words): "-x -a '\(words.joined(separator: " "))'"
        }
    }

    private static func fishOperand(_ form: ValueForm) -> String {
        switch form {
        case .text, .file: "-F"
        case .rule, .level: "-a \"$rules\""
        case .words(let words): "-a '\(words.joined(separator: " "))'"
        }
    }

    private static func escaped(_ text: String) -> String {
        text.map { $0 == "\\" || $0 == "'" ? "\\\($0)" : String($0) }.joined()
    }
}
