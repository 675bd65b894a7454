import Foundation

/// A secret that a test writes into a field and searches for in the output.
public struct PlantedSecret: Sendable, CustomStringConvertible {
    /// The description, for the test's output.
    public let description: String
    /// The value of the field.
    public let text: String
    /// The part of the value that no output may contain.
    public let secret: String

    /// Creates a secret of random letters, the same in every run.
    private init(_ description: String, _ seed: inout UInt64, _ form: (inout Letters) -> (text: String, secret: String))
    {
        var letters = Letters(state: seed)
        (text, secret) = form(&letters)
        self.description = description
        seed = letters.state
    }

    /// A generator of random letters.
    private struct Letters {
        var state: UInt64

        mutating func next(_ count: Int, of alphabet: String = Letters.all) -> String {
            let letters = Array(alphabet)
            return String(
                (0..<count).map { _ in
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    return letters[Int(state >> 33) % letters.count]
                })
        }

        /// Returns a random password with upper case, lower case and digits.
        mutating func password(_ count: Int = 17) -> String { "x7" + next(count - 4) + "Q2" }

        static let upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        static let digits = "0123456789"
        static let all = upper + upper.lowercased() + digits
        static let hex = digits + "abcdef"
    }

    private static func tokens(_ seed: inout UInt64) -> [PlantedSecret] {
        let forms: [(String, Int, String)] = [
            ("AKIA", 16, Letters.upper), ("ASIA", 16, Letters.upper + Letters.digits), ("ghp_", 36, Letters.all),
            ("gho_", 36, Letters.all), ("github_pat_", 82, Letters.all), ("glpat-", 20, Letters.all),
            ("glrt-", 20, Letters.all), ("xoxb-", 40, Letters.all), ("xapp-", 40, Letters.all),
            ("sk_live_", 24, Letters.all), ("rk_live_", 24, Letters.all), ("whsec_", 32, Letters.all),
            ("AIza", 35, Letters.all), ("GOCSPX-", 28, Letters.all), ("npm_", 36, Letters.all),
            ("pypi-AgE", 80, Letters.all), ("dckr_pat_", 27, Letters.all), ("key-", 32, Letters.hex),
            ("SK", 32, Letters.hex), ("sk-ant-api03-", 80, Letters.all), ("sk-proj-", 48, Letters.all),
            ("hf_", 34, Letters.all), ("hvs.", 90, Letters.all), ("dop_v1_", 64, Letters.hex),
            ("shpat_", 32, Letters.hex), ("glsa_", 40, Letters.all), ("dapi", 32, Letters.hex),
            ("NRAK-", 27, Letters.upper), ("LTAI", 20, Letters.all), ("AGE-SECRET-KEY-1", 58, Letters.upper),
        ]
        return forms.map { prefix, count, alphabet in
            PlantedSecret("token \(prefix)", &seed) { letters in
                let secret = letters.next(count, of: alphabet)
                return (prefix + secret, secret)
            }
        }
    }

    /// Texts that contain a password; `PW` stands for it.
    private static let surroundings = [
        "postgres://shop:PW@db.internal:5432/catalogue", "amqp://shop:PW@rabbit:5672/vhost", "redis://:PW@cache:6379/0",
        "mongodb+srv://app:PW@cluster0.example.net/shop", "https://ci:PW@git.example.com/shop.git",
        "http://user:PW@proxy:3128", "root:PW@tcp(db:3306)/shop", "jdbc:oracle:thin:scott/PW@//db:1521/orcl",
        "user:PW@registry.example.com/shop/web:1.2.3", "curl -u admin:PW https://api.internal/health",
        "curl -fsSu admin:PW https://api.internal/health", "curl --user admin:PW https://api.internal/health",
        "curl -uadmin:PW https://api.internal/health", "/usr/bin/curl --proxy-user 'admin:PW' https://x",
        "redis-cli -a PW ping", "redis-cli -h cache -a 'PW' ping", "valkey-cli -a PW ping",
        "mysql -h db -pPW -e 'select 1'",
        "mysqladmin ping -pPW", "mariadb-dump -u root -p'PW' shop", "sshpass -p PW ssh ops@host",
        "sshpass -pPW ssh ops@host",
        "PGPASSWORD=PW psql -h db -c 'select 1'", "PGPASSWORD='PW' psql", "export DB_PASSWORD=PW; exec node server.js",
        "/app/web --password=PW --verbose", "/app/web --auth-token PW", "curl -H 'Authorization: Bearer PW' https://x",
        "curl -H 'X-Api-Key: PW' https://x", "https://api.example.com/v1?api_key=PW&x=1",
        "Server=db;User Id=sa;Password=PW;Encrypt=true", "{\"user\":\"sa\",\"password\":\"PW\"}",
        "<user><password>PW</password></user>", "/health?token=PW", "db.password=PW", "apiKey: PW",
    ]

    private static func encoded(_ seed: inout UInt64) -> [PlantedSecret] {
        func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }
        func one(_ description: String, _ text: @escaping (String) -> String) -> PlantedSecret {
            PlantedSecret(description, &seed) { letters in
                let secret = letters.password()
                return (text(secret), secret)
            }
        }
        return [
            one("URI in base64") { base64("postgres://shop:\($0)@db/shop") },
            one("setting in base64") { base64("DB_PASSWORD=\($0)\n") },
            one("Basic header") { "Authorization: Basic " + base64("admin:\($0)") },
            one("percent-encoded URI") { "postgres%3A%2F%2Fshop%3A\($0)%40db%2Fshop" },
            one("percent-encoded password") { "postgres://shop:%78\($0)%40@db/shop" },
            one("JSON in JSON") { "{\\\"password\\\":\\\"\($0)\\\"}" },
            one("escaped by numbers") { "pass\\u0077ord\\u003d\($0)" },
            one("in HTML") { "password=&quot;\($0)&quot;" },
            one("two at once") { "DB_PASSWORD=\($0) and postgres://a:\($0)@b" },
            PlantedSecret("JSON web token", &seed) { letters in
                let secret = letters.next(40)
                return ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0." + secret, secret)
            },
            PlantedSecret("private key", &seed) { letters in
                let lines = [letters.next(64), letters.next(64), letters.next(30)]
                return (
                    "-----BEGIN RSA PRIVATE KEY-----\n\(lines.joined(separator: "\n"))\n-----END RSA PRIVATE KEY-----\n",
                    lines[1]
                )
            },
            PlantedSecret("private key on one line", &seed) { letters in
                let secret = letters.next(64)
                return ("-----BEGIN PRIVATE KEY-----\\n\(secret)\\n-----END PRIVATE KEY-----\\n", secret)
            },
            PlantedSecret("private key in base64", &seed) { letters in
                let secret = letters.next(200)
                return (base64("-----BEGIN PRIVATE KEY-----\n\(secret)\n-----END PRIVATE KEY-----\n"), secret)
            },
            PlantedSecret("Slack webhook", &seed) { letters in
                let secret = letters.next(24)
                return ("https://hooks.slack.com/services/T00000000/B00000000/" + secret, secret)
            },
        ]
    }

    /// The eighty secrets.
    public static let all: [PlantedSecret] = {
        var seed: UInt64 = 20_261_123
        let passwords = surroundings.map { surrounding in
            PlantedSecret(surrounding, &seed) { letters in
                let secret = letters.password()
                return (surrounding.replacingOccurrences(of: "PW", with: secret), secret)
            }
        }
        return tokens(&seed) + passwords + encoded(&seed)
    }()

    /// Passwords without a recognizable form, for fields whose name identifies them.
    public static let passwords: [PlantedSecret] = {
        var seed: UInt64 = 42
        return (0..<4).map { index in
            PlantedSecret("password \(index)", &seed) { letters in
                let secret = letters.password(12 + 6 * index)
                return (secret, secret)
            }
        }
    }()

    /// Returns eight consecutive bytes of the secret that occur in a text, plain, base64-encoded or escaped; nil if none occur.
    public func leak(in text: String) -> String? { PlantedSecret.leaks(of: [self], in: text).first?.part }

    /// Returns the secrets that occur in a text, each with the bytes that were found.
    public static func leaks(of secrets: [PlantedSecret], in text: String) -> [(secret: PlantedSecret, part: String)] {
        var owners: [UInt64: Int] = [:]
        for (index, planted) in secrets.enumerated() {
            for window in planted.windows { owners[window] = index }
        }
        var found: [Int: String] = [:]
        for form in [text, PlantedSecret.unescaped(text), text.removingPercentEncoding ?? ""] {
            var window: UInt64 = 0
            for byte in form.utf8 {
                window = window << 8 | UInt64(byte)
                guard let owner = owners[window], found[owner] == nil else { continue }
                found[owner] = String(
                    decoding: (0..<8).map { UInt8(truncatingIfNeeded: window >> (56 - 8 * $0)) }, as: UTF8.self)
            }
        }
        return found.sorted { $0.key < $1.key }.map { (secrets[$0.key], $0.value) }
    }

    private var windows: Set<UInt64> {
        let letters = Array(secret.utf8)
        var parts = PlantedSecret.windows(letters)
        for shift in 0..<3 {
            // The base64 text depends on the offset of the secret modulo three.
            let encoded = Data([UInt8](repeating: 0, count: shift) + letters).base64EncodedString().utf8
            parts.formUnion(
                PlantedSecret.windows(Array(encoded.filter { $0 != UInt8(ascii: "=") }.dropFirst(4).dropLast(3))))
        }
        return parts
    }

    private static func windows(_ bytes: [UInt8]) -> Set<UInt64> {
        var window: UInt64 = 0
        var windows: Set<UInt64> = []
        for (index, byte) in bytes.enumerated() {
            window = window << 8 | UInt64(byte)
            if index >= 7 { windows.insert(window) }
        }
        return windows
    }

    private static func unescaped(_ text: String) -> String {
        guard text.utf8.contains(where: { [UInt8(ascii: "&"), UInt8(ascii: "\\"), UInt8(ascii: "%")].contains($0) })
        else {
            return ""
        }
        var result = text
        for (escape, character) in [
            ("&quot;", "\""), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"), ("\\u003c", "<"),
            ("\\u003e", ">"),
            ("\\u0026", "&"), ("\\\"", "\""), ("\\/", "/"), ("\\\\", "\\"), ("%25", "%"),
        ] {
            result = result.replacingOccurrences(of: escape, with: character)
        }
        return result
    }
}
