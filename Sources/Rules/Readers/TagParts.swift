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

    /// Reads a tag of somebody else's: two numbers or more, or a date, and whatever the image is built on.
    ///
    /// - Parameter isMirror: Whether the image may be one of ours, whose tag names no branch and no environment.
    /// - Returns: How much of a version it names.
    func version(isMirror: Bool) -> TagVersion {
        let isFixed = words(in: 0..<count) {
            !isAny(of: TagNames.moving, $0) && !(isMirror && isAny(of: TagNames.environments, $0))
        }
        // What is built of a branch on one day is not built again.
        if isFixed || !isMirror, hasDate { return .full }
        guard isFixed else { return .none }
        var at = self.is(UInt8(ascii: "v"), 0) ? 1 : 0
        var numbers = 0
        while let end = endOfNumber(at) {
            numbers += 1
            at = end
            guard self.is(UInt8(ascii: "."), at) else { break }
            at += 1
        }
        return numbers > 2 ? .full : numbers == 2 ? .partial : .none
    }

    /// True if some word is a day: `20241118`, `2024-11-18`.
    private var hasDate: Bool {
        for at in 0..<count where at == 0 || !isAlphanumeric(at - 1) {
            let start = self.is(UInt8(ascii: "v"), at) ? at + 1 : at
            guard let year = number(of: 4, start), 1990...2100 ~= year else { continue }
            let isApart = start + 4 < count && !isAlphanumeric(start + 4)
            let month = start + (isApart ? 5 : 4)
            let day = month + (isApart ? 3 : 2)
            guard let inYear = number(of: 2, month), 1...12 ~= inYear, !isApart || self.is(self[start + 4], day - 1),
                let inMonth = number(of: 2, day), 1...31 ~= inMonth
            else { continue }
            if !isAlphanumeric(day + 2) || self.is(UInt8(ascii: "T"), day + 2) { return true }
        }
        return false
    }

    /// The number that so many digits make.
    private func number(of digits: Int, _ start: Int) -> Int? {
        var number = 0
        for at in start..<start + digits {
            guard isDigit(at) else { return nil }
            number = number * 10 + Int(self[at] - UInt8(ascii: "0"))
        }
        return number
    }

    /// Where the separator that stands at a place ends.
    func endOfSeparator(_ at: Int) -> Int? {
        self.is(UInt8(ascii: "-"), at) || self.is(UInt8(ascii: "_"), at) || self.is(UInt8(ascii: "."), at)
            ? at + 1 : nil
    }

    /// Where the name of a processor architecture that begins at a place ends.
    func endOfArchitecture(_ start: Int) -> Int? {
        for name in TagNames.architectures {
            let end = start + name.utf8CodeUnitCount
            if end <= count, isSame(name, in: start..<end), !isAlphanumeric(end) { return end }
        }
        return nil
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

/// How much of a version a tag names.
enum TagVersion {
    /// All of it, or a day.
    case full
    /// Two numbers: some publishers have no more, others move such a tag on.
    case partial
    /// Nothing that stays.
    case none
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
    /// What an image is built for.
    static let architectures: [StaticString] = ["amd64", "arm64", "x86_64", "aarch64", "arm64v8"]
}
