import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let signalForwarding = Rule(
        id: "signal-forwarding",
        title: "SIGTERM reaches the application process",
        group: .application,
        section: .applicationRequirements,
        rationale: """
            A shell as process 1 does not forward SIGTERM, and npm, npx, yarn and pnpm do so unreliably. The application keeps \
            running until it is killed, and its requests fail.
            """,
        level: .warn,
        concern: .reliability,
        scope: .longRunning,
        clauses: [shell, packageManager],
        examples: cases,
        check: checkEntryPoints
    )
}

private let shell = Clause(
    "shell",
    "a shell starts the application as its last command, with `exec`, also under `tini`; `bash -c` needs no `exec` there"
)
private let packageManager = Clause("package-manager", "npm, npx, yarn and pnpm do not start the application")

private func checkEntryPoints(
    _ subject: Subject, _ context: Context, _ findings: FindingCollector
) throws(CannotEvaluate) {
    guard let template = try subject.template() else { return }
    for container in template.mainContainers {
        // Without a command, the image's entry point receives the arguments, and nearly always runs them.
        guard let entry = try EntryPoint(container.command, container.args) else { continue }
        let list = entry.list
        switch entry.kind {
        case .packageManager(let name):
            findings.add(
                packageManager, at: list, "starts \(name), which does not reliably forward SIGTERM", choice: name
            ) {
                $0.advice = "start the application directly, for example command: [node, server.js]"
            }
        case .shell(let name, let change):
            findings.add(
                shell, at: list, "runs the application under \(name), which does not forward SIGTERM",
                choice: name
            ) {
                $0.advice =
                    switch change {
                    case .trap: "handle SIGTERM in the script with trap, or remove the shell"
                    case .reorder: "make the application the last command, and start it with exec"
                    case .exec(nil): "start the last command with exec, or remove the shell"
                    // Only the program's name is shown, because the script can contain a secret.
                    case .exec(let program?): "start the last command with exec: exec \(program) …, or remove the shell"
                    }
            }
        }
    }
}

/// The entry point of a container, if it does not forward SIGTERM.
private struct EntryPoint {
    enum Kind {
        case packageManager(String)
        case shell(String, Script.Change)
    }

    let kind: Kind
    /// The list that contains it: `command` or `args`.
    let list: Field

    init?(_ command: Field, _ args: Field) throws(CannotEvaluate) {
        var words = try Words(command, args)
        guard let first = words.next(), var name = EntryPoint.watched(first) else { return nil }
        if Script.packageManagers.contains(name) {
            kind = .packageManager(name)
            list = words.list
            return
        }
        if EntryPoint.inits.contains(name) {
            guard let shell = EntryPoint.process(in: &words, of: name), let found = EntryPoint.watched(shell),
                EntryPoint.shells.contains(found)
            else { return nil }
            name = found
        }
        guard let text = EntryPoint.script(in: &words, of: name) else { return nil }
        list = words.list
        let script = text.withContents { Script($0) }
        switch name == "bash" ? script.endInBash : script.end {
        case .passesOn: return nil
        case .packageManager(let manager): kind = .packageManager(manager)
        case .staysBehind: kind = .shell(name, script.change)
        }
    }

    /// The words of a command, followed by its arguments.
    private struct Words {
        private var words: Field.Elements
        /// The list that contains the last word.
        private(set) var list: Field
        private let args: Field
        private var others: Field.Elements

        init(_ command: Field, _ args: Field) throws(CannotEvaluate) {
            (words, others) = (try command.strings(), try args.strings())
            (list, self.args) = (command, args)
        }

        mutating func next() -> Value? {
            if let word = words.next() { return word.base }
            list = args
            return others.next()?.base
        }
    }

    private static let shells: Set<String> = ["sh", "dash", "ash", "busybox", "env", "bash"]
    /// Init programs, which forward signals to the process that they start.
    private static let inits: Set<String> = ["tini", "tini-static", "docker-init", "catatonit", "dumb-init"]

    /// Returns a program's name if it is a package manager, a shell or an init.
    private static func watched(_ program: Value) -> String? {
        guard program.byteCount <= 64 else { return nil }
        let name = Script.baseName(program.text)
        return Script.packageManagers.contains(name) || shells.contains(name) || inits.contains(name) ? name : nil
    }

    /// Returns the program that an init starts; nil if the init signals all processes, so that a shell does not matter.
    private static func process(in words: inout Words, of name: String) -> Value? {
        // `dumb-init` does so by default, `tini` with `-g`.
        var reachesAll = name == "dumb-init"
        while let word = words.next() {
            guard word.hasPrefix("-") else { return reachesAll ? nil : word }
            if word.equals("--") { return reachesAll ? nil : words.next() }
            let option = word.byteCount <= 64 ? word.text : ""
            if name == "dumb-init" {
                if option == "-c" || option == "--single-child" { reachesAll = false }
            } else if !option.hasPrefix("--"), option.contains("g") {
                reachesAll = true
            }
            // `-p SIGNAL`, `-e CODE`, `-r SIGNAL:SIGNAL`
            if ["-p", "-e", "-r", "--rewrite"].contains(option) { _ = words.next() }
        }
        return nil
    }

    /// Returns the script of `sh -c`.
    private static func script(in words: inout Words, of name: String) -> Value? {
        // `busybox sh`, `/usr/bin/env sh`
        if name == "busybox" || name == "env" {
            guard let shell = words.next(), ["sh", "ash", "dash"].contains(Script.baseName(shell.text)) else {
                return nil
            }
        }
        // The script is the first word that is not an option; options can follow `-c`.
        var isGiven = false
        while let word = words.next() {
            guard word.hasPrefix("-") || word.hasPrefix("+") else { return isGiven ? word : nil }
            if word.equals("--") { return isGiven ? words.next() : nil }
            if word.hasPrefix("--") { continue }
            let (hasScript, hasValue) = word.withContents { option in
                (
                    option.indices.contains { option[$0] == UInt8(ascii: "c") },
                    option[option.count - 1] == UInt8(ascii: "o")
                )
            }
            if hasScript { isGiven = true }
            // `-o pipefail`
            if hasValue { _ = words.next() }
        }
        return nil
    }
}

private let cases: [Example] = [
    .good("the application itself", "containers: [{name: app, command: [node, server.js]}]"),
    .good("the image's entry point", "containers: [{name: app, args: [serve, --fast]}]"),
    .good(
        "a shell that ends with exec", "containers: [{name: app, command: [sh, -c, 'migrate && exec node server.js']}]"),
    .good("bash with one command", "containers: [{name: app, command: [/bin/bash, -c, node server.js]}]"),
    .good(
        "a script that handles SIGTERM with trap",
        "containers: [{name: app, command: [sh, -c, 'trap \"kill $!\" TERM; node server.js & wait']}]"),
    .good("npm under tini", "containers: [{name: app, command: [tini, --, npm, start]}]"),
    .good(
        "a shell under tini -g, which signals all processes",
        "containers: [{name: app, command: [/sbin/tini, -g, --, sh, -c, node server.js]}]"),
    .good(
        "a shell under dumb-init, which signals all processes",
        "containers: [{name: app, command: [dumb-init, sh, -c, node server.js]}]"),
    .good(
        "a shell under tini that ends with exec",
        "containers: [{name: app, command: [tini, --, sh, -c, 'migrate; exec node server.js']}]"),
    .good(
        "bash with the application as the last command",
        "containers: [{name: app, command: [bash, -c, 'echo starting; node server.js']}]"),
    .good(
        "exec in each branch",
        "containers: [{name: app, command: [/bin/sh, -ec, 'if [ -n \"$DEBUG\" ]; then exec node --inspect a.js; else exec node a.js; fi']}]"
    ),
    .good(
        "options after -c", "containers: [{name: app, command: [sh, -c, -e, 'exec node server.js']}]"),
    .good(
        "exec in each case",
        "containers: [{name: app, command: [sh, -c, 'case $MODE in web) exec node web.js;; *) exec node worker.js;; esac']}]"
    ),
    .bad(
        "a shell without exec", shell, at: "containers[app].command",
        "containers: [{name: app, command: [sh, -c, node server.js]}]"),
    .bad(
        "a loop as the last command", shell, at: "containers[app].command",
        "containers: [{name: app, command: [sh, -c, 'while true; do refresh; sleep 60; done']}]"),
    .bad(
        "exec that only redirects output", shell, at: "containers[app].command",
        "containers: [{name: app, command: [/bin/dash, -e, -c, 'exec 2>&1; node server.js']}]"),
    .bad(
        "two hyphens after -c", shell, at: "containers[app].command",
        "containers: [{name: app, command: [sh, -c, '--', 'node server.js']}]"),
    .bad(
        "exec in a pipeline", shell, at: "containers[app].command",
        "containers: [{name: app, command: [sh, -c, 'exec node server.js | tee /log']}]"),
    .bad(
        "a script in args", shell, at: "containers[app].args",
        "containers: [{name: app, command: [/bin/sh, -c], args: ['cd /app; node server.js']}]"),
    .bad(
        "a busybox shell", shell, at: "containers[app].command",
        "containers: [{name: app, command: [busybox, sh, -c, 'httpd -f']}]"),
    .bad(
        "npm", packageManager, at: "containers[app].command",
        "containers: [{name: app, command: [npm, start]}]"),
    .bad(
        "yarn in args", packageManager, at: "containers[app].args",
        "containers: [{name: app, args: [/usr/local/bin/yarn, run, serve]}]"),
    .bad(
        "pnpm started with exec", packageManager, at: "containers[app].command",
        "containers: [{name: app, command: [sh, -c, exec pnpm start]}]"),
    .bad(
        "npx", packageManager, at: "containers[app].command",
        "containers: [{name: app, command: [npx, --yes, next, start]}]"),
    .bad(
        "npx in bash", packageManager, at: "containers[app].args",
        "containers: [{name: app, command: [bash, -c], args: ['cd /app && NODE_ENV=production npx next start']}]"),
    .bad(
        "a shell under tini", shell, at: "containers[app].command",
        "containers: [{name: app, command: [/usr/bin/tini, -v, --, sh, -c, node server.js]}]"),
    .bad(
        "a shell under dumb-init -c", shell, at: "containers[app].args",
        "containers: [{name: app, command: [dumb-init, -c], args: [/bin/sh, -ec, node server.js]}]"),
    .bad(
        "bash with a command after the application", shell, at: "containers[app].command",
        "containers: [{name: app, command: [bash, -c, 'migrate; node server.js; echo stopped']}]"),
    .bad(
        "bash that removes a file after the application", shell, at: "containers[app].command",
        "containers: [{name: app, command: [bash, -c, 'java -jar app.jar; /bin/rm -f /tmp/app.pid']}]"),
    .bad(
        "bash that sleeps after the application", shell, at: "containers[app].command",
        "containers: [{name: app, command: [bash, -c, 'node server.js; sleep 5']}]"),
    .bad(
        "bash that ends other processes after the application", shell, at: "containers[app].command",
        "containers: [{name: app, command: [bash, -c, 'agent & AGENT=$!; node server.js; kill $AGENT']}]"),
    .bad(
        "bash that writes the time after the application", shell, at: "containers[app].args",
        "containers: [{name: app, command: [bash, -c], args: ['node server.js && date > /tmp/stopped']}]"),
    .good(
        "bash that prepares files before the application",
        "containers: [{name: app, command: [bash, -c, 'rm -f /tmp/app.pid; touch /tmp/new; sleep 1; java -jar app.jar']}]"
    ),
    .good(
        "bash that only prepares files and sleeps",
        "containers: [{name: app, command: [bash, -c, 'mkdir -p /tmp/work; sleep infinity']}]"),
    .bad(
        "bash that waits for background processes", shell, at: "containers[app].command",
        "containers: [{name: app, command: [bash, -c, 'nginx & node server.js & wait']}]"),
    .bad(
        "exec of a command after the application", shell, at: "containers[app].command",
        "containers: [{name: app, command: [sh, -c, 'node server.js; exec echo stopped']}]"),
    .good(
        "init and sidecar containers are not checked",
        """
        initContainers:
        - {name: migrate, command: [sh, -c, npm run migrate]}
        - {name: proxy, restartPolicy: Always, command: [sh, -c, proxy]}
        """),
    .good(
        "an ephemeral container",
        "ephemeralContainers: [{name: debugger, command: [sh]}]",
        request: .debug),
    .good(
        "a Job is not checked",
        """
        apiVersion: batch/v1
        kind: Job
        metadata: {name: reindex, namespace: shop}
        spec:
          template:
            spec:
              restartPolicy: Never
              securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001}
              containers: [{name: reindex, command: [sh, -c, npm run reindex]}]
        """),
]
