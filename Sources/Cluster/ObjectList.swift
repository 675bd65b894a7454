internal import HTTP
public import JSON

/// One page of a list of objects.
public struct ListPage: Equatable, Sendable {
    /// The state of the cluster that the list shows; watches go on from there.
    public var resourceVersion: String
    /// What to ask for the next page; nil on the last one.
    public var continuation: String?
}

extension APIClient {
    /// Lists objects, one page of them.
    ///
    /// - Parameters:
    ///   - resource: The kind.
    ///   - namespace: Whose objects; nil for all.
    ///   - page: How many at most, and behind which page; nil for all at once.
    ///   - readsOnlyMetadata: True to ask for nothing but the objects' metadata.
    ///   - attempts: How often it may be tried.
    ///   - limit: How long all of it may take.
    ///   - maximum: How large the response may be, in bytes.
    ///   - each: Called with each object when all have come; no ``Value`` may leave it. In a list, objects have neither `kind`
    ///     nor `apiVersion`.
    ///   - completion: Called once, after the last object, with what came of it.
    /// - Returns: A way to take it back.
    @discardableResult
    public func list(
        _ resource: APIResource, in namespace: String? = nil, page: (size: Int, continuation: String?)? = nil,
        readsOnlyMetadata: Bool = false, attempts: Int = 1, within limit: Duration = .seconds(60),
        atMost maximum: Int = 64 << 20,
        each: @escaping (Value) -> Void,
        _ completion: @escaping (Result<ListPage, APIError>) -> Void
    ) -> APICall {
        var request = APIRequest(.get, resource.path(in: namespace), attempts: attempts, limit: limit)
        request.maximumResponse = maximum
        if readsOnlyMetadata { request.accept = APIRequest.metadataList }
        if let page {
            request.query.append(("limit", String(page.size)))
            if let continuation = page.continuation { request.query.append(("continue", continuation)) }
        }
        return send(request) { [document] result in
            completion(
                result.flatMap { response in
                    do throws(ParseError) {
                        return try document.read(response.body.span, .objects) { ListPage.read($0, each) }
                    } catch {
                        return .failure(.malformed("\(error)"))
                    }
                })
        }
    }
}

extension ListPage {
    static func read(_ root: Value, _ each: (Value) -> Void) -> Result<ListPage, APIError> {
        guard let version = root["metadata"]?["resourceVersion"]?.string, !version.isEmpty else {
            return .failure(.malformed("it is no list: it has no resourceVersion"))
        }
        // Go writes no items as null.
        guard let items = root["items"], items.kind == .array || items.isNull else {
            return .failure(.malformed("it is no list: it has no items"))
        }
        for item in items.elements { each(item) }
        let next = root["metadata"]?["continue"]?.string ?? ""
        return .success(ListPage(resourceVersion: version, continuation: next.isEmpty ? nil : next))
    }
}

extension ParseOptions {
    /// How lists are read: one object that nests deep must not hide all others.
    static let objects = ParseOptions(toleratesDepth: true, maximumNodes: trustedNodes)

    /// How a watch's lines are read: who managed which field is no business of ours, and is often half of an object.
    static let watchEvents = ParseOptions(
        skipped: SkipTree([.init("object", [.init("metadata", [.init("managedFields")])])]), toleratesDepth: true,
        maximumNodes: trustedNodes)
}
