/// A shell's script, as far as it matters who is process 1 in the end.
enum Script {
    /// What becomes of SIGTERM.
    enum End: Equatable {
        /// The last command takes the shell's place, or the script catches the signal itself.
        case passesOn
        /// The shell waits for its last command.
        case staysBehind
        /// The last command takes the shell's place, and is one of these.
        case packageManager(String)
    }

    /// How a script ends.
    static func end(_ script: String) -> End {
        let commands = Commands(script)
        if commands.hasTrap || commands.list.isEmpty { return .passesOn }
        // What closes a compound command; before it stands the last one that is carried out.
        let last = commands.list.last { !closings.contains($0.first ?? "") || $0.count > 1 } ?? []
        let words = last.drop {
            // `*)` begins a case's branch.
            openings.contains($0) || closings.contains($0) || isAssignment($0) || $0.hasSuffix(")")
        }
        guard words.first == "exec", !commands.isLastPiped, !commands.isLastInBackground else { return .staysBehind }
        let program = words.dropFirst().first { !$0.hasPrefix("-") && !isAssignment($0) }.map { baseName($0) } ?? ""
        return ["npm", "yarn", "pnpm"].contains(program) ? .packageManager(program) : .passesOn
    }

    /// The program that the last command starts, where `exec` before it is all that is missing.
    static func lastProgram(_ script: String) -> String? {
        let commands = Commands(script)
        guard let first = commands.list.last?.first, !commands.isLastPiped, !commands.isLastInBackground,
            ![closings, openings, builtins].contains(where: { $0.contains(first) }), first.utf8.count <= 64,
            first.utf8.allSatisfy({ CredentialScan.isWord($0) || $0 == UInt8(ascii: "/") }),
            !script.utf8.contains(UInt8(ascii: "\\"))
        else { return nil }
        return first
    }

    /// A program's name without its folder.
    static func baseName(_ path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
        return String(path[path.utf8.index(after: slash)...])
    }

    private static let closings: Set<String> = ["fi", "done", "esac", "}", ")", ";;"]
    private static let openings: Set<String> = ["then", "else", "do", "{", "(", "!", "if", "while", "until", "elif"]

    private static let builtins: Set<String> = [
        "wait", "cd", "export", "set", "exit", "true", ":", ".", "eval", "return",
    ]

    private static func isAssignment(_ word: String) -> Bool {
        guard let equals = word.utf8.firstIndex(of: UInt8(ascii: "=")), equals > word.startIndex else { return false }
        return word[..<equals].utf8.allSatisfy { CredentialScan.isWord($0) }
    }

    /// The commands of a script with their words, quotes taken off, comments left out.
    private struct Commands {
        private(set) var list: [[String]] = []
        /// Whether the last command reads from a pipe, or nobody waits for it: then it is not the shell's own process.
        private(set) var isLastPiped = false
        private(set) var isLastInBackground = false
        private var isPipeOpen = false
        /// Whether some command is `trap`.
        private(set) var hasTrap = false
        private var words: [String] = []

        init(_ script: String) {
            var word: [UInt8] = []
            var isWord = false
            var quote: UInt8 = 0
            var isEscaped = false
            var depth = 0
            var isComment = false
            func finish() {
                if isWord { words.append(String(decoding: word, as: UTF8.self)) }
                word = []
                isWord = false
            }
            for byte in script.utf8 {
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
                        word.append(byte)
                    }
                    isEscaped = false
                    continue
                }
                // Within $( … ) nothing ends a command.
                if byte == UInt8(ascii: "("), word.last == UInt8(ascii: "$") || depth > 0 { depth += 1 }
                let isInside = depth > 0
                if byte == UInt8(ascii: ")"), depth > 0 { depth -= 1 }
                switch byte {
                case UInt8(ascii: "\\"): isEscaped = true
                case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "`"):
                    isWord = true
                    quote = byte
                case UInt8(ascii: " "), UInt8(ascii: "\t"):
                    if isInside { word.append(byte) } else { finish() }
                case UInt8(ascii: "#") where !isWord: isComment = true
                case UInt8(ascii: ";"), UInt8(ascii: "\n"), UInt8(ascii: "&"), UInt8(ascii: "|"):
                    // `2>&1`
                    if isInside || byte == UInt8(ascii: "&") && word.last == UInt8(ascii: ">") {
                        word.append(byte)
                        continue
                    }
                    finish()
                    end(with: byte)
                default:
                    isWord = true
                    word.append(byte)
                }
            }
            finish()
            end(with: 0)
        }

        /// Ends a command; empty ones stand between the two bytes of `&&`, `||` and `;;`.
        private mutating func end(with separator: UInt8) {
            let isPipe = separator == UInt8(ascii: "|")
            let isBackground = separator == UInt8(ascii: "&")
            guard !words.isEmpty else {
                if isPipe || isBackground { (isPipeOpen, isLastInBackground) = (false, false) }
                return
            }
            if words.contains("trap") { hasTrap = true }
            list.append(words)
            words = []
            isLastPiped = isPipeOpen
            isPipeOpen = isPipe
            isLastInBackground = isBackground
        }
    }
}
