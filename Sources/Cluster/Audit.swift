public import Evaluation
internal import HTTP
internal import JSON
public import Kubernetes

/// An audit of the objects in a cluster: shows which of them would be denied if they were written again.
///
/// Related objects are listed first. Then every object of every kind that a rule reads is evaluated as an update without changes
/// and without a past state: rules about creation do not apply, and existing violations are reported in full.
public final class Audit {
    /// The objects to evaluate.
    public struct Selection: Sendable {
        /// The namespace; nil for all namespaces and cluster-scoped objects.
        public var namespace: String?
        /// A label selector in kubectl's syntax; nil for all.
        public var labels: String?
        /// The kinds that are neither listed nor evaluated, such as Secrets.
        public var excluded = ResourceKinds()
        /// The titles of the kinds of `PLAYBOOK_WORKLOAD_KINDS` that are neither listed nor evaluated: `keda.sh/ScaledJob`.
        public var excludedWorkloadKinds: Set<String> = []
        /// True if Namespaces are evaluated even if no rule reads them, for the exemptions that they set.
        public var includesNamespaces = false

        /// Creates a selection of all objects.
        public init() {}
    }

    /// An evaluated object.
    public struct Entry {
        /// The object's API path, such as `/apis/apps/v1/namespaces/shop/deployments/catalogue`.
        public let path: String
        /// The API group and version of the object: `apps/v1`.
        public let apiVersion: String
        /// The object's uid; empty if it has none.
        public let uid: String
        /// The decision, with the object's kind, namespace, name and team.
        public let decision: Decision
    }

    private let client: BlockingClient
    private let settings: Settings
    private let selection: Selection
    private let maximumPage: Int
    private let evaluator: Evaluator
    private let document = Document()
    private var relatedObjects: RelatedObjects
    /// The pages of related objects that are evaluated later, so that each is requested only once.
    private var kept: [ResourceKind: [[UInt8]]] = [:]

    /// The kinds that are only sent and cannot be listed.
    private static let unlisted = ResourceKinds(.scale, .tokenRequest)
    /// The number of objects in a page, as in kubectl.
    private static let pageSize = 500

    /// Creates an audit; nothing is requested yet.
    ///
    /// - Parameters:
    ///   - client: The cluster.
    ///   - settings: The rules and their settings.
    ///   - selection: The objects to evaluate.
    ///   - maximumPage: The maximum size of a list page, in bytes; a larger page is requested again with half as many objects.
    public init(
        _ client: BlockingClient, _ settings: Settings, _ selection: Selection = Selection(),
        maximumPage: Int = 64 << 20
    ) {
        self.client = client
        self.settings = settings
        self.selection = selection
        self.maximumPage = maximumPage
        evaluator = Evaluator(settings)
        relatedObjects = RelatedObjects(knowledge: .kinds([]), of: settings.catalogue)
    }

    /// Lists and evaluates the objects.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - each: Called with each evaluated object.
    ///   - problem: Called with each resource that could not be read, and the error; the others are evaluated.
    public func run(
        at now: Timestamp, each: (Entry) -> Void, problem: (APIResource, APIError) -> Void
    ) {
        let evaluated = self.evaluated
        for kind in related {
            do throws(APIError) {
                try learn(kind, keeping: selection.labels == nil && evaluated.contains(kind))
            } catch {
                problem(APIResource(kind), error)
            }
        }
        let context = Context(settings: settings, relatedObjects: relatedObjects, now: now, source: .cluster)
        for kind in evaluated.kinds {
            let (resource, name) = (APIResource(kind), "\(kind.name)")
            do throws(APIError) {
                if let pages = kept.removeValue(forKey: kind) {
                    for page in pages { try evaluate(page, of: resource, name, in: context, each) }
                } else if !related.contains(kind) || selection.labels != nil && relatedObjects.knows(kind, in: "") {
                    try pages(of: kind, selection.labels) { (page) throws(APIError) in
                        try evaluate(page, of: resource, name, in: context, each)
                    }
                }
            } catch {
                problem(resource, error)
            }
        }
        for kind in workloadKinds {
            do throws(APIError) {
                guard let resource = try served(kind) else { continue }
                try pages(of: resource, in: selection.namespace, query(selection.labels)) { (page) throws(APIError) in
                    try evaluate(page, of: resource, kind.name, in: context, each)
                }
            } catch {
                problem(APIResource(group: kind.group, version: "", plural: kind.plural), error)
            }
        }
    }

    // MARK: Requested kinds

    /// The enabled rules that apply to existing objects.
    private var rules: [Rule] {
        settings.catalogue.rules.filter {
            settings.level(of: $0) != .off && $0.scope.operations.contains(.update)
                && $0.scope.subresources.contains(.none)
        }
    }

    private var evaluated: ResourceKinds {
        var kinds = rules.reduce(into: ResourceKinds()) { $0.formUnion($1.scope.kinds) }
        if selection.includesNamespaces { kinds.insert(ResourceKinds(.namespace)) }
        kinds = kinds.subtracting(selection.excluded).subtracting(Audit.unlisted)
        return selection.namespace == nil ? kinds : kinds.subtracting(.clusterWide)
    }

    /// The kinds that rules look up, and Namespaces for their exemptions.
    private var related: [ResourceKind] {
        var kinds = ResourceKinds(.namespace)
        for rule in rules { for kind in rule.relatedObjects { kinds.insert(ResourceKinds(kind)) } }
        return kinds.intersection(settings.catalogue.relatedKinds).subtracting(selection.excluded).kinds
    }

    /// The kinds of `PLAYBOOK_WORKLOAD_KINDS`, if a rule evaluates pod templates.
    private var workloadKinds: [WorkloadKind] {
        guard rules.contains(where: { $0.scope.kinds.contains(.podTemplate) }) else { return [] }
        return settings.workloadKinds.filter { !selection.excludedWorkloadKinds.contains($0.title) }
    }

    /// Returns the resource of a kind in the first version that serves it, preferred versions first; nil if none does.
    private func served(_ kind: WorkloadKind) throws(APIError) -> APIResource? {
        let group = try discovered("/apis/\(kind.group)")
        let versions = [group?["preferredVersion"]].compactMap(\.self) + (group?["versions"]?.elements ?? [])
        var asked: Set<String> = []
        for version in versions.compactMap({ $0["version"]?.text }) where asked.insert(version).inserted {
            let resources =
                try discovered("/apis/\(kind.group)/\(percentEncoded(version))")?["resources"]?.elements ?? []
            let found = resources.first { $0["kind"]?.text == kind.name && $0["name"]?.text?.contains("/") == false }
            if let plural = found?["name"]?.text {
                // A namespace has no objects of a cluster-scoped kind.
                guard selection.namespace == nil || found?["namespaced"] != false else { return nil }
                return APIResource(group: kind.group, version: version, plural: plural)
            }
        }
        return nil
    }

    /// Reads a discovery document; nil if it does not exist.
    private func discovered(_ path: String) throws(APIError) -> Literal? {
        do throws(APIError) {
            let body = try client.begin(APIRequest(.get, path)).wait().body
            guard let object = try? Literal(parsing: body) else { throw .malformed("not a JSON object") }
            return object
        } catch .status(let status) where status.code == 404 {
            return nil
        }
    }

    // MARK: Listing

    /// Adds all related objects of a kind; a kind that the cluster does not serve has none.
    private func learn(_ kind: ResourceKind, keeping isKept: Bool) throws(APIError) {
        var found = RelatedObjects(knowledge: .nothing, of: settings.catalogue)
        try pages(of: kind, nil) { (page) throws(APIError) in
            try read(page) { object in
                // As in the server, objects that cannot be read are skipped.
                try? found.set(object, kind)
            }
            if isKept { kept[kind, default: []].append(page) }
        }
        relatedObjects.replace(kind, from: found)
    }

    private typealias Query = [(name: String, value: String)]

    private func query(_ labels: String?) -> Query { labels.map { [("labelSelector", $0)] } ?? [] }

    /// Lists a kind page by page.
    private func pages(
        of kind: ResourceKind, _ labels: String?, _ body: ([UInt8]) throws(APIError) -> Void
    ) throws(APIError) {
        let isInNamespace = !ResourceKinds.clusterWide.contains(kind)
        var query = query(labels)
        if kind == .namespace, let namespace = selection.namespace {
            query.append(("fieldSelector", "metadata.name=\(namespace)"))
        }
        try pages(of: APIResource(kind), in: isInNamespace ? selection.namespace : nil, query, body)
    }

    /// Lists a resource page by page; the next page is requested while one is processed.
    private func pages(
        of resource: APIResource, in namespace: String?, _ query: Query, _ body: ([UInt8]) throws(APIError) -> Void
    ) throws(APIError) {
        var query = query
        var request = APIRequest(.get, resource.path(in: namespace))
        request.maximumResponse = maximumPage
        var size = Audit.pageSize
        func begin() -> BlockingClient.Pending {
            request.query = [("limit", String(size))] + query
            return client.begin(request)
        }
        var pending = begin()
        while true {
            let page: [UInt8]
            do throws(APIError) {
                page = try pending.wait().body
            } catch .status(let status) where status.code == 404 {
                return
            } catch .tooLarge where size > 1 {
                size /= 2
                pending = begin()
                continue
            }
            query.removeAll { $0.name == "continue" }
            guard let continuation = try read(page, { _ in }).continuation else { return try body(page) }
            query.append(("continue", continuation))
            pending = begin()
            try body(page)
        }
    }

    @discardableResult
    private func read(_ page: [UInt8], _ each: (Value) -> Void) throws(APIError) -> ListPage {
        let result: Result<ListPage, APIError>
        do throws(ParseError) {
            result = try document.read(page.span, .objects) { ListPage.read($0, each) }
        } catch {
            throw .malformed("\(error)")
        }
        return try result.get()
    }

    // MARK: Evaluation

    private func evaluate(
        _ page: [UInt8], of resource: APIResource, _ kind: String, in context: Context, _ each: (Entry) -> Void
    ) throws(APIError) {
        try read(page) { object in
            guard
                let request = UnsentRequest(of: object, kind: kind, apiVersion: resource.apiVersion, operation: .update)
            else { return }
            let metadata = ObjectMeta(of: object)
            each(
                Entry(
                    path: resource.path(in: metadata.namespace, name: metadata.name ?? ""),
                    apiVersion: resource.apiVersion,
                    uid: object["metadata"]?["uid"]?.string ?? "",
                    decision: evaluator.decision(on: request.review, in: context)))
        }
    }
}
