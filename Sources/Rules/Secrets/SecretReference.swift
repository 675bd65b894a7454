import Evaluation
import JSON
import Kubernetes

/// A key of a Secret, as a variable refers to it.
struct SecretReference {
    let secret: String
    let key: String

    /// Refers to a key that is called like a variable, as far as keys of Secrets may.
    init(_ secret: String, key: String) {
        self.secret = secret
        let allowed = key.unicodeScalars.prefix(253).map { scalar -> Character in
            let isAllowed = scalar.isASCII && (Character(scalar).isLetter || Character(scalar).isNumber)
            return isAllowed || "-_.".unicodeScalars.contains(scalar) ? Character(scalar) : "-"
        }
        self.key = String(allowed)
    }

    /// The source of a variable's value.
    var source: Literal { ["secretKeyRef": ["name": .string(secret), "key": .string(key)]] }

    /// The variable that a flag's value would be called: `--db.password` is `DB_PASSWORD`.
    static func variable(for flag: String) -> String {
        let name = flag.utf8.drop { $0 == UInt8(ascii: "-") }.map { byte -> Character in
            let isWord = NameWords.isLetter(byte) || byte &- UInt8(ascii: "0") < 10
            return isWord ? Character(Unicode.Scalar(byte)) : "_"
        }
        return String(name).uppercased()
    }

    /// A variable of the same name, where a container has none yet.
    func edits(in container: Container, of subject: Subject) -> [Edit] {
        let isThere = (try? container.env.objects().contains { $0.base["name"]?.equals(string: key) ?? false }) ?? true
        let variable: Literal = ["name": .string(key), "valueFrom": source]
        return isThere ? [] : [.set(subject.pointer(to: container.env) / "-", variable)]
    }
}

extension Subject {
    /// What a Secret of the object's own is called in examples of what to write.
    var secretName: String {
        let name = name ?? metadata.generateName ?? ""
        let trimmed = name.utf8.last == UInt8(ascii: "-") ? String(name.dropLast()) : name
        return trimmed.isEmpty ? "web" : trimmed
    }
}

/// What to do instead of using the keys of an AWS account.
enum AWSAdvice {
    static let roles = """
        let the pod take a role: eks.amazonaws.com/role-arn on its ServiceAccount (IRSA), or Pod Identity; and deactivate the key
        """
}
