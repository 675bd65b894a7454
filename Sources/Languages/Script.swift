import JSON

/// The parts of a shell script that determine which program becomes process 1.
///
/// The script is read once, and only its last command is kept.
public struct Script {
    /// The effect of the script's end on SIGTERM.
    public enum End: Sendable, Equatable {
        /// The last command replaces the shell, or the script handles the signal.
        case passesOn
        /// The shell waits for its last command.
        case staysBehind
        /// The last command replaces the shell, and is this package manager.
        case packageManager(String)
    }

    /// The last command that runs, without words that close a compound command.
    private var last = Command()
    /// True if a compound command is closed after it.
    private var isClosed = false
    /// True if the last command reads from a pipe, so that it cannot replace the shell.
    private var isLastPiped = false
    private var isLastInBackground = false
    private var isPipeOpen = false
    /// True if a program is started before the last command.
    private var hasEarlierProgram = false
    /// True if the script contains `trap`.
    private var hasTrap = false
    private var hasBackslash = false
    /// The command that is being read.
    private var current = Command()

    /// The end of the script.
    public var end: End {
        if hasTrap || last.isEmpty && !isClosed { return .passesOn }
        guard let start = last.start, last.isOneOf(["exec"], start), !isLastPiped, !isLastInBackground else {
            return .staysBehind
        }
        return last.program(after: start).map { end(with: $0) } ?? .passesOn
    }

    /// The end of the script in bash, where the last command replaces the shell without `exec`.
    public var endInBash: End {
        guard !hasTrap, !isLastPiped, !isLastInBackground, let start = last.start else { return .passesOn }
        if last.isOneOf(["exec"], start) { return end }
        if hasEarlierProgram, last.isOneOf(["wait"], start) { return .staysBehind }
        return end(with: start)
    }

    /// Returns the end if a program replaces the shell.
    private func end(with program: Range<Int>) -> End {
        let name = Script.baseName(last.text(program))
        if Script.packageManagers.contains(name) { return .packageManager(name) }
        return hasEarlierProgram && last.ends(program) ? .staysBehind : .passesOn
    }

    /// Package managers, which start a program without reliably forwarding signals.
    public static let packageManagers: Set<String> = ["npm", "npx", "yarn", "pnpm", "pnpx"]

    /// The change that lets the application receive SIGTERM.
    public enum Change: Sendable, Equatable {
        /// `trap`, because the shell has to wait for its commands.
        case trap
        /// The application as the last command.
        case reorder
        /// `exec` before the last command, with its program if only `exec` is missing.
        case exec(String?)
    }

    /// The change that lets the application receive SIGTERM.
    public var change: Change {
        guard !isClosed, let start = last.start, !last.isOneOf(["wait"], start) else { return .trap }
        let program = last.isOneOf(["exec"], start) ? last.program(after: start) : start
        if hasEarlierProgram, let program, last.ends(program) { return .reorder }
        return .exec(lastProgram)
    }

    /// The program that the last command starts, if only `exec` is missing before it.
    private var lastProgram: String? {
        guard let first = last.words.first(where: { _ in true }), !isLastPiped, !isLastInBackground,
            ![Script.closings, Script.openings, Script.builtins].contains(where: { last.isOneOf($0, first) }),
            first.count <= 64,
            last.bytes[first].allSatisfy({ NameWords.isInName($0) || $0 == UInt8(ascii: "/") }), !hasBackslash
        else { return nil }
        return last.text(first)
    }

    /// Returns the last component of a program's path.
    public static func baseName(_ path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
        return String(path[path.utf8.index(after: slash)...])
    }

    private static let closings: [StaticString] = ["fi", "done", "esac", "}", ")", ";;"]
    private static let openings: [StaticString] = [
        "then", "else", "do", "{", "(", "!", "if", "while", "until", "elif",
    ]
    private static let builtins: [StaticString] = [
        "wait", "cd", "export", "set", "exit", "true", ":", ".", "eval", "return",
    ]
    /// Commands that end soon, so that the application was started before them.
    private static let endings: [StaticString] = [
        "echo", "printf", "exit", "return", "true", "false", ":", "cd", "export", "unset", "rm", "rmdir", "mkdir",
        "touch", "cp", "mv", "ln", "chmod", "chown", "kill", "pkill", "killall", "date", "ls", "sync", "logger", "test",
        "[", "[[",
    ]
}

extension Script {
    /// The words of a command, without quotes.
    private struct Command {
        private(set) var bytes: [UInt8] = []
        /// The end of each word in `bytes`.
        private var ends: [Int] = []

        var isEmpty: Bool { ends.isEmpty }
        var count: Int { ends.count }
        /// The bytes of the word that is being read.
        var open: ArraySlice<UInt8> { bytes[(ends.last ?? 0)...] }

        mutating func append(_ byte: UInt8) { bytes.append(byte) }

        mutating func finish() { ends.append(bytes.count) }

        mutating func removeAll() {
            bytes.removeAll(keepingCapacity: true)
            ends.removeAll(keepingCapacity: true)
        }

        /// The ranges of the words in `bytes`.
        var words: some Sequence<Range<Int>> {
            ends.indices.lazy.map { ($0 == 0 ? 0 : ends[$0 - 1])..<ends[$0] }
        }

        /// The first word of the command itself; words such as `*)`, which starts a branch of `case`, are skipped.
        var start: Range<Int>? {
            words.first {
                !(isOneOf(Script.openings, $0) || isOneOf(Script.closings, $0) || isAssignment($0)
                    || bytes[$0].last == UInt8(ascii: ")"))
            }
        }

        /// True if it starts a program that can keep running.
        var isProgram: Bool {
            guard let start else { return false }
            return !ends(start) && ![Script.builtins, ["exec", "source", "sleep"]].contains { isOneOf($0, start) }
        }

        /// True if a program of the command ends soon: `rm -f /run/pid`, `sleep 5`.
        func ends(_ program: Range<Int>) -> Bool {
            let slash = bytes[program].lastIndex(of: UInt8(ascii: "/"))
            let name = slash.map { $0 + 1..<program.upperBound } ?? program
            if isOneOf(Script.endings, name) { return true }
            guard isOneOf(["sleep"], name), let time = word(after: program) else { return false }
            return bytes[time].first.map { $0 &- UInt8(ascii: "0") < 10 } ?? false
        }

        /// Returns the program that `exec` starts.
        func program(after exec: Range<Int>) -> Range<Int>? {
            words.drop { $0.lowerBound <= exec.lowerBound }.first {
                bytes[$0].first != UInt8(ascii: "-") && !isAssignment($0)
            }
        }

        private func word(after word: Range<Int>) -> Range<Int>? { words.first { $0.lowerBound >= word.upperBound } }

        func text(_ word: Range<Int>) -> String { String(decoding: bytes[word], as: UTF8.self) }

        func isOneOf(_ names: [StaticString], _ word: Range<Int>) -> Bool {
            names.contains { bytes.span.isSame($0, in: word) }
        }

        func isAssignment(_ word: Range<Int>) -> Bool {
            guard let equals = bytes[word].firstIndex(of: UInt8(ascii: "=")), equals > word.lowerBound else {
                return false
            }
            return bytes[word.lowerBound..<equals].allSatisfy { NameWords.isInName($0) }
        }
    }

    /// Reads a script without its comments.
    public init(_ script: Span<UInt8>) {
        var isWord = false
        var quote: UInt8 = 0
        var isEscaped = false
        var depth = 0
        var isComment = false
        for at in script.indices {
            let byte = script[at]
            if byte == UInt8(ascii: "\\") { hasBackslash = true }
            if isComment, byte != UInt8(ascii: "\n") { continue }
            isComment = false
            if isEscaped || quote != 0 {
                isWord = true
                if !isEscaped, byte == quote {
                    quote = 0
                } else if !isEscaped, byte == UInt8(ascii: "\\"), quote != UInt8(ascii: "'") {
                    isEscaped = true
                    continue
                } else if !(isEscaped && byte == UInt8(ascii: "\n")) {
                    current.append(byte)
                }
                isEscaped = false
                continue
            }
            // Separators within $( … ) do not end the command.
            if byte == UInt8(ascii: "("), depth > 0 || current.open.last == UInt8(ascii: "$") { depth += 1 }
            let isInside = depth > 0
            if byte == UInt8(ascii: ")"), depth > 0 { depth -= 1 }
            switch byte {
            case UInt8(ascii: "\\"): isEscaped = true
            case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "`"):
                isWord = true
                quote = byte
            case UInt8(ascii: " "), UInt8(ascii: "\t"):
                if isInside { current.append(byte) } else { finish(&isWord) }
            case UInt8(ascii: "#") where !isWord: isComment = true
            case UInt8(ascii: ";"), UInt8(ascii: "\n"), UInt8(ascii: "&"), UInt8(ascii: "|"):
                // `2>&1`
                if isInside || byte == UInt8(ascii: "&") && current.open.last == UInt8(ascii: ">") {
                    current.append(byte)
                    continue
                }
                finish(&isWord)
                end(with: byte)
            default:
                isWord = true
                current.append(byte)
            }
        }
        finish(&isWord)
        end(with: 0)
    }

    private mutating func finish(_ isWord: inout Bool) {
        guard isWord else { return }
        let open = current.open
        if open.count == 4, open.elementsEqual("trap".utf8) { hasTrap = true }
        current.finish()
        isWord = false
    }

    /// Ends a command, which is empty between the two bytes of `&&`, `||` and `;;`.
    private mutating func end(with separator: UInt8) {
        let isPipe = separator == UInt8(ascii: "|")
        let isBackground = separator == UInt8(ascii: "&")
        guard !current.isEmpty else {
            if isPipe || isBackground { (isPipeOpen, isLastInBackground) = (false, false) }
            return
        }
        isClosed = current.count == 1 && current.words.contains { current.isOneOf(Script.closings, $0) }
        if !isClosed {
            if !hasEarlierProgram, last.isProgram { hasEarlierProgram = true }
            swap(&last, &current)
        }
        current.removeAll()
        isLastPiped = isPipeOpen
        isPipeOpen = isPipe
        isLastInBackground = isBackground
    }
}
