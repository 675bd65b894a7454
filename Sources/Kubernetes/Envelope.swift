import JSON

/// The members of a review that the response to an invalid review needs.
public struct Envelope: Sendable, Equatable {
    /// The API version of the review and its response.
    public let apiVersion: String
    /// The uid of the request, which the response repeats.
    public let uid: String

    init(apiVersion: String, uid: String) {
        self.apiVersion = apiVersion
        self.uid = uid
    }

    /// Finds the envelope of a review that is too large to be read.
    ///
    /// It reads each byte at most once and stores only the members that it needs, in any order. The result is nil if the bytes
    /// are not a review, or if the uid is missing, longer than 256 bytes or after the end of the bytes.
    ///
    /// - Parameter bytes: The body or its beginning.
    public init?(scanning bytes: Span<UInt8>) {
        var scanner = EnvelopeScanner()
        while !scanner.hasAll, scanner.takeNext(bytes) {}
        guard EnvelopeScanner.text(at: scanner.kind, in: bytes) == "AdmissionReview",
            let version = EnvelopeScanner.text(at: scanner.apiVersion, in: bytes),
            AdmissionReview.versions.contains(version),
            let uid = EnvelopeScanner.text(at: scanner.uid, in: bytes), !uid.isEmpty
        else { return nil }
        self.init(apiVersion: version, uid: uid)
    }
}

/// A scanner of the outer two levels of an object; deeper levels are skipped.
private struct EnvelopeScanner {
    // The positions of the strings, including quotes.
    private(set) var kind: Range<Int>?
    private(set) var apiVersion: Range<Int>?
    private(set) var uid: Range<Int>?
    private var at = 0
    private var depth = 0
    /// The last key of each of the two levels, including quotes.
    private var outerKey = 0..<0
    private var innerKey = 0..<0
    private var isKey = false

    private static let longest = 256

    /// True if all members have been found.
    var hasAll: Bool { kind != nil && apiVersion != nil && uid != nil }

    /// Returns the text of a string; nil if there is none, or it is too long or malformed.
    static func text(at place: Range<Int>?, in bytes: Span<UInt8>) -> String? {
        guard let place, place.count <= longest + 2, let document = try? Document(parsing: place.map { bytes[$0] })
        else { return nil }
        return withExtendedLifetime(document) { document.root.string }
    }

    /// Reads the next token; returns false at the end of the bytes.
    mutating func takeNext(_ bytes: Span<UInt8>) -> Bool {
        guard at < bytes.count else { return false }
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
        case UInt8(ascii: "\""): return takeString(bytes)
        default: break
        }
        return true
    }

    private mutating func takeString(_ bytes: Span<UInt8>) -> Bool {
        let start = at - 1
        while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
            at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard at < bytes.count else { return false }
        at += 1
        if depth <= 2 { take(start..<at, bytes) }
        return true
    }

    private mutating func take(_ string: Range<Int>, _ bytes: Span<UInt8>) {
        switch (depth, isKey) {
        case (1, true): outerKey = string
        case (2, true): innerKey = string
        case (1, false):
            if isText(outerKey, "kind", bytes) { kind = string }
            if isText(outerKey, "apiVersion", bytes) { apiVersion = string }
        case (2, false):
            if isText(outerKey, "request", bytes), isText(innerKey, "uid", bytes) { uid = string }
        default: break
        }
    }

    /// True if a string equals a word; strings with escapes never do.
    private func isText(_ place: Range<Int>, _ word: StaticString, _ bytes: Span<UInt8>) -> Bool {
        guard place.count == word.utf8CodeUnitCount + 2 else { return false }
        return word.withUTF8Buffer { word in
            word.indices.allSatisfy { bytes[place.lowerBound + 1 + $0] == word[$0] }
        }
    }
}
