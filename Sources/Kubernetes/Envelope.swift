/// What is needed to answer a review that cannot be judged: too large, or nested too deep.
public struct Envelope: Sendable, Equatable {
    /// The version that it was asked in.
    public let apiVersion: String
    /// What the answer must repeat.
    public let uid: String

    /// Finds the envelope at the beginning of a review, of which the end may be missing.
    ///
    /// nil where it is no review, or the uid does not come before the bytes end. The API server writes `kind`, `apiVersion` and `request.uid` first, before the objects.
    ///
    /// - Parameter bytes: The beginning of the body.
    public init?(beginningOf bytes: Span<UInt8>) {
        var scanner = EnvelopeScanner()
        var at = 0
        while at < bytes.count, scanner.uid == nil || scanner.apiVersion == nil {
            guard scanner.take(bytes, &at) else { return nil }
        }
        guard scanner.isReview, let uid = scanner.uid, let version = scanner.apiVersion, !uid.isEmpty,
            version == "admission.k8s.io/v1" || version == "admission.k8s.io/v1beta1"
        else { return nil }
        apiVersion = version
        self.uid = uid
    }
}

/// A reader of the outer two levels of an object, as far as it goes: keys and strings, in the order written.
private struct EnvelopeScanner {
    var isReview = false
    var apiVersion: String?
    var uid: String?
    private var depth = 0
    /// The member that is being read at each of the two levels.
    private var outerKey = ""
    private var innerKey = ""
    private var isKey = false

    /// Takes the next token in; false at the end of what is there.
    mutating func take(_ bytes: Span<UInt8>, _ at: inout Int) -> Bool {
        let byte = bytes[at]
        at += 1
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            depth += 1
            isKey = byte == UInt8(ascii: "{")
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            depth -= 1
            isKey = false
        case UInt8(ascii: ","): isKey = true
        case UInt8(ascii: ":"): isKey = false
        case UInt8(ascii: "\""):
            var text = ""
            while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
                // What has an escape is none of the words that we look for.
                if bytes[at] == UInt8(ascii: "\\") { at += 1 }
                if at < bytes.count, depth <= 2, text.utf8.count < 256 {
                    text.unicodeScalars.append(Unicode.Scalar(bytes[at]))
                }
                at += 1
            }
            guard at < bytes.count else { return false }
            at += 1
            string(text)
        default: break
        }
        return true
    }

    private mutating func string(_ text: String) {
        switch (depth, isKey) {
        case (1, true): outerKey = text
        case (2, true): innerKey = text
        case (1, false) where outerKey == "kind": isReview = text == "AdmissionReview"
        case (1, false) where outerKey == "apiVersion": apiVersion = text
        case (2, false) where outerKey == "request" && innerKey == "uid": uid = text
        default: break
        }
    }
}
