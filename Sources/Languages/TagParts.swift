import JSON

/// The parts of image tags.
extension Span<UInt8> {
    private func isDigit(_ at: Int) -> Bool { at < count && self[at] &- UInt8(ascii: "0") <= 9 }

    private func isAlphanumeric(_ at: Int) -> Bool {
        isDigit(at) || at < count && (self[at] | 0x20) &- UInt8(ascii: "a") < 26
    }

    private func isHex(_ at: Int) -> Bool { isDigit(at) || at < count && (self[at] | 0x20) &- UInt8(ascii: "a") < 6 }

    private func `is`(_ byte: UInt8, _ at: Int) -> Bool { at < count && self[at] == byte }

    /// Returns the end of the digits that start at an index; nil if there are none.
    func endOfNumber(_ start: Int) -> Int? {
        var at = start
        while isDigit(at) { at += 1 }
        return at > start ? at : nil
    }

    /// Returns the end of the commit that starts at an index.
    func endOfCommit(_ start: Int) -> Int? {
        let first = self.is(UInt8(ascii: "g"), start) ? start + 1 : start
        var at = first
        while isHex(at) { at += 1 }
        return 7...40 ~= at - first && !isAlphanumeric(at) ? at : nil
    }

    /// Returns the end of the three numbers of a version that starts at an index.
    private func endOfRelease(_ start: Int) -> Int? {
        var at = start
        for index in 0..<3 {
            if index > 0 {
                guard self.is(UInt8(ascii: "."), at) else { return nil }
                at += 1
            }
            // Numbers have no leading zeros (semver.org, 2).
            guard let end = endOfNumber(at), end == at + 1 || self[at] != UInt8(ascii: "0") else { return nil }
            at = end
        }
        return isAlphanumeric(at) ? nil : at
    }

    /// True if the tag is three numbers and a commit, the most common form: `1.4.2-9f3c1ab`.
    var isReleaseAndCommit: Bool {
        guard let end = endOfRelease(self.is(UInt8(ascii: "v"), 0) ? 1 : 0), self.is(UInt8(ascii: "-"), end) else {
            return false
        }
        return endOfCommit(end + 1) == count
    }

    /// Calls `body` with each index where the version that starts at an index can end: before or within its pre-release.
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

    /// True if a range is a pre-release: no empty identifier, no leading zero, and no name of a branch or an environment.
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

    /// Reads the tag of a third-party image: at least two numbers or a date, and a variant.
    ///
    /// - Parameter isMirror: True if the image can be built here; then its tag must not name a branch or an environment.
    /// - Returns: The completeness of the version.
    public func version(isMirror: Bool) -> TagVersion {
        let isFixed = words(in: 0..<count) {
            !isAny(of: TagNames.moving, $0) && !(isMirror && isAny(of: TagNames.environments, $0))
        }
        // A build of a branch with a date is not replaced later.
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

    /// True if a part of the tag is a date: `20241118`, `2024-11-18`.
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

    /// Returns the number of this many digits; nil if there are fewer.
    private func number(of digits: Int, _ start: Int) -> Int? {
        var number = 0
        for at in start..<start + digits {
            guard isDigit(at) else { return nil }
            number = number * 10 + Int(self[at] - UInt8(ascii: "0"))
        }
        return number
    }

    /// Returns the end of the separator at an index.
    func endOfSeparator(_ at: Int) -> Int? {
        self.is(UInt8(ascii: "-"), at) || self.is(UInt8(ascii: "_"), at) || self.is(UInt8(ascii: "."), at)
            ? at + 1 : nil
    }

    /// Returns the end of the processor architecture that starts at an index.
    func endOfArchitecture(_ start: Int) -> Int? {
        for name in TagNames.architectures {
            let end = start + name.utf8CodeUnitCount
            if end <= count, isSame(name, in: start..<end), !isAlphanumeric(end) { return end }
        }
        return nil
    }

    /// True if all words between `.`, `-` and `_` satisfy a condition.
    private func words(in range: Range<Int>, _ holds: (Range<Int>) -> Bool) -> Bool {
        var start = range.lowerBound
        for at in range where !isAlphanumeric(at) {
            guard holds(start..<at) else { return false }
            start = at + 1
        }
        return holds(start..<range.upperBound)
    }

    /// True if a range is one of these names, in upper or lower case.
    private func isAny(of names: WordSet, _ range: Range<Int>) -> Bool {
        var word = NameWord()
        for at in range { word.append(self[at]) }
        return names.contains(word)
    }
}

/// The completeness of the version in a tag.
public enum TagVersion: Sendable {
    /// A full version or a date.
    case full
    /// Two numbers; some publishers move such a tag.
    case partial
    /// No version.
    case none
}

/// Names that a tag must not contain, because their meaning changes or they name one environment.
enum TagNames {
    /// Branches, and names of the newest build.
    static let moving: WordSet = ["latest", "nightly", "snapshot", "main", "master", "trunk", "develop", "head"]
    /// Environments; one image goes through all of them.
    static let environments: WordSet = [
        "prod", "production", "preprod", "staging", "stage", "uat", "qa", "test", "testing", "dev", "development",
        "sandbox",
    ]
    /// Processor architectures.
    static let architectures: [StaticString] = ["amd64", "arm64", "x86_64", "aarch64", "arm64v8"]
}
