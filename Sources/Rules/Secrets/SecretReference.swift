import Evaluation
import JSON
import Kubernetes
import Languages

/// A reference to a key of a Secret from an environment variable.
struct SecretReference {
    let secret: String
    let key: String

    /// Creates a reference to a key named like a variable; characters that Secret keys cannot have become `-`.
    init(_ secret: String, key: String) {
        self.secret = secret
        let allowed = key.unicodeScalars.prefix(253).map { scalar -> Character in
            let isAllowed = scalar.isASCII && (Character(scalar).isLetter || Character(scalar).isNumber)
            return isAllowed || "-_.".unicodeScalars.contains(scalar) ? Character(scalar) : "-"
        }
        self.key = String(allowed)
    }

    /// The variable's `valueFrom`.
    var source: Literal { ["secretKeyRef": ["name": .string(secret), "key": .string(key)]] }

    /// The name of a variable for a flag's value: `--db.password` becomes `DB_PASSWORD`.
    static func variable(for flag: String) -> String {
        let name = flag.utf8.drop { $0 == UInt8(ascii: "-") }.map { byte -> Character in
            let isWord = NameWords.isLetter(byte) || byte &- UInt8(ascii: "0") < 10
            return isWord ? Character(Unicode.Scalar(byte)) : "_"
        }
        return String(name).uppercased()
    }

    /// Returns the edit that adds a variable with the key's name, if the container does not have it yet.
    func edits(in container: Container, of subject: Subject) -> [Edit] {
        let isThere = (try? container.env.objects().contains { $0.base["name"]?.equals(string: key) ?? false }) ?? true
        let variable: Literal = ["name": .string(key), "valueFrom": source]
        return isThere ? [] : [.set(subject.pointer(to: container.env) / "-", variable)]
    }
}

extension Subject {
    /// The name for the object's Secret in suggested changes.
    var secretName: String {
        let name = name ?? metadata.generateName ?? ""
        let trimmed = name.utf8.last == UInt8(ascii: "-") ? String(name.dropLast()) : name
        return trimmed.isEmpty ? "web" : trimmed
    }
}

/// Advice for workloads that use AWS access keys.
enum AWSAdvice {
    static let roles = """
        give the pod a role with IRSA (eks.amazonaws.com/role-arn on its ServiceAccount) or EKS Pod Identity, \
        then deactivate the key
        """
}
