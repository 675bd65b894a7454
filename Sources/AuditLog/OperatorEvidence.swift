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
        let isAdministrator: Bool

        /// The largest length of the three names together; those of Kubernetes are shorter.
        private static let maximumLength = 1024

        /// The fact that an event shows; nil if it shows none.
        init?(_ event: AuditEvent) {
            guard event.verb == .update || event.verb == .patch, event.code < 300, !APIGroup.isBuiltIn(event.group),
                let account = event.user?["username"]?.string, account.hasPrefix("system:serviceaccount:")
            else { return nil }
            let (group, resource) = (event.group, event.resource)
            guard account.utf8.count + group.utf8.count + resource.utf8.count <= Entry.maximumLength else { return nil }
            self.account = account
            self.group = group
            self.resource = resource
            isAdministrator = event.isByAdministrator
        }

        init(_ claim: OperatorClaim, isAdministrator: Bool) {
            account = claim.account
            group = claim.group
            resource = WorkloadKind(claim.group, claim.kindName, paths: []).plural
            self.isAdministrator = isAdministrator
        }
    }

    /// The entries with their positions in the list.
    private final class List: Sendable {
        let positions = Mutex<[Entry: Int]>([:])
    }

    /// The largest number of entries.
    static let maximum = 50_000

    private let list = List()
    /// The number of entries that this copy sees: the first ones of the list.
    private var count = 0

    /// Adds an entry; returns false if the list is full.
    mutating func insert(_ entry: Entry) -> Bool {
        let length = list.positions.withLock { positions -> Int? in
            let length = positions.count
            guard positions[entry] == nil else { return length }
            guard length < OperatorEvidence.maximum else { return nil }
            positions[entry] = length
            return length + 1
        }
        guard let length else { return false }
        count = length
        return true
    }

    /// True if an account is the operator of a kind; nil if the log does not show it.
    subscript(claim: OperatorClaim) -> Bool? {
        // An account that may do everything is a deployer.
        if contains(Entry(claim, isAdministrator: true)) { return false }
        return contains(Entry(claim, isAdministrator: false)) ? true : nil
    }

    private func contains(_ entry: Entry) -> Bool {
        guard let position = list.positions.withLock({ $0[entry] }) else { return false }
        return position < count
    }
}
