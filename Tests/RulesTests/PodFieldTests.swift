import Evaluation
import Foundation
import Rules
import TestSupport
import Testing

/// Compares `docs/kubernetes-fields.md` with the fields of the pod spec and with the catalogue.
///
/// `scripts/pod-fields.py` writes the list of fields from a copy of Kubernetes' OpenAPI specification.
@Suite struct PodFieldTests {
    /// A row of the page: `| fields | status | rules, or the reason |`.
    private struct Row {
        /// The fields: `a.*` is every field below `a`.
        let patterns: [String]
        let status: String
        let remark: String

        /// The rules that the last cell links to.
        var rules: [String] {
            remark.components(separatedBy: "](rules.md#").dropFirst().map { String($0.prefix { $0 != ")" }) }
        }

        init?(_ line: Substring) {
            guard line.hasPrefix("| `") else { return nil }
            let cells = line.dropFirst(2).dropLast(2).components(separatedBy: " | ")
            guard cells.count == 3 else { return nil }
            patterns = Row.alternatives(of: cells[0].replacing("`", with: ""))
            (status, remark) = (cells[1], cells[2])
        }

        /// The fields that `a{b,c}d` stands for.
        private static func alternatives(of pattern: String) -> [String] {
            guard let start = pattern.firstIndex(of: "{"), let end = pattern[start...].firstIndex(of: "}") else {
                return [pattern]
            }
            return pattern[start..<end].dropFirst().split(separator: ",").flatMap { name in
                alternatives(of: "\(pattern[..<start])\(name)\(pattern[end...].dropFirst())")
            }
        }

        /// Returns whether a pattern matches a field.
        static func covers(_ pattern: String, _ field: Substring) -> Bool {
            field == pattern || pattern.hasSuffix(".*") && field.hasPrefix(pattern.dropLast())
        }
    }

    /// The release of Kubernetes, and the fields of its pod spec.
    private let (version, fields): (Substring, ArraySlice<Substring>)
    private let page: String
    private let rows: [Row]

    init() throws {
        let lines = try Fixtures.text("kubernetes/pod-fields.txt").split(separator: "\n")
        (version, fields) = (try #require(lines.first), lines.dropFirst())
        page = try Fixtures.text("../../docs/kubernetes-fields.md")
        rows = page.split(separator: "\n").compactMap { Row($0) }
    }

    @Test func `each field of the pod spec has one row`() {
        #expect(page.contains("\(version),"), "the page is not about release \(version)")
        let patterns = rows.flatMap(\.patterns)
        for field in fields {
            let found = patterns.filter { Row.covers($0, field) }
            #expect(found.count == 1, "\(field) needs one row, but has \(found)")
        }
    }

    @Test func `each row matches a field of the pod spec`() {
        for pattern in rows.flatMap(\.patterns) {
            #expect(fields.contains { Row.covers(pattern, $0) }, "\(pattern) is not a field of \(version)")
        }
    }

    @Test func `each row has a known status, and rules of the catalogue or a reason`() {
        for row in rows {
            #expect(["read", "not relevant", "open"].contains(row.status), "\(row.patterns)")
            #expect(row.rules.isEmpty == (row.status == "not relevant"), "\(row.patterns)")
            #expect(!row.remark.isEmpty, "\(row.patterns)")
            for rule in row.rules {
                #expect(Catalogue.playbook[rule] != nil, "\(rule) is not in the catalogue: \(row.patterns)")
            }
        }
    }
}
