import JSON

/// A program with a password option whose name is not that of a secret.
package enum LoginProgram {
    /// `curl -u user:password`
    case curl
    /// `redis-cli -a password`
    case redis
    /// `mysql -ppassword`
    case mysql
    /// `sshpass -p password`
    case sshpass

    /// Creates the program with a name; nil for all other programs.
    init?(_ text: Span<UInt8>, _ word: Range<Int>) {
        guard word.count >= 4, word.count <= 16 else { return nil }
        let start = word.lowerBound
        func isNamed(_ name: StaticString) -> Bool { text.isSame(name, in: word) }
        switch text[start] {
        case UInt8(ascii: "c") where isNamed("curl"): self = .curl
        case UInt8(ascii: "r") where isNamed("redis-cli"), UInt8(ascii: "v") where isNamed("valkey-cli"): self = .redis
        // `mysqldump`, `mysqladmin`, `mariadb-dump`
        case UInt8(ascii: "m")
        where CredentialScan.has("mysql", in: text, at: start) || CredentialScan.has("mariadb", in: text, at: start):
            self = .mysql
        case UInt8(ascii: "s") where isNamed("sshpass"): self = .sshpass
        default: return nil
        }
    }

    /// The form of a password option.
    enum Option {
        /// The option's value is the password.
        case value
        /// The password follows the colon in the option's value: `user:password`.
        case login
        /// The password follows in the same word, after a number of bytes.
        case attached(Int, isLogin: Bool)
    }

    /// Returns the form of a word that is a password option; nil for all other words.
    func option(_ text: Span<UInt8>, _ word: Range<Int>) -> Option? {
        guard word.count >= 2, text[word.lowerBound] == UInt8(ascii: "-") else { return nil }
        let letter = text[word.lowerBound + 1]
        func isNamed(_ name: StaticString) -> Bool { text.isSame(name, in: word) }
        switch self {
        case .redis: return isNamed("-a") ? .value : nil
        // If a space follows, the program prompts for the password, and the next word is a database.
        case .mysql: return letter == UInt8(ascii: "p") ? .attached(2, isLogin: false) : nil
        case .sshpass:
            guard letter == UInt8(ascii: "p") else { return nil }
            return word.count == 2 ? .value : .attached(2, isLogin: false)
        case .curl:
            if isNamed("--user") || isNamed("--proxy-user") { return .login }
            if letter == UInt8(ascii: "u") || letter == UInt8(ascii: "U"), word.count > 2 {
                return .attached(2, isLogin: true)
            }
            // `-sSu`: preceded by other one-letter options.
            let last = text[word.upperBound - 1]
            guard letter != UInt8(ascii: "-"), last == UInt8(ascii: "u") || last == UInt8(ascii: "U") else {
                return nil
            }
            return .login
        }
    }
}

extension CredentialScan {
    /// Returns the password that an option of a program has.
    func login(
        _ word: Range<Int>, of program: LoginProgram, in text: Span<UInt8>
    ) -> (Credential.Kind, Range<Int>)? {
        guard let option = program.option(text, word) else { return nil }
        var start = word.upperBound
        var isLogin = false
        switch option {
        case .attached(let offset, let hasUser): (start, isLogin) = (word.lowerBound + offset, hasUser)
        case .value, .login:
            if case .login = option { isLogin = true }
            guard start < text.count, CredentialScan.isBlank(text[start]) || text[start] == UInt8(ascii: "=") else {
                return nil
            }
            start += 1
            while start < text.count, CredentialScan.isBlank(text[start]) { start += 1 }
        }
        guard start < text.count, text[start] > UInt8(ascii: " ") else { return nil }
        let value = whole(value(from: start, in: text), in: text)
        return LoginProgram.password(in: text, value, isLogin: isLogin).map { (.password, $0) }
    }
}

extension LoginProgram {
    /// Returns the password in an option's value; nil if there is none or it is a variable.
    static func password(in text: Span<UInt8>, _ value: Range<Int>, isLogin: Bool) -> Range<Int>? {
        var password = value
        if isLogin {
            guard let colon = value.first(where: { text[$0] == UInt8(ascii: ":") }) else { return nil }
            password = colon + 1..<value.upperBound
        }
        let name = CredentialName(kind: .password, isVague: false)
        return CredentialText.isSecret(text, password, of: name, inProse: true) ? password : nil
    }
}

/// A parser of a command's arguments, which determines the names of later arguments.
struct ArgumentList {
    /// The program whose options follow, if one of them can be a password.
    private(set) var program: LoginProgram?
    private var next: CredentialName?

    /// Parses an argument.
    ///
    /// - Returns: The name of the argument from the flag before it; nil if it has none.
    mutating func name(of argument: Span<UInt8>) -> CredentialName? {
        guard argument.count > 1, argument[0] == UInt8(ascii: "-") else {
            defer { next = nil }
            if next == nil, let named = LoginProgram(argument, ArgumentList.baseName(argument)) { program = named }
            return next
        }
        switch program?.option(argument, 0..<argument.count) {
        case .value: next = CredentialName(kind: .password, isVague: false)
        case .login: next = CredentialName(kind: .password, isVague: false, isLogin: true)
        case .attached, nil: next = CredentialName(flag: argument)
        }
        return nil
    }

    private static func baseName(_ path: Span<UInt8>) -> Range<Int> {
        // The names of all programs are shorter.
        let limit = max(0, path.count - 17)
        var start = path.count
        while start > limit, path[start - 1] != UInt8(ascii: "/") { start -= 1 }
        return start..<path.count
    }
}
