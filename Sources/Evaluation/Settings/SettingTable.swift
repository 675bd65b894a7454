import Languages

extension Setting {
    /// The environment variables of the server and of all rules, in the order of the documentation.
    static let ofEngine: [Setting] = server + recording + evaluating

    private static let server: [Setting] = [
        Setting(
            "PLAYBOOK_LISTEN", .server, .text("HOST:PORT"), \.listen,
            "Address that serves admission reviews over TLS; without HOST, or with `[::]`, all interfaces over IPv6 and IPv4."
        ),
        Setting(
            "PLAYBOOK_HEALTH_LISTEN", .server, .text("HOST:PORT"), \.healthListen,
            "Address that serves `/livez`, `/readyz` and `/metrics` without TLS; HOST as in `PLAYBOOK_LISTEN`."),
        Setting(
            "PLAYBOOK_CERTIFICATES", .server, .choice(), \.certificateSource,
            "Source of the serving certificate; `files`: mounted files, for example from cert-manager; `self`: the server creates and renews it, stores it in a Secret, and writes its CA into its webhook configurations."
        ),
        Setting(
            "PLAYBOOK_CERTIFICATES_SECRET", .server, .text("name"), \.certificateSecret,
            "With `self`: name of the Secret that stores the certificate, in the namespace `PLAYBOOK_NAMESPACE`."),
        Setting(
            "PLAYBOOK_CERTIFICATES_LIFE", .server, .duration, \.certificateLife,
            "With `self`: lifetime of a certificate, at least `1m`; it is renewed after two thirds of it."),
        Setting(
            "PLAYBOOK_CERTIFICATES_NAMES", .server, .list("names"), \.certificateNames,
            "With `self`: DNS names and IP addresses of the certificate in addition to the Service's DNS names."),
        Setting(
            "PLAYBOOK_SERVICE", .server, .optionalText("name"), \.namedService,
            "Name of the Service that the API server calls, in the namespace `PLAYBOOK_NAMESPACE`; with `self` the default is `playbook`. If there is a name, `/readyz` fails while the certificate is not valid for `SERVICE.NAMESPACE.svc`."
        ),
        Setting(
            "PLAYBOOK_WEBHOOK_CONFIGURATION", .server, .text("name"), \.webhookConfiguration,
            "With `self`: name of the ValidatingWebhookConfiguration and the MutatingWebhookConfiguration whose `caBundle` the server updates."
        ),
        Setting(
            "PLAYBOOK_TLS_CERT_FILE", .server, .text("path"), \.certificateFile,
            "File with the serving certificate and its chain in PEM; it is read again when its contents change."),
        Setting(
            "PLAYBOOK_TLS_KEY_FILE", .server, .text("path"), \.keyFile,
            "File with the certificate's private key in PEM."),
        Setting(
            "PLAYBOOK_TLS_CLIENT_CA_FILE", .server, .text("path"), \.clientAuthorityFile,
            "File with the CAs of client certificates in PEM; if set, clients without a certificate from one of them are rejected."
        ),
        Setting(
            "PLAYBOOK_TLS_CLIENT_NAMES", .server, .list("names"), \.clientNames,
            "Names (subject alternative names or the common name) of the clients that are accepted; empty: any. Requires `PLAYBOOK_TLS_CLIENT_CA_FILE`."
        ),
        Setting(
            "PLAYBOOK_LOOPS", .server, .integer(1...256), \.loops,
            "Number of event loops, at most the number of online processors; use the CPU request, rounded up."),
        Setting(
            "PLAYBOOK_MAX_CONNECTIONS", .server, .integer(1...1_000_000), \.maximumConnections,
            "Maximum number of open connections for reviews. At the limit, a new connection replaces the oldest one with an unfinished handshake, or else the one that has been idle longest."
        ),
        Setting(
            "PLAYBOOK_MAX_BODY", .server, .size, \.maximumBodyBytes,
            "Maximum size of a review; a larger one is denied with code 413."),
        Setting(
            "PLAYBOOK_MEMORY", .server, .optional(.size), \.memoryBytes,
            "Maximum memory of all reviews together while they are received and evaluated. If it is used up, a review waits until its deadline and then gets status 503. Unset: half of the container's memory limit, or 128Mi without a limit."
        ),
        Setting(
            "PLAYBOOK_REQUEST_TIMEOUT", .server, .duration, \.requestTimeout,
            "Maximum time to receive a request; a shorter `?timeout=` of the request takes precedence."),
        Setting(
            "PLAYBOOK_IDLE_TIMEOUT", .server, .duration, \.idleTimeout,
            "Time after which an idle connection is closed; use more than the API server's 90 s, so that the API server closes it first."
        ),
        Setting(
            "PLAYBOOK_SHUTDOWN_DELAY", .server, .duration, \.shutdownDelay,
            "Time during which requests are still served after SIGTERM, until the Service's endpoints have changed."),
        Setting(
            "PLAYBOOK_SHUTDOWN_TIMEOUT", .server, .duration, \.shutdownTimeout,
            "Maximum time between SIGTERM and the end of the program, including the delay."),
        Setting(
            "PLAYBOOK_COMPANIONS", .server, .choice(), \.relatedObjectSource,
            "Source of the related objects that rules read; `auto`: the cluster if the server runs in a Pod, otherwise none; `cluster`: the cluster that kubectl would use."
        ),
        Setting(
            "PLAYBOOK_COMPANIONS_MAX_AGE", .server, .duration, \.relatedObjectsMaximumAge,
            "Time without an update from the API server after which a warning is logged; the cached objects are still used."
        ),
        Setting(
            "PLAYBOOK_LOG_LEVEL", .server, .choice(), \.logLevel,
            "Lowest level of the messages that are logged to standard output."),
        Setting(
            "PLAYBOOK_LOG_FORMAT", .server, .choice(), \.logFormat,
            "Format of log lines; `auto`: text on a terminal, JSON elsewhere."),
    ]

    private static let evaluating: [Setting] = [
        Setting(
            "PLAYBOOK_MODE", .evaluation, .choice(), \.mode,
            "Mode of the server; `dry-run` denies nothing and reports findings that would be denied in enforce mode as warnings, log lines and metrics."
        ),
        Setting(
            "PLAYBOOK_RATCHET", .evaluation, .flag, \.isRatchetOn,
            "With `on`, violations that existed before an update produce warnings; new or worse ones are denied."),
        Setting(
            "PLAYBOOK_RATCHET_UNTIL", .evaluation, .optional(.time), \.ratchetEnd,
            "Date from which existing violations are denied; until then warnings about them show the date."),
        Setting(
            "PLAYBOOK_FIX", .evaluation, .fixes, \.fixes,
            "Fixes that `/mutate` applies; `additive`: those that only set absent fields; otherwise all, none or those of the listed rules."
        ),
        Setting(
            "PLAYBOOK_NAMESPACE", .evaluation, .text("name"), \.namespace,
            "Namespace that the product runs in; it is skipped like a system namespace."),
        Setting(
            "PLAYBOOK_SYSTEM_NAMESPACES", .evaluation, .list("names"), \.systemNamespaces,
            "System namespaces in addition to `kube-system`, `kube-node-lease` and `kube-public`; they are skipped."),
        Setting(
            "PLAYBOOK_PLATFORM_NAMESPACES", .evaluation, .additions("names", to: Settings.defaultPlatformNamespaces),
            \.platformNamespaces,
            "Namespaces of third-party software, where only rules of concern security deny. A value adds to the default; `-NAME` removes an entry from it."
        ) { $0.platformNamespaceSet = Set($0.platformNamespaces) },
        Setting(
            "PLAYBOOK_AGENT_NAMESPACES", .evaluation, .list("names"), \.agentNamespaces,
            "Namespaces of node agents: `host-isolation`, `privilege-escalation` and `run-as-non-root` only warn about their DaemonSets, as in Namespaces with the label `pod-security.kubernetes.io/enforce: privileged`."
        ),
        Setting(
            "PLAYBOOK_WORKLOAD_KINDS", .evaluation, .workloadKinds, \.workloadKinds,
            "Custom resource kinds with pod templates, and the paths of these templates, which are evaluated when the custom resource is written. In a path, `[]` is each element of a list and `*` each value of a map; a kind with several paths needs one entry per path. A value adds to the default; `-GROUP/KIND` removes a kind from it. Only additive fixes are applied to these kinds, and only when an object is created. Added kinds must also be in the webhook configurations; the Helm chart adds them."
        ),
        Setting(
            "PLAYBOOK_TRUSTED_USERS", .evaluation, .list("names"), \.trustedUsers,
            "Users that get warnings instead of denials, in addition to those of EKS (`eks:…`). `*` matches any text."),
        Setting(
            "PLAYBOOK_TRUSTED_CONTROLLERS", .evaluation, .additions("names", to: Settings.defaultTrustedControllers),
            \.trustedControllers,
            "Users that create Pods, ReplicaSets and Jobs for an owner that has already been evaluated, and that can scale to any number of replicas. A default entry is trusted only while the API server serves its product's kind. `*` matches any text. A value adds to the default; `-NAME` removes an entry from it."
        ),
        Setting(
            "PLAYBOOK_OPERATOR_ACCOUNTS", .evaluation, .list("names"), \.operatorAccounts,
            "Service accounts of operators: objects that they create for a custom resource are operator-made. Other service accounts count as operators if they use the token of a running Pod and are allowed to update the owner's status, which is checked with the API server before a denial. `*` matches any text."
        ),
        Setting(
            "PLAYBOOK_OPERATOR_MADE", .evaluation, .choice(), \.operatorMade,
            "Decision on operator-made objects; with `warn` only `privilege-escalation` and `host-isolation` deny, outside of platform namespaces."
        ),
        Setting(
            "PLAYBOOK_DEPLOYERS", .evaluation, .additions("names", to: Settings.defaultDeployers), \.deployers,
            "Service accounts of tools that apply manifests, such as Argo CD and Flux. Owner references on their objects are ignored, as they are for users. `*` matches any text. A value adds to the default; `-NAME` removes an entry from it."
        ),
        Setting(
            "PLAYBOOK_BREAK_GLASS", .evaluation, .list("names"), \.breakGlass,
            "Users and groups that get warnings instead of denials during an incident; each use is logged and counted."),
        Setting(
            "PLAYBOOK_ANNOTATION_DOMAIN", .evaluation, .domain, \.annotationDomain,
            "Domain of the annotations `DOMAIN/exempt`, `DOMAIN/exempt-reason`, `DOMAIN/exempt-until` and `DOMAIN/level`."
        ) { $0.catalogue = $0.catalogue.with(AnnotationNames(domain: $0.annotationDomain)) },
        Setting(
            "PLAYBOOK_EXEMPTIONS", .evaluation, .choice(), \.exemptions,
            "Exemption annotations that are accepted: those of workloads and Namespaces, those of Namespaces only, or none."
        ),
        Setting(
            "PLAYBOOK_EXEMPT", .evaluation, .exemptions, \.exempt,
            "Exemptions, each as `rule@namespace/Kind/name: reason until 2027-01-31`, separated by `;`. `*` matches any text."
        ),
        Setting(
            "PLAYBOOK_EXEMPT_FILE", .evaluation, .optionalText("path"), \.exemptFile,
            "File with further entries as in `PLAYBOOK_EXEMPT`, one per line; a line that begins with `#` is a comment. The server reads it again when it changes, and keeps the last valid contents."
        ),
        Setting(
            "PLAYBOOK_CONTACT", .evaluation, .text("text"), \.contact,
            "Contact that denials name for exemptions that a team cannot set itself."),
        Setting(
            "PLAYBOOK_PROFILE", .evaluation, .choice(), \.profile,
            "Levels of rules whose own setting is unset. `start`: rules of concern security have their default level, the others warn at most. `standard`: all rules have their default level. `strict`: all rules deny, except those that are off by default."
        ),
        Setting(
            "PLAYBOOK_RULES_DEFAULT", .evaluation, .choice(), \.mostSevereLevel,
            "Most severe level that any rule can have; it limits the profile and the rules' own settings."
        ),
        Setting(
            "PLAYBOOK_TEAM_LABEL", .evaluation, .text("label"), \.teamLabel,
            "Label with the team of an object, on the object or its pods; reports count findings by team."),
        Setting(
            "PLAYBOOK_DOCS_URL", .evaluation, .optionalText("URL"), \.documentation,
            "URL of a page that describes the rules, such as docs/rules.md; denials link to `URL#rule`. In a release, the default is the page of its documentation."
        ),
        Setting(
            "PLAYBOOK_COMPANION_GRACE", .evaluation, .duration, \.relatedObjectGrace,
            "Grace period after the creation of a workload during which a missing related object, such as a PodDisruptionBudget, only warns: most tools create it after the workload. `check`, `fix` and `audit` evaluate without a grace period."
        ),
        Setting(
            "PLAYBOOK_ENFORCED_SINCE", .evaluation, .optional(.time), \.enforcedSince,
            "Time at which denials were first enforced: updates of workloads that were created later are denied if the grace period is over and the related object is still missing. Default: the annotation `enforced-since` of the server's ValidatingWebhookConfiguration, which the server writes when it first starts in enforce mode."
        ),
    ]

    /// Creates the setting of a rule's level.
    init(levelOf rule: Rule) {
        let detail = rule === Rule.schema ? ", which reports fields of the wrong type" : ""
        self.init(
            name: rule.variable, topic: .rules, form: "deny|warn|off", defaultText: rule.level.rawValue,
            meaning: "Level of `\(rule.id)`\(detail)."
        ) { (text, settings) throws(Misplaced) in
            guard let level = Level(rawValue: text) else { throw Misplaced(at: nil, expected: "deny, warn or off") }
            settings.levels[rule.id] = level
        }
    }
}
