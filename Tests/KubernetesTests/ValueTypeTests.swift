import JSON
import Kubernetes
import TestSupport
import Testing

@Suite struct IntOrPercentTests {
    @Test(arguments: [("50%", 50), ("0%", 0), ("100%", 100), ("150%", 150), ("1%", 1)])
    func `a percentage is digits and a percent sign`(_ text: String, _ share: Int) {
        #expect(IntOrPercent(percent: text) == .percent(share))
    }

    @Test(arguments: ["", "%", "1", "50", "-1%", "+1%", "1.5%", "50 %", "5%0", "99999999999999999999%", "%50"])
    func `other texts are not percentages`(_ text: String) {
        #expect(IntOrPercent(percent: text) == nil)
    }

    @Test(arguments: [
        (IntOrPercent.percent(50), 3, 2), (.percent(50), 4, 2), (.percent(1), 2, 1), (.percent(0), 7, 0),
        (.percent(100), 7, 7),
        (.percent(34), 3, 2), (.int(2), 7, 2), (.percent(10), 0, 0), (.percent(Int.max), 7, Int.max),
    ])
    func `a percentage of a total is rounded up, without overflow`(_ value: IntOrPercent, _ total: Int, _ count: Int) {
        #expect(value.scaled(of: total) == count)
    }

    @Test func `0 and 100 percent are recognized for any total`() {
        #expect(IntOrPercent.int(0).isZero && IntOrPercent.percent(0).isZero && !IntOrPercent.percent(1).isZero)
        #expect(IntOrPercent.percent(100).isAll && !IntOrPercent.percent(99).isAll && !IntOrPercent.int(100).isAll)
    }
}

@Suite struct TimestampTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2000-03-01T00:00:00Z", 951_868_800), ("2026-11-23T12:00:00Z", 1_795_435_200),
            ("2026-11-23T14:00:00+02:00", 1_795_435_200), ("2026-11-23T06:30:00-05:30", 1_795_435_200),
            ("2026-11-23T12:00:00.987Z", 1_795_435_200), ("2024-02-29T23:59:59Z", 1_709_251_199),
            ("1969-12-31T23:59:59Z", -1),
            ("2016-12-31T23:59:60Z", 1_483_228_800), ("0001-01-01T00:00:00Z", -62_135_596_800),
        ] as [(String, Int64)])
    func `a timestamp is parsed to seconds since 1970`(_ text: String, _ seconds: Int64) {
        #expect(Timestamp(text)?.seconds == seconds)
    }

    @Test(arguments: [
        "", "2026-11-23", "2026-11-23T12:00:00", "2026-11-23 12:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-11-31T00:00:00Z", "2026-11-23T24:00:00Z",
        "2026-11-23T12:60:00Z",
        "2026-11-23T12:00:00.Z", "2026-11-23T12:00:00+0200", "2026-11-23T12:00:00Zx", "26-11-23T12:00:00Z",
        "2026-1-23T12:00:00Z",
    ])
    func `texts that RFC 3339 does not allow are rejected`(_ text: String) { #expect(Timestamp(text) == nil) }

    @Test func `a date covers a whole day`() {
        #expect(Timestamp(startOf: "2027-01-31")?.description == "2027-01-31T00:00:00Z")
        #expect(Timestamp(endOf: "2027-01-31")?.description == "2027-01-31")
        #expect(Timestamp(endOf: "2027-01-31")?.seconds == 1_801_439_999)
        #expect(Timestamp(endOf: "2027-01-31T10:00:00Z")?.description == "2027-01-31T10:00:00Z")
        #expect(Timestamp(endOf: "31.1.2027") == nil)
    }
}

@Suite struct LabelSelectorTests {
    private func selector(_ yaml: String) throws -> LabelSelector {
        let document = try Document(parsing: Array(Literal(yaml: yaml).json.utf8))
        return try withExtendedLifetime(document) { try LabelSelector(document.root) }
    }

    private let labels = Labels(["app": "web", "tier": "front"])

    @Test(arguments: [
        ("{}", true), ("{matchLabels: {app: web}}", true), ("{matchLabels: {app: web, tier: front}}", true),
        ("{matchLabels: {app: web, zone: a}}", false), ("{matchLabels: {app: api}}", false),
        ("{matchExpressions: [{key: app, operator: In, values: [api, web]}]}", true),
        ("{matchExpressions: [{key: app, operator: In, values: [api]}]}", false),
        ("{matchExpressions: [{key: zone, operator: In, values: [a]}]}", false),
        ("{matchExpressions: [{key: app, operator: NotIn, values: [web]}]}", false),
        ("{matchExpressions: [{key: app, operator: NotIn, values: [api]}]}", true),
        ("{matchExpressions: [{key: zone, operator: NotIn, values: [a]}]}", true),
        ("{matchExpressions: [{key: app, operator: Exists}]}", true),
        ("{matchExpressions: [{key: zone, operator: Exists}]}", false),
        ("{matchExpressions: [{key: zone, operator: DoesNotExist}]}", true),
        ("{matchExpressions: [{key: app, operator: DoesNotExist}]}", false),
        ("{matchLabels: {app: web}, matchExpressions: [{key: tier, operator: In, values: [back]}]}", false),
        ("{matchLabels: null, matchExpressions: null}", true),
    ])
    func `matchLabels and matchExpressions must all match`(_ yaml: String, _ matches: Bool) throws {
        #expect(try selector(yaml).matches(labels) == matches)
    }

    @Test func `the part of a selector that does not match is named`() throws {
        #expect(try selector("{matchLabels: {app: web, zone: a}}").mismatch(with: labels) == "zone=a")
        #expect(
            try selector("{matchExpressions: [{key: app, operator: NotIn, values: [web, api]}]}").mismatch(with: labels)
                == "app notin (web, api)")
    }

    @Test(arguments: [
        "[]", "{matchLabels: []}", "{matchLabels: {a: 1}}", "{matchExpressions: {}}",
        "{matchExpressions: [{key: a, operator: Is}]}", "{matchExpressions: [{operator: Exists}]}",
        "{matchExpressions: [{key: a}]}", "{matchExpressions: [{key: a, operator: In, values: [1]}]}",
    ])
    func `a selector with fields of the wrong type is malformed`(_ yaml: String) {
        #expect(throws: CannotEvaluate.self) { try selector(yaml) }
    }
}

/// The YAML that an object is written as.
@Suite struct ManifestTests {
    @Test(arguments: [
        ("a: b", "a: b"), ("{a: {b: c}}", "a: {b: c}"), ("{a: [1, 2]}", "a: [1, 2]"), ("{a: 'true'}", "a: \"true\""),
        ("{a: 'yes'}", "a: \"yes\""), ("{a: '1'}", "a: \"1\""), ("{a: 512Mi}", "a: 512Mi"),
        ("{a: 'b: c'}", "a: \"b: c\""),
        ("{a: ''}", "a: \"\""), ("{a: null}", "a: null"), ("{app.kubernetes.io/name: x}", "app.kubernetes.io/name: x"),
        ("{a: [{b: 1, c: {d: 2}}]}", "a:\n- b: 1\n  c: {d: 2}"),
    ])
    func `an object is written in plain YAML style and reads back as the same value`(
        _ source: String, _ written: String
    ) throws {
        let literal = try Literal(yaml: source)
        #expect(literal.yaml == written)
        #expect(try Literal(yaml: literal.yaml) == literal)
    }

    @Test func `every string reads back as the same string`() throws {
        for text in [
            "~", "null", "y", "on", "0x1f", "1e3", "1_000", "012", "-", "- a", "a #b", "#", "&a", "*a", "!a", "%", "@",
            "`", "\"", "'", "\\", "é", "a\nb", "\t", "0.5", ".5", "<<", "=", "500m", "1Gi", "12:30", "2027-01-31",
            "\u{7F}", "\u{85}", "\u{9B}", "\u{2028}", "\u{202E}", "\u{FEFF}", "\u{FFFE}", "\u{FFFF}",
        ] {
            let literal: Literal = ["k": .string(text), "l": [.string(text)]]
            #expect(try Literal(yaml: literal.yaml) == literal, "\(text)")
            #expect(try Literal(yaml: literal.flow) == literal, "\(text)")
        }
    }

    @Test func `control characters are escaped`() {
        let literal: Literal = ["a": "\u{1B}\u{7F}\u{85}\u{202E}é\u{2028}\n"]
        #expect(literal.yaml == #"a: "\u001b\u007f\u0085\u202eé\u2028\n""#)
    }
}
