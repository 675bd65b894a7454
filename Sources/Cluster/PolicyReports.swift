internal import Evaluation
internal import HTTP
internal import JSON
public import Kubernetes

/// An audit's findings as report objects for dashboards: one per namespace, and one for cluster-scoped objects.
///
/// They are `Report`s of openreports.io if the cluster serves them, otherwise `PolicyReport`s of wgpolicyk8s.io, which have the
/// same fields. A report is written only if its findings have changed, and its size is limited. Each report's error count is the
/// number of kinds that could not be read, so that missing findings are not mistaken for fixed ones.
public struct PolicyReports {
    /// The result of writing the reports.
    public struct Outcome: Equatable, Sendable {
        /// The number of reports that were created or changed.
        public var written = 0
        /// The number of reports that did not change.
        public var unchanged = 0
        /// The number of reports that were deleted because no object was evaluated in their namespace.
        public var deleted = 0
        /// The errors, one per report.
        public var problems: [String] = []
    }

    private struct Report {
        var counts = ["pass": 0, "fail": 0, "warn": 0, "error": 0, "skip": 0]
        var results: [(rank: Int, result: Literal)] = []
    }

    private struct Existing {
        let version: String
        let mark: String
    }

    /// The custom resources to write.
    private struct Resources {
        let group: String
        let version: String
        /// The text before `Report` and `reports`.
        let prefix: String

        func resource(_ namespace: String) -> APIResource {
            let plural = "\(prefix)reports".lowercased()
            return APIResource(group: group, version: version, plural: namespace.isEmpty ? "cluster\(plural)" : plural)
        }

        func kind(_ namespace: String) -> String { "\(namespace.isEmpty ? "Cluster" : "")\(prefix)Report" }

        static let known = [
            Resources(group: "openreports.io", version: "v1alpha1", prefix: ""),
            Resources(group: "wgpolicyk8s.io", version: "v1alpha2", prefix: "Policy"),
        ]
    }

    // Each message has a few hundred bytes, so a report stays below etcd's limit of 1.5 MiB.
    private static let maximumResults = 500
    private static let maximumMessage = 600
    private static let name = "playbook"
    private static let markKey = "playbook.superinc.com/report"
    private static let manager = (key: "app.kubernetes.io/managed-by", value: "playbook")

    private var reports: [String: Report] = [:]
    private var unreadable = 0

    /// Creates empty reports.
    public init() {}

    // MARK: Findings

    /// Adds an object; one without findings counts as passed.
    public mutating func add(_ entry: Audit.Entry) {
        guard entry.decision.skipReason == nil else { return }
        let namespace = entry.decision.subject.namespace
        var report = reports[namespace] ?? Report()
        if entry.decision.findings.isEmpty { report.counts["pass", default: 0] += 1 }
        for decided in entry.decision.findings {
            let (rank, word, severity) =
                switch decided.effect {
                case .deny: (0, "fail", "high")
                case .warn: (1, "warn", "medium")
                case .exempt: (2, "skip", "info")
                }
            report.counts[word, default: 0] += 1
            report.results.append((rank, PolicyReports.result(decided, word, severity, of: entry)))
        }
        reports[namespace] = report
    }

    /// Counts a kind that could not be read.
    public mutating func addUnreadable() { unreadable += 1 }

    private static func result(
        _ decided: DecidedFinding, _ word: String, _ severity: String, of entry: Audit.Entry
    ) -> Literal {
        let object = entry.decision.subject
        let subject: [Literal.Member?] = [
            .init("apiVersion", .string(entry.apiVersion)), .init("kind", .string(object.kindName)),
            object.namespace.isEmpty ? nil : .init("namespace", .string(object.namespace)),
            .init("name", .string(object.name)), entry.uid.isEmpty ? nil : .init("uid", .string(entry.uid)),
        ]
        return [
            "source": "playbook", "policy": "playbook", "rule": .string(decided.rule.id),
            "category": .string(decided.rule.group.rawValue), "severity": .string(severity), "result": .string(word),
            "scored": .bool(decided.effect == .deny),
            "resources": [.object(subject.compactMap { $0 })],
            "message": .string(String("\(decided.path) \(decided.finding.message)".prefix(maximumMessage))),
            "properties": ["path": .string(decided.path), "clause": .string(decided.finding.clause.name)],
        ]
    }

    // MARK: Writing

    /// Writes the reports that have changed.
    ///
    /// - Parameters:
    ///   - client: The cluster.
    ///   - namespace: The namespace that was audited; nil for the whole cluster.
    ///   - now: The time, written to each result of a changed report.
    /// - Returns: The result; if the cluster serves no reports, that is the only problem.
    public func write(with client: BlockingClient, in namespace: String?, at now: Timestamp) -> Outcome {
        var outcome = Outcome()
        do throws(APIError) {
            guard let resources = try resources(client) else {
                outcome.problems = [
                    "the cluster serves neither openreports.io/v1alpha1 nor wgpolicyk8s.io/v1alpha2; install the custom resource definitions of one of them"
                ]
                return outcome
            }
            var existing = try existing(resources, client, in: namespace)
            if namespace == nil { existing.merge(try self.existing(resources, client, in: "")) { $1 } }
            for (place, report) in reports.sorted(by: { $0.key < $1.key }) {
                write(report, resources, in: place, over: existing.removeValue(forKey: place), client, now, &outcome)
            }
            // A report might be about a kind that could not be read, so it is not deleted.
            for place in existing.keys.sorted() where unreadable == 0 {
                let path = resources.resource(place).path(in: place.isEmpty ? nil : place, name: PolicyReports.name)
                send(APIRequest(.delete, path), client, place, &outcome) { $0.deleted += 1 }
            }
        } catch {
            outcome.problems.append("reports: \(error)")
        }
        return outcome
    }

    private func resources(_ client: BlockingClient) throws(APIError) -> Resources? {
        for resources in Resources.known {
            do throws(APIError) {
                _ = try client.begin(APIRequest(.get, "/apis/\(resources.group)/\(resources.version)")).wait()
                return resources
            } catch {
                guard case .status(let status) = error, status.code == 404 else { throw error }
            }
        }
        return nil
    }

    /// Our existing reports by namespace; the empty namespace is that of cluster-scoped objects.
    private func existing(
        _ resources: Resources, _ client: BlockingClient, in namespace: String?
    ) throws(APIError) -> [String: Existing] {
        let resource = resources.resource(namespace ?? "all")
        var found: [String: Existing] = [:]
        var continuation: String?
        repeat {
            var request = APIRequest(
                .get, resource.path(in: namespace.flatMap { $0.isEmpty ? nil : $0 }),
                query: [
                    ("limit", "500"),
                    ("labelSelector", "\(PolicyReports.manager.key)=\(PolicyReports.manager.value)"),
                ])
            if let continuation { request.query.append(("continue", continuation)) }
            let list = try parsed(try client.begin(request).wait().body)
            for item in list["items"]?.elements ?? [] {
                guard let metadata = item["metadata"], metadata["name"]?.text == PolicyReports.name else { continue }
                found[metadata["namespace"]?.text ?? ""] = Existing(
                    version: metadata["resourceVersion"]?.text ?? "",
                    mark: metadata["annotations"]?[PolicyReports.markKey]?.text ?? "")
            }
            continuation = list["metadata"]?["continue"]?.text.flatMap { $0.isEmpty ? nil : $0 }
        } while continuation != nil
        return found
    }

    private func parsed(_ body: [UInt8]) throws(APIError) -> Literal {
        do throws(ParseError) {
            return try Literal(parsing: body)
        } catch {
            throw .malformed("\(error)")
        }
    }

    private func write(
        _ report: Report, _ resources: Resources, in namespace: String, over existing: Existing?,
        _ client: BlockingClient, _ now: Timestamp, _ outcome: inout Outcome
    ) {
        // Denials first; the same severity in the order of the audit.
        let results = report.results.enumerated().sorted { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }
            .prefix(PolicyReports.maximumResults).map(\.element.result)
        let counts = report.counts.merging(["error": unreadable]) { $1 }
        let summary = Literal.object(
            counts.sorted { $0.key < $1.key }.map { .init($0.key, .number(String($0.value))) })
        let mark = PolicyReports.mark(of: [summary] + results)
        guard existing?.mark != mark else {
            outcome.unchanged += 1
            return
        }
        var annotations: [Literal.Member] = [.init(PolicyReports.markKey, .string(mark))]
        if results.count < report.results.count {
            let more = report.results.count - results.count
            annotations.append(.init("playbook.superinc.com/left-out", .string(String(more))))
        }
        var metadata: [Literal.Member] = [
            .init("name", .string(PolicyReports.name)),
            .init("labels", .object([.init(PolicyReports.manager.key, .string(PolicyReports.manager.value))])),
            .init("annotations", .object(annotations)),
        ]
        if !namespace.isEmpty { metadata.append(.init("namespace", .string(namespace))) }
        if let existing { metadata.append(.init("resourceVersion", .string(existing.version))) }
        let time: Literal = ["seconds": .number(String(now.seconds)), "nanos": 0]
        let object: Literal = [
            "apiVersion": .string("\(resources.group)/\(resources.version)"),
            "kind": .string(resources.kind(namespace)), "metadata": .object(metadata), "summary": summary,
            "results": .array(results.map { .object($0.members + [.init("timestamp", time)]) }),
        ]
        let resource = resources.resource(namespace)
        let place = namespace.isEmpty ? nil : namespace
        let path = existing == nil ? resource.path(in: place) : resource.path(in: place, name: PolicyReports.name)
        send(
            APIRequest(existing == nil ? .post : .put, path, body: Array(object.json.utf8)), client, namespace, &outcome
        ) { $0.written += 1 }
    }

    private func send(
        _ request: APIRequest, _ client: BlockingClient, _ namespace: String, _ outcome: inout Outcome,
        _ count: (inout Outcome) -> Void
    ) {
        do throws(APIError) {
            _ = try client.begin(request).wait()
            count(&outcome)
        } catch {
            // The namespace or the report may have been deleted since, or is being deleted.
            if case .status(let status) = error, status.code == 404 || status.isForTermination { return }
            let place = namespace.isEmpty ? "for cluster-scoped objects" : "for namespace \(namespace)"
            outcome.problems.append("report \(place): \(error)")
        }
    }

    /// A hash of a report's findings, to detect changes (FNV-1a); it needs no collision resistance.
    private static func mark(of parts: [Literal]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for part in parts {
            for byte in part.json.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        }
        return String(hash, radix: 16)
    }
}
