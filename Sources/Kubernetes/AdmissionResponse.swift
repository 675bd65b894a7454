public import JSON

/// The answer to a review (`admission.k8s.io/v1`, AdmissionResponse), as bytes.
public struct AdmissionResponse: Sendable {
    /// A refusal, as the client will see it.
    public struct Refusal: Sendable {
        /// 403, or 413 or 422 where the review could not be judged.
        public var code: Int
        /// A reason that kubectl does not put in the message's place: `Forbidden`.
        public var reason: String
        /// What is wrong, on as many lines as it takes.
        public var message: String
        /// The same for tools, one a finding.
        public var causes: [Cause]

        /// Creates a refusal.
        public init(code: Int, reason: String, message: String, causes: [Cause] = []) {
            self.code = code
            self.reason = reason
            self.message = message
            self.causes = causes
        }
    }

    /// One finding of a refusal (`metav1.StatusCause`).
    public struct Cause: Sendable {
        /// The rule.
        public var reason: String
        /// Where.
        public var field: String
        /// What is wrong.
        public var message: String

        /// Creates a cause.
        public init(reason: String, field: String, message: String) {
            self.reason = reason
            self.field = field
            self.message = message
        }
    }

    /// The version that the review was asked in.
    public var apiVersion: String
    /// What the review must have repeated.
    public var uid: String
    /// Why the request is refused; nil lets it pass.
    public var refusal: Refusal?
    /// What the client is told beside that; see ``warnings(_:)``.
    public var warnings: [String] = []
    /// What goes into the API server's audit log, by a key of letters, digits and `-_.`.
    public var auditAnnotations: [(key: String, value: String)] = []
    /// What is changed; nil on `/validate`, where the API forbids one.
    public var patch: Patch?

    /// Creates an answer that lets the request pass.
    public init(apiVersion: String, uid: String) {
        self.apiVersion = apiVersion
        self.uid = uid
    }

    /// Writes the AdmissionReview that carries the answer: one JSON object without white space.
    public func encoded() -> [UInt8] {
        var writer = ObjectWriter()
        writer.member("kind", "AdmissionReview")
        writer.member("apiVersion", apiVersion)
        writer.object("response") { writer in
            writer.member("uid", uid)
            writer.member("allowed", refusal == nil)
            if let refusal { AdmissionResponse.write(refusal, to: &writer) }
            if let patch, !patch.operations.isEmpty {
                writer.member("patchType", "JSONPatch")
                writer.member("patch", base64(Array(patch.literal.json.utf8)))
            }
            if !auditAnnotations.isEmpty {
                writer.object("auditAnnotations") { writer in
                    for annotation in auditAnnotations { writer.member(name: annotation.key, annotation.value) }
                }
            }
            if !warnings.isEmpty { writer.member("warnings", .array(warnings.map { .string($0) })) }
        }
        return writer.finish()
    }

    private static func write(_ refusal: Refusal, to writer: inout ObjectWriter) {
        writer.object("status") { writer in
            writer.member("status", "Failure")
            writer.member("code", refusal.code)
            writer.member("reason", refusal.reason)
            writer.member("message", refusal.message)
            guard !refusal.causes.isEmpty else { return }
            writer.object("details") { writer in
                writer.member(
                    "causes",
                    .array(
                        refusal.causes.map {
                            ["reason": .string($0.reason), "message": .string($0.message), "field": .string($0.field)]
                        }))
            }
        }
    }
}

/// Bytes as base64 (RFC 4648, section 4).
func base64(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var result: [UInt8] = []
    result.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = bytes[start..<min(start + 3, bytes.count)]
        let bits = group.reduce(0) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
        for index in 0..<4 {
            let isPadding = index > group.count
            result.append(isPadding ? UInt8(ascii: "=") : alphabet[Int(bits >> UInt32(18 - 6 * index) & 63)])
        }
    }
    return String(decoding: result, as: UTF8.self)
}
