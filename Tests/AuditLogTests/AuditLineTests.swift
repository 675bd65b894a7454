import AuditLog
import Foundation
import JSON
import Testing

/// The forms in which audit logs are stored and exported.
@Suite struct AuditLineTests {
    private static let event =
        #"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a1","verb":"create","requestObject":{"a":[1]}}"#

    /// The event as a JSON string, without quotes.
    private static let escaped = event.replacing("\"", with: "\\\"")

    private func read(_ line: String) -> (AuditLine.Content, [String]) {
        var ids: [String] = []
        let content = AuditLine().read(Array(line.utf8).span) { ids.append($0["auditID"]?.string ?? "") }
        return (content, ids)
    }

    @Test(arguments: [
        event,
        "  \(event)\r",
        "\u{FEFF}\(event)",
        "\(event),",
        "2026-11-23T10:00:00.000Z \(event)",
        #"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[\#(event)]}"#,
        "[\(event)]",
        // aws logs filter-log-events.
        #"{"events":[{"logStreamName":"s","timestamp":1,"message":"\#(escaped)"}],"searchedLogStreams":[]}"#,
        #"{"timestamp":1,"message":"\#(escaped)"}"#,
        // CloudWatch Logs Insights.
        #"{"results":[[{"field":"@timestamp","value":"2026"},{"field":"@message","value":"\#(escaped)"}]],"status":"Complete"}"#,
        #"{"results":[[{"field":"@message","value":\#(event)}]]}"#,
        #"{"@timestamp":"2026","@message":\#(event)}"#,
        #"[{"@timestamp":"2026","@message":"\#(escaped)"}]"#,
        // A subscription of CloudWatch Logs.
        #"{"messageType":"DATA_MESSAGE","logEvents":[{"id":"1","message":"\#(escaped)"}]}"#,
        // CSV files of Insights and Athena.
        #"2026-11-23 10:00:00.000,"\#(event.replacing("\"", with: "\"\""))""#,
        #""\#(event.replacing("\"", with: "\"\""))""#,
        #""2026-11-23 10:00:00.000","kube-apiserver-audit-0","\#(event.replacing("\"", with: "\"\""))""#,
        // aws logs tail, with the name of a stream.
        "2026-11-23T10:00:00.000000+00:00 kube-apiserver-audit-0123456789abcdef0123456789abcdef \(event)",
        // aws logs filter-log-events --query 'events[].message'.
        #"["\#(escaped)"]"#,
        #""\#(escaped)","#,
    ])
    func `an event is found in`(_ line: String) {
        let (content, ids) = read(line)
        #expect(content == .events)
        #expect(ids == ["a1"])
    }

    @Test(arguments: ["", "   ", "@timestamp,@message", "[]"])
    func `lines without content are no errors`(_ line: String) {
        #expect(read(line) == (.around, []))
    }

    @Test(arguments: [
        String(event.dropLast(9)), #"2026-11-23T10:00:00Z {"kind":"Ev"#, #"{"message":"{\"kind\":\"Ev"}"#,
    ])
    func `an event that is cut off is damaged`(_ line: String) {
        #expect(read(line) == (.damaged, []))
    }

    @Test func `an event that is cut off beside others is found without its objects`() {
        let head = String(Self.escaped.prefix { $0 != "[" })
        let whole = #"{"message":"\#(Self.escaped)"}"#
        let reader = AuditLine()
        var ids: [String] = []
        let line = #"{"events":[\#(whole),{"message":"\#(head)"},\#(whole),{"message":"{\"kind\":\"Ev"}]}"#
        let content = reader.read(Array(line.utf8).span) { ids.append($0["auditID"]?.string ?? "") }
        #expect(content == .events && ids == ["a1", "a1"])
        let event = Self.event.replacing(
            #""requestObject":{"a":[1]}"#, with: #""annotations":{"audit.k8s.io/truncated":"true"}"#)
        #expect(reader.cut.map { String(decoding: $0, as: UTF8.self) } == [event, ""])
        _ = reader.read(Array(whole.utf8).span) { _ in }
        #expect(reader.cut.isEmpty)
    }

    @Test(arguments: [
        "I1123 10:00:00 started", #"{"kind":"Pod","apiVersion":"v1"}"#, #"{"a":1}"#, "}", #""a": 1,"#,
        #"{"kind":"Event","apiVersion":"v1"}"#, #"{"kind":"EventList","items":[{"kind":"Event","apiVersion":"v1"}]}"#,
    ])
    func `other lines are foreign`(_ line: String) {
        #expect(read(line) == (.foreign, []))
    }

    @Test func `a message in a message in a message is not followed forever`() {
        var line = #"{"message":"x"}"#
        for _ in 0..<6 { line = #"{"message":"\#(line.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))"}"# }
        #expect(read(line) == (.foreign, []))
    }
}
