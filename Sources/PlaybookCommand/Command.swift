import Evaluation

/// The commands with their operands and flags; help, completion and the parser use this table.
enum Command: String, CaseIterable {
    case serve, review, replay, check, fix, audit, doctor
    case rules, explain, config, certs
    case completion, man, version, help

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
        case .help: "describe a command and its flags"
        }
    }

    /// The operands, as the usage line shows them.
    var operands: String {
        switch self {
        case .review, .replay, .check, .fix: "[PATH|-]..."
        case .explain: "RULE"
        case .certs: "[FILE]..."
        case .help: "[COMMAND]"
        case .completion: Completion.allCases.map(\.rawValue).joined(separator: "|")
        default: ""
        }
    }

    /// The flags it takes.
    var flags: [Flag] {
        let evaluation: [Flag] = [.only, .skip, .level, .mode, .includeSystem, .envFile, .failOn]
        let console: [Flag] = [.quiet, .noColor]
        return switch self {
        case .serve, .completion, .man, .version, .help: []
        case .review: [.filename, .format, .output, .relatedObjects] + evaluation + [.verbose] + console
        case .check:
            [.filename, .format, .output, .namespace, .relatedObjects, .partial, .baseline, .writeBaseline]
                + Command.reading + evaluation + [.exitZero, .verbose] + console
        case .fix:
            [.filename, .format, .output, .write, .diff, .addRelatedObjects, .namespace, .relatedObjects, .partial]
                + Command.reading + evaluation + [.exitZero, .quiet]
        case .replay:
            [.filename, .format, .output, .auditLog, .redactNames, .relatedObjects] + evaluation + console
        case .audit:
            [
                .format, .output, .kubeconfig, .context, .namespace, .selector, .except, .writeReports, .exemptions,
            ] + evaluation + [.exitZero, .verbose] + console
        case .doctor: [.kubeconfig, .context]
        case .rules: [.format, .profile, .envFile]
        case .explain:
            [.format, .review, .relatedObjects, .includeSystem, .level, .mode, .envFile, .noColor]
        case .config: [.format, .envFile]
        case .certs: [.directory, .host, .days]
        }
    }

    /// The flags of commands that read manifests.
    static let renderings = ["auto", "never"]
    private static let reading: [Flag] = [
        .render, .values, .set, .allowRemote, .exclude, .strict, .skipUnreadable, .allowEmpty,
    ]

    /// The formats it prints, the default first.
    var formats: [String] {
        switch self {
        case .review: ["text", "json", "response"] + ReportPrinter.reports
        case .check: ["text", "json"] + ReportPrinter.reports
        // SARIF, GitHub and GitLab need a file; objects of a cluster have none.
        case .audit: ["text", "json", "junit", "markdown", "html"]
        case .replay: ["text", "json", "markdown", "html"]
        // The text on standard output is the fixed manifests.
        case .fix: ["text", "json"]
        case .explain: ["text", "json", "markdown"]
        case .rules: ["text", "json", "markdown", "summary", "coverage"]
        case .config: ["text", "env", "yaml", "json", "markdown"]
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
            evaluated). --fail-on changes when it is 1.
            """
        case .check:
            """
            Reads YAML 1.1 (as Kubernetes does), JSON and Lists from files, directories (their .yaml, .yml and .json files) or
            standard input (- or no path). Objects in one run are evaluated together. Objects that are not in the input are
            assumed not to exist; use --partial to treat them as unknown. Documents that are not Kubernetes objects are skipped
            and counted, and so are files of other tools. Files that .gitignore or .playbookignore names are not read.

            In directories, kustomizations are built with kubectl or kustomize, and charts are rendered with helm and their
            default values, without network and plugins. Without these programs, the resources of a kustomization are evaluated
            as they are, and patches and templates are skipped.

            The namespace of an object that does not set one is unknown; --namespace sets it, and is passed to helm.

            Settings come from flags, the environment, --env-file, and the file .playbook.env of the repository, in this order.

              playbook check -f deploy/ -o json
              playbook check --output gitlab=gl-code-quality-report.json --output html=report.html deploy/

            Exit code: 0 nothing is denied, 1 at least one object is denied, 2 an input could not be read (the others are
            evaluated) or has no Kubernetes object. --fail-on changes when it is 1.
            """
        case .fix:
            """
            Reads the same inputs as `playbook check` and prints them with all safe fixes applied. A safe fix never makes a
            working workload fail and never guesses what the author wants. Comments, order, quotes, indentation and line breaks
            are kept. The result is parsed again and discarded if it differs from the intended change. Findings without a safe
            fix are listed on standard error.

            A file that a kustomization reads is changed only if all objects that are rendered from it change as intended.
            Patches and charts are not changed.

            A report of the changes lists what was fixed, what was not and why, what was added, and the remaining findings.

              playbook fix --diff deploy/
              playbook fix --write --output json=fixed.json deploy/

            Exit code: 0 nothing is denied after the fixes, 1 at least one object is still denied, 2 an input could not be read
            or written, or has no Kubernetes object.
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

            With --audit-log, reads the audit log of a cluster instead (audit.k8s.io/v1): files and directories with events as
            JSON, exports of CloudWatch Logs, and results of `aws logs`. Files that gzip has compressed are decompressed. The
            writes in the log are evaluated as by a server in enforce mode, with the related objects and previous states that
            earlier events show. The report begins with the kinds that were logged without objects. Give one directory for
            each log stream; their events are merged by time.

              playbook replay --audit-log --format html exportedlogs/ > report.html

            Exit code: 0 nothing is newly denied, 1 at least one review is newly denied, 2 an input could not be read (the
            others are evaluated) or the log has no audit event.
            """
        case .audit:
            """
            Lists all kinds that rules read and evaluates each object as an update in which every violation is new. Rules that
            apply only to creation are not evaluated. Objects whose owner is evaluated, and objects in system namespaces, are
            skipped. The cluster is found as kubectl finds it (--context, KUBECONFIG, ~/.kube/config), or by the service account
            in a Pod; permission to list is enough. A kind that the cluster does not serve is skipped.

            --write-reports maintains a Report (openreports.io) or PolicyReport (wgpolicyk8s.io) named playbook in each
            namespace and one for cluster-scoped objects. Reports that did not change are not written.

            Exit code: 0 nothing would be denied, 1 at least one object would be denied, 2 a kind could not be read (the others
            are evaluated).
            """
        case .doctor:
            """
            Reads the webhook configurations, the Deployment, the certificate and the exemptions, checks the server's
            permissions, and sends two server-side dry runs: an object that violates rules and one that does not. Nothing is
            changed. PLAYBOOK_NAMESPACE and PLAYBOOK_WEBHOOK_CONFIGURATION name the namespace and the webhook configurations.
            The cluster is found as kubectl finds it.

            Exit code: 0 no problems found, 1 at least one problem found, 2 a check could not be completed.
            """
        case .rules:
            """
            Levels come from the settings (PLAYBOOK_RULE_<ID>, PLAYBOOK_PROFILE); --profile shows those of another profile.

            `--format markdown` prints docs/rules.md, `summary` a table of ids by group, and `coverage` the playbook's
            statements, each with the rules that enforce it or the reason why no rule can.
            """
        case .explain:
            """
            RULE is a rule's id; `playbook rules` lists them. For another word, the rules that mention it are listed. With
            --review, the result of that rule (of every rule if RULE is omitted) is shown for each review of a file: its
            findings and their effect, passed, or why it was not evaluated.

              playbook explain --review recording.json image-tag
            """
        case .config:
            """
            Values come from the environment, --env-file, and the file .playbook.env of the repository, in this order. That
            file is searched in the current directory and its parents, up to the root of the repository. It takes the settings
            of the sections Evaluation and Rules, one NAME=VALUE per line. The server does not read it.

            `--format env` prints the lines of a .playbook.env, and `yaml` the entries of a ConfigMap or of a chart's values.
            Settings with their default are comments.
            """
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
        case .version, .help: ""
        }
    }

    /// The form of its operands.
    var operandForm: ValueForm {
        switch self {
        case .explain: .rule
        case .completion: .words(Completion.allCases.map(\.rawValue))
        case .help: .words(Command.allCases.map(\.rawValue))
        default: operands.isEmpty ? .text : .file
        }
    }

    /// The form of a flag's value; nil for a flag without a value.
    func form(of flag: Flag) -> ValueForm? {
        switch flag {
        case .format: .words(formats)
        case .mode: .words(Mode.allCases.map(\.rawValue))
        case .render: .words(Command.renderings)
        case .failOn: .words(FailureLevel.allCases.map(\.rawValue))
        case .profile: .words(Profile.allCases.map(\.rawValue))
        case .only, .skip: .rule
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

extension Command {
    /// Returns the description of one of its flags.
    func summary(of flag: Flag) -> String {
        switch (self, flag) {
        case (.audit, .namespace): "evaluate only this namespace"
        case (.review, .verbose): "show suggestions, objects without findings, and the result of each rule"
        case (.fix, .format): "print the fixed manifests or a report of the changes"
        case (.fix, .output): "write a report of the changes to FILE; can be repeated"
        case (.fix, .quiet): "print errors only; fixed manifests are still printed"
        default: flag.summary
        }
    }
}

/// A flag of the command line.
enum Flag: String, CaseIterable {
    case filename, format, output, review, kubeconfig, context, selector, except, exemptions
    case writeReports = "write-reports"
    case includeSystem = "include-system"
    case exitZero = "exit-zero"
    case failOn = "fail-on"
    case baseline
    case writeBaseline = "write-baseline"
    case write, diff
    case addRelatedObjects = "add-companions"
    case relatedObjects = "companions"
    case partial, namespace, render, values, set
    case allowRemote = "allow-remote"
    case exclude, strict
    case skipUnreadable = "skip-unreadable"
    case allowEmpty = "allow-empty"
    case only, skip, level, mode, profile
    case envFile = "env-file"
    case verbose, quiet
    case noColor = "no-color"
    case directory, host, days
    case auditLog = "audit-log"
    case redactNames = "redact-names"

    /// The letter of its short form, as in `-o`; nil if there is none.
    var letter: Character? {
        switch self {
        case .filename: "f"
        case .format: "o"
        case .namespace: "n"
        case .verbose: "v"
        case .quiet: "q"
        default: nil
        }
    }

    /// The forms that are accepted, the short one first: `-o`, `--format`.
    var forms: [String] { (letter.map { ["-\($0)"] } ?? []) + ["--\(rawValue)"] }

    /// The placeholder of its value; nil for a flag without a value.
    var value: String? {
        switch self {
        case .filename, .relatedObjects: "PATH"
        case .format: "FORMAT"
        case .output: "FORMAT=FILE"
        case .context, .namespace, .host: "NAME"
        case .selector: "LABELS"
        case .except: "KIND"
        case .review, .baseline, .writeBaseline, .values, .kubeconfig, .envFile: "FILE"
        case .render: Command.renderings.joined(separator: "|")
        case .set: "KEY=VALUE"
        case .exclude: "GLOB"
        case .only, .skip: "RULE"
        case .level: "RULE=LEVEL"
        case .mode: "enforce|dry-run"
        case .failOn: FailureLevel.allCases.map(\.rawValue).joined(separator: "|")
        case .profile: Profile.allCases.map(\.rawValue).joined(separator: "|")
        case .directory: "DIR"
        case .days: "DAYS"
        case .writeReports, .exemptions, .includeSystem, .exitZero, .write, .diff, .addRelatedObjects, .partial,
            .allowRemote, .strict, .skipUnreadable, .allowEmpty, .verbose, .quiet, .noColor, .auditLog,
            .redactNames:
            nil
        }
    }

    /// One line for help and completion.
    var summary: String {
        switch self {
        case .filename: "read this file or directory, like an argument; can be repeated"
        case .format: "set the output format"
        case .output: "write a report in another format to FILE too; can be repeated"
        case .review: "read reviews or recordings from this file (- for standard input)"
        case .kubeconfig: "use this kubeconfig file instead of KUBECONFIG or ~/.kube/config"
        case .context: "use this kubeconfig context (default: the current context)"
        case .selector: "evaluate only objects with these labels, as kubectl --selector"
        case .except: "skip this kind, such as secrets; can be repeated"
        case .writeReports: "write the findings of each namespace to a report in the cluster, for dashboards"
        case .exemptions:
            "list exemptions instead of findings: reason, end date, who set them, and whether they are used"
        case .includeSystem: "evaluate system namespaces too, such as kube-system"
        case .baseline: "report only findings that are not in FILE, and baseline entries that no longer occur"
        case .writeBaseline: "write the current findings to FILE, for --baseline"
        case .exitZero: "exit with 0 even if objects are denied, as --fail-on never"
        case .failOn:
            "exit with 1 for denials (deny, the default), for denials and warnings (warn), or never; unreadable inputs exit with 2"
        case .write: "write the fixes to the files, replacing each file atomically"
        case .diff: "print the changes as a unified diff"
        case .addRelatedObjects: "add missing PodDisruptionBudgets; other missing objects are only reported"
        case .render: "render kustomizations and charts if kubectl, kustomize or helm is on PATH (default: auto)"
        case .values: "pass this file of values to helm for every chart; can be repeated"
        case .set: "pass this value to helm for every chart; can be repeated"
        case .allowRemote: "render kustomizations with bases on other servers, which reads from the network"
        case .exclude: "skip files and directories, in the syntax of .gitignore; can be repeated"
        case .strict: "fail if a file has no Kubernetes object or cannot be read, or if something cannot be rendered"
        case .skipUnreadable: "skip files that cannot be parsed, even if they are named"
        case .allowEmpty: "exit with 0 if no Kubernetes object is found"
        case .relatedObjects: "read related objects from this file or directory (YAML, JSON); can be repeated"
        case .partial: "treat kinds that are not in the input as unknown instead of absent"
        case .namespace:
            "set the namespace of objects without one, as kubectl -n"
        case .only: "evaluate only this rule; can be repeated"
        case .skip: "turn this rule off; can be repeated"
        case .level: "set a rule's level to deny, warn or off; can be repeated"
        case .mode: "deny (enforce), or warn instead of denying (dry-run)"
        case .profile: "show the levels of this profile"
        case .envFile: "read settings from FILE, as from .playbook.env; the environment takes precedence"
        case .verbose:
            "show source lines, suggestions and objects without findings too"
        case .quiet: "print errors only; formats other than text are still printed"
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
        return ProgramName.shown(text + "\nRun `playbook help COMMAND` for the details of a command.\n")
    }

    static func page(_ command: Command) -> String {
        var text = "usage: playbook \(command.rawValue)\(command.flags.isEmpty ? "" : " [FLAGS]")"
        text += "\(command.operands.isEmpty ? "" : " \(command.operands)")\n\n"
        text += command.summary.prefix(1).uppercased() + command.summary.dropFirst() + ".\n"
        if !command.details.isEmpty { text += "\n\(command.details)\n" }
        guard !command.flags.isEmpty else { return ProgramName.shown(text) }
        text += "\nflags:\n"
        for flag in command.flags {
            let form =
                "\(flag.letter.map { "-\($0), " } ?? "    ")--\(flag.rawValue)\(flag.value.map { " \($0)" } ?? "")"
            let more = flag == .format ? ": \(command.formats.joined(separator: ", "))" : ""
            text += "  \(padded(form, 28))\(command.summary(of: flag))\(more)\n"
        }
        return ProgramName.shown(text)
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(2, width - text.count))
    }
}

/// The name that the user calls the program by: `playbook`, or `kubectl playbook` for the plugin of kubectl.
enum ProgramName {
    /// True if kubectl runs the program as its plugin (kubectl finds plugins by the prefix `kubectl-` of their file names).
    private static let isPlugin =
        CommandLine.arguments.first?.split(separator: "/").last?.hasPrefix("kubectl-playbook") ?? false

    /// The name.
    static let value = isPlugin ? "kubectl playbook" : "playbook"

    /// Returns a text with this name in the commands that it mentions.
    static func shown(_ text: String) -> String {
        guard isPlugin else { return text }
        let names = Set(Command.allCases.map(\.rawValue) + ["COMMAND", "--help"])
        var words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        for index in words.indices.dropLast() where words[index].hasSuffix("playbook") {
            let next = String(words[index + 1].prefix { $0.isLetter || $0 == "-" })
            if names.contains(next) { words[index] = words[index].dropLast(8) + value }
        }
        return words.joined(separator: " ")
    }
}
