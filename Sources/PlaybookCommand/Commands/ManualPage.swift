import Evaluation
import Rules

/// The manual page (roff with the macros of man(7)), generated from the commands and settings.
enum ManualPage {
    static var text: String {
        var page = ".TH PLAYBOOK 1 \"\" \"playbook \(Version.current)\" \"User commands\"\n"
        page += ".SH NAME\nplaybook \\- admission webhook that enforces an AWS/EKS architecture playbook\n"
        page += ".SH SYNOPSIS\n.B playbook\n.I COMMAND\n[\\fIFLAGS\\fR] [\\fIARGUMENTS\\fR]\n"
        page += ".SH DESCRIPTION\n"
        page += paragraph(
            """
            The server is a Kubernetes admission webhook that evaluates each change against the rules of the playbook. Other \
            commands evaluate manifests, recorded reviews and live clusters with the same rules. All commands read their \
            settings from the environment; those that evaluate objects also read a repository's .playbook.env.
            """)
        page += ".SH COMMANDS\n"
        for command in Command.allCases { page += section(on: command) }
        page += ".SH ENVIRONMENT\n"
        for setting in Catalogue.playbook.settings { page += entry(on: setting) }
        page += ".SH EXIT STATUS\n"
        for (code, meaning) in [
            ("0", "Nothing is denied."), ("1", "At least one object is denied (--fail-on); for replay, newly denied."),
            ("2", "The usage is wrong, or an input could not be read; the others are evaluated."),
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
            let forms = flag.forms.map { "\\fB\(escaped($0))\\fR" }.joined(separator: ", ")
            text += ".TP\n\(forms)\(value)\n\(escaped(command.summary(of: flag) + formats))\n"
        }
        return text
    }

    private static func entry(on setting: Setting) -> String {
        let initial = setting.defaultText.isEmpty ? "" : " Default: \(setting.defaultText)."
        return ".TP\n.B \(escaped(setting.name))\n\(escaped(setting.meaning.filter { $0 != "`" } + initial))\n"
    }

    /// Formats lines of text; an empty line begins a new paragraph.
    private static func paragraph(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.isEmpty ? ".PP\n" : escaped($0.filter { $0 != "`" }) + "\n" }.joined()
    }

    /// Escapes a text for roff, with hyphens that can be copied.
    private static func escaped(_ text: some StringProtocol) -> String {
        let escaped = text.map { $0 == "\\" ? "\\e" : $0 == "-" ? "\\-" : String($0) }.joined()
        return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
    }
}
