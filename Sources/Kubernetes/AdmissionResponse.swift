public import JSON

/// The response to a review (`admission.k8s.io/v1`, AdmissionResponse).
public struct AdmissionResponse: Sendable {
    /// A denial, as clients show it.
    public struct Refusal: Sendable {
        /// The HTTP status: 403, or 413 or 422 if the review could not be evaluated.
        public var code: Int
        /// The reason, such as `Forbidden`; kubectl shows the message with this one.
        public var reason: String
        /// The message, with any number of lines.
        public var message: String
        /// The findings for tools, one cause each.
        public var causes: [Cause]

        /// Creates a denial.
        public init(code: Int, reason: String, message: String, causes: [Cause] = []) {
            self.code = code
            self.reason = reason
            self.message = message
            self.causes = causes
        }
    }

    /// A finding of a denial (`metav1.StatusCause`).
    public struct Cause: Sendable {
        /// The id of the rule.
        public var reason: String
        /// The path of the field.
        public var field: String
        /// The message of the finding.
        public var message: String

        /// Creates a cause.
        public init(reason: String, field: String, message: String) {
            self.reason = reason
            self.field = field
            self.message = message
        }
    }

    /// The API version of the review.
    public var apiVersion: String
    /// The uid of the request, which the response repeats.
    public var uid: String
    /// The denial; nil if the request is allowed.
    public var refusal: Refusal?
    /// The warnings for the client (see ``warnings(_:)``).
    public var warnings: [String] = []
    /// The annotations of the API server's audit log; keys have letters, digits and `-_.`.
    public var auditAnnotations: [(key: String, value: String)] = []
    /// The patch; nil for `/validate`, where the API does not allow one.
    public var patch: Patch?

    /// Creates a response that allows the request.
    public init(apiVersion: String, uid: String) {
        self.apiVersion = apiVersion
        self.uid = uid
    }

    /// Returns the AdmissionReview with the response: one JSON object without white space.
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

/// Returns bytes as base64 (RFC 4648, section 4).
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
