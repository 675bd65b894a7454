import Evaluation

/// The commands with their operands and flags; help, completion and the parser use this table.
enum Command: String, CaseIterable {
    case serve, review, replay, check, fix, audit, doctor
    case rules, explain, config, certs
    case completion, man, version

    /// One line for the list of commands.
    var summary: String {
        switch self {
        case .serve: "run the webhook server; all settings come from the environment"
        case .review: "evaluate AdmissionReviews from files"
        case .check: "evaluate manifests: YAML and JSON files, directories, the output of helm and kustomize"
        case .fix: "apply safe fixes to manifests; comments and formatting are kept"
        case .replay: "re-evaluate recordings or an audit log and show which decisions change"
        case .audit: "evaluate the objects of a live cluster"
        case .doctor: "check the webhook that is installed in a cluster"
        case .rules: "list the rules"
        case .explain: "describe a rule, or show each rule's result for a review"
        case .config: "show every setting and its value"
        case .certs: "create or show certificates for development"
        case .completion: "print a shell's completion script for commands, flags and rules"
        case .man: "print the manual page"
        case .version: "print the version"
        }
    }

    /// The operands, as the usage line shows them.
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
        case .replay:
            [.format, .auditLog, .redactNames, .relatedObjects, .includeSystem, .level, .mode, .quiet, .noColor]
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
        // SARIF and GitHub annotations need a file; objects of a cluster have none.
        case .audit: ["text", "json", "junit", "markdown", "html"]
        case .replay: ["text", "json", "markdown", "html"]
        case .explain: ["text"]
        case .rules: ["text", "json", "markdown", "summary", "coverage"]
        case .config: ["text", "json", "markdown"]
        default: []
        }
    }

    /// The paragraphs of the command's help page.
    var details: String {
        switch self {
        case .serve:
            """
            Serves POST /validate and /mutate over TLS on PLAYBOOK_LISTEN, and GET /livez, /readyz and /metrics on
            PLAYBOOK_HEALTH_LISTEN. SIGTERM drains connections and stops the server. SIGHUP reloads the certificates and the
            exemptions file.
            `playbook config` lists all settings.
            """
        case .review:
            """
            Reads AdmissionReviews as an API server sends them: files with one review (JSON) or one review per line,
            directories of such files, or standard input (- or no path). Without --companions, related objects are unknown and
            rules that need them are not evaluated; recordings contain their related objects. `--format response` prints the
            server's responses, one per line.

            Exit code: 0 nothing is denied, 1 at least one review is denied, 2 an input could not be read (the others are
            evaluated).
            """
        case .check:
            """
            Reads YAML 1.1 (as Kubernetes does), JSON and Lists from files, directories (their .yaml, .yml and .json files) or
            standard input (- or no path). Objects in one run are evaluated together. Objects that are not in the input are
            assumed not to exist; use --partial to treat them as unknown. Documents that are not Kubernetes objects are skipped
            and counted.

            The namespace of an object that does not set one is unknown; --namespace sets it.

            Exit code: 0 nothing is denied, 1 at least one object is denied, 2 an input could not be read (the others are
            evaluated).
            """
        case .fix:
            """
            Reads the same inputs as `playbook check` and prints them with all safe fixes applied. A safe fix never makes a
            working workload fail and never guesses what the author wants. Comments, order, quotes, indentation and line breaks
            are kept. The result is parsed again and discarded if it differs from the intended change. Findings without a safe
            fix are listed on standard error.

            Exit code: 0 nothing is denied after the fixes, 1 at least one object is still denied, 2 an input could not be read
            or written.
            """
        case .replay:
            """
            Reads recordings (PLAYBOOK_RECORD), evaluates them with the levels and settings of the environment and the flags,
            and compares the decisions with the recorded ones: what would now be denied, allowed or warned about, by rule,
            namespace, team and user. The time and the related objects are those of the recording. If a rule needs a redacted
            field, the recorded result is used and counted as "not replayable". AdmissionReviews that are not recordings are
            evaluated too, but have no recorded decision to compare with.

              playbook replay --level topology-spread=deny recordings/
              kubectl -n playbook logs -l app.kubernetes.io/name=playbook --tail=-1 | playbook replay -

            With --audit-log, reads the audit log of a cluster instead (audit.k8s.io/v1): files, directories and .gz files with
            one event per line, exports of CloudWatch Logs, and results of `aws logs`. The writes in it are evaluated as a server
            in enforce mode would have done, with the related objects and the old objects that the log has shown before. The
            report begins with the kinds that were logged without objects. Directories are read at the same time, in the order
            of time; give one directory for each log stream.

              playbook replay --audit-log --format html exportedlogs/ > report.html

            Exit code: 0 nothing is newly denied, 1 at least one review is newly denied, 2 an input could not be read (the
            others are evaluated).
            """
        case .audit:
            """
            Lists all kinds that rules read and evaluates each object as if it were created again, so that existing violations
            are denied. Objects whose owner is evaluated and objects in system namespaces are skipped. The cluster is found as
            kubectl finds it (--context, KUBECONFIG, ~/.kube/config), or by the service account in a Pod; permission to list is
            enough. A kind that the cluster does not serve is skipped.

            --write-reports maintains a Report (openreports.io) or PolicyReport (wgpolicyk8s.io) named playbook in each
            namespace and one for cluster-scoped objects. Reports that did not change are not written.

            Exit code: 0 nothing would be denied, 1 at least one object would be denied, 2 a kind could not be read (the others
            are evaluated).
            """
        case .doctor:
            """
            Reads the webhook configurations, the Deployment, the certificate and the exemptions, checks the server's
            permissions, and sends two server-side dry runs: an object that violates rules and one that does not. Nothing is
            changed. The environment's settings name the namespace and the webhook configurations. The cluster is found as
            kubectl finds it.

            Exit code: 0 no problems found, 1 at least one problem found, 2 a check could not be completed.
            """
        case .rules:
            """
            Levels come from the environment (PLAYBOOK_RULE_<ID>).

            `--format markdown` prints docs/rules.md, `summary` a table of ids by group, and `coverage` the playbook's
            statements, each with the rules that enforce it or the reason why no rule can.
            """
        case .explain:
            """
            RULE is a rule's id; `playbook rules` lists them. With --review, the result of that rule (of every rule if RULE is
            omitted) is shown for each review of a file: its findings and their effect, passed, or why it was not evaluated.

              playbook explain --review recording.json image-tag
            """
        case .config: "Values come from the environment; no configuration file is read."
        case .certs:
            """
            With --directory, creates a CA certificate (ca.crt) and a serving certificate (tls.crt, tls.key) there, for
            development. With files, shows their subject, issuer, names and validity. Without either, shows the certificate of
            the environment (PLAYBOOK_TLS_CERT_FILE).
            """
        case .completion:
            """
            bash: playbook completion bash > ~/.local/share/bash-completion/completions/playbook
            zsh:  playbook completion zsh > DIR/_playbook, where DIR is a directory in $fpath
            fish: playbook completion fish > ~/.config/fish/completions/playbook.fish
            """
        case .man: "To read it: playbook man | man -l -"
        case .version: ""
        }
    }

    /// The form of its operands.
    var operandForm: ValueForm {
        switch self {
        case .explain: .rule
        case .completion: .words(Completion.allCases.map(\.rawValue))
        default: operands.isEmpty ? .text : .file
        }
    }

    /// The form of a flag's value; nil for a flag without a value.
    func form(of flag: Flag) -> ValueForm? {
        switch flag {
        case .format: .words(formats)
        case .mode: .words(Mode.allCases.map(\.rawValue))
        case .level: .level
        default: flag.value.map { ["PATH", "DIR", "FILE"].contains($0) ? .file : .text }
        }
    }
}

/// The form of a word of the command line, for completion.
enum ValueForm: Equatable {
    /// Anything.
    case text
    /// A file or directory.
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
        days, auditLog = "audit-log", redactNames = "redact-names"

    /// The placeholder of its value; nil for a flag without a value.
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
            .noColor, .auditLog, .redactNames:
            nil
        }
    }

    /// One line for help and completion.
    var summary: String {
        switch self {
        case .format: "set the output format"
        case .review: "read reviews or recordings from this file (- for standard input)"
        case .context: "use this kubeconfig context (default: the current context)"
        case .selector: "evaluate only objects with these labels, as kubectl --selector"
        case .except: "skip this kind, such as secrets; can be repeated"
        case .writeReports: "write the findings of each namespace to a report in the cluster, for dashboards"
        case .exemptions:
            "list exemptions instead of findings: reason, end date, who set them, and whether they are used"
        case .includeSystem: "evaluate system namespaces too, such as kube-system"
        case .baseline: "report only findings that are not in FILE, and baseline entries that no longer occur"
        case .writeBaseline: "write the current findings to FILE, for --baseline"
        case .exitZero: "exit with 0 even if objects are denied; inputs that cannot be read still exit with 2"
        case .write: "write the fixes to the files, replacing each file atomically"
        case .diff: "print the changes as a unified diff"
        case .addRelatedObjects: "append missing related objects, such as PodDisruptionBudgets"
        case .relatedObjects: "read related objects from this file or directory (YAML, JSON); can be repeated"
        case .partial: "treat kinds that are not in the input as unknown instead of absent"
        case .namespace:
            "set the namespace of objects without one, as kubectl -n; for audit, evaluate only this namespace"
        case .level: "set a rule's level to deny, warn or off; can be repeated"
        case .mode: "deny (enforce), or warn instead of denying (dry-run)"
        case .verbose: "show objects without findings too, and for reviews each rule's result"
        case .quiet: "print errors only; formats other than text, and fixed manifests, are still printed"
        case .noColor: "print without colors (as NO_COLOR does)"
        case .directory: "write the certificates to this directory"
        case .host: "add a DNS name or IP address to the certificate; can be repeated (default: localhost, 127.0.0.1)"
        case .days: "set the validity in days (default: 90)"
        case .auditLog: "read the audit log of a cluster instead of recordings"
        case .redactNames: "replace names of namespaces, teams, users and objects; for --audit-log"
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
        return text + "\nRun `playbook COMMAND --help` for the details of a command.\n"
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
