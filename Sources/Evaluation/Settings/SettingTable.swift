import Kubernetes

extension Setting {
    /// The environment variables of the server and of what is the same for all rules, in the order of the documentation.
    static let ofEngine: [Setting] = server + recording + judging

    private static let server: [Setting] = [
        Setting(
            "PLAYBOOK_LISTEN", .server, .text("HOST:PORT"), \.listen,
            "Where reviews are served, over TLS. Without HOST, or with `[::]`: on every interface, over IPv6 and IPv4."),
        Setting(
            "PLAYBOOK_HEALTH_LISTEN", .server, .text("HOST:PORT"), \.healthListen,
            "Where `/livez`, `/readyz` and `/metrics` are served, without TLS; HOST as above."),
        Setting(
            "PLAYBOOK_CERTIFICATES", .server, .choice(), \.certificateSource,
            "Where the serving certificate comes from; `files`: mounted, by cert-manager or by hand; `self`: the server makes it, keeps it in a Secret, renews it, and writes its authority into its own registrations."
        ),
        Setting(
            "PLAYBOOK_CERTIFICATES_SECRET", .server, .text("name"), \.certificateSecret,
            "With `self`: the Secret, in the namespace `PLAYBOOK_NAMESPACE`."),
        Setting(
            "PLAYBOOK_CERTIFICATES_LIFE", .server, .duration, \.certificateLife,
            "With `self`: how long a certificate holds, a minute at least. It is renewed when two thirds are over."),
        Setting(
            "PLAYBOOK_CERTIFICATES_NAMES", .server, .list("names"), \.certificateNames,
            "With `self`: DNS names and IP addresses that the certificate is to have beside the Service's."),
        Setting(
            "PLAYBOOK_SERVICE", .server, .optionalText("name"), \.namedService,
            "The Service by whose name the API server calls, in the namespace `PLAYBOOK_NAMESPACE`; with `self` it is `playbook` unless set. When it is known, `/readyz` fails while the certificate is not valid for `SERVICE.NAMESPACE.svc`."
        ),
        Setting(
            "PLAYBOOK_WEBHOOK_CONFIGURATION", .server, .text("name"), \.webhookConfiguration,
            "With `self`: the name of the ValidatingWebhookConfiguration and the MutatingWebhookConfiguration to keep `caBundle` in."
        ),
        Setting(
            "PLAYBOOK_TLS_CERT_FILE", .server, .text("path"), \.certificateFile,
            "The serving certificate and its chain, PEM. Read again when its contents change."),
        Setting(
            "PLAYBOOK_TLS_KEY_FILE", .server, .text("path"), \.keyFile, "The certificate's private key, PEM."),
        Setting(
            "PLAYBOOK_TLS_CLIENT_CA_FILE", .server, .text("path"), \.clientAuthorityFile,
            "Authorities of client certificates, PEM. When set, a client without a certificate from one of them gets nothing."
        ),
        Setting(
            "PLAYBOOK_TLS_CLIENT_NAMES", .server, .list("names"), \.clientNames,
            "The names (subject alternative names, or the common name) of the clients that are allowed; empty: any. Requires `PLAYBOOK_TLS_CLIENT_CA_FILE`."
        ),
        Setting(
            "PLAYBOOK_LOOPS", .server, .integer(1...256), \.loops,
            "Event loops, at most the processors online. Set it to the CPU request, rounded up."),
        Setting(
            "PLAYBOOK_MAX_CONNECTIONS", .server, .integer(1...1_000_000), \.maximumConnections,
            "Connections for reviews that are open at once. At the limit, a new one replaces the oldest unfinished handshake, else the connection that is idle for longest."
        ),
        Setting(
            "PLAYBOOK_MAX_BODY", .server, .size, \.maximumBodyBytes,
            "The largest review that is evaluated. A larger one is denied (code 413)."),
        Setting(
            "PLAYBOOK_MEMORY", .server, .optional(.size), \.memoryBytes,
            "The memory that all reviews may hold together while they arrive and are evaluated. A review for which there is none waits within its own deadline, then it is answered with status 503. Unset: half of the memory limit of the control group (the container's), or 128Mi when there is no limit."
        ),
        Setting(
            "PLAYBOOK_REQUEST_TIMEOUT", .server, .duration, \.requestTimeout,
            "How long a request may take to arrive; the request's own `?timeout=` shortens it."),
        Setting(
            "PLAYBOOK_IDLE_TIMEOUT", .server, .duration, \.idleTimeout,
            "How long a connection may be idle. Longer than the API server's 90 s, so that it is the one to close."),
        Setting(
            "PLAYBOOK_SHUTDOWN_DELAY", .server, .duration, \.shutdownDelay,
            "How long requests are served as before after SIGTERM, while the Service's endpoints change."),
        Setting(
            "PLAYBOOK_SHUTDOWN_TIMEOUT", .server, .duration, \.shutdownTimeout,
            "How long after SIGTERM the program ends at the latest, the delay included."),
        Setting(
            "PLAYBOOK_COMPANIONS", .server, .choice(), \.relatedObjectSource,
            "Where the other objects that rules ask for come from; `auto`: from the cluster in a Pod, from nowhere elsewhere; `cluster`: from the cluster, found as kubectl does."
        ),
        Setting(
            "PLAYBOOK_COMPANIONS_MAX_AGE", .server, .duration, \.relatedObjectsMaximumAge,
            "How long nothing may have come from the API server before that is said in the log; what is known holds all the same."
        ),
        Setting(
            "PLAYBOOK_LOG_LEVEL", .server, .choice(), \.logLevel, "What is logged to standard output."),
        Setting(
            "PLAYBOOK_LOG_FORMAT", .server, .choice(), \.logFormat,
            "How log lines look; `auto`: text on a terminal, JSON elsewhere."),
    ]

    private static let judging: [Setting] = [
        Setting(
            "PLAYBOOK_MODE", .judging, .choice(), \.mode,
            "`dry-run` evaluates everything and denies nothing: would-be denials become warnings, log lines and metrics."
        ),
        Setting(
            "PLAYBOOK_RATCHET", .judging, .flag, \.isRatchetOn,
            "Whether a finding that the object had before an update only warns."),
        Setting(
            "PLAYBOOK_RATCHET_UNTIL", .judging, .optional(.time), \.ratchetEnd,
            "The date from which existing violations are denied; until then their warnings name it."),
        Setting(
            "PLAYBOOK_FIX", .judging, .fixes, \.fixes,
            "Which fixes `/mutate` makes: those that fill in absent fields, all, none, or those of a list of rules."),
        Setting(
            "PLAYBOOK_NAMESPACE", .judging, .text("name"), \.namespace,
            "The namespace that the product itself runs in; passed over like a system namespace."),
        Setting(
            "PLAYBOOK_SYSTEM_NAMESPACES", .judging, .list("names"), \.systemNamespaces,
            "Further namespaces that are passed over, beside `kube-system`, `kube-node-lease` and `kube-public`."),
        Setting(
            "PLAYBOOK_PLATFORM_NAMESPACES", .judging, .additions("names", to: Settings.defaultPlatformNamespaces),
            \.platformNamespaces,
            "Namespaces of software that others publish. Only rules of concern security deny in them. A value adds to the default; `-NAME` takes an entry out of it."
        ) { $0.platformNamespaceSet = Set($0.platformNamespaces) },
        Setting(
            "PLAYBOOK_AGENT_NAMESPACES", .judging, .list("names"), \.agentNamespaces,
            "Namespaces whose DaemonSets need the node: `host-isolation`, `privilege-escalation` and `run-as-non-root` warn for them, as they do where the Namespace has the label `pod-security.kubernetes.io/enforce: privileged`."
        ),
        Setting(
            "PLAYBOOK_WORKLOAD_KINDS", .judging, .workloadKinds, \.workloadKinds,
            "Kinds of custom resources that pods are made of, and where they have pod templates, which are evaluated when their author writes them: nobody learns at run time that a Job was denied. In a path `[]` is each element of a list and `*` each value of a map; further paths of a kind are entries of their own. A value adds to the default; `-GROUP/KIND` takes a kind out of it. The webhook configuration has to send kinds that are added."
        ),
        Setting(
            "PLAYBOOK_TRUSTED_USERS", .judging, .list("names"), \.trustedUsers,
            "Users who get warnings instead of denials, as those of EKS (`eks:…`) do. `*` stands for any text."),
        Setting(
            "PLAYBOOK_TRUSTED_CONTROLLERS", .judging, .additions("names", to: Settings.defaultTrustedControllers),
            \.trustedControllers,
            "Users that make Pods, ReplicaSets and Jobs for an owner that has been evaluated itself, and that may scale to any count. `*` stands for any text. A value adds to the default; `-NAME` takes an entry out of it."
        ),
        Setting(
            "PLAYBOOK_OPERATOR_ACCOUNTS", .judging, .list("names"), \.operatorAccounts,
            "Service accounts of operators: what they make for a custom resource only warns. Others are operators if they use the token of a running Pod and may write the status of the owner, which the API server is asked before a denial. `*` stands for any text."
        ),
        Setting(
            "PLAYBOOK_OPERATOR_MADE", .judging, .choice(), \.operatorMade,
            "The decision on objects that an operator makes; with `warn` only `privilege-escalation` and `host-isolation` deny, outside of platform namespaces."
        ),
        Setting(
            "PLAYBOOK_DEPLOYERS", .judging, .additions("names", to: Settings.defaultDeployers), \.deployers,
            "Service accounts of tools that apply what others wrote, such as Argo CD and Flux. Like those of people, their owner references are never believed. `*` stands for any text. A value adds to the default; `-NAME` takes an entry out of it."
        ),
        Setting(
            "PLAYBOOK_BREAK_GLASS", .judging, .list("names"), \.breakGlass,
            "Users and groups whose denials become warnings, logged and counted: for an incident."),
        Setting(
            "PLAYBOOK_ANNOTATION_DOMAIN", .judging, .domain, \.annotationDomain,
            "The domain of the annotations that people set: `DOMAIN/exempt`, `DOMAIN/exempt-reason`, `DOMAIN/exempt-until` and `DOMAIN/level`."
        ) { $0.catalogue = $0.catalogue.with(AnnotationNames(domain: $0.annotationDomain)) },
        Setting(
            "PLAYBOOK_EXEMPTIONS", .judging, .choice(), \.exemptions,
            "Which annotations may exempt: those of workloads and Namespaces, of Namespaces alone, or none."),
        Setting(
            "PLAYBOOK_EXEMPT", .judging, .exemptions, \.exempt,
            "Exemptions that stand: `rule@namespace/Kind/name: reason until 2027-01-31`, separated by `;`. `*` stands for any text."
        ),
        Setting(
            "PLAYBOOK_EXEMPT_FILE", .judging, .optionalText("path"), \.exemptFile,
            "A file with further entries as in `PLAYBOOK_EXEMPT`, one a line; a line that begins with `#` is a comment. The server reads it again when it changes, and keeps the last good one."
        ),
        Setting(
            "PLAYBOOK_CONTACT", .judging, .text("text"), \.contact,
            "Whom denials name for exemptions that a team cannot set itself."),
        Setting(
            "PLAYBOOK_PROFILE", .judging, .choice(), \.profile,
            "The levels of rules without a setting of their own. `start`: rules of concern security have their level, the others warn at most. `standard`: each has its level. `strict`: every rule denies that is not off by default."
        ),
        Setting(
            "PLAYBOOK_RULES_DEFAULT", .judging, .choice(), \.gravestLevel,
            "The most severe level that a rule can have, whatever the profile and its own setting say."
        ),
        Setting(
            "PLAYBOOK_TEAM_LABEL", .judging, .text("label"), \.teamLabel,
            "The label that says whose an object is, on itself or on its pods; reports count by it."),
        Setting(
            "PLAYBOOK_DOCS_URL", .judging, .optionalText("URL"), \.documentation,
            "Where the rules are explained, docs/rules.md or the like; denials then say `URL#rule`."),
        Setting(
            "PLAYBOOK_COMPANION_GRACE", .judging, .duration, \.relatedObjectGrace,
            "How long a missing related object (a PodDisruptionBudget) only warns after its workload was created, since most tools create it later. `check`, `fix` and `audit` evaluate as after it."
        ),
        Setting(
            "PLAYBOOK_ENFORCED_SINCE", .judging, .optional(.time), \.enforcedSince,
            "Since when denials are enforced: workloads created since then are denied updates when the grace period is over and the related object is still missing. Default: the annotation `enforced-since` of the server's ValidatingWebhookConfiguration, which the server writes when it first starts in enforce mode."
        ),
    ]

    /// The variable of a rule's level.
    init(levelOf rule: Rule) {
        let detail = rule === Rule.schema ? ", which reports fields of the wrong type" : ""
        self.init(
            name: rule.variable, topic: .rules, form: "deny|warn|off", defaultText: rule.level.rawValue,
            meaning: "The level of `\(rule.id)`\(detail)."
        ) { (text, settings) throws(Misplaced) in
            guard let level = Level(rawValue: text) else { throw Misplaced(at: nil, expected: "deny, warn or off") }
            settings.levels[rule.id] = level
        }
    }
}
