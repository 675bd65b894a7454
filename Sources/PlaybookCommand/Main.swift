import Evaluation
import Glibc

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
        exit(run(Array(arguments.dropFirst())).rawValue)
    }

    private static func run(_ arguments: [String]) -> ExitCode {
        guard let name = arguments.first else {
            Console.error(Help.overview)
            return .usage
        }
        switch name {
        case "--help", "-h", "help":
            Console.print(
                arguments.count > 1 && Command(rawValue: arguments[1]) != nil ? Help.page(arguments[1]) : Help.overview)
            return .success
        case "--version": return run(["version"])
        default: break
        }
        do throws(CommandError) {
            guard let command = Command(rawValue: name) else {
                throw CommandError.unknown("command", name, among: Command.allCases.map(\.rawValue))
            }
            let rest = Array(arguments.dropFirst())
            if rest.contains("--help") || rest.contains("-h") {
                Console.print(Help.page(name))
                return .success
            }
            let words = try Arguments(rest, for: command)
            if words.has(.quiet) { Console.beQuiet() }
            return try command.run(words)
        } catch {
            Console.error("playbook: \(error.message)\n")
            return .usage
        }
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

    /// The error for an unknown word, with the nearest known one.
    static func unknown(_ what: String, _ word: String, among words: [String]) -> CommandError {
        let hint = nearest(to: word, in: words).map { "; did you mean \"\($0)\"?" } ?? "; see playbook --help"
        return CommandError(message: "unknown \(what) \"\(word)\"\(hint)")
    }
}
