import Evaluation
import JSON

/// A shell's script, as far as it matters who is process 1 in the end.
///
/// It is read once, and no more is kept of it than its last command.
struct Script {
    /// What becomes of SIGTERM.
    enum End: Equatable {
        /// The last command takes the shell's place, or the script catches the signal itself.
        case passesOn
        /// The shell waits for its last command.
        case staysBehind
        /// The last command takes the shell's place, and is one of these.
        case packageManager(String)
    }

    /// The last command that is carried out: not one that closes a compound command.
    private var last = Command()
    /// Whether what closes a compound command follows it.
    private var isClosed = false
    /// Whether the last command reads from a pipe, or nobody waits for it: then it is not the shell's own process.
    private var isLastPiped = false
    private var isLastInBackground = false
    private var isPipeOpen = false
    /// True if a program is started before the last command.
    private var hasEarlierProgram = false
    /// Whether some command is `trap`.
    private var hasTrap = false
    private var hasBackslash = false
    /// The command that is being read.
    private var current = Command()

    /// How the script ends.
    var end: End {
        if hasTrap || last.isEmpty && !isClosed { return .passesOn }
        guard let start = last.start, last.isOneOf(["exec"], start), !isLastPiped, !isLastInBackground else {
            return .staysBehind
        }
        return end(with: program(after: start))
    }

    /// How the script ends in bash, which lets its last command take its place by itself.
    var endInBash: End {
        guard !hasTrap, !isLastPiped, !isLastInBackground, let start = last.start else { return .passesOn }
        if last.isOneOf(["exec"], start) { return end }
        if hasEarlierProgram, last.isOneOf(Script.endings, start) || last.isOneOf(["wait"], start) {
            return .staysBehind
        }
        return end(with: Script.baseName(last.text(start)))
    }

    /// How it ends with a program in the shell's place.
    private func end(with program: String) -> End {
        if Script.packageManagers.contains(program) { return .packageManager(program) }
        return hasEarlierProgram && ["echo", "printf", "true"].contains(program) ? .staysBehind : .passesOn
    }

    /// The name of the program that `exec` is to start.
    private func program(after exec: Range<Int>) -> String {
        let program = last.words.drop { $0.lowerBound <= exec.lowerBound }.first {
            last.bytes[$0].first != UInt8(ascii: "-") && !last.isAssignment($0)
        }
        return program.map { Script.baseName(last.text($0)) } ?? ""
    }

    /// Programs that start another one, and keep signals to themselves.
    static let packageManagers: Set<String> = ["npm", "npx", "yarn", "pnpm", "pnpx"]

    /// The program that the last command starts, where `exec` before it is all that is missing.
    var lastProgram: String? {
        guard !isClosed, let first = last.words.first(where: { _ in true }), !isLastPiped, !isLastInBackground,
            ![Script.closings, Script.openings, Script.builtins].contains(where: { last.isOneOf($0, first) }),
            first.count <= 64,
            last.bytes[first].allSatisfy({ CredentialScan.isWord($0) || $0 == UInt8(ascii: "/") }), !hasBackslash
        else { return nil }
        return last.text(first)
    }

    /// A program's name without its folder.
    static func baseName(_ path: String) -> String {
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
    /// Commands that end at once: what runs on was started before them.
    private static let endings: [StaticString] = ["echo", "printf", "exit", "true", "false", ":"]
}

extension Script {
    /// A command's words, one after the other, quotes taken off.
    private struct Command {
        private(set) var bytes: [UInt8] = []
        /// Where each word ends in the bytes.
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

        /// The words, by their places in the bytes.
        var words: some Sequence<Range<Int>> {
            ends.indices.lazy.map { ($0 == 0 ? 0 : ends[$0 - 1])..<ends[$0] }
        }

        /// The first word that a command begins with: `*)` begins a case's branch.
        var start: Range<Int>? {
            words.first {
                !(isOneOf(Script.openings, $0) || isOneOf(Script.closings, $0) || isAssignment($0)
                    || bytes[$0].last == UInt8(ascii: ")"))
            }
        }

        /// True if it starts a program that may run on.
        var isProgram: Bool {
            guard let start else { return false }
            return ![
                Script.builtins, Script.endings,
                ["exec", "source", "test", "[", "[[", "mkdir", "cp", "chmod", "sleep"],
            ]
            .contains { isOneOf($0, start) }
        }

        func text(_ word: Range<Int>) -> String { String(decoding: bytes[word], as: UTF8.self) }

        func isOneOf(_ names: [StaticString], _ word: Range<Int>) -> Bool {
            names.contains { bytes.span.isSame($0, in: word) }
        }

        func isAssignment(_ word: Range<Int>) -> Bool {
            guard let equals = bytes[word].firstIndex(of: UInt8(ascii: "=")), equals > word.lowerBound else {
                return false
            }
            return bytes[word.lowerBound..<equals].allSatisfy { CredentialScan.isWord($0) }
        }
    }

    /// Reads a script, comments left out.
    init(_ script: Span<UInt8>) {
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
            // Within $( … ) nothing ends a command.
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

    /// Ends a command; empty ones stand between the two bytes of `&&`, `||` and `;;`.
    private mutating func end(with separator: UInt8) {
        let isPipe = separator == UInt8(ascii: "|")
        let isBackground = separator == UInt8(ascii: "&")
        guard !current.isEmpty else {
            if isPipe || isBackground { (isPipeOpen, isLastInBackground) = (false, false) }
            return
        }
        isClosed = current.count == 1 && current.words.contains { current.isOneOf(Script.closings, $0) }
        if !isClosed {
            if last.isProgram { hasEarlierProgram = true }
            swap(&last, &current)
        }
        current.removeAll()
        isLastPiped = isPipeOpen
        isPipeOpen = isPipe
        isLastInBackground = isBackground
    }
}
