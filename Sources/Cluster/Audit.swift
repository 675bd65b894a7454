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
        /// True if Namespaces are evaluated whatever the rules, for the exemptions that they set.
        public var includesNamespaces = false

        /// Creates a selection of all objects.
        public init() {}
    }

    /// An evaluated object.
    public struct Entry {
        /// The object's API path, such as `/apis/apps/v1/namespaces/shop/deployments/catalogue`.
        public let path: String
        /// The object's uid; empty if it has none.
        public let uid: String
        /// The decision, with the object's kind, namespace, name and team.
        public let verdict: Verdict
    }

    private let client: BlockingClient
    private let settings: Settings
    private let selection: Selection
    private let maximumPage: Int
    private let judge: Judge
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
        judge = Judge(settings)
        relatedObjects = RelatedObjects(knowledge: .kinds([]), of: settings.catalogue)
    }

    /// Lists and evaluates the objects.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - each: Called with each evaluated object.
    ///   - problem: Called with each kind that could not be read, and the error; the other kinds are evaluated.
    public func run(
        at now: Timestamp, each: (Entry) -> Void, problem: (ResourceKind, APIError) -> Void
    ) {
        let judged = self.judged
        for kind in related {
            do throws(APIError) {
                try learn(kind, keeping: selection.labels == nil && judged.contains(kind))
            } catch {
                problem(kind, error)
            }
        }
        let context = Context(settings: settings, relatedObjects: relatedObjects, now: now, source: .cluster)
        for kind in judged.kinds {
            do throws(APIError) {
                if let pages = kept.removeValue(forKey: kind) {
                    for page in pages { try judge(page, of: kind, in: context, each) }
                } else if !related.contains(kind) || selection.labels != nil && relatedObjects.knows(kind, in: "") {
                    try pages(of: kind, selection.labels) { (page) throws(APIError) in
                        try judge(page, of: kind, in: context, each)
                    }
                }
            } catch {
                problem(kind, error)
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

    private var judged: ResourceKinds {
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

    /// Lists a kind page by page; the next page is requested while one is processed.
    private func pages(
        of kind: ResourceKind, _ labels: String?, _ body: ([UInt8]) throws(APIError) -> Void
    ) throws(APIError) {
        let isInNamespace = !ResourceKinds.clusterWide.contains(kind)
        let resource = APIResource(kind)
        var request = APIRequest(.get, resource.path(in: isInNamespace ? selection.namespace : nil))
        request.maximumResponse = maximumPage
        var query: [(name: String, value: String)] = []
        if let labels { query.append(("labelSelector", labels)) }
        if kind == .namespace, let namespace = selection.namespace {
            query.append(("fieldSelector", "metadata.name=\(namespace)"))
        }
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

    private func judge(
        _ page: [UInt8], of kind: ResourceKind, in context: Context, _ each: (Entry) -> Void
    ) throws(APIError) {
        let resource = APIResource(kind)
        try read(page) { object in
            guard
                let request = UnsentRequest(
                    of: object, kind: "\(kind.name)", apiVersion: kind.apiVersion, operation: .update)
            else { return }
            let metadata = ObjectMeta(of: object)
            each(
                Entry(
                    path: resource.path(in: metadata.namespace, name: metadata.name ?? ""),
                    uid: object["metadata"]?["uid"]?.string ?? "",
                    verdict: judge.verdict(on: request.review, in: context)))
        }
    }
}
