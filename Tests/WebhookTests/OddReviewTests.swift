import Evaluation
import HTTP
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing
import Webhook

/// Reviews with a uid that cannot be evaluated are denied.
@Suite struct OddReviewTests {
    private func post(
        _ body: String, to path: String = "/validate", isTruncated: Bool = false, _ environment: [String: String] = [:]
    ) throws -> Response {
        let settings = try Settings(environment: environment)
        let context = Context(settings: settings, now: Timestamp(seconds: 1_795_435_200))
        let head = RequestHead(method: .post, path: path, mediaType: .json)
        do throws(Rejection) {
            return try Admission(evaluator: Evaluator(settings)).answer(
                Request(head: head, isBodyTruncated: isTruncated), body: Array(body.utf8).span, in: context
            ).response
        } catch {
            return error.response
        }
    }

    private func response(
        _ body: String, to path: String = "/validate", isTruncated: Bool = false, _ environment: [String: String] = [:]
    ) throws -> Literal {
        let response = try post(body, to: path, isTruncated: isTruncated, environment)
        #expect(response.status == 200)
        return try #require(try Literal(json: response.body)["response"])
    }

    private static let configMap = #"{"metadata":{"name":"a"},"data":{"a":"b"}}"#

    /// A review of a ConfigMap; each member of the request is JSON, and nil omits it.
    private static func review(_ members: [(String, String?)]) -> String {
        var all: [(String, String?)] = [
            ("uid", #""u-1""#), ("kind", #"{"group":"","version":"v1","kind":"ConfigMap"}"#),
            ("operation", #""CREATE""#), ("namespace", #""shop""#), ("object", configMap), ("oldObject", "null"),
        ]
        for (name, value) in members {
            all.removeAll { $0.0 == name }
            all.append((name, value))
        }
        let request = all.compactMap { name, value in value.map { "\"\(name)\":\($0)" } }.joined(separator: ",")
        return #"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{\#(request)}}"#
    }

    /// A request with malformed members, and the expected message.
    struct Odd: Sendable {
        var members: [(String, String?)]
        var reason: String

        init(_ reason: String, _ members: (String, String?)...) {
            self.reason = reason
            self.members = members
        }
    }

    private static let withoutObject: [Odd] = [
        Odd("request.object is missing; CREATE needs an object", ("object", "null")),
        Odd("request.object is missing; CREATE needs an object", ("object", nil)),
        Odd("request.object is missing; UPDATE needs an object", ("operation", #""UPDATE""#), ("object", "null")),
        Odd("request.object is missing; UPDATE needs an object", ("operation", #""UPDATE""#), ("object", nil)),
    ]

    private static let withOtherObject: [Odd] = ["a string", "an array", "a number", "a boolean"].flatMap { name in
        let value = ["a string": #""text""#, "an array": "[{}]", "a number": "5", "a boolean": "true"][name]
        let reason = "Object is \(name); it must be an object"
        return [
            Odd("request.object is \(name); it must be an object", ("object", value)),
            Odd("request.old" + reason, ("operation", #""UPDATE""#), ("oldObject", value)),
            Odd("request.old" + reason, ("operation", #""DELETE""#), ("object", "null"), ("oldObject", value)),
        ]
    }

    private static let withOtherMembers: [Odd] = [
        Odd("request.operation is not CREATE, UPDATE, DELETE or CONNECT", ("operation", #""MAKE""#)),
        Odd("request.operation is not CREATE", ("operation", "1")),
        Odd("request.operation is not CREATE", ("operation", nil)),
        Odd("request.kind.kind is missing or not a string", ("kind", nil)),
        Odd("request.kind.kind is missing or not a string", ("kind", #""ConfigMap""#)),
        Odd("request.kind.group is a number; it must be a string", ("kind", #"{"group":5,"kind":"ConfigMap"}"#)),
        Odd("request.kind.group is an array; it must be a string", ("kind", #"{"group":[],"kind":"Deployment"}"#)),
        Odd("request.namespace is a number; it must be a string", ("namespace", "5")),
        Odd("request.name is an object; it must be a string", ("name", "{}")),
        Odd("request.subResource is a number; it must be a string", ("subResource", "5")),
        Odd("request.resource is a string; it must be an object", ("resource", #""configmaps""#)),
        Odd("request.resource.resource is a number; it must be a string", ("resource", #"{"resource":5}"#)),
        Odd("request.userInfo is a string; it must be an object", ("userInfo", #""amy""#)),
        Odd("request.userInfo.username is an array; it must be a string", ("userInfo", #"{"username":["amy"]}"#)),
        Odd("request.userInfo.groups is a string; it must be an array", ("userInfo", #"{"groups":"system:nodes"}"#)),
        Odd("request.dryRun is a string; it must be a boolean", ("dryRun", #""true""#)),
    ]

    @Test(arguments: withoutObject + withOtherObject + withOtherMembers)
    func `a request with malformed members is denied with its uid`(_ odd: Odd) throws {
        let (body, reason) = (OddReviewTests.review(odd.members), odd.reason)
        var answer = try response(body)
        #expect(answer["uid"] == "u-1" && answer["allowed"] == false)
        #expect(answer["status"]?["code"] == 422 && answer["status"]?["reason"] == "Invalid")
        #expect(answer["status"]?["message"]?.text?.hasPrefix("the review cannot be evaluated: \(reason)") == true)
        answer = try response(body, ["PLAYBOOK_MODE": "dry-run"])
        #expect(answer["uid"] == "u-1" && answer["allowed"] == true)
        #expect(answer["warnings"]?.json.contains(reason) == true)
        answer = try response(body, to: "/mutate")
        #expect(answer["uid"] == "u-1" && answer["allowed"] == true)
        #expect(answer["patch"] == nil && answer["patchType"] == nil)
    }

    private static let usual: [Odd] = [
        // API servers before 1.15 sent no object with a deletion, and a deletion is never denied.
        Odd("", ("operation", #""DELETE""#), ("object", "null"), ("oldObject", "null")),
        Odd("", ("operation", #""DELETE""#), ("object", nil), ("oldObject", nil)),
        Odd("", ("operation", #""DELETE""#), ("object", "null"), ("oldObject", configMap)),
        Odd("", ("operation", #""CONNECT""#), ("subResource", #""exec""#), ("object", "null")),
        Odd("", ("operation", #""UPDATE""#), ("oldObject", "null")),
        Odd(
            "", ("kind", #"{"group":"policy","version":"v1","kind":"Eviction"}"#), ("subResource", #""eviction""#),
            ("object", #"{"metadata":{"name":"a"}}"#)),
        Odd(
            "", ("kind", #"{"group":"authentication.k8s.io","version":"v1","kind":"TokenRequest"}"#),
            ("subResource", #""token""#), ("object", #"{"spec":{}}"#)),
        Odd("", ("namespace", "null"), ("name", "null"), ("subResource", "null"), ("userInfo", "null")),
        Odd("", ("kind", #"{"kind":"ConfigMap"}"#), ("dryRun", "null")),
        Odd("", ("dryRun", "true")),
    ]

    @Test(arguments: usual)
    func `members that API servers omit do not cause a denial`(_ usual: Odd) throws {
        let answer = try response(OddReviewTests.review(usual.members))
        #expect(answer["uid"] == "u-1" && answer["allowed"] == true)
    }

    @Test func `a change without the old object is evaluated as if the object were new`() throws {
        let password = #"{"metadata":{"name":"a"},"data":{"DB_PASSWORD":"xK7f9QpL2mVt"}}"#
        let update = OddReviewTests.review([("operation", #""UPDATE""#), ("object", password)])
        #expect(try response(update)["status"]?["code"] == 403)
        let same: [(String, String?)] = [
            ("operation", #""UPDATE""#), ("object", password), ("oldObject", password),
        ]
        #expect(try response(OddReviewTests.review(same))["allowed"] == true)
    }

    // MARK: Limits

    /// A review whose object has this number of nodes.
    private func review(nodes: Int, uidFirst: Bool) -> String {
        // 23 nodes are in the envelope and around the list.
        let list = Array(repeating: "1", count: nodes - 23).joined(separator: ",")
        let uid = #""uid":"u-1","#
        return #"{"apiVersion":"admission.k8s.io/v1","request":{\#(uidFirst ? uid : "")"operation":"CREATE","#
            + #""kind":{"group":"","kind":"ConfigMap"},"object":{"x":[\#(list)]},"#
            + (uidFirst ? "" : uid) + #""name":"a"},"kind":"AdmissionReview"}"#
    }

    @Test(arguments: [true, false])
    func `a review with too many values is denied, also if its uid is at the end`(uidFirst: Bool) throws {
        #expect(try response(review(nodes: 2_000_000, uidFirst: uidFirst))["allowed"] == true)
        let body = review(nodes: 2_000_002, uidFirst: uidFirst)
        var answer = try response(body)
        #expect(answer["uid"] == "u-1" && answer["allowed"] == false && answer["status"]?["code"] == 422)
        #expect(answer["status"]?["message"]?.text?.contains("more than 2000000 keys and values") == true)
        answer = try response(body, to: "/mutate")
        #expect(answer["uid"] == "u-1" && answer["allowed"] == true && answer["patch"] == nil)
    }

    @Test(arguments: ["[", #"{"a":"#])
    func `a review with too many values and no uid is an HTTP error`(_ start: String) throws {
        let list = "[\(Array(repeating: "1", count: 2_000_001).joined(separator: ","))]"
        #expect(try post(start + list).status == 422)
        #expect(try post(start + list, isTruncated: true).status == 413)
    }

    @Test(arguments: [(1 << 20, true), (2 << 20, false)])
    func `a large object is evaluated, but not patched`(_ bytes: Int, _ isPatched: Bool) throws {
        let text = try Fixtures.text("reviews/023-create-deployment-catalogue.json")
        let parts = text.split(separator: #""annotations":{"#, maxSplits: 1)
        let (start, end) = (String(try #require(parts.first)), String(try #require(parts.last)))
        let pad = String(repeating: "x", count: bytes)
        let body = start + "\"annotations\":{\"pad\":\"" + pad + "\"," + end
        let answer = try response(body, to: "/mutate")
        #expect(answer["allowed"] == true)
        #expect((answer["patch"] != nil) == isPatched)
        #expect(try response(body)["status"]?["code"] == 403)
    }
}
