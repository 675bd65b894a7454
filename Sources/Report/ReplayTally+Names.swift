import Evaluation
public import Kubernetes

extension ReplayTally {
    /// The names of a request in a report.
    public struct Names: Sendable {
        let namespace: String
        let team: String
        let user: String
        /// The object's title: `Deployment shop/catalogue`.
        let object: String
        /// The operation and the user: `CREATE by admin`.
        let request: String

        /// The names of a request, without secrets.
        public init(of review: AdmissionReview, team: String) {
            namespace = review.namespace ?? ""
            self.team = team
            user = SecretMask.masked(review.user.name)
            object = review.shownTitle
            request = review.shownRequest
        }

        /// The pseudonyms of a request's names, which are the same in the whole report and differ in the next one.
        public init(redacted review: AdmissionReview, team: String) {
            namespace = Names.pseudonym("namespace", review.namespace ?? "")
            self.team = Names.pseudonym("team", team)
            user = Names.pseudonym(ofUser: review.user.name)
            let object = Names.pseudonym("object", review.displayName)
            let place = namespace.isEmpty || review.kind == .namespace ? object : "\(namespace)/\(object)"
            self.object = "\(review.kindName) \(review.kind == .namespace ? namespace : place)"
            let subresource = review.subresourceName.isEmpty ? "" : "/\(review.subresourceName)"
            request = "\(review.operation.name)\(subresource) by \(user)"
        }

        /// The pseudonym of a user; users of Kubernetes itself keep their names.
        public static func pseudonym(ofUser name: String) -> String {
            let isAccount =
                name.hasPrefix("system:serviceaccount:") && !name.hasPrefix("system:serviceaccount:kube-system:")
            return name.hasPrefix("system:") && !isAccount ? name : pseudonym("user", name)
        }

        /// Returns a name that does not show the original one; names of Kubernetes itself are kept.
        private static func pseudonym(_ kind: String, _ name: String) -> String {
            guard !name.isEmpty, !["default", "kube-system", "kube-public"].contains(name) else { return name }
            // The hash is keyed by the process: likely names cannot be tried.
            var hasher = Hasher()
            hasher.combine(name)
            let digits = String(UInt32(truncatingIfNeeded: hasher.finalize()), radix: 16)
            return "\(kind)-\(String(repeating: "0", count: 8 - digits.count))\(digits)"
        }
    }
}
