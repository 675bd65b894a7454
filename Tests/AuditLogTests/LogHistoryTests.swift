import AuditLog
import Foundation
import Testing

/// The requests that a server would have received, and what the log leaves open.
@Suite struct LogHistoryTests {
    private func denied(_ object: String = "Deployment shop/web", by user: String = "dana") -> Log.Decision {
        Log.Decision(object: object, user: user, denied: ["liveness-probe"], warned: [], doubted: [])
    }

    @Test func `a created object is evaluated as it was stored`() throws {
        var log = Log()
        log.add("create", code: 201, request: Log.deployment(image: "b:1"), response: Log.deployment())
        let (decisions, summary) = try log.evaluate()
        #expect(decisions == [denied()])
        #expect(summary.evaluated == 1 && summary.hidden.isEmpty)
    }

    @Test func `an update is compared with the last state in the log`() throws {
        var log = Log()
        log.add("create", code: 201, response: Log.deployment())
        log.add("patch", request: #"{"spec":{"replicas":3}}"#, response: Log.deployment(version: 2, image: "b:1"))
        let decisions = try log.evaluate().decisions
        #expect(decisions.count == 2)
        #expect(decisions.last?.denied == [] && decisions.last?.warned == ["liveness-probe"], "it is existing")
    }

    @Test func `an update without a known state is never denied`() throws {
        var log = Log()
        log.add("update", response: Log.deployment(version: 7))
        let (decisions, summary) = try log.evaluate()
        #expect(decisions.map(\.denied) == [[]])
        #expect(decisions.map(\.doubted) == [["liveness-probe"]])
        #expect(summary.unknown == [.past: 1])
    }

    @Test func `a recreated object is not compared with the one before`() throws {
        var log = Log()
        log.add("create", code: 201, response: Log.deployment())
        log.add("update", response: Log.deployment(version: 9, uid: "u2"))
        #expect(try log.evaluate().summary.unknown == [.past: 1])
    }

    @Test func `an update that creates the object is a CREATE`() throws {
        var log = Log()
        log.add("patch", code: 201, response: Log.deployment())
        #expect(try log.evaluate().decisions == [denied()])
    }

    @Test func `events are put in order by time, and duplicates are dropped`() throws {
        var log = Log()
        log.add("update", response: Log.deployment(version: 2, image: "b:1"), second: 20)
        log.add("create", code: 201, response: Log.deployment(), id: "first", second: 10)
        log.add("create", code: 201, response: Log.deployment(), id: "first", second: 10)
        let (decisions, summary) = try log.evaluate()
        #expect(decisions.map(\.denied) == [["liveness-probe"], []])
        #expect(summary.duplicates == 1)
    }

    @Test func `an older event does not replace a newer state`() throws {
        var log = Log()
        log.add("create", code: 201, response: Log.deployment(version: 5))
        log.add("update", response: Log.deployment(version: 3, image: "b:1"))
        log.add("update", response: Log.deployment(version: 6, image: "c:1"))
        let (decisions, summary) = try log.evaluate()
        #expect(summary.outOfOrder == 1)
        #expect(decisions.last?.warned == ["liveness-probe"])
    }

    @Test func `requests that failed are no writes`() throws {
        var log = Log()
        log.add("update", code: 409, response: #"{"kind":"Status"}"#)
        log.add("create", code: 404, response: #"{"kind":"Status"}"#)
        // RBAC refused it before admission.
        log.add(
            "create", code: 403, request: Log.deployment(), annotations: #"{"authorization.k8s.io/decision":"forbid"}"#)
        let (decisions, summary) = try log.evaluate()
        #expect(decisions.isEmpty)
        #expect(summary.failed == 3)
    }

    @Test func `what another webhook refused is counted apart`() throws {
        var log = Log()
        log.add("create", code: 403, request: Log.deployment(), response: #"{"kind":"Status"}"#)
        log.add(
            "create", code: 400, request: Log.deployment(), message: #"admission webhook \"a\" denied the request: no"#)
        log.add("patch", code: 403, request: #"{"kind":"Deployment"}"#)
        let (decisions, summary) = try log.evaluate()
        #expect(decisions.isEmpty)
        #expect(summary.refused == 2 && summary.refusedAndDenied == 2)
        #expect(summary.obstacles == [.refusedPatch: 1])
    }

    @Test func `a patch is never taken for the object`() throws {
        var log = Log()
        log.add("patch", request: Log.deployment(), level: "Request")
        let (decisions, summary) = try log.evaluate()
        #expect(decisions.isEmpty)
        #expect(summary.hidden["Deployment (apps)"]?.writes == 1)
    }

    @Test func `kinds at level Metadata are counted with the rules that need them`() throws {
        var log = Log()
        log.add("create", "configmaps", "a", group: "", code: 201, level: "Metadata")
        log.add("update", "configmaps", "a", group: "", level: "Metadata")
        log.add("get", "configmaps", "a", group: "", level: "Metadata")
        log.add("create", "leases", "a", group: "coordination.k8s.io", level: "Metadata")
        let summary = try log.evaluate(["default-namespace": "deny", "liveness-probe": "deny"]).summary
        #expect(summary.hidden.mapValues(\.writes) == ["ConfigMap": 2])
        #expect(summary.hidden["ConfigMap"]?.rules == ["default-namespace"])
        #expect(summary.reads == 1 && summary.notCovered == 1)
    }

    @Test func `a change that the log does not show makes the old state unknown`() throws {
        var log = Log()
        log.add("create", code: 201, response: Log.deployment())
        log.add("update", level: "Metadata")
        log.add("update", response: Log.deployment(version: 3, image: "b:1"))
        #expect(try log.evaluate().summary.unknown == [.past: 1])
    }

    @Test func `the deletion of a Namespace's objects hides no revisions of others, that of selected ones does`() throws
    {
        for (query, isKnown) in [("", true), ("?labelSelector=app%3Dx", false)] {
            var log = Log()
            log.add("create", code: 201, response: Log.deployment(image: "a:1.0.0"))
            addReplicaSet("web-1", image: "a:1.0.0", version: 2, to: &log)
            let other = log.lines[1].replacing(#""namespace":"shop""#, with: #""namespace":"other""#)
                .replacing(#""auditID":"id-2""#, with: #""auditID":"id-other""#)
            log.lines.append(other)
            log.add("deletecollection", "replicasets", "", query: query)
            log.lines[3] = log.lines[3].replacing(#""namespace":"shop""#, with: #""namespace":"other""#)
            log.add("update", response: Log.deployment(version: 3, image: "a:latest"))
            let decision = try #require(try log.evaluate(Self.imageTag).decisions.last)
            #expect((decision.denied == ["image-tag"]) == isKnown)
            #expect((decision.doubted == ["image-tag"]) == !isKnown)
        }
    }

    /// The log of a Deployment that gets a bad image and later goes back to it.
    private func rolledBack() -> Log {
        var log = Log()
        log.add("create", code: 201, response: Log.deployment(image: "a:1.0.0"))
        addReplicaSet("web-1", image: "a:1.0.0", version: 2, to: &log)
        log.add("update", response: Log.deployment(version: 3, image: "a:latest"))
        addReplicaSet("web-2", image: "a:latest", version: 4, to: &log)
        log.add("update", response: Log.deployment(version: 5, image: "a:1.0.0"))
        log.add("update", response: Log.deployment(version: 6, image: "a:latest"))
        return log
    }

    @Test func `an event that is cut off hides a revision as one does that is truncated`() throws {
        let whole = try #require(try rolledBack().evaluate(Self.imageTag).decisions.last)
        #expect(whole.warned == ["image-tag"] && whole.denied.isEmpty, "an earlier template")
        // Within the object, and before the name.
        for kept in ["containers", "username"] {
            var log = rolledBack()
            log.lines[3] = try #require(log.lines[3].components(separatedBy: kept).first)
            let (decisions, summary) = try log.evaluate(Self.imageTag)
            let last = try #require(decisions.last)
            #expect(last.denied.isEmpty && last.doubted == ["image-tag"], "\(last)")
            #expect(summary.damagedLines == 1)
        }
    }

    @Test func `an update that is cut off makes the old state unknown`() throws {
        var log = Log()
        log.add("create", code: 201, response: Log.deployment(image: "a:1.0.0"))
        log.add("update", response: Log.deployment(version: 2, image: "a:latest"))
        log.add("update", response: Log.deployment(version: 3, replicas: 5, image: "a:latest"))
        log.lines[1] = String(log.lines[1].dropLast(300))
        let (decisions, summary) = try log.evaluate(Self.imageTag)
        #expect(decisions.last?.denied == [] && summary.unknown == [.past: 1])
        #expect(summary.damagedLines == 1 && summary.obstacles.isEmpty)
    }

    @Test func `a status takes no memory of the states`() throws {
        var log = Log()
        let status = #""status":{"message":"\#(String(repeating: "x", count: 20_000))"}"#
        for number in 1...100 {
            let object = Log.deployment("web-\(number)", uid: "u\(number)")
                .replacing(#""status":{"replicas":1}"#, with: status)
                .replacing(#""manager":"kubectl""#, with: #""manager":"\#(String(repeating: "y", count: 20_000))""#)
            log.add("create", "deployments", "web-\(number)", code: 201, response: object)
        }
        #expect(try log.evaluate(limit: 400_000).summary.droppedStates == 0)
        #expect(try log.evaluate(limit: 100_000).summary.droppedStates > 0)
    }

    @Test func `truncated events are counted`() throws {
        var log = Log()
        log.add("create", code: 201, annotations: #"{"audit.k8s.io/truncated":"true"}"#)
        #expect(try log.evaluate().summary.obstacles == [.truncated: 1])
    }

    @Test func `other stages and status updates are not evaluated`() throws {
        var log = Log()
        log.add("create", response: Log.deployment(), stage: "RequestReceived")
        log.add("patch", subresource: "status", response: Log.deployment(version: 2))
        let (decisions, summary) = try log.evaluate()
        #expect(decisions.isEmpty && summary.reads == 1 && summary.notCovered == 1)
    }

    @Test func `a dry run changes no state`() throws {
        var log = Log()
        log.add("create", code: 201, response: Log.deployment(), query: "?dryRun=All&fieldManager=kubectl")
        log.add("update", response: Log.deployment(version: 2))
        #expect(try log.evaluate().summary.unknown == [.past: 1])
    }

    @Test func `a Scale is compared with the count of its workload`() throws {
        func scale(_ count: Int) -> String {
            """
            {"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"web","namespace":"shop"},\
            "spec":{"replicas":\(count)}}
            """
        }
        var log = Log()
        log.add("create", code: 201, response: Log.deployment(replicas: 3))
        log.add("patch", subresource: "scale", response: scale(1))
        log.add("patch", subresource: "scale", response: scale(1))
        let decisions = try log.evaluate(["replicas": "deny"]).decisions
        #expect(decisions.map(\.denied) == [[], ["replicas"], []], "3, then 1, then still 1")
        var unknown = Log()
        unknown.add("patch", subresource: "scale", response: scale(1))
        #expect(try unknown.evaluate(["replicas": "deny"]).summary.unknown == [.past: 1])
    }

    @Test func `a missing related object is never certain`() throws {
        func budget(_ app: String) -> String {
            """
            {"kind":"PodDisruptionBudget","apiVersion":"policy/v1","metadata":{"name":"\(app)","namespace":"shop","uid":"p","resourceVersion":"1"},\
            "spec":{"maxUnavailable":1,"selector":{"matchLabels":{"app":"\(app)"}}}}
            """
        }
        let levels = ["pod-disruption-budget": "deny"]
        let further = ["PLAYBOOK_COMPANION_GRACE": "0s"]
        var log = Log()
        log.add("create", code: 201, response: Log.deployment())
        #expect(try log.evaluate(levels, further).decisions.map(\.denied) == [[]], "the log shows no budgets")
        var other = Log()
        other.add("create", "poddisruptionbudgets", "api", group: "policy", code: 201, response: budget("api"))
        other.add("create", code: 201, response: Log.deployment())
        let (decisions, summary) = try other.evaluate(levels, further)
        #expect(decisions.last?.denied == [] && decisions.last?.doubted == ["pod-disruption-budget"])
        #expect(summary.unknown == [.relatedObject: 1])
        var found = Log()
        found.add("create", "poddisruptionbudgets", "web", group: "policy", code: 201, response: budget("web"))
        found.add("create", code: 201, response: Log.deployment())
        #expect(try found.evaluate(levels, further).summary.unknown.isEmpty)
    }

    private static let controller = "system:serviceaccount:kube-system:deployment-controller"

    private func addReplicaSet(
        _ name: String, image: String, version: Int, level: String = "RequestResponse", to log: inout Log
    ) {
        let replicaSet = """
            {"kind":"ReplicaSet","apiVersion":"apps/v1","metadata":{"name":"\(name)","namespace":"shop","uid":"\(name)",\
            "resourceVersion":"\(version)","annotations":{"deployment.kubernetes.io/revision":"\(version)"},\
            "ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"web","uid":"u1","controller":true}]},\
            "spec":{"template":{"metadata":{},"spec":{"containers":[{"name":"app","image":"\(image)"}]}}}}
            """
        log.add(
            "create", "replicasets", name, user: Self.controller, code: 201,
            response: level == "Metadata" ? nil : replicaSet, level: level)
    }

    /// A security rule: without an answer about revisions, a server denies its findings.
    private static let imageTag = ["image-tag": "deny"]

    @Test func `a rollback is recognized by the ReplicaSets in the log`() throws {
        var log = Log()
        log.add("create", code: 201, response: Log.deployment(image: "a:latest"))
        addReplicaSet("web-1", image: "a:latest", version: 2, to: &log)
        log.add("update", response: Log.deployment(version: 3, image: "a:1.0.0-9f3c1ab"))
        log.add("update", response: Log.deployment(version: 4, image: "a:latest"))
        let decisions = try log.evaluate(Self.imageTag).decisions
        #expect(decisions.map(\.denied) == [["image-tag"], [], []])
        #expect(decisions.last?.warned == ["image-tag"])
    }

    @Test func `an update is not a rollback if the log has all revisions since the creation`() throws {
        var log = Log()
        log.add("create", code: 201, response: Log.deployment(image: "a:1.0.0"))
        addReplicaSet("web-1", image: "a:1.0.0", version: 2, to: &log)
        log.add("update", response: Log.deployment(version: 3, image: "a:latest"))
        let (decisions, summary) = try log.evaluate(Self.imageTag)
        #expect(decisions.last?.denied == ["image-tag"])
        #expect(summary.unknown.isEmpty)
    }

    @Test func `an update can be a rollback to a revision from before the log`() throws {
        var log = Log()
        log.add("update", response: Log.deployment(version: 1, image: "a:1.0.0"))
        addReplicaSet("web-1", image: "a:1.0.0", version: 2, to: &log)
        log.add("update", response: Log.deployment(version: 3, image: "a:latest"))
        let (decisions, summary) = try log.evaluate(Self.imageTag)
        #expect(decisions.map(\.denied) == [[], []])
        #expect(decisions.last?.doubted == ["image-tag"])
        #expect(summary.unknown == [.revision: 1])
    }

    @Test func `an update can be a rollback to a revision that the log hides`() throws {
        var unlogged = Log()
        unlogged.add("create", code: 201, response: Log.deployment(image: "a:1.0.0"))
        unlogged.add("update", response: Log.deployment(version: 3, image: "a:latest"))
        #expect(try unlogged.evaluate(Self.imageTag).summary.unknown == [.revision: 1], "no ReplicaSet is logged")
        var hidden = Log()
        hidden.add("create", code: 201, response: Log.deployment(image: "a:1.0.0"))
        addReplicaSet("web-1", image: "a:1.0.0", version: 2, to: &hidden)
        addReplicaSet("web-2", image: "", version: 3, level: "Metadata", to: &hidden)
        hidden.add("update", response: Log.deployment(version: 4, image: "a:latest"))
        #expect(try hidden.evaluate(Self.imageTag).summary.unknown == [.revision: 1], "one is not visible")
    }

    @Test func `a denial that no rollback can prevent is certain`() throws {
        var log = Log()
        log.add("update", response: Log.deployment(version: 1, replicas: 2, image: "a:1.0.0"))
        log.add(
            "update",
            response: Log.deployment(version: 2, replicas: 2, image: "a:latest").replacing(
                #""uid":"u1""#,
                with: #""uid":"u1","annotations":{"password":"ghp_0123456789abcdefghijABCDEFGHIJ012345"}"#))
        let (decisions, summary) = try log.evaluate(["image-tag": "deny", "inline-credentials": "deny"])
        #expect(decisions.last?.denied == ["inline-credentials"])
        #expect(decisions.last?.doubted == ["image-tag"])
        #expect(summary.unknown.isEmpty)
    }

    // MARK: StatefulSets

    private func statefulSet() -> String {
        Log.deployment("db", image: "a:latest").replacing("Deployment", with: "StatefulSet")
    }

    private func addNamespace(to log: inout Log) {
        log.add(
            "create", "namespaces", "shop", group: "", code: 201,
            response:
                #"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"shop","uid":"n","resourceVersion":"1"}}"#)
    }

    private func addOrphan(image: String, label: String = "web", to log: inout Log) {
        let orphan = """
            {"kind":"ControllerRevision","apiVersion":"apps/v1","metadata":{"name":"db-1","namespace":"shop","uid":"r",\
            "resourceVersion":"2","labels":{"app":"\(label)"}},"revision":1,"data":{"spec":{"template":{"$patch":"replace",\
            "spec":{"containers":[{"name":"app","image":"\(image)"}]}}}}}
            """
        log.add(
            "patch", "controllerrevisions", "db-1", user: "system:serviceaccount:kube-system:generic-garbage-collector",
            response: orphan)
    }

    @Test func `a StatefulSet in a Namespace that is created in the log has no earlier revisions`() throws {
        var log = Log()
        addNamespace(to: &log)
        log.add("create", "statefulsets", "db", code: 201, response: statefulSet())
        let (decisions, summary) = try log.evaluate(Self.imageTag)
        #expect(decisions.last?.denied == ["image-tag"])
        #expect(summary.unknown.isEmpty)
    }

    @Test func `a StatefulSet in an older Namespace can continue one that was deleted`() throws {
        var log = Log()
        log.add("create", "statefulsets", "db", code: 201, response: statefulSet())
        let (decisions, summary) = try log.evaluate(Self.imageTag)
        #expect(decisions.map(\.doubted) == [["image-tag"]])
        #expect(summary.unknown == [.orphan: 1])
    }

    @Test func `a StatefulSet continues one whose revision the log shows`() throws {
        var log = Log()
        addOrphan(image: "a:latest", to: &log)
        log.add("create", "statefulsets", "db", code: 201, response: statefulSet())
        let (decisions, summary) = try log.evaluate(Self.imageTag)
        #expect(decisions.last?.warned == ["image-tag"])
        #expect(summary.unknown == [.past: 1], "that of the ControllerRevision")
        var others = Log()
        addNamespace(to: &others)
        addOrphan(image: "a:latest", label: "other", to: &others)
        others.add("create", "statefulsets", "db", code: 201, response: statefulSet())
        #expect(
            try others.evaluate(Self.imageTag).decisions.last?.denied == ["image-tag"], "the selector does not match")
    }

    // MARK: Operators

    @Test func `an operator is recognized by its status updates`() throws {
        let account = "system:serviceaccount:kafka:operator"
        let bound = #"{"authentication.kubernetes.io/pod-uid":["p1"]}"#
        let owned = Log.deployment().replacing(
            #""uid":"u1","#,
            with:
                #""uid":"u1","ownerReferences":[{"apiVersion":"kafka.strimzi.io/v1","kind":"Kafka","name":"shop","uid":"k","controller":true}],"#
        )
        var log = Log()
        log.add("create", user: account, extra: bound, code: 201, response: owned)
        let (decisions, summary) = try log.evaluate()
        #expect(decisions.map(\.doubted) == [["liveness-probe"]])
        #expect(summary.accounts == [account: 1] && summary.unknown == [.operatorClaim: 1])
        var known = Log()
        known.add(
            "patch", "kafkas", "shop", group: "kafka.strimzi.io", subresource: "status", user: account, extra: bound,
            level: "Metadata", second: 0)
        known.lines += log.lines
        #expect(try known.evaluate().decisions.map(\.warned) == [["liveness-probe"]])
        var administrator = Log()
        administrator.add(
            "patch", "kafkas", "shop", group: "kafka.strimzi.io", subresource: "status", user: account, extra: bound,
            level: "Metadata",
            annotations:
                #"{"authorization.k8s.io/reason":"RBAC: allowed by ClusterRoleBinding \"a\" of ClusterRole \"cluster-admin\" to ServiceAccount \"operator/kafka\""}"#,
            second: 0)
        administrator.lines += log.lines
        #expect(try administrator.evaluate().decisions.map(\.denied) == [["liveness-probe"]])
    }

    /// A Deployment of a Kafka, written by its operator.
    private func addOwned(_ name: String, by account: String, to log: inout Log) {
        let owned = Log.deployment(name, uid: name).replacing(
            #""uid":"\#(name)","#,
            with:
                #""uid":"\#(name)","ownerReferences":[{"apiVersion":"kafka.strimzi.io/v1","kind":"Kafka","name":"shop","uid":"k","controller":true}],"#
        )
        let bound = #"{"authentication.kubernetes.io/pod-uid":["p1"]}"#
        log.add("create", "deployments", name, user: account, extra: bound, code: 201, response: owned)
    }

    /// A status update of a custom resource.
    private func addStatus(_ group: String, by account: String, to log: inout Log) {
        log.add("patch", "kafkas", "shop", group: group, subresource: "status", user: account, level: "Metadata")
    }

    @Test func `the permission in one namespace shows nothing about another`() throws {
        let account = "system:serviceaccount:kafka:operator"
        var log = Log()
        addStatus("kafka.strimzi.io", by: account, to: &log)
        log.lines = log.lines.map { $0.replacing(#""namespace":"shop""#, with: #""namespace":"other""#) }
        addOwned("web", by: account, to: &log)
        #expect(try log.evaluate().summary.unknown == [.operatorClaim: 1])
        let everywhere =
            #"{"authorization.k8s.io/reason":"RBAC: allowed by ClusterRoleBinding \"a\" of ClusterRole \"b\" to ServiceAccount \"operator/kafka\""}"#
        log.lines[0] = log.lines[0].replacing(#""annotations":{}"#, with: #""annotations":\#(everywhere)"#)
        #expect(try log.evaluate().decisions.map(\.warned) == [["liveness-probe"]])
    }

    @Test func `a CustomResourceDefinition in the log names the owner's resource`() throws {
        let account = "system:serviceaccount:kafka:operator"
        var log = Log()
        log.add(
            "create", "customresourcedefinitions", "kafkae.kafka.strimzi.io", group: "apiextensions.k8s.io", code: 201,
            response:
                #"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{"group":"kafka.strimzi.io","names":{"kind":"Kafka","plural":"kafkae"}}}"#
        )
        log.add(
            "patch", "kafkae", "shop", group: "kafka.strimzi.io", subresource: "status", user: account,
            level: "Metadata")
        addOwned("web", by: account, to: &log)
        let (decisions, summary) = try log.evaluate()
        #expect(decisions.map(\.warned) == [["liveness-probe"]])
        #expect(summary.notCovered == 2)
    }

    @Test func `what denies even for an operator is certain`() throws {
        let account = "system:serviceaccount:kafka:operator"
        var log = Log()
        addOwned("web", by: account, to: &log)
        log.lines[0] = log.lines[0].replacing(
            #""image":"a:1""#, with: #""image":"a:1","securityContext":{"privileged":true}"#)
        let (decisions, summary) = try log.evaluate(["liveness-probe": "deny", "privilege-escalation": "deny"])
        #expect(decisions.map(\.denied) == [["privilege-escalation"]])
        #expect(decisions.map(\.doubted) == [["liveness-probe"]])
        #expect(summary.unknown.isEmpty)
    }

    @Test func `a Pod that another Pod has created and owns is operator-made`() throws {
        func pod(owner: String) -> String {
            """
            {"kind":"Pod","apiVersion":"v1","metadata":{"name":"executor","namespace":"shop","uid":"e","ownerReferences":[\
            {"apiVersion":"v1","kind":"Pod","name":"driver","uid":"\(owner)","controller":true}]},\
            "spec":{"containers":[{"name":"app","image":"a:latest"}]}}
            """
        }
        for (owner, isBelieved) in [("p1", true), ("p2", false)] {
            var log = Log()
            log.add(
                "create", "pods", "executor", group: "", user: "system:serviceaccount:shop:spark",
                extra: #"{"authentication.kubernetes.io/pod-uid":["p1"]}"#, code: 201, response: pod(owner: owner))
            let decision = try #require(try log.evaluate(Self.imageTag).decisions.first)
            #expect((decision.warned == ["image-tag"]) == isBelieved)
            #expect((decision.denied == ["image-tag"]) == !isBelieved)
        }
    }

    @Test func `a request sees only the operators that the log has shown before`() throws {
        let account = "system:serviceaccount:kafka:operator"
        var log = Log()
        addOwned("before", by: account, to: &log)
        addStatus("other.example.com", by: account, to: &log)
        addOwned("between", by: account, to: &log)
        addStatus("kafka.strimzi.io", by: account, to: &log)
        addOwned("after", by: account, to: &log)
        addStatus("third.example.com", by: account, to: &log)
        addOwned("last", by: account, to: &log)
        let decisions = try log.evaluate().decisions
        let (doubted, warned) = (["liveness-probe"], ["liveness-probe"])
        #expect(decisions.map(\.doubted) == [doubted, doubted, [], []])
        #expect(decisions.map(\.warned) == [[], [], warned, warned])
    }

    @Test func `status updates beyond the limit are dropped and counted`() throws {
        let account = "system:serviceaccount:kafka:operator"
        var log = Log()
        for number in 0..<4 { addStatus("g\(number).example.com", by: account, to: &log) }
        // Those that are known are not dropped.
        addStatus("g0.example.com", by: account, to: &log)
        addStatus("kafka.strimzi.io", by: account, to: &log)
        addOwned("web", by: account, to: &log)
        let (decisions, summary) = try log.evaluate(operatorLimit: 2)
        #expect(decisions.map(\.doubted) == [["liveness-probe"]])
        #expect(summary.droppedStatusUpdates == 3)
        #expect(summary.notCovered == 6)
        #expect(try log.evaluate().summary.droppedStatusUpdates == 0)
    }

    @Test func `status updates with names that are too long are not used`() throws {
        var log = Log()
        let account = "system:serviceaccount:kafka:" + String(repeating: "a", count: 2000)
        addStatus("kafka.strimzi.io", by: account, to: &log)
        addOwned("web", by: account, to: &log)
        let (decisions, summary) = try log.evaluate()
        #expect(decisions.map(\.doubted) == [["liveness-probe"]])
        #expect(summary.notCovered == 1)
    }

    @Test func `the field manager of the request's URI takes trust away`() throws {
        let account = "system:serviceaccount:ci:deployer"
        var log = Log()
        log.add(
            "create", user: account, extra: #"{"authentication.kubernetes.io/pod-uid":["p1"]}"#, code: 201,
            response: Log.deployment().replacing(
                #""uid":"u1","#,
                with: #""uid":"u1","ownerReferences":[{"apiVersion":"a.b/v1","kind":"C","name":"c","uid":"k"}],"#),
            query: "?fieldManager=kubectl%2Dclient&force=true")
        #expect(try log.evaluate().decisions.map(\.denied) == [["liveness-probe"]])
    }

    @Test func `dropped states are counted and their objects unknown`() throws {
        var log = Log()
        for index in 0..<20 {
            log.add("create", "deployments", "web-\(index)", code: 201, response: Log.deployment("web-\(index)"))
        }
        log.add("update", "deployments", "web-0", response: Log.deployment("web-0", version: 9))
        log.add("update", "deployments", "web-19", response: Log.deployment("web-19", version: 9))
        let (decisions, summary) = try log.evaluate(limit: 10_000)
        #expect(summary.droppedStates > 0)
        #expect(decisions.suffix(2).map(\.doubted) == [["liveness-probe"], []])
    }

    @Test func `a Namespace is the same object in all of its events`() throws {
        func namespace(_ version: Int) -> String {
            """
            {"kind":"Namespace","apiVersion":"v1","metadata":{"name":"shop","uid":"n","resourceVersion":"\(version)",\
            "annotations":{"playbook.superinc.com/level":"warn"}}}
            """
        }
        var log = Log()
        log.add("create", "namespaces", "", group: "", code: 201, response: namespace(1))
        log.lines = log.lines.map { $0.replacing(#""namespace":"shop","name":"""#, with: #""name":"""#) }
        log.add("update", "namespaces", "shop", group: "", response: namespace(2))
        log.add("create", code: 201, response: Log.deployment())
        log.add("delete", "namespaces", "shop", group: "", response: #"{"kind":"Status"}"#)
        log.add("create", "deployments", "api", code: 201, response: Log.deployment("api"))
        let (decisions, summary) = try log.evaluate()
        #expect(summary.unknown.isEmpty)
        #expect(
            decisions.suffix(2).map(\.warned) == [["liveness-probe"], []], "the Namespace is known until it is deleted")
        #expect(decisions.last?.denied == ["liveness-probe"])
    }

    @Test func `an impersonated user is the requester`() throws {
        var log = Log()
        log.add("create", code: 201, response: Log.deployment())
        log.lines = log.lines.map {
            $0.replacing(#""objectRef""#, with: #""impersonatedUser":{"username":"kim"},"objectRef""#)
        }
        #expect(try log.evaluate().decisions.map(\.user) == ["kim"])
    }

    @Test func `a dropped object is unknown as a related object too`() throws {
        func budget(_ app: String) -> String {
            """
            {"kind":"PodDisruptionBudget","apiVersion":"policy/v1","metadata":{"name":"\(app)","namespace":"shop",\
            "uid":"\(app)","resourceVersion":"1"},"spec":{"maxUnavailable":1,"selector":{"matchLabels":{"app":"\(app)"}}}}
            """
        }
        var log = Log()
        log.add("create", "poddisruptionbudgets", "web", group: "policy", code: 201, response: budget("web"))
        for index in 0..<20 {
            log.add(
                "create", "poddisruptionbudgets", "b\(index)", group: "policy", code: 201, response: budget("b\(index)")
            )
        }
        log.add("create", code: 201, response: Log.deployment())
        let (levels, further) = (["pod-disruption-budget": "deny"], ["PLAYBOOK_COMPANION_GRACE": "0s"])
        #expect(try log.evaluate(levels, further).summary.unknown.isEmpty)
        let dropped = try log.evaluate(levels, further, limit: 10_000).summary
        #expect(dropped.unknown == [.relatedObject: 1])
        #expect(dropped.droppedStates >= 11)
    }

    @Test func `each event is in one count`() throws {
        var log = Log()
        log.add("get", code: 200)
        log.add("create", response: Log.deployment(), stage: "RequestReceived")
        log.add("create", "leases", "a", group: "coordination.k8s.io", level: "Metadata")
        log.add(
            "patch", "kafkas", "a", group: "kafka.strimzi.io", subresource: "status", user: "system:serviceaccount:a:b")
        log.add(
            "patch", "kafkas", "a", group: "kafka.strimzi.io", subresource: "status", user: "system:serviceaccount:a:b")
        log.add("create", "customresourcedefinitions", "a", group: "apiextensions.k8s.io", code: 201, response: "{}")
        log.add("update", code: 409, response: #"{"kind":"Status"}"#)
        log.add("create", code: 201, response: Log.deployment(), id: "same", second: 30)
        log.add("create", code: 201, response: Log.deployment(), id: "same", second: 30)
        log.add("update", response: Log.deployment(version: 2), second: 31)
        log.add("update", response: Log.deployment(version: 1), second: 32)
        log.add("create", "configmaps", "a", group: "", code: 201, level: "Metadata")
        log.add("create", "deployments", "b", code: 201, annotations: #"{"audit.k8s.io/truncated":"true"}"#)
        log.add("create", "deployments", "c", code: 201, response: #"{"kind":"Table"}"#)
        log.add("patch", code: 403, request: "{}")
        log.add("create", code: 403, request: Log.deployment())
        log.add(
            "create", "deployments", "d", user: "system:kube-controller-manager", code: 201,
            response: Log.deployment("d"))
        log.add("create", "deployments", "e", user: "system:kube-controller-manager", code: 201, level: "Metadata")
        log.add("delete", "deployments", "d")
        log.add("deletecollection", "deployments", "")
        log.add("delete", "poddisruptionbudgets", "x", group: "policy")
        let summary = try log.evaluate(["liveness-probe": "deny", "default-namespace": "deny"]).summary
        #expect(summary.events == log.lines.count)
        let counts = [
            summary.reads, summary.notCovered, summary.failed, summary.duplicates, summary.notVisible,
            summary.notEvaluable, summary.skipped, summary.refused, summary.evaluated,
        ]
        #expect(counts == [2, 8, 1, 1, 1, 3, 1, 1, 3])
        #expect(counts.reduce(0, +) == summary.events)
        #expect(summary.outOfOrder == 1, "counted in addition")
    }

    @Test func `requests of controllers are skipped`() throws {
        var log = Log()
        log.add("create", user: "system:kube-controller-manager", code: 201, response: Log.deployment())
        #expect(try log.evaluate().summary.skipped == 1)
    }

    @Test(arguments: [
        #"{"kind":"Status"}"#, #"{"kind":"Table"}"#, "[]", "1", #"{"kind":"Deployment","metadata":[]}"#, #""text""#,
    ])
    func `an object of another kind does not affect the other objects`(_ object: String) throws {
        var log = Log()
        log.add("create", code: 201, response: object)
        log.add("create", "deployments", "api", code: 201, response: Log.deployment("api"))
        let (decisions, _) = try log.evaluate()
        #expect(decisions.last == denied("Deployment shop/api"))
    }
}
