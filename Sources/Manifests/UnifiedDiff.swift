/// The difference of two texts in the format of `diff -u`.
public enum UnifiedDiff {
    /// Creates the diff; empty if the texts are the same.
    ///
    /// - Parameters:
    ///   - old: The old text.
    ///   - new: The new text.
    ///   - path: The file's path.
    /// - Returns: A header and hunks with three lines of context.
    public static func text(_ old: [UInt8], _ new: [UInt8], path: String) -> String {
        guard old != new else { return "" }
        let before = lines(old)
        let after = lines(new)
        let steps = steps(from: before, to: after)
        var text = "--- \(path)\n+++ \(path)\n"
        for hunk in hunks(steps) { text += hunk.text(before, after) }
        return text
    }

    private static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var result: [ArraySlice<UInt8>] = []
        var start = 0
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
            result.append(bytes[start...index])
            start = index + 1
        }
        if start < bytes.count { result.append(bytes[start...]) }
        return result
    }

    /// A line that stays, is removed, or is added, with its index before and after.
    private enum Step {
        case keep(Int, Int), remove(Int, Int), add(Int, Int)
    }

    /// The shortest edit script (Myers, "An O(ND) Difference Algorithm").
    private static func steps(from old: [ArraySlice<UInt8>], to new: [ArraySlice<UInt8>]) -> [Step] {
        let prefix = zip(old, new).prefix { $0.elementsEqual($1) }.count
        let most = min(old.count, new.count) - prefix
        let suffix = zip(old.reversed(), new.reversed()).prefix { $0.elementsEqual($1) }.prefix(most).count
        let middle = trace(Array(old[prefix..<old.count - suffix]), Array(new[prefix..<new.count - suffix]))
        var steps = (0..<prefix).map { Step.keep($0, $0) }
        for step in middle {
            switch step {
            case .keep(let x, let y): steps.append(.keep(x + prefix, y + prefix))
            case .remove(let x, let y): steps.append(.remove(x + prefix, y + prefix))
            case .add(let x, let y): steps.append(.add(x + prefix, y + prefix))
            }
        }
        for index in 0..<suffix { steps.append(.keep(old.count - suffix + index, new.count - suffix + index)) }
        return steps
    }

    private static func trace(_ old: [ArraySlice<UInt8>], _ new: [ArraySlice<UInt8>]) -> [Step] {
        // For each diagonal x - y, the furthest place in the old text; one entry for each number of differences.
        var furthest = [1: 0]
        var history: [[Int: Int]] = []
        search: for differences in 0...(old.count + new.count) {
            // For very different texts, all old lines precede all new ones.
            guard differences <= 1000 else {
                return old.indices.map { .remove($0, 0) } + new.indices.map { .add(old.count, $0) }
            }
            history.append(furthest)
            for diagonal in stride(from: -differences, through: differences, by: 2) {
                let isDown = isDown(diagonal, differences, furthest)
                var x = isDown ? furthest[diagonal + 1, default: 0] : furthest[diagonal - 1, default: 0] + 1
                while x < old.count, x - diagonal < new.count, old[x].elementsEqual(new[x - diagonal]) { x += 1 }
                furthest[diagonal] = x
                if x >= old.count, x - diagonal >= new.count { break search }
            }
        }
        return way(through: history, to: (old.count, new.count))
    }

    private static func isDown(_ diagonal: Int, _ differences: Int, _ furthest: [Int: Int]) -> Bool {
        diagonal == -differences
            || diagonal != differences && furthest[diagonal - 1, default: 0] < furthest[diagonal + 1, default: 0]
    }

    private static func way(through history: [[Int: Int]], to end: (Int, Int)) -> [Step] {
        var steps: [Step] = []
        var (x, y) = end
        for (differences, furthest) in history.enumerated().reversed() {
            let isDown = isDown(x - y, differences, furthest)
            let previous = isDown ? x - y + 1 : x - y - 1
            let (fromX, fromY) = (furthest[previous, default: 0], furthest[previous, default: 0] - previous)
            while x > fromX, y > fromY {
                (x, y) = (x - 1, y - 1)
                steps.append(.keep(x, y))
            }
            guard differences > 0 else { break }
            (x, y) = (fromX, fromY)
            steps.append(isDown ? .add(x, y) : .remove(x, y))
        }
        return steps.reversed()
    }

    private struct Hunk {
        var steps: [Step] = []

        func text(_ old: [ArraySlice<UInt8>], _ new: [ArraySlice<UInt8>]) -> String {
            var (removed, added) = (0, 0)
            var first: (Int, Int)?
            var body = ""
            for step in steps {
                switch step {
                case .keep(let x, let y):
                    first = first ?? (x, y)
                    (removed, added) = (removed + 1, added + 1)
                    body += Hunk.line(" ", old[x])
                case .remove(let x, let y):
                    first = first ?? (x, y)
                    removed += 1
                    body += Hunk.line("-", old[x])
                case .add(let x, let y):
                    first = first ?? (x, y)
                    added += 1
                    body += Hunk.line("+", new[y])
                }
            }
            let (x, y) = first ?? (0, 0)
            // A side without lines has the number of the line before it.
            let from = "\(x + (removed > 0 ? 1 : 0))\(removed == 1 ? "" : ",\(removed)")"
            let to = "\(y + (added > 0 ? 1 : 0))\(added == 1 ? "" : ",\(added)")"
            return "@@ -\(from) +\(to) @@\n\(body)"
        }

        private static func line(_ sign: String, _ bytes: ArraySlice<UInt8>) -> String {
            let text = sign + String(decoding: bytes, as: UTF8.self)
            return bytes.last == UInt8(ascii: "\n") ? text : text + "\n\\ No newline at end of file\n"
        }
    }

    private static func hunks(_ steps: [Step]) -> [Hunk] {
        let context = 3
        let changes = steps.indices.filter { if case .keep = steps[$0] { false } else { true } }
        var hunks: [Hunk] = []
        var last: Int?
        for change in changes {
            let start = max(0, change - context)
            let end = min(steps.count, change + context + 1)
            if let from = last, start <= from {
                hunks[hunks.count - 1].steps += steps[from..<max(from, end)]
            } else {
                hunks.append(Hunk(steps: Array(steps[start..<end])))
            }
            last = max(last ?? 0, end)
        }
        return hunks
    }
}
