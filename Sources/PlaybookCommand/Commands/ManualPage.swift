import Evaluation
import Rules

/// The manual page, in the language of `man` (roff with the macros of man(7)): the tables of commands and settings.
enum ManualPage {
    static var text: String {
        var page = ".TH PLAYBOOK 1 \"\" \"playbook \(Version.current)\" \"User commands\"\n"
        page += ".SH NAME\nplaybook \\- admission webhook that enforces an AWS/EKS architecture playbook\n"
        page += ".SH SYNOPSIS\n.B playbook\n.I COMMAND\n[\\fIFLAGS\\fR] [\\fIARGUMENTS\\fR]\n"
        page += ".SH DESCRIPTION\n"
        page += paragraph(
            """
            As a server it is the admission webhook of a Kubernetes cluster: it judges each change by the rules of the playbook. \
            The same rules judge files and recorded reviews. Settings come from the environment, for every command.
            """)
        page += ".SH COMMANDS\n"
        for command in Command.allCases { page += section(on: command) }
        page += ".SH ENVIRONMENT\n"
        for setting in Catalogue.playbook.settings { page += entry(on: setting) }
        page += ".SH EXIT STATUS\n"
        for (code, meaning) in [
            ("0", "Nothing is denied."), ("1", "Something is denied; for a replay, something is newly denied."),
            ("2", "Bad usage, or something could not be read; whatever could be was judged."),
        ] {
            page += ".TP\n.B \(code)\n\(escaped(meaning))\n"
        }
        page += ".SH SEE ALSO\n.BR kubectl (1)\n"
        return page
    }

    private static func section(on command: Command) -> String {
        let operands = command.operands.isEmpty ? "" : " \(escaped(command.operands))"
        var text = ".SS \"playbook \(command.rawValue)\(operands)\"\n"
        text += paragraph(command.summary.prefix(1).uppercased() + command.summary.dropFirst() + ".")
        if !command.details.isEmpty { text += ".PP\n" + paragraph(command.details) }
        for flag in command.flags {
            let value = flag.value.map { " \\fI\(escaped($0))\\fR" } ?? ""
            let formats = flag == .format ? ": " + command.formats.joined(separator: ", ") : ""
            text += ".TP\n\\fB\\-\\-\(escaped(flag.rawValue))\\fR\(value)\n\(escaped(flag.summary + formats))\n"
        }
        return text
    }

    private static func entry(on setting: Setting) -> String {
        let initial = setting.defaultText.isEmpty ? "" : " Default: \(setting.defaultText)."
        return ".TP\n.B \(escaped(setting.name))\n\(escaped(setting.meaning.filter { $0 != "`" } + initial))\n"
    }

    /// Lines of text; an empty one begins a new paragraph.
    private static func paragraph(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.isEmpty ? ".PP\n" : escaped($0.filter { $0 != "`" }) + "\n" }.joined()
    }

    /// A text that no macro and no escape is read out of, with hyphens that can be copied.
    private static func escaped(_ text: some StringProtocol) -> String {
        let escaped = text.map { $0 == "\\" ? "\\e" : $0 == "-" ? "\\-" : String($0) }.joined()
        return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
    }
}
