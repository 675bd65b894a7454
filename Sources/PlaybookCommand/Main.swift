import Evaluation
import Glibc
import Languages

/// The program: finds the command, runs it, and turns errors into a message and an exit code.
@main
struct Main {
    static func main() {
        // A closed pipe must be an error of `write`, not end the program.
        signal(SIGPIPE, SIG_IGN)
        let arguments = CommandLine.arguments
        if arguments.isEmpty {
            // Swift reads the arguments from /proc/self/cmdline.
            Console.error("playbook: cannot read the arguments: /proc is not mounted; run: mount -t proc proc /proc\n")
            exit(ExitCode.usage.rawValue)
        }
        exit(start(Array(arguments.dropFirst())).rawValue)
    }

    private static func start(_ arguments: [String]) -> ExitCode {
        guard let name = arguments.first else {
            Console.error(Help.overview)
            return .usage
        }
        do throws(CommandError) {
            switch name {
            case "--help", "-h": return try run(["help"] + arguments.dropFirst().prefix(1))
            case "--version": return try run(["version"])
            default: return try run(arguments)
            }
        } catch {
            Console.error("playbook: \(ProgramName.shown(error.message))\n")
            return .usage
        }
    }

    private static func run(_ words: [String]) throws(CommandError) -> ExitCode {
        let command = try Command(named: words[0])
        let rest = Array(words.dropFirst())
        if rest.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }) {
            Console.print(Help.page(command))
            return .success
        }
        let arguments = try Arguments(rest, for: command)
        if arguments.has(.quiet) { Console.beQuiet() }
        return try command.run(arguments)
    }
}

/// The exit codes of the program, which scripts rely on.
enum ExitCode: Int32 {
    /// Nothing was denied.
    case success = 0
    /// At least one object or review was denied.
    case denied = 1
    /// The usage was wrong, or an input could not be read.
    case usage = 2
}

/// An error in the arguments or the environment; its message is printed.
struct CommandError: Error {
    let message: String

    /// The error for an unknown word, with the nearest known one, or else the command whose help lists the known ones.
    static func unknown(_ what: String, _ word: String, among words: [String], help: String = "") -> CommandError {
        let place =
            what == "rule"
            ? "`playbook rules` lists them" : "see playbook \(help.isEmpty ? "" : "\(help) ")--help"
        let hint = nearest(to: word, in: words).map { "did you mean \"\($0)\"?" } ?? place
        return CommandError(message: "unknown \(what) \"\(word)\"; \(hint)")
    }
}

extension Command {
    /// Finds a command by its name.
    init(named name: String) throws(CommandError) {
        guard let command = Command(rawValue: name) else {
            throw CommandError.unknown("command", name, among: Command.allCases.map(\.rawValue))
        }
        self = command
    }
}
