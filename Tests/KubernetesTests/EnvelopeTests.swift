import Testing

@testable import Kubernetes

/// The apiVersion and uid of an AdmissionReview, which are found without parsing the object.
@Suite struct EnvelopeTests {
    private func envelope(_ text: String) -> Envelope? { Envelope(scanning: Array(text.utf8).span) }

    private static let members = [
        #""kind":"AdmissionReview""#, #""apiVersion":"admission.k8s.io/v1""#,
        #""request":{"uid":"u-1","object":{"kind":"Pod","uid":"other","a":["uid","other",{"request":{"uid":"other"}}]}}"#,
    ]

    @Test(arguments: [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
    func `the members of a review can have any order`(_ order: [Int]) {
        let text = "{ \(order.map { EnvelopeTests.members[$0] }.joined(separator: " ,\n")) }"
        #expect(envelope(text) == Envelope(apiVersion: "admission.k8s.io/v1", uid: "u-1"))
    }

    @Test func `a uid after the object is found`() {
        let object = #"{"a":"}]\"\\","uid":"other","b":[[],{},"uid"]}"#
        let text =
            #"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1","request":{"object":\#(object),"uid":"u-1"}}"#
        #expect(envelope(text) == Envelope(apiVersion: "admission.k8s.io/v1beta1", uid: "u-1"))
    }

    @Test func `a truncated review has no uid or the right one`() {
        let text =
            #"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","#
            + #""request":{"object":{"uid":"x"},"uid":"u-\"é","b":1}}"#
        let bytes = Array(text.utf8)
        let end = bytes.count - #","b":1}}"#.utf8.count
        for length in 0...bytes.count {
            let found = Envelope(scanning: Array(bytes[..<length]).span)
            #expect(found?.uid == (length < end ? nil : "u-\"é"), "\(length)")
        }
    }

    @Test(arguments: [
        "", "[]", "{", #"{"kind":"Pod","apiVersion":"admission.k8s.io/v1","request":{"uid":"u"}}"#,
        #"{"kind":"AdmissionReview","apiVersion":"v1","request":{"uid":"u"}}"#,
        #"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":""}}"#,
        #"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":5}}"#,
        #"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":["uid","u"]}"#,
        #"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","object":{"uid":"u"}}"#,
        #"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","uid":"u"}"#,
        #"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"\ud8"}}"#,
        #"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"\#(String(repeating: "u", count: 257))"}}"#,
    ])
    func `a text that is not a review with a uid has no envelope`(_ text: String) { #expect(envelope(text) == nil) }
}
