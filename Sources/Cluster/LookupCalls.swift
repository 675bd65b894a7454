internal import Evaluation
internal import HTTP
internal import JSON
internal import Kubernetes
internal import Net

/// The API calls that answer lookups.
final class LookupCalls {
    private let client: APIClient
    private let catalogue: Catalogue
    /// The cached answers about operators.
    private var claims: [OperatorClaim: (answer: Bool, end: Instant)] = [:]
    /// The cached resources of API groups, by group and version.
    ///
    /// A kind that is not among them is looked up again: it can be installed at any moment.
    private var resources: [String: (served: [ServedResource], end: Instant)] = [:]

    private static let maximumAge = Duration.seconds(60)
    /// The maximum number of cached answers; beyond it, all are dropped.
    private static let mostAnswers = 4096
    /// The current revision and the default revisionHistoryLimit.
    private static let mostRevisions = 11
    private static let mostBytes = 8 << 20

    typealias Completion = (Result<LookupAnswer, APIError>) -> Void

    /// A resource that the API server serves for a kind.
    private struct ServedResource {
        let kind: String
        let plural: String
        let hasStatus: Bool
    }

    init(_ client: APIClient, _ catalogue: Catalogue) {
        self.client = client
        self.catalogue = catalogue
    }

    /// Makes the calls of a lookup and completes once.
    func make(_ lookup: Lookup, within limit: Duration, _ completion: @escaping Completion) {
        switch lookup {
        case .absence(let absence): list(absence, limit, completion)
        case .claim(let claim): check(claim, Instant.now + limit, completion)
        case .templates(let query): find(query, Instant.now + limit, completion)
        case .served(let kind):
            findResource("\(kind.name)", in: "\(kind.group)", "\(kind.version)", Instant.now + limit) { result in
                completion(result.map { .served(kind, $0 != nil) })
            }
        }
    }

    /// The cached answer to a lookup, at most a minute old; nil if the calls must be made.
    func recentAnswer(to lookup: Lookup) -> LookupAnswer? {
        guard case .claim(let claim) = lookup, let known = claims[claim], known.end > Instant.now else { return nil }
        return .claim(claim, known.answer)
    }

    // MARK: Absent objects

    private func list(_ absence: Absence, _ limit: Duration, _ completion: @escaping Completion) {
        var found = RelatedObjects(knowledge: .kinds(ResourceKinds(absence.kind)), of: catalogue)
        if absence.kind == .namespace {
            get(APIResource(.namespace), in: nil, absence.namespace, limit) { result in
                switch result {
                case .success(let body):
                    if let body { LookupCalls.read(body) { try? found.set($0, .namespace) } }
                    completion(.success(.absence(absence, found: found)))
                case .failure(let error): completion(.failure(error))
                }
            }
            return
        }
        let namespace = ResourceKinds.clusterWide.contains(absence.kind) ? nil : absence.namespace
        client.list(
            APIResource(absence.kind), in: namespace, named: absence.name, within: limit, atMost: LookupCalls.mostBytes,
            each: { try? found.set($0, absence.kind) }
        ) { result in
            switch result {
            case .success: completion(.success(.absence(absence, found: found)))
            // The CustomResourceDefinition is not served, so the kind has no objects.
            case .failure(.status(let status)) where status.code == 404 && Catalogue.liveKinds.contains(absence.kind):
                completion(.success(.absence(absence, found: found)))
            case .failure(let error): completion(.failure(error))
            }
        }
    }

    /// Gets an object; nil if it does not exist.
    private func get(
        _ resource: APIResource, in namespace: String?, _ name: String, _ limit: Duration,
        atMost maximum: Int = LookupCalls.mostBytes, _ completion: @escaping (Result<[UInt8]?, APIError>) -> Void
    ) {
        let request = APIRequest(
            .get, resource.path(in: namespace, name: name), attempts: 1, limit: limit, maximumResponse: maximum)
        client.send(request) { result in
            switch result {
            case .success(let response): completion(.success(response.body))
            case .failure(.status(let status)) where status.code == 404: completion(.success(nil))
            case .failure(let error): completion(.failure(error))
            }
        }
    }

    private static func read(_ body: [UInt8], _ use: (Value) -> Void) {
        guard let document = try? Document(parsing: body) else { return }
        withExtendedLifetime(document) { use(document.root) }
    }

    // MARK: Operators

    /// Checks that an account can write the status of its owner's resource but does not have all permissions.
    private func check(_ claim: OperatorClaim, _ end: Instant, _ completion: @escaping Completion) {
        func answer(_ isOperator: Bool) {
            if claims.count >= LookupCalls.mostAnswers { claims = [:] }
            claims[claim] = (isOperator, Instant.now + LookupCalls.maximumAge)
            completion(.success(.claim(claim, isOperator)))
        }
        findResource(claim.kindName, in: claim.group, claim.version, end) { [self] result in
            switch result {
            case .failure(let error): completion(.failure(error))
            // Not cached, for the same reason.
            case .success(nil): completion(.success(.claim(claim, false)))
            case .success(let resource?):
                // The edit roles of cert-manager let every editor write these statuses, so the check is cluster-wide.
                let isEverybodys = claim.group == "cert-manager.io" && resource.plural == "certificates"
                let attributes = Attributes(
                    verb: "update", group: claim.group, resource: resource.plural,
                    subresource: resource.hasStatus ? "status" : "finalizers",
                    namespace: resource.hasStatus && !isEverybodys ? claim.namespace : "")
                mayDo(attributes, claim.account, end) { [self] result in
                    switch result {
                    case .failure(let error): completion(.failure(error))
                    case .success(false): answer(false)
                    case .success(true):
                        let all = Attributes(verb: "*", group: "*", resource: "*", subresource: "", namespace: "")
                        mayDo(all, claim.account, end) { result in
                            switch result {
                            case .failure(let error): completion(.failure(error))
                            case .success(let mayDoAll): answer(!mayDoAll)
                            }
                        }
                    }
                }
            }
        }
    }

    /// Finds the resource of a kind; nil if the API server does not serve it.
    private func findResource(
        _ kindName: String, in group: String, _ version: String, _ end: Instant,
        _ completion: @escaping (Result<ServedResource?, APIError>) -> Void
    ) {
        let path = "/apis/\(percentEncoded(group))/\(percentEncoded(version))"
        func first(_ served: [ServedResource]) -> ServedResource? { served.first { $0.kind == kindName } }
        if let known = resources[path], known.end > Instant.now, let resource = first(known.served) {
            return completion(.success(resource))
        }
        let request = APIRequest(.get, path, attempts: 1, limit: end - Instant.now, maximumResponse: 4 << 20)
        client.send(request) { [self] result in
            var served: [ServedResource] = []
            switch result {
            case .failure(.status(let status)) where status.code == 404: break
            case .failure(let error): return completion(.failure(error))
            case .success(let response): LookupCalls.read(response.body) { served = LookupCalls.resources(in: $0) }
            }
            if resources.count >= LookupCalls.mostAnswers { resources = [:] }
            resources[path] = (served, Instant.now + LookupCalls.maximumAge)
            completion(.success(first(served)))
        }
    }

    /// Reads an `APIResourceList`, in which subresources are separate entries such as `certificates/status`.
    private static func resources(in list: Value) -> [ServedResource] {
        guard let entries = list["resources"]?.elements else { return [] }
        var names: Set<String> = []
        for entry in entries { names.insert(entry["name"]?.string ?? "") }
        var served: [ServedResource] = []
        for entry in entries {
            guard let name = entry["name"]?.string, let kind = entry["kind"]?.string, !name.contains("/") else {
                continue
            }
            served.append(ServedResource(kind: kind, plural: name, hasStatus: names.contains("\(name)/status")))
        }
        return served
    }

    private struct Attributes {
        let verb: String
        let group: String
        let resource: String
        let subresource: String
        let namespace: String
    }

    /// Asks the authorizer with a SubjectAccessReview (`authorization.k8s.io/v1`).
    private func mayDo(
        _ attributes: Attributes, _ account: String, _ end: Instant,
        _ completion: @escaping (Result<Bool, APIError>) -> Void
    ) {
        let parts = account.split(separator: ":", omittingEmptySubsequences: false)
        var groups: [Literal] = ["system:serviceaccounts", "system:authenticated"]
        if parts.count == 4 { groups.append(.string("system:serviceaccounts:\(parts[2])")) }
        var members: [Literal.Member] = [
            .init("verb", .string(attributes.verb)), .init("group", .string(attributes.group)),
            .init("resource", .string(attributes.resource)),
        ]
        if !attributes.subresource.isEmpty { members.append(.init("subresource", .string(attributes.subresource))) }
        if !attributes.namespace.isEmpty { members.append(.init("namespace", .string(attributes.namespace))) }
        let review: Literal = [
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": [
                "user": .string(account), "groups": .array(groups), "resourceAttributes": .object(members),
            ],
        ]
        let request = APIRequest(
            .post, "/apis/authorization.k8s.io/v1/subjectaccessreviews", body: Array(review.json.utf8), attempts: 1,
            limit: end - Instant.now, maximumResponse: 1 << 20)
        client.send(request) { result in
            completion(
                result.map { response in
                    var isAllowed = false
                    LookupCalls.read(response.body) { isAllowed = $0["status"]?["allowed"]?.bool ?? false }
                    return isAllowed
                })
        }
    }

    // MARK: Past templates

    /// Finds the templates that a query selects, newest first.
    private func find(_ query: TemplateQuery, _ end: Instant, _ completion: @escaping Completion) {
        let resource = APIResource(query.holder)
        if case .cronJob(let name, let uid) = query.source {
            get(resource, in: query.namespace, name, end - Instant.now) { [catalogue] result in
                completion(
                    result.map { body in
                        var found: [PastTemplate] = []
                        if let body {
                            LookupCalls.read(body) { object in
                                guard object["metadata"]?["uid"]?.string == uid else { return }
                                found = [PastTemplate(object, .cronJob, catalogue.annotations)].compactMap(\.self)
                            }
                        }
                        return .templates(query, found)
                    })
            }
            return
        }
        var request = APIRequest(
            .get, resource.path(in: query.namespace),
            query: [("labelSelector", query.selector), ("limit", "100")], attempts: 1, limit: end - Instant.now,
            maximumResponse: LookupCalls.mostBytes)
        request.accept = APIRequest.metadataList
        client.send(request) { [self] result in
            switch result {
            case .failure(let error): completion(.failure(error))
            case .success(let response):
                var holders: [(name: String, revision: Int, created: String)] = []
                LookupCalls.read(response.body) { list in
                    guard let items = list["items"]?.elements else { return }
                    for item in items {
                        guard let name = query.revisionName(item) else { continue }
                        let metadata = ObjectMeta(of: item)
                        // A rollback reuses an old ReplicaSet, so the revision number determines the order.
                        let number =
                            metadata.annotation("deployment.kubernetes.io/revision")
                            ?? metadata.annotation("rollout.argoproj.io/revision")
                        let created = item["metadata"]?["creationTimestamp"]?.string ?? ""
                        holders.append((name, number.flatMap { Int($0) } ?? 0, created))
                    }
                }
                holders.sort { ($0.revision, $0.created) > ($1.revision, $1.created) }
                get(
                    holders.prefix(LookupCalls.mostRevisions).map(\.name)[...], of: query, found: [],
                    room: LookupCalls.mostBytes, end, completion)
            }
        }
    }

    /// Gets the objects one after the other, up to the limit.
    private func get(
        _ names: ArraySlice<String>, of query: TemplateQuery, found: [PastTemplate], room: Int, _ end: Instant,
        _ completion: @escaping Completion
    ) {
        guard let name = names.first, room > 0 else { return completion(.success(.templates(query, found))) }
        get(APIResource(query.holder), in: query.namespace, name, end - Instant.now, atMost: room) { [self] result in
            switch result {
            case .failure(.tooLarge): completion(.success(.templates(query, found)))
            case .failure(let error): completion(.failure(error))
            case .success(let body):
                var found = found
                if let body {
                    LookupCalls.read(body) { object in
                        // The owner may have changed since the list.
                        guard query.revisionName(object) != nil,
                            let template = PastTemplate(object, query.holder, catalogue.annotations)
                        else {
                            return
                        }
                        found.append(template)
                    }
                }
                get(names.dropFirst(), of: query, found: found, room: room - (body?.count ?? 0), end, completion)
            }
        }
    }
}

extension TemplateQuery {
    /// The name of an object with a template of this workload; nil for other objects that the selector matches.
    fileprivate func revisionName(_ object: Value) -> String? {
        let metadata = ObjectMeta(of: object)
        switch source {
        case .revisions(let uid): guard metadata.controller?.uid == uid else { return nil }
        case .orphans: guard metadata.controller == nil else { return nil }
        case .cronJob: return nil
        }
        return metadata.name
    }
}
