public import Evaluation
internal import HTTP
internal import JSON
public import Kubernetes
internal import Languages
internal import Net

/// The checks of an installed webhook in its cluster.
///
/// It only reads: the two objects that it sends are server-side dry runs.
public struct Doctor {
    /// The result of a check.
    public struct Answer: Sendable {
        /// The state of the subject.
        public enum State: String, Sendable {
            /// No problem.
            case good = "ok"
            /// It works, but needs attention.
            case notice
            /// It needs a fix.
            case bad = "problem"
            /// The API server could not be asked.
            case unknown
        }

        /// The subject of the check, in a word or two.
        public let subject: String
        /// The state of the subject.
        public let state: State
        /// The result, in a sentence.
        public let text: String
    }

    private let client: BlockingClient
    private let settings: Settings
    private let now: Timestamp

    /// Creates the checks.
    ///
    /// - Parameters:
    ///   - client: The cluster.
    ///   - settings: The settings, which name the namespace, the webhook configurations and the Secret.
    ///   - now: The time.
    public init(_ client: BlockingClient, _ settings: Settings, now: Timestamp) {
        self.client = client
        self.settings = settings
        self.now = now
    }

    /// Runs all checks.
    ///
    /// - Parameter each: Called with each result as soon as it is available.
    public func run(_ each: (Answer) -> Void) {
        each(version())
        for registration in [Registration.validating, .mutating] { configuration(registration).forEach(each) }
        each(reach())
        each(replicas())
        each(rights())
        each(certificate())
        each(exemptions())
    }

    // MARK: Calls

    /// Reads an object; nil if it does not exist.
    private func read(_ path: String, query: [(name: String, value: String)] = []) throws(APIError) -> Literal? {
        let request = APIRequest(.get, path, query: query, attempts: 2, limit: .seconds(15))
        do throws(APIError) {
            let response = try client.begin(request).wait()
            guard let object = try? Literal(parsing: response.body) else { throw .malformed("not a JSON object") }
            return object
        } catch {
            if case .status(let status) = error, status.code == 404 { return nil }
            throw error
        }
    }

    /// Returns the result of a check, or the state unknown if a call fails.
    private func answer(_ subject: String, _ body: () throws(APIError) -> (Answer.State, String)) -> Answer {
        do throws(APIError) {
            let (state, text) = try body()
            return Answer(subject: subject, state: state, text: text)
        } catch {
            return Answer(subject: subject, state: .unknown, text: "\(error)")
        }
    }

    private func path(_ group: String, _ plural: String, in namespace: String? = nil, name: String? = nil) -> String {
        APIResource(group: group, version: "v1", plural: plural).path(in: namespace, name: name)
    }

    // MARK: Checks

    private func version() -> Answer {
        answer("API server") { () throws(APIError) in
            guard let version = try read("/version")?["gitVersion"]?.text else {
                return (.unknown, "no version reported")
            }
            return (.good, "Kubernetes \(version)")
        }
    }

    private enum Registration: String {
        case validating = "ValidatingWebhookConfiguration"
        case mutating = "MutatingWebhookConfiguration"
    }

    /// Checks that a webhook configuration exists, trusts a CA, and covers the kinds that rules read.
    private func configuration(_ registration: Registration) -> [Answer] {
        let name = settings.webhookConfiguration
        let subject = "\(registration.rawValue) \(name)"
        let object: Literal?
        do throws(APIError) {
            let plural = registration.rawValue.lowercased() + "s"
            object = try read(path("admissionregistration.k8s.io", plural, name: name))
        } catch {
            return [Answer(subject: subject, state: .unknown, text: "\(error)")]
        }
        guard let webhooks = object?["webhooks"]?.elements else {
            let (state, effect): (Answer.State, String) =
                registration == .mutating ? (.notice, "no fixes are applied") : (.bad, "nothing is enforced")
            return [Answer(subject: subject, state: state, text: "does not exist; \(effect)")]
        }
        var answers = [Answer(subject: subject, state: trust(in: webhooks).0, text: trust(in: webhooks).1)]
        if registration == .validating {
            let missing = unsentKinds(webhooks)
            let names = missing.prefix(10).joined(separator: ", ") + (missing.count > 10 ? ", …" : "")
            answers.append(
                missing.isEmpty
                    ? Answer(subject: subject, state: .good, text: "covers every kind that rules read")
                    : Answer(
                        subject: subject, state: .bad,
                        text: "does not cover \(missing.count) kinds that rules read: \(names); "
                            + "apply the webhook configuration of this version"))
        }
        return answers
    }

    private func trust(in webhooks: [Literal]) -> (Answer.State, String) {
        for webhook in webhooks {
            let name = webhook["name"]?.text ?? ""
            guard let encoded = webhook["clientConfig"]?["caBundle"]?.text, let pem = base64Decoded(encoded),
                let authorities = try? CertificateDescription.certificates(inPEM: pem)
            else { return (.bad, "webhook \(name) has no valid caBundle; the API server cannot call it") }
            guard authorities.contains(where: { $0.notAfter > now.seconds }) else {
                return (.bad, "the caBundle of webhook \(name) has expired")
            }
        }
        let failing = webhooks.filter { $0["failurePolicy"]?.text != "Ignore" }.count
        return (.good, "\(webhooks.count) webhooks with a caBundle, \(failing) of them with failurePolicy Fail")
    }

    /// The kinds that rules read and no webhook covers, such as `deployments.apps`.
    private func unsentKinds(_ webhooks: [Literal]) -> [String] {
        let rules = webhooks.flatMap { $0["rules"]?.elements ?? [] }
        func texts(_ rule: Literal, _ key: String) -> [String] { rule[key]?.elements.compactMap(\.text) ?? [] }
        let kinds = settings.catalogue.kinds(at: settings).map { ("\($0.group)", $0.plural) }
        let needed = kinds + settings.workloadKinds.map { ($0.group, $0.plural) }
        return needed.filter { group, plural in
            !rules.contains { rule in
                let (groups, resources) = (texts(rule, "apiGroups"), texts(rule, "resources"))
                return groups.contains { $0 == "*" || $0 == group }
                    && resources.contains { $0 == "*" || $0 == "*/*" || $0 == plural }
                    && texts(rule, "operations").contains { $0 == "*" || $0 == "CREATE" }
            }
        }.map { group, plural in group.isEmpty ? plural : "\(plural).\(group)" }
    }

    /// The Deployment of the server; nil if it does not exist.
    private func deployment() throws(APIError) -> Literal? {
        try read(path("apps", "deployments", in: settings.namespace, name: "playbook"))
    }

    /// The value of `PLAYBOOK_MODE` in the ConfigMaps that the Deployment names; nil if none of them sets it.
    private func mode() throws(APIError) -> String? {
        let container = try deployment()?["spec"]?["template"]?["spec"]?["containers"]?.elements.first
        for source in container?["envFrom"]?.elements ?? [] {
            // Kustomize appends a hash of the contents to the name.
            guard let name = source["configMapRef"]?["name"]?.text else { continue }
            let map = try read(path("", "configmaps", in: settings.namespace, name: name))
            if let mode = map?["data"]?["PLAYBOOK_MODE"]?.text { return mode }
        }
        return nil
    }

    /// Checks with server-side dry runs that an object with violations is denied and one without is allowed.
    private func reach() -> Answer {
        let pod: Literal = [
            "apiVersion": "v1", "kind": "Pod",
            "metadata": ["generateName": "playbook-doctor-", "namespace": "default"],
            "spec": ["hostPID": true, "containers": [["name": "app", "image": "nginx:latest"]]],
        ]
        let account: Literal = [
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": ["generateName": "playbook-doctor-", "namespace": "default"],
        ]
        return answer("webhook") { () throws(APIError) in
            if case .denied(let refusal) = try attempt(account, "serviceaccounts") {
                return (.bad, "an object that violates no rule is denied: \(refusal)")
            }
            let refusal: String
            switch try attempt(pod, "pods") {
            case .denied(let message): refusal = message
            case .allowed(let warnings):
                let isCalled = warnings.contains { text in
                    settings.catalogue.rules.contains { text.holds("[\($0.id)") }
                }
                if try mode() == "dry-run" {
                    return isCalled
                        ? (.good, "is called; in dry-run mode it warns and denies nothing")
                        : (
                            .bad,
                            "a Pod that violates rules gets no warning: the webhook is not called or fails open (docs/install.md, \"Allow the control plane to call the pods\"), or Namespace default is excluded or exempt"
                        )
                }
                let others =
                    "you are a trusted or break-glass user, or the level of all rules or of Namespace default is warn"
                return (
                    .bad,
                    isCalled
                        ? "is called, but allows a Pod that violates rules: \(others)"
                        : "a Pod that violates rules is allowed: the webhook is not called or fails open, \(others), or Namespace default is excluded or exempt"
                )
            }
            guard refusal.holds("playbook explain") || refusal.holds("host-isolation") else {
                return (.bad, "a Pod that violates rules is denied, but not by this webhook: \(refusal.prefix(200))")
            }
            return (.good, "denies a Pod that violates rules and allows an object without violations")
        }
    }

    /// The answer to a creation.
    private enum Attempt {
        case allowed(warnings: [String])
        case denied(message: String)
    }

    /// Sends a server-side dry run of a creation.
    private func attempt(_ object: Literal, _ plural: String) throws(APIError) -> Attempt {
        let request = APIRequest(
            .post, path("", plural, in: "default"), query: [("dryRun", "All"), ("fieldManager", "playbook-doctor")],
            body: Array(object.json.utf8), attempts: 1, limit: .seconds(30))
        do throws(APIError) {
            return .allowed(warnings: try client.begin(request).wait().warnings)
        } catch {
            guard case .status(let status) = error, [400, 403, 422].contains(status.code) else { throw error }
            // A denial by the authorizer is an error of this check.
            if status.message.holds("cannot create resource") { throw error }
            return .denied(message: status.message)
        }
    }

    /// Checks that all replicas are ready and run the same template.
    private func replicas() -> Answer {
        answer("replicas") { () throws(APIError) in
            guard let deployment = try deployment() else {
                return (.bad, "Deployment playbook does not exist in namespace \(settings.namespace)")
            }
            func count(_ value: Literal?) -> Int { if case .number(let text) = value { Int(text) ?? 0 } else { 0 } }
            let wanted = count(deployment["spec"]?["replicas"])
            let ready = count(deployment["status"]?["readyReplicas"])
            let updated = count(deployment["status"]?["updatedReplicas"])
            guard ready == wanted, updated == wanted else {
                return (.bad, "\(ready) of \(wanted) replicas are ready; \(updated) pods have the current settings")
            }
            return wanted < 2
                ? (.bad, "1 replica; while it restarts, nothing is enforced or all requests are rejected")
                : (.good, "\(wanted) replicas are ready and run the same settings")
        }
    }

    /// The permissions that lookups need in addition to list and watch.
    private static let rights: [(verb: String, group: String, resource: String)] = [
        ("create", "authorization.k8s.io", "subjectaccessreviews"), ("get", "", "namespaces"),
        ("list", "apps", "replicasets"), ("get", "apps", "replicasets"), ("list", "apps", "controllerrevisions"),
        ("get", "apps", "controllerrevisions"), ("get", "batch", "cronjobs"),
        ("list", "apiextensions.k8s.io", "customresourcedefinitions"),
        ("watch", "apiextensions.k8s.io", "customresourcedefinitions"),
    ]

    /// Checks that the server's service account has the permissions that it needs.
    private func rights() -> Answer {
        answer("rights") { () throws(APIError) in
            var needed = Doctor.rights
            for kind in settings.catalogue.watchedKinds.kinds {
                for verb in ["list", "watch"] { needed.append((verb, "\(kind.group)", kind.plural)) }
            }
            // RBAC grants them by name; the server reads and writes the annotation `enforced-since`.
            for verb in ["get", "patch"] {
                needed.append((verb, "admissionregistration.k8s.io", "validatingwebhookconfigurations"))
            }
            for kind in Catalogue.liveKinds.kinds { needed.append(("list", "\(kind.group)", kind.plural)) }
            var (missing, left): ([String], [String]) = ([], [])
            for right in needed {
                let isOwn = right.resource == "validatingwebhookconfigurations"
                let review: Literal = [
                    "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                    "spec": [
                        "user": .string("system:serviceaccount:\(settings.namespace):playbook"),
                        "groups": [
                            "system:serviceaccounts", .string("system:serviceaccounts:\(settings.namespace)"),
                            "system:authenticated",
                        ],
                        "resourceAttributes": [
                            "verb": .string(right.verb), "group": .string(right.group),
                            "resource": .string(right.resource),
                            "name": .string(isOwn ? settings.webhookConfiguration : ""),
                        ],
                    ],
                ]
                let request = APIRequest(
                    .post, path("authorization.k8s.io", "subjectaccessreviews"), body: Array(review.json.utf8),
                    attempts: 1, limit: .seconds(15))
                let response = try client.begin(request).wait()
                guard (try? Literal(parsing: response.body))?["status"]?["allowed"] != true else { continue }
                let text = "\(right.verb) \(right.resource)\(right.group.isEmpty ? "" : ".\(right.group)")"
                // The permissions for custom resources come from a component that is optional.
                if APIGroup.isBuiltIn(right.group) { missing.append(text) } else { left.append(text) }
            }
            guard missing.isEmpty else {
                return (.bad, "the service account lacks these permissions: \(missing.joined(separator: ", "))")
            }
            guard left.isEmpty else {
                return (.notice, "rules that need these permissions are not evaluated: \(left.joined(separator: ", "))")
            }
            return (.good, "the service account has the permissions that it needs")
        }
    }

    /// Checks the expiry of the serving certificate.
    private func certificate() -> Answer {
        answer("certificate") { () throws(APIError) in
            let volumes = try deployment()?["spec"]?["template"]?["spec"]?["volumes"]?.elements ?? []
            let mounted = volumes.first { $0["name"] == "tls" }?["secret"]?["secretName"]?.text
            let secret = mounted ?? settings.certificateSecret
            guard let object = try read(path("", "secrets", in: settings.namespace, name: secret)) else {
                return (.unknown, "Secret \(secret) does not exist in namespace \(settings.namespace)")
            }
            guard let encoded = object["data"]?["tls.crt"]?.text, let pem = base64Decoded(encoded),
                let certificate = try? CertificateDescription.certificates(inPEM: pem).first
            else { return (.bad, "Secret \(secret) has no certificate in tls.crt") }
            let end = Timestamp(seconds: certificate.notAfter)
            let days = (certificate.notAfter - now.seconds) / 86_400
            guard days >= 0 else { return (.bad, "expired on \(end)") }
            return (days < 7 ? .bad : .good, "expires on \(end), in \(days) days")
        }
    }

    /// Checks for expired exemptions.
    private func exemptions() -> Answer {
        answer("exemptions") { () throws(APIError) in
            var (ended, active): ([String], Int) = ([], 0)
            for kind in [ResourceKind.namespace, .deployment, .statefulSet, .daemonSet, .cronJob] {
                var continuation = ""
                repeat {
                    let query = [("limit", "500")] + (continuation.isEmpty ? [] : [("continue", continuation)])
                    guard let list = try read(APIResource(kind).path(), query: query) else { break }
                    for object in list["items"]?.elements ?? [] {
                        guard let annotations = object["metadata"]?["annotations"],
                            annotations[settings.catalogue.annotations.exempt] != nil
                        else { continue }
                        active += 1
                        guard
                            let end = annotations[settings.catalogue.annotations.until]?.text.flatMap({
                                Timestamp(endOf: $0)
                            }),
                            end < now
                        else { continue }
                        let namespace = object["metadata"]?["namespace"]?.text.map { "\($0)/" } ?? ""
                        ended.append("\(kind.name) \(namespace)\(object["metadata"]?["name"]?.text ?? "")")
                    }
                    continuation = list["metadata"]?["continue"]?.text ?? ""
                } while !continuation.isEmpty
            }
            guard !ended.isEmpty else { return (.good, "\(active) objects have exemptions; none has expired") }
            let shown = ended.prefix(10).joined(separator: ", ") + (ended.count > 10 ? ", …" : "")
            return (.notice, "\(ended.count) of \(active) objects have expired exemptions: \(shown)")
        }
    }
}

extension String {
    /// True if this text contains another.
    fileprivate func holds(_ part: String) -> Bool {
        indices.contains { self[$0...].hasPrefix(part) }
    }
}
