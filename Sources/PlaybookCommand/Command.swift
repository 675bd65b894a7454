import Evaluation

/// The commands, and what each takes: help and checks are made of this table.
enum Command: String, CaseIterable {
    case serve, review, replay, check, fix, audit, doctor
    case rules, explain, config, certs
    case completion, man, version

    /// What it does, in a line.
    var summary: String {
        switch self {
        case .serve: "run the webhook server; all settings come from the environment"
        case .review: "judge recorded AdmissionReviews"
        case .check: "judge manifests: YAML and JSON files, folders, what helm and kustomize print"
        case .fix: "write every safe fix into manifests, and leave the rest of their text alone"
        case .replay: "judge recordings again, and show what is decided differently now"
        case .audit: "judge everything in a live cluster"
        case .doctor: "check the webhook that is installed in a cluster"
        case .rules: "list the rules"
        case .explain: "say everything about a rule, or what rules say to a review"
        case .config: "show every setting and its value"
        case .certs: "make or show certificates for development"
        case .completion: "print what makes a shell complete commands, flags and rules"
        case .man: "print the manual page"
        case .version: "say which version this is"
        }
    }

    /// What follows its name.
    var operands: String {
        switch self {
        case .review, .replay, .check, .fix: "[PATH|-]..."
        case .explain: "RULE"
        case .certs: "[FILE]..."
        case .completion: Completion.allCases.map(\.rawValue).joined(separator: "|")
        default: ""
        }
    }

    /// The flags it takes.
    var flags: [Flag] {
        switch self {
        case .serve, .completion, .man, .version: []
        case .review: [.format, .relatedObjects, .includeSystem, .level, .mode, .verbose, .quiet, .noColor]
        case .check:
            [
                .format, .relatedObjects, .partial, .namespace, .baseline, .writeBaseline, .includeSystem, .exitZero,
                .level,
                .mode, .verbose, .quiet,
                .noColor,
            ]
        case .fix:
            [
                .write, .diff, .addRelatedObjects, .relatedObjects, .partial, .namespace, .includeSystem, .exitZero,
                .level,
                .mode, .quiet,
            ]
        case .replay: [.format, .relatedObjects, .includeSystem, .level, .mode, .quiet, .noColor]
        case .audit:
            [
                .format, .context, .namespace, .selector, .except, .writeReports, .exemptions, .includeSystem,
                .exitZero, .level,
                .mode, .verbose,
                .quiet, .noColor,
            ]
        case .doctor: [.context]
        case .rules: [.format]
        case .explain: [.review, .relatedObjects, .includeSystem, .level, .mode, .noColor]
        case .config: [.format]
        case .certs: [.directory, .host, .days]
        }
    }

    /// The formats it prints, the default first.
    var formats: [String] {
        switch self {
        case .review: ["text", "json", "response"] + ReportPrinter.reports
        case .check: ["text", "json"] + ReportPrinter.reports
        // What is read from a cluster has no file that the others could point at.
        case .audit: ["text", "json", "junit", "markdown", "html"]
        case .replay: ["text", "json", "markdown", "html"]
        case .explain: ["text"]
        case .rules: ["text", "json", "markdown", "summary", "coverage"]
        case .config: ["text", "json", "markdown"]
        default: []
        }
    }

    /// What else there is to say.
    var details: String {
        switch self {
        case .serve:
            """
            Serves POST /validate and /mutate over TLS on PLAYBOOK_LISTEN, and GET /livez, /readyz and /metrics on
            PLAYBOOK_HEALTH_LISTEN. SIGTERM drains and ends it, SIGHUP reads the certificates again.
            `playbook config` lists all settings.
            """
        case .review:
            """
            Reads AdmissionReviews as an API server sends them: files with one (JSON) or one a line, and folders of such
            files; - or nothing is standard input. Without --companions other objects are unknown, and rules that need them
            are not evaluated; recordings bring theirs along. `--format response` prints the bytes that the server would
            answer with, a line a review.

            Exit code: 0 nothing is denied, 1 something is, 2 something could not be read (the rest is judged).
            """
        case .check:
            """
            Reads files, folders (all .yaml, .yml and .json in them) and, for - or nothing, standard input: documents of YAML
            1.1 as Kubernetes reads it, JSON, Lists. The objects of a run are each other's companions, and the world: what is
            not among them does not exist. What is no object of Kubernetes is passed over and counted.

            An object without a namespace is judged as one whose namespace is not known; --namespace says where it will go.

            Exit code: 0 nothing is denied, 1 something is, 2 something could not be read (the rest is judged).
            """
        case .fix:
            """
            Reads what `playbook check` reads and prints it with every safe fix: those that never make a working workload fail
            and invent no intent. Comments, order, quotes, indentation and line breaks stay; what is written is read again, and
            refused unless it says exactly what it should. What is left to decide is listed on standard error.

            Exit code: 0 nothing is denied any more, 1 something still is, 2 something could not be read or written.
            """
        case .replay:
            """
            Reads recordings (PLAYBOOK_RECORD), judges them with the levels and settings of the environment and the flags, and
            lays the decisions beside those of then: what would be denied, allowed or warned of now, by rule, namespace,
            team and user. Time and other objects are the recording's. Where a rule reads what was redacted, its answer of then counts,
            as "not replayable". Plain AdmissionReviews are judged too, but have no decision to compare with.

              playbook replay --level topology-spread=deny recordings/
              kubectl -n playbook logs -l app.kubernetes.io/name=playbook --tail=-1 | playbook replay -

            Exit code: 0 nothing is newly denied, 1 something is, 2 something could not be read (the rest is judged).
            """
        case .audit:
            """
            Lists all kinds that rules read and judges each object as if it were written again as it is: nothing is excused for
            being old. Objects that a judged owner controls are left out, and so are system namespaces. The cluster is found as
            kubectl finds it (--context, KUBECONFIG, ~/.kube/config), or by the service account in a Pod; the right to
            list is enough. A kind that the cluster does not have is passed over.

            --write-reports keeps a Report (openreports.io) or PolicyReport (wgpolicyk8s.io) called playbook in each namespace
            and one for what belongs to none, and writes only those that have changed.

            Exit code: 0 nothing would be denied, 1 something would, 2 a kind could not be read (the rest is judged).
            """
        case .doctor:
            """
            Reads the webhook configurations, the Deployment, the certificate and the exemptions, asks which rights the server has,
            and sends two server-side dry runs: an object that breaks rules and one that breaks none. Nothing is changed. The
            environment's settings name the namespace and the webhook configurations. The cluster is found as kubectl finds it.

            Exit code: 0 all is well, 1 something is not, 2 a question has no answer.
            """
        case .rules:
            """
            Levels are those of the environment (PLAYBOOK_RULE_<ID>).

            `--format markdown` prints docs/rules.md, `summary` a table of ids by group, and `coverage` the playbook's statements, each
            with the rules that hold it or the reason why none can.
            """
        case .explain:
            """
            RULE is a rule's id, as `playbook rules` lists them. With --review, it says what that rule, or each without one, has
            to say to the reviews of a file: what it found and what became of that, that it passed, or why it was not asked.

              playbook explain --review recording.json image-tag
            """
        case .config: "Values are those of the environment; nothing is read from a file."
        case .certs:
            """
            With --directory: makes a certificate authority (ca.crt) and a serving certificate (tls.crt, tls.key) there, for
            development. With files: says whose they are and until when they hold. Without either: those of the environment.
            """
        case .completion:
            """
            bash: playbook completion bash > ~/.local/share/bash-completion/completions/playbook
            zsh:  playbook completion zsh > a folder of $fpath, as _playbook
            fish: playbook completion fish > ~/.config/fish/completions/playbook.fish
            """
        case .man: "To read it: playbook man | man -l -"
        case .version: ""
        }
    }

    /// What its operands may be.
    var operandForm: ValueForm {
        switch self {
        case .explain: .rule
        case .completion: .words(Completion.allCases.map(\.rawValue))
        default: operands.isEmpty ? .text : .file
        }
    }

    /// What the value of one of its flags may be; nil for a switch.
    func form(of flag: Flag) -> ValueForm? {
        switch flag {
        case .format: .words(formats)
        case .mode: .words(Mode.allCases.map(\.rawValue))
        case .level: .level
        default: flag.value.map { ["PATH", "DIR", "FILE"].contains($0) ? .file : .text }
        }
    }
}

/// What a word of the command line may be, for those who complete it.
enum ValueForm: Equatable {
    /// Anything.
    case text
    /// A file or folder.
    case file
    /// A rule's id.
    case rule
    /// A rule's id, `=` and a level.
    case level
    /// One of these.
    case words([String])
}

/// A flag of the command line.
enum Flag: String, CaseIterable {
    case format, review, context, selector, except, exemptions, writeReports = "write-reports", includeSystem =
        "include-system",
        exitZero = "exit-zero", baseline,
        writeBaseline = "write-baseline", write, diff,
        addRelatedObjects = "add-companions", relatedObjects = "companions", partial, namespace,
        level, mode, verbose,
        quiet, noColor = "no-color", directory, host,
        days

    /// What follows it; nil for a switch.
    var value: String? {
        switch self {
        case .format: "FORMAT"
        case .context: "NAME"
        case .selector: "LABELS"
        case .except: "KIND"
        case .review, .baseline, .writeBaseline: "FILE"
        case .relatedObjects: "PATH"
        case .namespace: "NAME"
        case .level: "RULE=LEVEL"
        case .mode: "enforce|dry-run"
        case .directory: "DIR"
        case .host: "NAME"
        case .days: "DAYS"
        case .writeReports, .exemptions, .includeSystem, .exitZero, .write, .diff, .addRelatedObjects, .partial,
            .verbose, .quiet,
            .noColor:
            nil
        }
    }

    /// What it does.
    var summary: String {
        switch self {
        case .format: "how to print"
        case .review: "a file with reviews or recordings; - is standard input"
        case .context: "the kubeconfig's context; its own where none is named"
        case .selector: "only objects with these labels, as kubectl's --selector"
        case .except: "a kind that is not looked at, such as secrets; may be repeated"
        case .writeReports: "write what is found as a report of each namespace, for dashboards"
        case .exemptions:
            "list the exemptions instead of the findings: reason, end, who set them, and whether they are used"
        case .includeSystem: "evaluate system namespaces too, such as kube-system"
        case .baseline: "tell only what is not among the findings of this file, and which of those are gone"
        case .writeBaseline: "write the findings of today to this file, for --baseline"
        case .exitZero: "end with 0 whatever was found; what could not be read still ends with 2"
        case .write: "change the files themselves, each all at once"
        case .diff: "print what would change, as diff -u does"
        case .addRelatedObjects: "append objects that are missing beside others, such as PodDisruptionBudgets"
        case .relatedObjects: "files or folders (YAML, JSON) with the cluster's other objects; may be repeated"
        case .partial: "the objects are not all there is: of kinds that are not among them nothing is known"
        case .namespace: "the namespace, as with kubectl -n: of objects that do not name theirs, or that is looked at"
        case .level: "set a rule's level: deny, warn or off; may be repeated"
        case .mode: "whether denials deny (enforce) or warn (dry-run)"
        case .verbose: "show what passed too, and for reviews each rule's answer"
        case .quiet:
            "print no text and no notes but errors: the exit code says the rest; other formats, and what is fixed, are printed"
        case .noColor: "no colours on a terminal (as NO_COLOR does)"
        case .directory: "where to write the certificates"
        case .host: "a name or address that the certificate is for; may be repeated (default: localhost, 127.0.0.1)"
        case .days: "how long it holds (default: 90)"
        }
    }
}

/// The pages of `--help`.
enum Help {
    static var overview: String {
        var text = """
            playbook: an admission webhook that enforces an AWS/EKS architecture playbook

            usage: playbook COMMAND [FLAGS] [ARGUMENTS]


            """
        for command in Command.allCases {
            text += "  \(padded("\(command.rawValue) \(command.operands)", 24))\(command.summary)\n"
        }
        return text + "\n`playbook COMMAND --help` says more about a command.\n"
    }

    static func page(_ name: String) -> String {
        guard let command = Command(rawValue: name) else { return overview }
        var text = "usage: playbook \(name)\(command.flags.isEmpty ? "" : " [FLAGS]")"
        text += "\(command.operands.isEmpty ? "" : " \(command.operands)")\n\n"
        text += command.summary.prefix(1).uppercased() + command.summary.dropFirst() + ".\n"
        if !command.details.isEmpty { text += "\n\(command.details)\n" }
        guard !command.flags.isEmpty else { return text }
        text += "\nflags:\n"
        for flag in command.flags {
            let form = "--\(flag.rawValue)\(flag.value.map { " \($0)" } ?? "")"
            let more = flag == .format ? ": \(command.formats.joined(separator: ", "))" : ""
            text += "  \(padded(form, 24))\(flag.summary)\(more)\n"
        }
        return text
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(2, width - text.count))
    }
}
