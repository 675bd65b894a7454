import Evaluation
import JSON
import Kubernetes
import Synchronization

/// The service accounts that have updated the status of custom resources: only operators do.
///
/// All copies share one list, to which entries are only appended; a copy sees the entries that were in the list when the copy was
/// made. A copy for each request therefore needs no memory. Only one of the copies must be changed.
struct OperatorEvidence: Sendable {
    struct Entry: Hashable, Sendable {
        let account: String
        let group: String
        let resource: String
        /// The namespace in which the account is known to have the permission; empty for all namespaces.
        let namespace: String
        let isAdministrator: Bool

        /// The largest length of the names together; those of Kubernetes are shorter.
        private static let maximumLength = 1024

        /// The fact that an event shows; nil if it shows none.
        init?(_ event: AuditEvent) {
            guard event.verb == .update || event.verb == .patch, event.code < 300, !APIGroup.isBuiltIn(event.group),
                let account = event.user?["username"]?.string, account.hasPrefix("system:serviceaccount:")
            else { return nil }
            let isAdministrator = event.isByAdministrator
            let isEverywhere = isAdministrator || event.isAllowedInAllNamespaces
            self.init(
                account, event.group, event.resource, in: isEverywhere ? "" : event.namespace,
                isAdministrator: isAdministrator)
            guard [account, group, resource, namespace].reduce(0, { $0 + $1.utf8.count }) <= Entry.maximumLength else {
                return nil
            }
        }

        fileprivate init(
            _ account: String, _ group: String, _ resource: String, in namespace: String, isAdministrator: Bool
        ) {
            self.account = account
            self.group = group
            self.resource = resource
            self.namespace = namespace
            self.isAdministrator = isAdministrator
        }
    }

    /// A kind of custom resource.
    private struct Kind: Hashable {
        let group: String
        let name: String
    }

    /// The list, with the position of each entry.
    private struct Content {
        var entries: [Entry: Int] = [:]
        /// The names in URLs of kinds whose CustomResourceDefinition the log has shown.
        var plurals: [Kind: (name: String, position: Int)] = [:]
        var count: Int { entries.count + plurals.count }
    }

    private final class List: Sendable {
        let content = Mutex(Content())
    }

    /// The largest number of entries.
    static let maximum = 50_000

    private let list = List()
    /// The number of entries that this copy sees: the first ones of the list.
    private var count = 0

    /// Adds an entry; returns false if the list is full.
    mutating func insert(_ entry: Entry) -> Bool {
        append {
            $0.entries[entry] != nil
        } _: {
            $0.entries[entry] = $0.count
        }
    }

    /// Adds the names of a CustomResourceDefinition's kind, from its `spec`.
    mutating func define(_ spec: Value?) {
        guard let group = spec?["group"]?.string, let name = spec?["names"]?["kind"]?.string,
            let plural = spec?["names"]?["plural"]?.string,
            group.utf8.count + name.utf8.count + plural.utf8.count <= 1024
        else { return }
        let kind = Kind(group: group, name: name)
        _ = append {
            $0.plurals[kind] != nil
        } _: {
            $0.plurals[kind] = (plural, $0.count)
        }
    }

    private mutating func append(unless isThere: (Content) -> Bool, _ add: (inout Content) -> Void) -> Bool {
        let length = list.content.withLock { content -> Int? in
            guard !isThere(content) else { return content.count }
            guard content.count < OperatorEvidence.maximum else { return nil }
            add(&content)
            return content.count
        }
        guard let length else { return false }
        count = length
        return true
    }

    /// True if an account is the operator of a kind; nil if the log does not show it.
    subscript(claim: OperatorClaim) -> Bool? {
        list.content.withLock { content in
            let kind = Kind(group: claim.group, name: claim.kindName)
            let defined = content.plurals[kind].flatMap { $0.position < count ? $0.name : nil }
            let plural = defined ?? WorkloadKind(claim.group, claim.kindName, paths: []).plural
            func isShown(_ namespace: String, isAdministrator: Bool) -> Bool {
                let entry = Entry(
                    claim.account, claim.group, plural, in: namespace, isAdministrator: isAdministrator)
                return content.entries[entry].map { $0 < count } ?? false
            }
            // An account that may do everything is a deployer.
            if isShown("", isAdministrator: true) { return false }
            if isShown("", isAdministrator: false) { return true }
            // Every editor of a namespace may update the status of its certificates.
            let isEverybodys = claim.group == "cert-manager.io" && claim.kindName == "Certificate"
            return !isEverybodys && isShown(claim.namespace, isAdministrator: false) ? true : nil
        }
    }
}
