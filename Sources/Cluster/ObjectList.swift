internal import HTTP
public import JSON

/// A page of a list.
public struct ListPage: Equatable, Sendable {
    /// The resourceVersion of the list; watches continue from it.
    public var resourceVersion: String
    /// The continue token of the next page; nil on the last one.
    public var continuation: String?
}

extension APIClient {
    /// Lists one page of objects.
    ///
    /// - Parameters:
    ///   - resource: The resource.
    ///   - namespace: The namespace; nil for all.
    ///   - name: The name of the only object to list; nil for all.
    ///   - page: The page size and the continue token; nil for all objects at once.
    ///   - readsOnlyMetadata: True to request only the objects' metadata.
    ///   - attempts: The maximum number of attempts.
    ///   - limit: The time limit.
    ///   - maximum: The maximum response size, in bytes.
    ///   - each: Called with each object after the whole page has arrived; no ``Value`` may be kept. Objects in a list have no
    ///     `kind` and no `apiVersion`.
    ///   - completion: Called once, after the last object, with the result.
    /// - Returns: The call, to cancel it.
    @discardableResult
    public func list(
        _ resource: APIResource, in namespace: String? = nil, named name: String? = nil,
        page: (size: Int, continuation: String?)? = nil,
        readsOnlyMetadata: Bool = false, attempts: Int = 1, within limit: Duration = .seconds(60),
        atMost maximum: Int = 64 << 20,
        each: @escaping (Value) -> Void,
        _ completion: @escaping (Result<ListPage, APIError>) -> Void
    ) -> APICall {
        var request = APIRequest(.get, resource.path(in: namespace), attempts: attempts, limit: limit)
        request.maximumResponse = maximum
        if readsOnlyMetadata { request.accept = APIRequest.metadataList }
        // A list needs no other permission than that for all objects.
        if let name { request.query.append(("fieldSelector", "metadata.name=\(escapedForSelector(name))")) }
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
            return .failure(.malformed("not a list: resourceVersion is missing"))
        }
        // Go encodes an empty list of items as null.
        guard let items = root["items"], items.kind == .array || items.isNull else {
            return .failure(.malformed("not a list: items is missing"))
        }
        for item in items.elements { each(item) }
        let next = root["metadata"]?["continue"]?.string ?? ""
        return .success(ListPage(resourceVersion: version, continuation: next.isEmpty ? nil : next))
    }
}

extension ParseOptions {
    /// The parse options for lists: one deeply nested object must not hide the others.
    static let objects = ParseOptions(toleratesDepth: true, maximumNodes: trustedNodes)

    /// The parse options for watch events: managedFields, often half of an object, is skipped.
    static let watchEvents = ParseOptions(
        skipped: SkipTree([.init("object", [.init("metadata", [.init("managedFields")])])]), toleratesDepth: true,
        maximumNodes: trustedNodes)
}

/// Escapes a value of a field selector: names of RBAC objects can contain commas and equals signs.
private func escapedForSelector(_ name: String) -> String {
    name.reduce(into: "") { escaped, character in
        if "\\,=".contains(character) { escaped.append("\\") }
        escaped.append(character)
    }
}
