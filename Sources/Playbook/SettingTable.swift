import Kubernetes

extension Setting {
    /// Every environment variable that is read, in the order of the documentation.
    public static let all: [Setting] =
        server + recording + judging + rules + imageRules + secretRules + placementRules + trafficRules + cloudRules
        + levels

    private static let server: [Setting] = [
        .text(
            "PLAYBOOK_LISTEN", .server, "HOST:PORT", \.listen,
            "Where reviews are served, over TLS. Without HOST, or with `[::]`: on every interface, over IPv6 and IPv4."),
        .text(
            "PLAYBOOK_HEALTH_LISTEN", .server, "HOST:PORT", \.healthListen,
            "Where `/livez`, `/readyz` and `/metrics` are served, without TLS; HOST as above."),
        .choice(
            "PLAYBOOK_CERTIFICATES", .server, \.certificateSource,
            "Where the serving certificate comes from; `files`: mounted, by cert-manager or by hand; `self`: the server makes it, keeps it in a Secret, renews it, and writes its authority into its own registrations."
        ),
        .text(
            "PLAYBOOK_CERTIFICATES_SECRET", .server, "name", \.certificateSecret,
            "With `self`: the Secret, in the namespace `PLAYBOOK_NAMESPACE`."),
        .duration(
            "PLAYBOOK_CERTIFICATES_LIFE", .server, \.certificateLife,
            "With `self`: how long a certificate holds, a minute at least. It is renewed when two thirds are over."),
        .list(
            "PLAYBOOK_CERTIFICATES_NAMES", .server, "names", \.certificateNames,
            "With `self`: DNS names and IP addresses that the certificate is to have beside the Service's."),
        .optionalText(
            "PLAYBOOK_SERVICE", .server, "name", \.namedService,
            "The Service by whose name the API server calls, in the namespace `PLAYBOOK_NAMESPACE`; with `self` it is `playbook` unless set. When it is known, `/readyz` fails while the certificate is not valid for `SERVICE.NAMESPACE.svc`."
        ),
        .text(
            "PLAYBOOK_WEBHOOK_CONFIGURATION", .server, "name", \.webhookConfiguration,
            "With `self`: the name of the ValidatingWebhookConfiguration and the MutatingWebhookConfiguration to keep `caBundle` in."
        ),
        .text(
            "PLAYBOOK_TLS_CERT_FILE", .server, "path", \.certificateFile,
            "The serving certificate and its chain, PEM. Read again when its contents change."),
        .text("PLAYBOOK_TLS_KEY_FILE", .server, "path", \.keyFile, "The certificate's private key, PEM."),
        .text(
            "PLAYBOOK_TLS_CLIENT_CA_FILE", .server, "path", \.clientAuthorityFile,
            "Authorities of client certificates, PEM. When set, a client without a certificate from one of them gets nothing."
        ),
        .list(
            "PLAYBOOK_TLS_CLIENT_NAMES", .server, "names", \.clientNames,
            "The names (subject alternative names, or the common name) of the clients that are allowed; empty: any. Requires `PLAYBOOK_TLS_CLIENT_CA_FILE`."
        ),
        .integer(
            "PLAYBOOK_LOOPS", .server, 1...256, \.loops,
            "Event loops, at most the processors online. Set it to the CPU request, rounded up."),
        .integer(
            "PLAYBOOK_MAX_CONNECTIONS", .server, 1...1_000_000, \.maximumConnections,
            "Connections for reviews that are open at once. At the limit, a new one replaces the oldest unfinished handshake, else the connection that is idle for longest."
        ),
        .size(
            "PLAYBOOK_MAX_BODY", .server, \.maximumBodyBytes,
            "The largest review that is evaluated. A larger one is denied (code 413)."),
        .optionalSize(
            "PLAYBOOK_MEMORY", .server, \.memoryBytes,
            "The memory that all reviews may hold together while they arrive and are evaluated. A review for which there is none waits within its own deadline, then it is answered with status 503. Unset: half of the memory limit of the control group (the container's), or 128Mi when there is no limit."
        ),
        .duration(
            "PLAYBOOK_REQUEST_TIMEOUT", .server, \.requestTimeout,
            "How long a request may take to arrive; the request's own `?timeout=` shortens it."),
        .duration(
            "PLAYBOOK_IDLE_TIMEOUT", .server, \.idleTimeout,
            "How long a connection may be idle. Longer than the API server's 90 s, so that it is the one to close."),
        .duration(
            "PLAYBOOK_SHUTDOWN_DELAY", .server, \.shutdownDelay,
            "How long requests are served as before after SIGTERM, while the Service's endpoints change."),
        .duration(
            "PLAYBOOK_SHUTDOWN_TIMEOUT", .server, \.shutdownTimeout,
            "How long after SIGTERM the program ends at the latest, the delay included."),
        .choice(
            "PLAYBOOK_COMPANIONS", .server, \.companionSource,
            "Where the other objects that rules ask for come from; `auto`: from the cluster in a Pod, from nowhere elsewhere; `cluster`: from the cluster, found as kubectl does."
        ),
        .duration(
            "PLAYBOOK_COMPANIONS_MAX_AGE", .server, \.companionsMaximumAge,
            "How long nothing may have come from the API server before that is said in the log; what is known holds all the same."
        ),
        .choice("PLAYBOOK_LOG_LEVEL", .server, \.logLevel, "What is logged to standard output."),
        .choice(
            "PLAYBOOK_LOG_FORMAT", .server, \.logFormat,
            "How log lines look; `auto`: text on a terminal, JSON elsewhere."),
    ]

    private static let judging: [Setting] = [
        .choice(
            "PLAYBOOK_MODE", .judging, \.mode,
            "`dry-run` evaluates everything and denies nothing: would-be denials become warnings, log lines and metrics."
        ),
        .flag(
            "PLAYBOOK_RATCHET", .judging, \.isRatchetOn,
            "Whether a finding that the object had before an update only warns."),
        .fixes(
            "PLAYBOOK_FIX", .judging, \.fixes,
            "Which fixes `/mutate` makes: those that fill in absent fields, all, none, or those of a list of rules."),
        .text(
            "PLAYBOOK_NAMESPACE", .judging, "name", \.namespace,
            "The namespace that the product itself runs in; passed over like a system namespace."),
        .list(
            "PLAYBOOK_SYSTEM_NAMESPACES", .judging, "names", \.systemNamespaces,
            "Further namespaces that are passed over, beside `kube-system`, `kube-node-lease` and `kube-public`."),
        .list(
            "PLAYBOOK_TRUSTED_USERS", .judging, "names", \.trustedUsers,
            "Users who get warnings instead of denials, as those of EKS (`eks:…`) do. `*` stands for any text."),
        .list(
            "PLAYBOOK_TRUSTED_CONTROLLERS", .judging, "names", \.trustedControllers,
            "Further users that make Pods, ReplicaSets and Jobs for an owner which has been judged itself, and that may scale to any number, such as KEDA's operator (`system:serviceaccount:keda:keda-operator`)."
        ),
        .additions(
            "PLAYBOOK_DEPLOYERS", .judging, "names", \.deployers,
            "Service accounts of tools that apply what others wrote, such as Argo CD and Flux. Like those of people, their owner references are never believed. `*` stands for any text."
        ),
        .list(
            "PLAYBOOK_BREAK_GLASS", .judging, "names", \.breakGlass,
            "Users and groups whose denials become warnings, logged and counted: for an incident."),
        .choice(
            "PLAYBOOK_EXEMPTIONS", .judging, \.exemptions,
            "Which annotations may exempt: those of workloads and Namespaces, of Namespaces alone, or none."),
        .exemptions(
            "PLAYBOOK_EXEMPT", .judging, \.exempt,
            "Exemptions that stand: `rule@namespace/Kind/name: reason until 2027-01-31`, separated by `;`. `*` stands for any text."
        ),
        .choice(
            "PLAYBOOK_RULES_DEFAULT", .judging, \.gravestLevel,
            "The gravest level of rules whose own level is not set; `warn` for a gentle start, `off` to take up rules one by one."
        ),
        .text(
            "PLAYBOOK_TEAM_LABEL", .judging, "label", \.teamLabel,
            "The label that says whose an object is, on itself or on its pods; reports count by it."),
        .optionalText(
            "PLAYBOOK_DOCS_URL", .judging, "URL", \.documentation,
            "Where the rules are explained, docs/rules.md or the like; denials then say `URL#rule`."),
        .duration(
            "PLAYBOOK_COMPANION_GRACE", .judging, \.companionGrace,
            "How long a missing companion (a PodDisruptionBudget) only warns after its workload was created; for tools that create it later."
        ),
        .time(
            "PLAYBOOK_ENFORCED_SINCE", .judging, \.enforcedSince,
            "With a grace: workloads created since then are denied updates when the grace is over and the companion still missing."
        ),
    ]

    private static let rules: [Setting] = [
        .paths("PLAYBOOK_LIVENESS_PATHS", .rules, \.livenessPaths, "Paths that a liveness probe may ask for."),
        .paths("PLAYBOOK_READINESS_PATHS", .rules, \.readinessPaths, "Paths that a readiness probe may ask for."),
        .optionalInteger(
            "PLAYBOOK_HEALTH_PORT", .rules, 1...65535, \.healthPort,
            "The port number that all probes ask at; unset: any declared port."),
        .integer("PLAYBOOK_MIN_REPLICAS", .rules, 1...1000, \.minimumReplicas, "The fewest replicas, other than 0."),
        .integer(
            "PLAYBOOK_MIN_GRACE_SECONDS", .rules, 1...86400, \.minimumGraceSeconds,
            "The shortest termination grace period."),
        .optionalInteger(
            "PLAYBOOK_METRICS_PORT", .rules, 1...65535, \.metricsPort,
            "The port number that all applications serve metrics at; unset: any."),
        .integer("PLAYBOOK_MAX_SKEW", .rules, 1...1000, \.maximumSkew, "The largest skew between zones."),
    ]

    /// One variable a rule, for its level.
    private static var levels: [Setting] {
        Catalogue.rules.map { rule in
            Setting(
                name: rule.variable, topic: .rules, form: "deny|warn|off", defaultText: rule.level.rawValue,
                meaning: "The level of `\(rule.id)`."
            ) { (text, settings) throws(Malformed) in
                guard let level = Level(rawValue: text) else { throw Malformed(expected: "deny, warn or off") }
                settings.levels[rule.id] = level
            }
        }
    }
}
