import Evaluation
import JSON
import Kubernetes

/// What tags are made of.
extension Span<UInt8> {
    private func isDigit(_ at: Int) -> Bool { at < count && self[at] &- UInt8(ascii: "0") <= 9 }

    private func isAlphanumeric(_ at: Int) -> Bool {
        isDigit(at) || at < count && (self[at] | 0x20) &- UInt8(ascii: "a") < 26
    }

    private func isHex(_ at: Int) -> Bool { isDigit(at) || at < count && (self[at] | 0x20) &- UInt8(ascii: "a") < 6 }

    private func `is`(_ byte: UInt8, _ at: Int) -> Bool { at < count && self[at] == byte }

    /// Where the digits that begin at a place end; nil where there are none.
    func endOfNumber(_ start: Int) -> Int? {
        var at = start
        while isDigit(at) { at += 1 }
        return at > start ? at : nil
    }

    /// Where the commit that begins at a place ends.
    func endOfCommit(_ start: Int) -> Int? {
        let first = self.is(UInt8(ascii: "g"), start) ? start + 1 : start
        var at = first
        while isHex(at) { at += 1 }
        return 7...40 ~= at - first && !isAlphanumeric(at) ? at : nil
    }

    /// Where the three numbers of the version that begins at a place end.
    private func endOfRelease(_ start: Int) -> Int? {
        var at = start
        for index in 0..<3 {
            if index > 0 {
                guard self.is(UInt8(ascii: "."), at) else { return nil }
                at += 1
            }
            // No number has a zero before it (semver.org, 2).
            guard let end = endOfNumber(at), end == at + 1 || self[at] != UInt8(ascii: "0") else { return nil }
            at = end
        }
        return isAlphanumeric(at) ? nil : at
    }

    /// Whether a tag is three numbers and a commit, as nearly all are that name both: `1.4.2-9f3c1ab`.
    var isReleaseAndCommit: Bool {
        guard let end = endOfRelease(self.is(UInt8(ascii: "v"), 0) ? 1 : 0), self.is(UInt8(ascii: "-"), end) else {
            return false
        }
        return endOfCommit(end + 1) == count
    }

    /// Where the version that begins at a place may end: before its pre-release, and in it wherever it may be over.
    func endsOfVersion(_ start: Int, _ body: (Int) -> Void) {
        guard var at = endOfRelease(start) else { return }
        body(at)
        guard self.is(UInt8(ascii: "-"), at) else { return }
        let prerelease = at + 1
        at = prerelease
        while isAlphanumeric(at) || self.is(UInt8(ascii: "-"), at) || self.is(UInt8(ascii: "."), at) {
            at += 1
            if !isAlphanumeric(at), isPrerelease(prerelease..<at) { body(at) }
        }
    }

    /// Words between dots, none of them empty or a number with a zero before it, and no name of what moves in between.
    private func isPrerelease(_ range: Range<Int>) -> Bool {
        parts(of: range, separatedBy: UInt8(ascii: ".")) { identifier in
            guard !identifier.isEmpty else { return false }
            let isNumber = endOfNumber(identifier.lowerBound) == identifier.upperBound
            return !isNumber || identifier.count == 1 || self[identifier.lowerBound] != UInt8(ascii: "0")
        }
            && parts(of: range, separatedBy: UInt8(ascii: "-")) { part in
                !part.isEmpty && !isAny(of: TagNames.moving, part) && !isAny(of: TagNames.environments, part)
            }
    }

    /// Whether a tag is a whole version of somebody else's: three numbers or more, and at will what it is built on.
    var isFullVersion: Bool {
        var at = self.is(UInt8(ascii: "v"), 0) ? 1 : 0
        var numbers = 0
        while let end = endOfNumber(at) {
            numbers += 1
            at = end
            guard self.is(UInt8(ascii: "."), at), isDigit(at + 1) else { break }
            at += 1
        }
        guard numbers >= 3 else { return false }
        return words(in: at..<count) { !isAny(of: TagNames.moving, $0) }
    }

    /// Whether something holds for all words between `.`, `-` and `_`.
    private func words(in range: Range<Int>, _ holds: (Range<Int>) -> Bool) -> Bool {
        var start = range.lowerBound
        for at in range where !isAlphanumeric(at) {
            guard holds(start..<at) else { return false }
            start = at + 1
        }
        return holds(start..<range.upperBound)
    }

    private func isAny(of names: [StaticString], _ range: Range<Int>) -> Bool {
        for name in names where isSame(name, in: range) { return true }
        return false
    }
}

/// Names that a tag may not have, since what they stand for changes, or is built for one place alone.
enum TagNames {
    /// What moves on by itself: branches, and the newest of whatever kind.
    static let moving: [StaticString] = ["latest", "nightly", "snapshot", "main", "master", "trunk", "develop", "head"]
    /// Where applications run: one artifact goes through all of them.
    static let environments: [StaticString] = [
        "prod", "production", "preprod", "staging", "stage", "uat", "qa", "test", "testing", "dev", "development",
        "sandbox",
    ]
}
